// People, devices and plans: who is here, which device is whose, what the plan says.

import BlueZ
import BluetoothLink
import DeviceIntake
import DeviceProfile
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import Journal
import JournalValues
package import LocalAPI
package import VitalSigns

extension CoreService {
  // MARK: People

  package func addPatient(_ request: API.AddPatient) async throws(LocalAPIFailure) -> API.Patient {
    let actor = try actor(request.actor)
    let name = try line(request.name, "name", most: 200)
    let reason = try text(request.reason, "reason")
    if let nationalID = request.nationalID, !isNationalID(nationalID) {
      throw .bad("nationalID must be eleven digits with valid check digits", hint: "test persons have 80 added to the month")
    }
    if let controller = request.controller, let complaint = OrganisationNumber.complaint(about: controller) {
      throw .bad("controller \(complaint)")
    }
    let id = registry.newPatientID()
    let details = PatientDetails(name: name, nationalID: request.nationalID, controller: request.controller)
    _ = try await store(.registry(.patientAdded), patient: id, actor: actor, reason: reason, .patient(details))
    let patient = RegisteredPatient(
      id: id, name: name, nationalID: request.nationalID, controller: request.controller ?? parts.configuration.hub.controller,
      since: parts.clock.wall(), ended: nil)
    registry.add(patient)
    return try apiPatient(patient, score: nil)
  }

  package func endPatient(_ id: PatientID, _ request: API.Reason) async throws(LocalAPIFailure) -> API.Done {
    _ = try knownPatient(id)
    let actor = try actor(request.actor)
    let sequence = try await store(.registry(.patientEnded), patient: id, actor: actor, reason: try text(request.reason, "reason"))
    registry.end(id, at: parts.clock.wall())
    return API.Done(sequence: sequence)
  }

  package func patients() async throws(LocalAPIFailure) -> [API.Patient] {
    logRead(of: .none, what: "list of people")
    let rows = try await read { reader throws(JournalError) in try reader.currentScores() }
    let scores = Dictionary(rows.map { ($0.patient, $0) }, uniquingKeysWith: { first, _ in first })
    var answers: [API.Patient] = []
    for patient in registry.patients { answers.append(try apiPatient(patient, score: scores[patient.id])) }
    return answers
  }

  private func apiPatient(_ patient: RegisteredPatient, score: ScoreRow?) throws(LocalAPIFailure) -> API.Patient {
    let configuration = parts.configuration
    let isUncalled =
      patient.ended == nil && configuration.isMeantToCall && !configuration.callsSomebody(for: patient.id, controller: patient.controller)
    var answer = API.Patient(
      id: patient.id.description, name: patient.name, nationalID: patient.nationalID, controller: patient.controller,
      since: patient.since.description, ended: patient.ended?.description, score: score.map { API.Score($0.score, at: $0.wall) },
      devices: registry.devices(of: patient.id).map(\.description), nobodyCalled: isUncalled ? true : nil)
    answer.notScored = hindrance(of: patient.id).map { .known($0) }
    return answer
  }

  // MARK: Devices

