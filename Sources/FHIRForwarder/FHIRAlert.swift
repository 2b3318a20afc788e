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
      "code": Self.issueCode(alert),
      "severity": .string(Self.severity(alert.priority)),
      "patient": record.patient.map(subject),
      "identifiedDateTime": .string(record.raisedAt.description),
      "author": reference("Device", .hub),
      "implicated": record.device.map { [reference("Device", .device($0.hubDevice))] },
      "evidence": evidence(record),
      "detail": .string(record.text.nb + Self.position(record.position) + (record.isTimeUncertain ? Self.uncertainTime : "")),
      "mitigation": Self.mitigation(alert.state).map { action in
        let words = [record.handling?.measure, record.handling?.cause, record.handling?.comment].compactMap(\.self)
        return [
          [
            "action": FHIRShape.concept(text: ([action] + words).joined(separator: ": ")), "date": .string(record.occurredAt.description),
            "author": record.handling?.actor.map { ["display": .string($0)] },
          ]
        ]
      },
    ]
  }

  /// What the alert rests on: its observations, and each rule that they broke.
  private func evidence(_ record: AlertRecord) -> JSONValue? {
    let detail: JSONValue? =
      record.evidence.isEmpty ? nil : .array(record.evidence.map { reference(observation: $0.sequence, panel: $0.panel) })
    guard let also = record.transition.also else { return detail.map { [["detail": $0]] } }
    let own = record.transition
    return .array([
      ["code": [Self.ruleCode(own.rule, isLowerBound: own.isLowerBound)], "detail": detail],
      ["code": [Self.ruleCode(also.rule, isLowerBound: also.upper > also.value)], "detail": detail],
    ])
  }

  /// What nurses read, in their language like the rest of the text.
  private static let uncertainTime = " [klokkeslettet er usikkert: knutepunktets klokke er ikke til å stole på]"

  /// Where the person was, as decimal degrees, for alerts about it.
  private static func position(_ position: AlertRecord.Position?) -> String {
    guard let position else { return "" }
    let latitude = Quantity(mantissa: Int64(position.fix.latitudeE7), exponent: -7)
    let longitude = Quantity(mantissa: Int64(position.fix.longitudeE7), exponent: -7)
    let accuracy = position.fix.accuracyMetres == LocationFix.accuracyUnknown ? "" : " ± \(position.fix.accuracyMetres) m"
    return " [\(latitude), \(longitude)\(accuracy), \(position.at)]"
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

  /// The rule; with a second reason, both, and both in the text.
  private static func issueCode(_ alert: AlertTransition) -> JSONValue {
    let own = issueName(alert.rule, isLowerBound: alert.isLowerBound)
    guard let also = alert.also else { return FHIRShape.concept(FHIRShape.coding(FHIRSystem.alertRule, alert.rule.key), text: own) }
    let other = issueName(also.rule, isLowerBound: also.upper > also.value)
    return FHIRShape.concept(
      FHIRShape.coding(FHIRSystem.alertRule, alert.rule.key), FHIRShape.coding(FHIRSystem.alertRule, also.rule.key),
      text: "\(own); \(other)")
  }

  private static func ruleCode(_ rule: AlertRule, isLowerBound: Bool = false) -> JSONValue {
    FHIRShape.concept(FHIRShape.coding(FHIRSystem.alertRule, rule.key), text: issueName(rule, isLowerBound: isLowerBound))
  }

  /// `isLowerBound`: inputs are missing, so that the score may be higher than what is known.
  private static func issueName(_ rule: AlertRule, isLowerBound: Bool) -> String {
    switch rule {
    case .news2Medium where isLowerBound: "NEWS2 5 or more, incomplete"
    case .news2SingleThree where isLowerBound: "NEWS2 3 in one parameter, total incomplete"
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
    case .hubDoubled: "Two gateways have the same identity"
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
      "note": .array(
        [Self.doseNote(record), record.isTimeUncertain ? FHIRShape.uncertainTime : nil].compactMap(\.self).map { ["text": .string($0)] }),
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
      "code": Self.ruleCode(rule),
      "severity": "moderate",
      "patient": subject(record.patient),
      "identifiedDateTime": .string(record.occurredAt.description),
      "author": reference("Device", .hub),
      "implicated": record.device.map { [reference("Device", .device($0.hubDevice))] },
      "detail": .string(Self.doseNote(record) + (record.isTimeUncertain ? " \(FHIRShape.uncertainTime)" : "")),
    ]
  }
}
