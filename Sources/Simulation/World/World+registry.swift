// Who is registered, which device is whose, and what plans say: made as the local API makes it (`CoreService+registry.swift`), as entries of the
// intake with their companions, and in the lists. And changes of that in the middle: a device goes to another person; one is taken away from its
// person and comes back; a plan gets other limits.
//
// A crash may undo a change: then it is made again at the next start, as by somebody who got no answer.

import CoreAPI
import DeviceProfile
import HubCore
import HubRegistry
import Journal
import JournalValues
import Synchronization
import VitalSigns

extension World {
  // MARK: Changes

  /// What changes follows from the fault alone.
  func changeRegistry(_ fault: PlannedFault) {
    guard !devices.isEmpty else { return }
    var random = SeededRandom(seed: fault.draw)
    let index = Int(random.next(upTo: UInt64(devices.count)))
    switch random.next(upTo: 3) {
    case 0: changesOwner(index, PatientID(rawValue: UInt32(1 + random.next(upTo: UInt64(registered)))))
    case 1: changesOwner(index, .none)
    default: changePlan(of: PatientID(rawValue: UInt32(1 + random.next(upTo: UInt64(registered)))), &random)
    }
  }

  /// Whatever was taken away is given back to whoever lives where it is.
  func comesBack(_ fault: PlannedFault) {
    for index in devices.indices where devices[index].patient == .none {
      changesOwner(index, PatientID(rawValue: UInt32(devices[index].home + 1)))
    }
  }

  private func changesOwner(_ index: Int, _ patient: PatientID) {
    devices[index].patient = patient
    if let hub { give(devices[index], in: hub) }
  }

  private func changePlan(of patient: PatientID, _ random: inout SeededRandom) {
    guard let hub, hub.parts.registry.patient(patient) != nil, let actor = hub.parts.actors.number(of: "nurse", role: "staff") else {
      return
    }
    let low = Int32(78 + random.next(upTo: 14))
    let limits = PlanLimits(
      redLow: low, yellowLow: low + 3, yellowHigh: .max, redHigh: .max, delaySeconds: UInt32(random.next(upTo: 2)) * 120, hysteresis: 1)
    let companion = Companion(attachment: Attachment(actor: actor, reason: "simulated"), mark: nil)
    _ = hub.parts.intake.submit(.registry(.planItem(.limits(.oxygenSaturation, limits))), patient: patient, companion: companion)
    hubWake = now
  }

  // MARK: Registering

  /// What is not registered is, and what a crash undid is done again.
  func registerMissing(_ hub: SimulatedHub) {
    let registry = hub.parts.registry
    for home in 0..<registered where registry.patient(PatientID(rawValue: UInt32(home + 1))) == nil { add(home, to: hub) }
    for device in devices {
      if registry.device(device.id) == nil { add(device, to: hub) }
      if let known = registry.device(device.id), known.patient != device.patient { give(device, in: hub) }
    }
  }

  private func add(_ home: Int, to hub: SimulatedHub) {
    let (patient, name) = (PatientID(rawValue: UInt32(home + 1)), "Person \(home + 1)")
    let person = Companion(attachment: Attachment(reason: "moves in", .patient(PatientDetails(name: name))), mark: nil)
    guard hub.parts.intake.submit(.registry(.patientAdded), patient: patient, companion: person) != nil else { return }
    hub.parts.registry.add(RegisteredPatient(id: patient, name: name, controller: Self.controller, since: hub.parts.clock.wall()))
    hubWake = now
  }

  private func add(_ device: SimulatedDevice, to hub: SimulatedHub) {
    guard let profile = hub.parts.registry.profile(device.kind.profile) else { return }
    var liveness = profile.watchedLiveness
    liveness.expectedIntervalSeconds = device.kind.expected
    let details = DeviceDetails(label: device.address, profile: profile.id, address: device.address)
    let companion = Companion(attachment: Attachment(reason: "moves in", .device(details)), mark: nil)
    guard let entry = hub.parts.intake.submit(.registry(.deviceAdded(liveness)), device: device.id, companion: companion) else { return }
    hub.parts.registry.add(
      RegisteredDevice(
        id: device.id, label: device.address, profile: profile.id, address: device.address, liveness: liveness, patient: .none,
        removed: false, lastSeen: .unknown))
    ledger.owners.gives(device.id, to: .none, by: entry)
    ledger.registers([device], at: now)
    hubWake = now
  }

  /// The device is its person's from now on, or nobody's.
  private func give(_ device: SimulatedDevice, in hub: SimulatedHub) {
    guard let known = hub.parts.registry.device(device.id), known.patient != device.patient,
      device.patient == .none || hub.parts.registry.patient(device.patient) != nil
    else { return }
    let companion = Companion(attachment: Attachment(reason: "simulated"), mark: nil)
    let entry: UInt64?
    if settings.mutant == .movesInListsOnly, known.patient != .none {
      entry = hub.parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed) + 1
    } else if device.patient == .none {
      entry = hub.parts.intake.submit(.registry(.deviceReleased), device: device.id, patient: known.patient, companion: companion)
    } else {
      entry = hub.parts.intake.submit(.registry(.deviceAssigned), device: device.id, patient: device.patient, companion: companion)
    }
    guard let entry else { return }
    hub.parts.registry.assign(device.id, to: device.patient, by: entry)
    ledger.owners.gives(device.id, to: device.patient, by: entry)
    ledger.changesOwner(device, at: now)
    hubWake = now
  }
}