  package func addDevice(_ request: API.AddDevice) async throws(LocalAPIFailure) -> API.Device {
    let actor = try actor(request.actor)
    let reason = try text(request.reason, "reason")
    let label = try line(request.label, "label", most: EntryLimits.labelCharacters.upperBound)
    guard let profile = registry.profile(request.profile) else {
      throw .bad(
        "there is no profile \(request.profile.debugDescription)",
        hint: "knutepunkt profile list shows them; they look like zigbee2mqtt/sos-button")
    }
    let address = try address(request.address, for: profile)
    var patient: RegisteredPatient?
    if let text = request.patient { patient = try knownPatient(text) }
    switch registry.reserve(profile: profile, address: address) {
    case .reserved: break
    case .taken(let other):
      throw .conflict(
        "\(other.id) (\(other.label)) already has this address", hint: "remove it first: knutepunkt device remove \(other.id) --reason …")
    case .alike(let other):
      throw .conflict(
        "\(other.id) (\(other.label)) has the address \(other.address), the same but for capital letters, and one of the two would never be heard",
        hint: "write it as the device does, and remove the other first: knutepunkt device remove \(other.id) --reason …")
    case .underWay: throw .conflict("somebody is registering this address now", hint: "knutepunkt device list shows it in a moment")
    }
    defer { registry.release(profile: profile, address: address) }
    var liveness = profile.watchedLiveness
    // Whoever gives no interval gets what is usual for such a device, and is told so: no device is left unwatched by default.
    if let seconds = request.expectedIntervalSeconds ?? profile.suggestedIntervalSeconds { liveness.expectedIntervalSeconds = seconds }
    let id = registry.newDeviceID()
    let details = DeviceDetails(label: label, profile: profile.id, address: address, controller: patient?.controller)
    _ = try await store(.registry(.deviceAdded(liveness)), device: id, actor: actor, reason: reason, .device(details))
    registry.add(
      RegisteredDevice(
        id: id, label: label, profile: profile.id, address: address, liveness: liveness, patient: .none, removed: false,
        lastSeen: .unknown))
    parts.links.bluetooth?.update()
    // The device is registered whatever becomes of the rest, and its SOS must be heard.
    if let patient {
      do {
        let sequence = try await store(.registry(.deviceAssigned), device: id, patient: patient.id, actor: actor, reason: reason)
        registry.assign(id, to: patient.id, by: sequence)
      } catch {
        throw LocalAPIFailure(
          error.status, "\(id) is registered but is nobody's yet: \(error.failure.error)",
          hint: "knutepunkt device assign \(id) --patient \(patient.id)")
      }
    }
    return try await apiDevice(id)
  }

  /// A Bluetooth address in its one spelling; an MQTT address that gives topics.
  private func address(_ text: String, for profile: DeviceProfile) throws(LocalAPIFailure) -> String {
    if profile.transport.isMQTT {
      // An address that was pasted with a space would be the address of a device that does not exist.
      if text.first?.isWhitespace == true || text.last?.isWhitespace == true {
        throw .bad("the address \(text.debugDescription) begins or ends with a space")
      }
      if !profile.topicFilters(for: text).isEmpty { return text }
      throw .bad("the address \(text.debugDescription) does not fit \(profile.id); it must look like \(profile.addressForm ?? "device")")
    }
    if let address = BluetoothAddress(text)?.text { return address }
    throw .bad("the address \(text.debugDescription) does not fit \(profile.id); it must look like C0:FF:EE:00:18:22")
  }

  package func assign(_ device: DeviceID, _ request: API.AssignDevice) async throws(LocalAPIFailure) -> API.Device {
    _ = try knownDevice(device)
    let patient = try knownPatient(request.patient)
    let actor = try actor(request.actor)
    let sequence = try await store(
      .registry(.deviceAssigned), device: device, patient: patient.id, actor: actor, reason: try text(request.reason, "reason"))
    registry.assign(device, to: patient.id, by: sequence)
    return try await apiDevice(device)
  }

  package func release(_ device: DeviceID, _ request: API.Reason) async throws(LocalAPIFailure) -> API.Done {
    let known = try knownDevice(device)
    if known.patient == .none { throw .conflict("\(device) is nobody's already") }
    let actor = try actor(request.actor)
    let sequence = try await store(
      .registry(.deviceReleased), device: device, patient: known.patient, actor: actor, reason: try text(request.reason, "reason"))
    registry.assign(device, to: .none, by: sequence)
    return API.Done(sequence: sequence)
  }

  package func remove(_ device: DeviceID, _ request: API.Reason) async throws(LocalAPIFailure) -> API.Done {
    let known = try knownDevice(device)
    let actor = try actor(request.actor)
    let sequence = try await store(
      .registry(.deviceRemoved), device: device, patient: known.patient, actor: actor, reason: try text(request.reason, "reason"))
    registry.remove(device)
    parts.links.bluetooth?.update()
    return API.Done(sequence: sequence)
  }

  package func devices(withRemoved all: Bool) async -> [API.Device] {
    let lost = await devicesLost()
    return registry.devices.filter { all || !$0.removed }.map { apiDevice($0, lost[$0.id]) }
  }

  func apiDevice(_ id: DeviceID) async throws(LocalAPIFailure) -> API.Device {
    let device = try knownDevice(id)
    return apiDevice(device, await devicesLost()[id])
  }

  /// Devices with an open alert about their silence, and since when. The list is there also when the journal cannot be read.
  private func devicesLost() async -> [DeviceID: WallTime] {
    let filter = AlertFilter(rule: .signalLoss, openOnly: true, limit: parts.configuration.realtime.devicesMax)
    let open = (try? await read { reader throws(JournalError) in try reader.alerts(filter) }) ?? []
    return Dictionary(open.map { ($0.device, $0.raisedWall ?? $0.firstWall) }, uniquingKeysWith: { max($0, $1) })
  }

