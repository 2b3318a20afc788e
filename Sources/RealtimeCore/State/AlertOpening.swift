// What a rule knows when it opens an alert. How it is opened: Alerts.swift.

import VitalSigns

/// What a rule knows when it opens an alert.
struct AlertOpening {
  var rule: AlertRule
  var priority: AlertPriority
  /// Whose alert: a registered person's slot and number, or none.
  var patient: PatientSlot
  var person: PatientID
  /// Slot of the device when it is registered; it gives the id when there is no person.
  var deviceSlot: DeviceSlot = .none
  var device: DeviceID = .none
  var subject: UInt32 = 0
  var value: Int32 = 0
  var limit: Int32 = 0
  /// The most that `value` may be; less than `value`: it is the value itself.
  var upper: Int32 = .min
  /// Which inputs of the score are missing, for NEWS2.
  var missing: UInt8 = 0
  /// A second rule that the same measurement broke, and whose it is; `.none`: there is no second.
  var also = AlertGround(rule: .sos, value: 0, limit: 0, upper: 0, subject: 0)
  var alsoOwner: AlertOwner = .none
  /// How long the condition must last first; 0: the alert rises at once.
  var delaySeconds: UInt32 = 0
  var owner: AlertOwner = .none
  var ownerSlot: OwnerSlot = .none
  var condition: UInt8 = 0

  @_noLocks init(_ rule: AlertRule, patient: PatientSlot, person: PatientID) {
    self.rule = rule
    self.priority = rule.priority
    self.patient = patient
    self.person = person
  }

  @_noLocks mutating func take(_ ground: AlertGround) {
    value = ground.value
    limit = ground.limit
    upper = ground.upper
    subject = ground.subject
  }
}
