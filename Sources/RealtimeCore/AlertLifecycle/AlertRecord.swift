// One open alert in the arena, and the fixed facts of each rule. Plain integers without padding, like PatientState.

import VitalSigns

/// An open alert or a suspicion. Closed ones leave the arena; the journal keeps them.
struct AlertRecord {
  var id: AlertID
  var firstCause: UInt64
  var raisedAt: MonotonicInstant
  var lifecycle: AlertLifecycle
  var patient: UInt32
  var device: UInt32
  var value: Int32
  var limit: Int32
  var subject: UInt32
  /// Slot of the person or device whose condition this is.
  var ownerSlot: UInt32
  /// Next free slot while free; next of the hub's own alerts while in that list.
  var next: UInt32
  var rule: AlertRule
  var owner: AlertOwner
  /// Which signal of the person, or which condition of the device.
  var condition: UInt8
  var unused: InlineArray<5, UInt8>

  @_noLocks init(id: AlertID, firstCause: UInt64, raisedAt: MonotonicInstant, lifecycle: AlertLifecycle, _ opening: AlertOpening) {
    self.id = id
    self.firstCause = firstCause
    self.raisedAt = raisedAt
    self.lifecycle = lifecycle
    patient = opening.person.rawValue
    device = opening.device.rawValue
    value = opening.value
    limit = opening.limit
    subject = opening.subject
    ownerSlot = opening.ownerSlot
    next = 0
    rule = opening.rule
    owner = opening.owner
    condition = opening.condition
    unused = InlineArray(repeating: 0)
  }
}

/// Which condition an alert is tied to: it hears of the alert's end.
enum AlertOwner {
  /// Nothing: each occurrence is its own alert, or the person or device has left.
  case none
  case patientNEWS2
  case patientSignal
  case device
  case hub
}

extension AlertRule {
  /// Position of this rule's counter in `episodes`. Part of alert ids' derivation: append, never renumber.
  var episodeIndex: Int {
    @_noLocks get {
      switch self {
      case .sos: 0
      case .fall: 1
      case .news2High: 2
      case .news2Medium: 3
      case .news2SingleThree: 4
      case .planRed: 5
      case .planYellow: 6
      case .doseMissed: 7
      case .doseRefused: 8
      case .dispenserEmpty: 9
      case .doorOpenAtNight: 10
      case .lockJammed: 11
      case .geofenceExit: 12
      case .signalLoss: 13
      case .lowBattery: 14
      case .tamper: 15
      case .jam: 16
      case .deadLetter: 17
      case .nobodyOnDuty: 18
      case .storeFailing: 19
      case .notUnderstood: 20
      case .deviceClockWrong: 21
      case .bondLost: 22
      case .notMeasuring: 23
      case .linkDown: 24
      case .destinationDown: 25
      case .bluetoothDown: 26
      case .alertRoomFull: 27
      case .journalLost: 28
      case .roleDown: 29
      case .registryFull: 30
      case .clockDoubtful: 31
      case .recordsDropped: 32
      }
    }
  }

  /// How urgent an alert of this rule is. Signal loss of a safety alarm is `.high` instead.
  ///
  /// NEWS2's three categories get the three priorities in their order; the plan's yellow asks for a look today.
  var priority: AlertPriority {
    @_noLocks get {
      switch self {
      case .sos, .fall, .news2High, .planRed, .doorOpenAtNight, .geofenceExit, .nobodyOnDuty, .storeFailing,
        .linkDown, .destinationDown, .bluetoothDown, .alertRoomFull, .journalLost, .roleDown, .registryFull:
        .high
      case .news2Medium, .planYellow, .doseMissed, .doseRefused, .dispenserEmpty, .lockJammed, .signalLoss, .tamper, .jam,
        .deadLetter, .notUnderstood, .bondLost, .notMeasuring, .clockDoubtful, .recordsDropped:
        .medium
      case .news2SingleThree, .lowBattery, .deviceClockWrong: .low
      }
    }
  }
}
