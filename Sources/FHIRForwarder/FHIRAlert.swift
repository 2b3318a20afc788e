// Alerts as DetectedIssue, doses as MedicationDispense; doses that were not taken as DetectedIssue.
//
// An alert is one resource through all its life, found by its identifier and replaced at each transition; earlier states
// are the server's versions. The status follows the lifecycle: open is `preliminary`, closed by a person or by the end of
// a technical condition is `final`, a suspicion that did not last is `cancelled`.

internal import Forwarding
internal import VitalSigns

extension FHIRBundleBuilder {
  func alertResource(_ record: AlertRecord, key: DeliveryKey) -> JSONValue {
    let alert = record.transition
    return [
      "resourceType": "DetectedIssue",
      "identifier": [identifier(key).json],
      "status": .string(Self.status(alert)),
      "code": Self.issueCode(alert.rule),
      "severity": .string(Self.severity(alert.priority)),
      "patient": record.patient.map(subject),
      "identifiedDateTime": .string(record.raisedAt.description),
      "author": reference("Device", .hub),
      "implicated": record.device.map { [reference("Device", .device($0.hubDevice))] },
      "evidence": record.evidence.isEmpty
        ? nil : [["detail": .array(record.evidence.map { reference(observation: $0.sequence, panel: $0.panel) })]],
      "detail": .string(record.text.nb),
      "mitigation": Self.mitigation(alert.state).map {
        [["action": FHIRShape.concept(text: $0), "date": .string(record.occurredAt.description)]]
      },
    ]
  }

  private static func status(_ alert: AlertTransition) -> String {
    switch alert.state {
    case .suspected, .raised, .notified, .acknowledged, .responding: "preliminary"
    case .resolved: "final"
    case .cleared: alert.previous == .suspected ? "cancelled" : "final"
    }
  }

  private static func severity(_ priority: AlertPriority) -> String {
    switch priority {
    case .low: "low"
    case .medium: "moderate"
    case .high: "high"
    }
  }

  private static func mitigation(_ state: AlertState) -> String? {
    switch state {
    case .suspected, .raised, .notified: nil
    case .acknowledged: "Acknowledged"
    case .responding: "Responding"
    case .resolved: "Resolved"
    case .cleared: "The condition ended by itself"
    }
  }

  private static func issueCode(_ rule: AlertRule) -> JSONValue {
    FHIRShape.concept(FHIRShape.coding(FHIRSystem.alertRule, rule.key), text: issueName(rule))
  }

  private static func issueName(_ rule: AlertRule) -> String {
    switch rule {
    case .sos: "Call for help"
    case .fall: "Fall"
    case .news2High: "NEWS2 7 or more"
    case .news2Medium: "NEWS2 5–6"
    case .news2SingleThree: "NEWS2 3 in one parameter"
    case .planRed: "Red limit of the person's plan passed"
    case .planYellow: "Yellow limit of the person's plan passed"
    case .doseMissed: "Planned dose missed"
    case .doseRefused: "Planned dose refused"
    case .dispenserEmpty: "Medicine dispenser empty"
    case .doorOpenAtNight: "Door open at night"
    case .lockJammed: "Door lock jammed"
    case .geofenceExit: "Left the agreed area"
    case .signalLoss: "No signal from device"
    case .lowBattery: "Device battery low"
    case .tamper: "Device tampered with"
    case .jam: "Medicine dispenser jammed"
    case .deadLetter: "A destination refused data"
    case .nobodyOnDuty: "Nobody on duty to receive alerts"
    case .storeFailing: "The gateway's store does not take data"
    case .notUnderstood: "A device sends what is not understood"
    case .deviceClockWrong: "A device's clock is wrong"
    case .bondLost: "A device has lost its pairing"
    case .notMeasuring: "A device is heard but does not measure"
    case .linkDown: "A link to devices is down"
    case .destinationDown: "A destination cannot be reached"
    case .bluetoothDown: "Bluetooth is down"
    case .alertRoomFull: "Too many open alerts to follow"
    case .journalLost: "The gateway runs without its journal"
    case .roleDown: "A part of the gateway is not running"
    case .registryFull: "People or devices are not watched over"
    case .clockDoubtful: "The gateway's clock is not to be trusted"
    case .recordsDropped: "Records were dropped"
    }
  }

  func doseResource(_ record: DoseRecord, key: DeliveryKey) -> JSONValue {
    switch record.event {
    case .taken, .assisted: dispenseResource(record, key: key, status: "completed")
    case .dispensed: dispenseResource(record, key: key, status: "in-progress")
    case .missed: doseIssue(record, key: key, .doseMissed)
    case .refused: doseIssue(record, key: key, .doseRefused)
    }
  }

  private func dispenseResource(_ record: DoseRecord, key: DeliveryKey, status: String) -> JSONValue {
    [
      "resourceType": "MedicationDispense",
      "identifier": [identifier(key).json],
      "status": .string(status),
      // R4's definition of community: "medications to be … taken by the patient in their home".
      "category": FHIRShape.concept(FHIRShape.coding(FHIRSystem.dispenseCategory, "community")),
      // A dispenser knows slots and times; which medicine lies in them stands in the prescriber's system.
      "medicationCodeableConcept": FHIRShape.concept(text: "Planned dose"),
      "subject": subject(record.patient),
      "supportingInformation": record.device.map { [reference("Device", .device($0.hubDevice))] },
      "performer": [["actor": FHIRShape.organisation(record.controller)]],
      "whenHandedOver": .string(record.occurredAt.description),
      "note": [["text": .string(Self.doseNote(record))]],
    ]
  }

  private static func doseNote(_ record: DoseRecord) -> String {
    // No element of a MedicationDispense holds the time that a dose was planned for.
    let slot = "Dose slot \(record.slot)" + (record.plannedAt == .unknown ? "." : ", planned for \(record.plannedAt).")
    return switch record.event {
    case .assisted: "Taken with assistance. \(slot)"
    case .dispensed: "Put out by the dispenser, not yet taken. \(slot)"
    case .taken, .missed, .refused: slot
    }
  }

  private func doseIssue(_ record: DoseRecord, key: DeliveryKey, _ rule: AlertRule) -> JSONValue {
    [
      "resourceType": "DetectedIssue",
      "identifier": [identifier(key).json],
      "status": "final",
      "code": Self.issueCode(rule),
      "severity": "moderate",
      "patient": subject(record.patient),
      "identifiedDateTime": .string(record.occurredAt.description),
      "author": reference("Device", .hub),
      "implicated": record.device.map { [reference("Device", .device($0.hubDevice))] },
      "detail": .string(Self.doseNote(record)),
    ]
  }
}