  /// The word that it goes is heard and told at one instant; the two wall clocks of it, a link's and a commit's, may differ by
  /// rounding and by a clock that is being set right. Less than any device needs to come back.
  private static let wallsApartMilliseconds: Int64 = 100

  /// `lost`: when it was told that nothing is heard of the device; nil: it was not told.
  private func apiDevice(_ device: RegisteredDevice, _ lost: WallTime?) -> API.Device {
    let interval = device.liveness.expectedIntervalSeconds
    let liveness: API.Device.Liveness
    if device.removed {
      liveness = .removed
    } else if let lost, device.lastSeen == .unknown || device.lastSeen <= lost.adding(milliseconds: Self.wallsApartMilliseconds) {
      // Told as lost and not heard since: never heard at all, known only by what a broker keeps of it, or gone by its own word.
      liveness = .silent
    } else if device.lastSeen == .unknown {
      liveness = .never
    } else if interval > 0, parts.clock.wall() > device.lastSeen.adding(milliseconds: Int64(interval) * 1_000) {
      liveness = .silent
    } else {
      liveness = .live
    }
    return API.Device(
      id: device.id.description, label: device.label, profile: device.profile, address: device.address,
      patient: device.patient == .none ? nil : device.patient.description, liveness: .known(liveness),
      lastSeen: device.lastSeen == .unknown ? nil : device.lastSeen.description, expectedIntervalSeconds: interval)
  }

  // MARK: Plans

  func changePlan(of patient: PatientID, _ request: API.ChangePlan) async throws(LocalAPIFailure) -> API.Plan {
    _ = try knownPatient(patient)
    let actor = try actor(request.actor)
    let reason = try text(request.reason, "reason")
    guard (1...32).contains(request.items.count) else { throw .bad("items must hold 1 to 32 plan items") }
    // All items are checked before the first is stored: a plan changes whole or not at all.
    var items: [CarePlanItem] = []
    for (index, item) in request.items.enumerated() {
      do throws(PlanItemProblem) {
        items.append(try item.carePlanItem())
      } catch {
        throw .bad("items[\(index)] (\(item.kind.key)): \(error.text)")
      }
      if let problem = PlanSafety.problem(item) { throw .bad("items[\(index)] (\(item.kind.key)): \(problem)") }
    }
    if request.replace != true { try await refuseDropping(request.items, patient) }
    var sequences: [UInt64] = []
    for item in items {
      let companion = Companion(attachment: Attachment(actor: actor, reason: reason), mark: nil)
      guard let sequence = parts.intake.submit(.registry(.planItem(item)), patient: patient, companion: companion) else {
        throw .unavailable("the intake is full; part of the plan may be stored", hint: "knutepunkt plan show \(patient) tells which")
      }
      sequences.append(sequence)
    }
    if let last = sequences.last { try await durable(last) }
    for sequence in sequences { try await taken(sequence) }
    return try await plan(of: patient)
  }

  /// Refuses a change that drops a limit without saying so. A limit that somebody prescribed goes only when the change names it.
  private func refuseDropping(_ items: [API.PlanItem], _ patient: PatientID) async throws(LocalAPIFailure) {
    let present = try await read { reader throws(JournalError) in try reader.plan(of: patient) }.map { API.PlanItem($0.item) }
    let dropped = PlanSafety.dropped(by: items, from: present)
    guard dropped.isEmpty else {
      throw .conflict(
        "this would drop limits that are in force (\(dropped.joined(separator: "; "))); nothing was changed",
        hint: "limits of a signal are replaced as a whole: name all of them again, or add --replace to let these go")
    }
  }

  package func plan(of patient: PatientID) async throws(LocalAPIFailure) -> API.Plan {
    _ = try knownPatient(patient)
    logRead(of: patient, what: "plan")
    let items = try await read { reader throws(JournalError) in try reader.plan(of: patient) }
    return API.Plan(
      patient: patient.description,
      items: items.map {
        API.PlanItemInForce(
          item: API.PlanItem($0.item), author: parts.actors.name(of: $0.author) ?? "", reason: $0.reason, since: $0.started.description)
      })
  }
}
