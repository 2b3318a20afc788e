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
  /// A device sends frames without a meaning that its profile knows. From an alarm device this may be a call for help. Technical.
  case notUnderstood = 64
  /// A device's clock is so wrong that its values are placed by their arrival. Technical.
  case deviceClockWrong = 65
  /// A Bluetooth device has lost its pairing and must be paired anew. Technical.
  case bondLost = 66
  /// A device is heard, but what it sends is no measurement: not worn, no contact, only errors. Technical.
  case notMeasuring = 67
  /// A destination refused something for good. Technical, of the hub.
  case deadLetter = 70
  /// No receiver is on duty for an alert. Technical, of the hub.
  case nobodyOnDuty = 71
  /// The store does not take writes. Technical, of the hub.
  case storeFailing = 72
  /// A link to devices has been away for longer than its bound: nothing comes in over it. Technical, of the hub.
  case linkDown = 73
  /// A destination takes nothing: what it is owed waits. Technical, of the hub.
  case destinationDown = 74
  /// The Bluetooth service or an adapter is gone. Technical, of the hub.
  case bluetoothDown = 75
  /// There is no room to follow more alerts: what comes beyond is told again and again instead. Technical, of the hub.
  case alertRoomFull = 76
  /// The journal is missing, damaged or read-only: alarms go on without it. Technical, of the hub.
  case journalLost = 77
  /// Another role of the hub (forward, console) is not there. Technical, of the hub.
  case roleDown = 78
  /// People or devices are registered for whom the core has no room: they are not watched over. Technical, of the hub.
  case registryFull = 79
  /// The hub's own clock is not to be trusted. Technical, of the hub.
  case clockDoubtful = 80
  /// Records beside the alarms (access log, quarantine, routine values) were dropped. Technical, of the hub.
  case recordsDropped = 81
  /// Another hub has this hub's identity: a copy of its disk, or one that was restored from its backup. Technical, of the hub.
  case hubDoubled = 82

  /// Technical alerts may clear themselves, and say so; clinical ones latch until a person resolves them.
  @inlinable public var isTechnical: Bool { rawValue >= 60 }
}

/// IEC 60601-1-8's vocabulary. Stored.
@frozen public enum AlertPriority: UInt8, Sendable, Hashable, Comparable, CaseIterable {
  case low = 1
  case medium = 2
  case high = 3
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Stored: append, never renumber.
@frozen public enum AlertState: UInt8, Sendable, Hashable, CaseIterable {
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

/// How an alert stands by the journal. The core gets it with a person's action, for an alert that it had no room to follow. Fixed
/// size. Realtime-safe.
@frozen public struct AlertStanding: Sendable, Hashable {
  /// The row of the transition that the other fields are from. It stands for what only the journal keeps of that transition.
  public var row: UInt64
  public var firstCause: UInt64
  public var raisedAt: MonotonicInstant
  public var value: Int32
  public var limit: Int32
  public var upper: Int32
  public var subject: UInt32
  public var revision: UInt16
  public var rule: AlertRule
  public var priority: AlertPriority
  public var state: AlertState
  public var level: UInt8

  @inlinable public init(_ transition: AlertTransition, row: UInt64) {
    self.row = row
    firstCause = transition.firstCause
    raisedAt = transition.raisedAt
    value = transition.value
    limit = transition.limit
    upper = transition.upper
    subject = transition.subject
    revision = transition.revision
    rule = transition.rule
    priority = transition.priority
    state = transition.state
    level = transition.level
  }
}

/// An action on an alert as it travels to the core. The comment stays in the journal, never in the core.
@frozen public struct AlertCommand: Sendable, Hashable {
  public var alert: AlertID
  public var action: AlertAction
  public var actor: ActorID
  public var usefulness: AlertUsefulness
  /// How the alert stood when the person acted. Used only when the core does not follow the alert. Nil for receipts.
  public var standing: AlertStanding?

  @inlinable public init(
    alert: AlertID, action: AlertAction, actor: ActorID, usefulness: AlertUsefulness = .notStated, standing: AlertStanding? = nil
  ) {
    self.alert = alert
    self.action = action
    self.actor = actor
    self.usefulness = usefulness
    self.standing = standing
  }
}

/// A condition of the hub itself that starts or ends, as `HubConditions` of HubCore tells the core.
@frozen public struct HubCondition: Sendable, Hashable {
  /// One of the hub's technical rules: `deadLetter` and what follows it in `AlertRule`.
  public var rule: AlertRule
  public var holds: Bool
  /// Tells one condition of a rule from another: the stable number of the destination's, link's or role's name, else 0.
  public var subject: UInt32

  @inlinable public init(rule: AlertRule, holds: Bool, subject: UInt32 = 0) {
    self.rule = rule
    self.holds = holds
    self.subject = subject
  }
}
