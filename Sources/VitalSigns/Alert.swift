// The vocabulary of alerts: which rules exist, how urgent they are, and through which states an alert goes. The state
// machine itself is `RealtimeCore/AlertLifecycle`.

/// Why an alert was raised. Stored and part of alert ids: append, never renumber.
@frozen public enum AlertRule: UInt8, Sendable, Hashable, CaseIterable {
  case sos = 1
  case fall = 2
  /// NEWS2 ≥ 7 (or a lower bound ≥ 7).
  case news2High = 10
  /// NEWS2 5–6 (or a lower bound ≥ 5).
  case news2Medium = 11
  /// 3 points in one parameter, total below 5.
  case news2SingleThree = 12
  /// A signal is in the red field of the person's own plan.
  case planRed = 20
  case planYellow = 21
  case doseMissed = 30
  case doseRefused = 31
  case dispenserEmpty = 32
  case doorOpenAtNight = 40
  case lockJammed = 41
  case geofenceExit = 50
  /// A device has been silent for longer than its interval. Technical.
  case signalLoss = 60
  case lowBattery = 61
  case tamper = 62
  case jam = 63
  /// A destination refused something for good. Technical, of the hub.
  case deadLetter = 70
  /// No receiver is on duty for an alert. Technical, of the hub.
  case nobodyOnDuty = 71
  /// The store does not take writes. Technical, of the hub.
  case storeFailing = 72

  /// Technical alerts may clear themselves, and say so; clinical ones latch until a person resolves them.
  @inlinable public var isTechnical: Bool { rawValue >= 60 }
}

/// IEC 60601-1-8's vocabulary. Stored.
@frozen public enum AlertPriority: UInt8, Sendable, Hashable, Comparable {
  case low = 1
  case medium = 2
  case high = 3
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Stored: append, never renumber.
@frozen public enum AlertState: UInt8, Sendable, Hashable {
  /// A condition holds, its delay has not run out. Nobody is told yet.
  case suspected = 1
  case raised = 2
  /// At least one receiver's system has confirmed that it has the alert.
  case notified = 3
  case acknowledged = 4
  case responding = 5
  /// Closed by a person with comment, cause and action.
  case resolved = 6
  /// A technical alert whose condition ended by itself, or a suspicion that did not last.
  case cleared = 7

  /// Whether somebody may still have to do something.
  @inlinable public var isOpen: Bool { rawValue < 6 }
}

/// What a person, or a receipt, does to an alert. Stored.
@frozen public enum AlertAction: UInt8, Sendable, Hashable {
  /// A destination confirmed delivery: raised → notified.
  case delivered = 1
  case acknowledge = 2
  case respond = 3
  case resolve = 4
}

/// How useful an alert was, recorded at resolution and reported per rule. Stored.
@frozen public enum AlertUsefulness: UInt8, Sendable, Hashable {
  case notStated = 0
  case actionable = 1
  case notActionable = 2
}

/// An action on an alert as it travels to the core. The comment stays in the journal, never in the core.
@frozen public struct AlertCommand: Sendable, Hashable {
  public var alert: AlertID
  public var action: AlertAction
  public var actor: ActorID
  public var usefulness: AlertUsefulness

  @inlinable public init(alert: AlertID, action: AlertAction, actor: ActorID, usefulness: AlertUsefulness = .notStated) {
    self.alert = alert
    self.action = action
    self.actor = actor
    self.usefulness = usefulness
  }
}

/// A condition of the hub itself that starts or ends, told to the core by the gateway.
@frozen public struct HubCondition: Sendable, Hashable {
  /// One of the hub's technical rules: deadLetter, nobodyOnDuty, storeFailing.
  public var rule: AlertRule
  public var holds: Bool
  /// Tells one condition of a rule from another: the destination's number for dead letters, else 0.
  public var subject: UInt32

  @inlinable public init(rule: AlertRule, holds: Bool, subject: UInt32 = 0) {
    self.rule = rule
    self.holds = holds
    self.subject = subject
  }
}
