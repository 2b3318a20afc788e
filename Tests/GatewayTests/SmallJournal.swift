// A journal that a test writes by hand, for roles that only read one: Kari and Ola, a button and a cuff, and what the test adds.

import Foundation
import Journal
import JournalValues
import VitalSigns

@testable import HubConfiguration
@testable import HubRegistry

/// The core's side of the file, without a core. One thread.
final class SmallJournal {
  private let writer: JournalWriter
  private var group = JournalGroup()
  private var next: UInt64 = 1

  /// Makes the file with the two people and their devices in it.
  init(_ configuration: KnutepunktConfiguration) throws {
    try FileManager.default.createDirectory(atPath: configuration.hub.statePath, withIntermediateDirectories: true)
    writer = try JournalWriter(
      JournalConfiguration(path: configuration.hub.journalPath, controller: Street.controller, ballastBytes: 0))
    try writer.setSharing(configuration.sharingRules)
    let people = [(Street.kari, "Kari Test", Street.button, "sos-1"), (Street.ola, "Ola Test", Street.cuff, "cuff-1")]
    for (patient, name, device, address) in people {
      take(.registry(.patientAdded), patient: patient, device: .none, .init(.patient(PatientDetails(name: name, nationalID: nil))))
      take(
        .registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), patient: .none, device: device,
        .init(.device(DeviceDetails(label: address, profile: "zigbee2mqtt/sos-button", address: address))))
      take(.registry(.deviceAssigned), patient: patient, device: device)
    }
    try commit()
  }

  func take(
    _ payload: IntakePayload, patient: PatientID = Street.kari, device: DeviceID = Street.button,
    _ attachment: JournalValues.Attachment? = nil
  ) {
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: 40_000_000_000), wall: Street.noon.adding(milliseconds: 40_000), device: device,
      patient: patient, payload: payload)
    entry.sequence = next
    next += 1
    group.append(entry, attachment: attachment)
  }

  /// A press, and the alert that the core makes of it.
  func takeAlert(_ transition: AlertTransition, patient: PatientID = Street.kari) {
    take(Street.sos, patient: patient)
    var outcome = changed(transition, patient: patient)
    outcome.cause = next - 1
    group.append(outcome)
  }

  func commit() throws {
    try writer.commit(group)
    group = JournalGroup()
  }
}
