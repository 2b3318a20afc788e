// What the core decides. An outcome joins the entry that caused it in one journal transaction. An outcome that a deadline caused
// joins the entry after it, or is committed alone when nothing follows.

/// A rule that a measurement broke, with its numbers. Fixed size. Realtime-safe.
@frozen public struct AlertReason: Sendable, Hashable {
  public var rule: AlertRule
  /// As `AlertTransition.value`, `.limit`, `.upper` and `.subject`.
  public var value: Int32
  public var limit: Int32
  public var upper: Int32
  public var subject: UInt32

  /// What `upper` is for a plan's limit that is not to be exceeded. A limit not to fall below has `upper` equal to `value`.
  public static var unbounded: Int32 { @inlinable get { .max } }

  @inlinable public init(rule: AlertRule, value: Int32, limit: Int32, upper: Int32, subject: UInt32) {
    self.rule = rule
    self.value = value
    self.limit = limit
    self.upper = upper
    self.subject = subject
  }
}

/// One alert at one moment of its life. Fixed size. Realtime-safe.
@frozen public struct AlertTransition: Sendable, Hashable {
  public var id: AlertID
  public var rule: AlertRule
  public var priority: AlertPriority
  public var state: AlertState
  /// What the alert was before; equal to `state` for an escalation, a re-trigger or a change of priority.
  public var previous: AlertState
  public var kind: AlertTransitionKind
  /// Escalation level now: 0 the first receivers, rising at each missed deadline.
  public var level: UInt8
  /// When the next escalation happens if nobody acts; `.never` when nothing is due.
  public var deadline: MonotonicInstant
  /// The entry that first raised the alert. `explain` starts from it.
  public var firstCause: UInt64
  /// When the alert was raised on the hub's timeline.
  public var raisedAt: MonotonicInstant
  /// The value now, in the rule's steps (a NEWS2 sum, a SpO₂ in %, seconds of silence); 0 if none. It follows the person: a value
  /// inside `limit` has become better since the alert was told.
  public var value: Int32
  /// The limit that was passed, in the same steps as `value`; 0 if none.
  public var limit: Int32
  /// Which signal of the plan, for planRed and planYellow; which `NEWS2Parameter` has the 3, for news2SingleThree (its value is
  /// 3); which dose; else the hub condition's subject, or 0.
  public var subject: UInt32
  public var actor: ActorID
  /// How many transitions of this alert came before this one. It is part of the transition's identity on every wire, because two
  /// may share an instant and a kind.
  public var revision: UInt16
  /// The most that `value` may be when the score is incomplete; `AlertReason.unbounded` for a plan's limit that is not to be
  /// exceeded; else equal to `value`.
  public var upper: Int32
  /// A second rule that the same measurement broke: one alert with two reasons.
  public var also: AlertReason?
  /// The counter that gave the id, after that. Only in the first transition as the core gives it: no reader and no wire has it.
  public var episode: AlertEpisode?

  @inlinable public init(
    id: AlertID, rule: AlertRule, priority: AlertPriority, state: AlertState, previous: AlertState,
    kind: AlertTransitionKind, level: UInt8, deadline: MonotonicInstant, firstCause: UInt64,
    raisedAt: MonotonicInstant, value: Int32, limit: Int32, subject: UInt32, actor: ActorID, revision: UInt16 = 0,
    upper: Int32? = nil, also: AlertReason? = nil, episode: AlertEpisode? = nil
  ) {
    self.id = id
    self.rule = rule
    self.priority = priority
    self.state = state
    self.previous = previous
    self.kind = kind
    self.level = level
    self.deadline = deadline
    self.firstCause = firstCause
    self.raisedAt = raisedAt
    self.value = value
    self.limit = limit
    self.subject = subject
    self.actor = actor
    self.revision = revision
    self.upper = upper ?? value
    self.also = also
    self.episode = episode
  }
}

extension AlertTransition {
  /// Whether `value` is only the least that is known, because the score is incomplete; of a plan's limit, whether the limit is an
  /// upper one.
  @inlinable public var isLowerBound: Bool { upper > value }
  /// Whether receivers must hear of the transition at once. The end of a mere suspicion is nobody's news, because its beginning was
  /// not told.
  @inlinable public var mustBeSent: Bool { kind.mustBeSent && !(kind == .cleared && previous == .suspected) }

  /// A suspicion and its end say nothing of a raise.
  public var saysThatItWasRaised: Bool { state.isOpen ? state != .suspected : previous != .suspected }

  /// When the next escalation happens on the wall clock, of a transition that was made at `wall` and `instant`; nil: nothing is due.
  public func escalation(changedAt wall: WallTime, _ instant: MonotonicInstant) -> WallTime? {
    wall.moved(from: instant, toDeadline: deadline)
  }
}

/// Why an alert's outcome was given. Stored: append, never renumber.
@frozen public enum AlertTransitionKind: UInt8, Sendable, Hashable, CaseIterable {
  case suspected = 1
  case raised = 2
  case notified = 3
  case acknowledged = 4
  case responding = 5
  case resolved = 6
  case cleared = 7
  /// A deadline passed: the next level is told.
  case escalated = 8
  /// Acknowledged or responding, yet not resolved in time, or the condition came again: told anew.
  case retriggered = 9
  /// Yellow became red, medium became high: the same alert, more urgent.
  case upgraded = 10

  /// Whether this kind of change is news for receivers; see `AlertTransition.mustBeSent`.
  @inlinable public var mustBeSent: Bool {
    switch self {
    case .suspected, .notified: false
    default: true
    }
  }
}

/// Why an entry changed nothing live. Stored: append, never renumber.
@frozen public enum IntakeRemark: UInt8, Sendable, Hashable {
  case none = 0
  /// Older than the live window: recorded, no live alarm.
  case late = 1
  /// The device is assigned to nobody.
  case unassigned = 2
  /// The command names an alert that is not open, or an action that its state does not allow.
  case refused = 3
  /// An arena is full (patients, devices or open alerts): the registry limit in the configuration is too low.
  case noRoom = 4
  /// The value cannot be a measurement of this parameter.
  case outOfRange = 5
  /// The device or person is not registered.
  case unknownSubject = 6
  /// A call for help of a device that has thousands open, of which nobody has taken the newest. It is recorded, and not told again.
  case flood = 7
}

/// The content of an outcome.
@frozen public enum OutcomePayload: Sendable {
  /// The person's score changed: its sum, its bounds, its points or its missing inputs.
  case scored(NEWS2Score)
  case alert(AlertTransition)
  case remark(IntakeRemark)
}

/// One decision of the core. Fixed size. Realtime-safe.
@frozen public struct Outcome: Sendable {
  /// The entry being ingested; for a deadline, the last entry before it.
  public var cause: UInt64
  /// The entry's instant; for a deadline, exactly the deadline's, never the moment a loop happened to look.
  public var instant: MonotonicInstant
  /// The wall clock at `instant`, by the last clock anchor.
  public var wall: WallTime
  /// `.none` for the hub's own alerts.
  public var patient: PatientID
  public var device: DeviceID
  public var payload: OutcomePayload

  @inlinable public init(
    cause: UInt64, instant: MonotonicInstant, wall: WallTime, patient: PatientID, device: DeviceID,
    payload: OutcomePayload
  ) {
    self.cause = cause
    self.instant = instant
    self.wall = wall
    self.patient = patient
    self.device = device
    self.payload = payload
  }
}
