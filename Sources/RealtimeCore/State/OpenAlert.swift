// One open alert in the arena, and the fixed facts of each rule. Plain integers without padding, like PatientState. Its state machine:
// AlertLifecycle.swift.

package import VitalSigns

/// An open alert or a suspicion. Closed ones leave the arena; the journal keeps them.
package struct OpenAlert {
  package var id: AlertID
  package var firstCause: UInt64
  package var raisedAt: MonotonicInstant
  package var lifecycle: AlertLifecycle
  package var person: PatientID
  package var device: DeviceID
  /// The first reason's numbers, as they are now.
  package var value: Int32
  package var limit: Int32
  package var upper: Int32
  package var subject: UInt32
  /// The second reason's, when `alsoRule` is there.
  package var alsoValue: Int32
  package var alsoLimit: Int32
  package var alsoUpper: Int32
  package var alsoSubject: UInt32
  /// Slot of the person or device whose condition this is; of a hub's condition the place in its table.
  package var ownerSlot: OwnerSlot
  /// Next free slot while free; else the alert of the same group that was opened before this one.
  package var next: AlertSlot
  /// The alert of the same group that was opened after this one; none: this is the newest.
  package var newer: AlertSlot
  /// How many open alerts the group has; counts in the newest only.
  package var groupCount: UInt32
  /// How many transitions have been told.
  package var revision: UInt16
  package var rule: AlertRule
  package var alsoRule: AlertRule?
  package var owner: AlertOwner
  /// The owner of the second reason.
  package var alsoOwner: AlertOwner
  /// Which condition of the device, or which signal of the person (the first reason's or the second's: only one can be a signal).
  package var condition: UInt8
  /// The rule under which it was opened: its group's.
  package var groupRule: AlertRule
  /// Which inputs of the score were missing when the NEWS2 reason's numbers were taken.
  package var missing: UInt8
  package var unused: InlineArray<3, UInt8>

  @_noLocks init(id: AlertID, firstCause: UInt64, raisedAt: MonotonicInstant, lifecycle: AlertLifecycle, _ opening: AlertOpening) {
    self.id = id
    self.firstCause = firstCause
    self.raisedAt = raisedAt
    self.lifecycle = lifecycle
    person = opening.person
    device = opening.device
    value = opening.value
    limit = opening.limit
    upper = max(opening.upper, opening.value)
    subject = opening.subject
    alsoValue = 0
    alsoLimit = 0
    alsoUpper = 0
    alsoSubject = 0
    ownerSlot = opening.ownerSlot
    next = .none
    newer = .none
    groupCount = 0
    revision = 0
    rule = opening.rule
    alsoRule = nil
    owner = opening.owner
    alsoOwner = .none
    condition = opening.condition
    groupRule = opening.rule
    missing = opening.missing
    unused = InlineArray(repeating: 0)
  }
}

/// One reason of an alert: what a rule says now. Realtime-safe.
package struct AlertGround {
  package var rule: AlertRule
  package var value: Int32
  package var limit: Int32
  package var upper: Int32
  package var subject: UInt32

  @_noLocks package init(rule: AlertRule, value: Int32, limit: Int32, upper: Int32, subject: UInt32) {
    self.rule = rule
    self.value = value
    self.limit = limit
    self.upper = upper
    self.subject = subject
  }
}

extension OpenAlert {
  /// The group that it was opened in.
  package var group: AlertGroup { @_noLocks get { AlertGroup(groupRule, person: person, device: device) } }

  package var first: AlertGround {
    @_noLocks get { AlertGround(rule: rule, value: value, limit: limit, upper: upper, subject: subject) }
    @_noLocks set {
      rule = newValue.rule
      value = newValue.value
      limit = newValue.limit
      upper = newValue.upper
      subject = newValue.subject
    }
  }

  /// Meaningful only while `alsoRule` is there.
  package var second: AlertGround {
    @_noLocks get { AlertGround(rule: alsoRule ?? rule, value: alsoValue, limit: alsoLimit, upper: alsoUpper, subject: alsoSubject) }
    @_noLocks set {
      alsoRule = newValue.rule
      alsoValue = newValue.value
      alsoLimit = newValue.limit
      alsoUpper = newValue.upper
      alsoSubject = newValue.subject
    }
  }

  /// The reason that `owner` gave it; nil when it has none of that owner.
  @_noLocks package func ground(of owner: AlertOwner) -> AlertGround? {
    if self.owner.index == owner.index { return first }
    return alsoRule != nil && alsoOwner.index == owner.index ? second : nil
  }

  /// Writes the reason of `owner`: over the one it has, or as the second. The graver reason stands first.
  @_noLocks package mutating func set(_ ground: AlertGround, of owner: AlertOwner) {
    if self.owner.index == owner.index {
      first = ground
    } else {
      second = ground
      alsoOwner = owner
    }
    guard let also = alsoRule, also.gravity > rule.gravity else { return }
    let before = first
    first = second
    second = before
    (self.owner, alsoOwner) = (alsoOwner, self.owner)
  }

  /// Whether a second reason fits in beside one of `owner`'s.
  @_noLocks package func hasRoom(for owner: AlertOwner) -> Bool {
    switch self.owner {
    case .patientNEWS2: alsoRule == nil && owner.index == AlertOwner.patientSignal.index
    case .patientSignal: alsoRule == nil && owner.index == AlertOwner.patientNEWS2.index
    case .none, .device, .hub: false
    }
  }
}

/// Which condition an alert is tied to: it hears of the alert's end.
package enum AlertOwner {
  /// Nothing: each occurrence is its own alert, or the person or device has left.
  case none
  case patientNEWS2
  case patientSignal
  case device
  case hub

  /// The place of this case in its declaration; see `NEWS2Severity.index`.
  package var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }
}

extension AlertRule {
  /// Position of this rule's counter in `episodes`. Part of alert ids' derivation: append, never renumber.
  package var episodeIndex: Int {
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
      case .hubDoubled: 33
      }
    }
  }

  /// Somebody calls, or something calls for them.
  var isCallForHelp: Bool {
    @_noLocks get {
      switch self {
      case .sos, .fall: true
      default: false
      }
    }
  }

  /// Which of two reasons of one alert stands first: a person's whole state before one signal's, at the same urgency.
  package var gravity: Int {
    @_noLocks get {
      switch self {
      case .news2High: 5
      case .planRed: 4
      case .news2Medium: 3
      case .news2SingleThree: 2
      case .planYellow: 1
      default: 0
      }
    }
  }

  /// How urgent an alert of this rule is. Signal loss of a safety alarm is `.high` instead; a single 3 is what the configuration
  /// says (`CoreConfiguration.priority(of:)`).
  ///
  /// NEWS2's categories and the plan's colours: a look now (high), a look within the hour (medium).
  package var priority: AlertPriority {
    @_noLocks get {
      switch self {
      case .sos, .fall, .news2High, .planRed, .doorOpenAtNight, .geofenceExit, .nobodyOnDuty, .storeFailing,
        .linkDown, .destinationDown, .bluetoothDown, .alertRoomFull, .journalLost, .roleDown, .registryFull, .hubDoubled:
        .high
      case .news2Medium, .planYellow, .doseMissed, .doseRefused, .dispenserEmpty, .lockJammed, .signalLoss, .tamper, .jam,
        .deadLetter, .notUnderstood, .bondLost, .notMeasuring, .clockDoubtful, .recordsDropped, .news2SingleThree:
        .medium
      case .lowBattery, .deviceClockWrong: .low
      }
    }
  }
}
