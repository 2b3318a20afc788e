// An alert's change as the core has it, for roles that act on it: in `alert` events only, beside the words for people. The core's own types
// inside, their numbers on the wire.

package import VitalSigns

extension API {
  /// An alert's change in the core's own values. On the wire each is its number: VitalSigns' raw values, instants in nanoseconds.
  public struct Transition: Sendable {
    package var rule: Number<AlertRule>
    package var priority: Number<AlertPriority>
    package var state: Number<AlertState>
    package var previous: Number<AlertState>
    package var kind: Number<AlertTransitionKind>
    package var level: UInt8
    /// `.never`: nothing is due.
    package var deadline: MonotonicInstant
    package var raisedAt: MonotonicInstant
    package var instant: MonotonicInstant
    package var wall: WallTime
    package var raisedWall: WallTime
    package var patient: PatientID
    package var device: DeviceID
    package var actor: ActorID
    /// Nil from a core of an earlier version.
    package var revision: UInt16?
    /// Nil when it is the value itself.
    package var upper: Int32?
    package var also: Reason?
    /// The hub's wall clock is in doubt: `wall` and `raisedWall` may be wrong. Nil: it is not, or the core is of an earlier version.
    package var timeUncertain: Bool?

    /// A second rule that the same measurement broke.
    public struct Reason: Codable, Sendable {
      package var rule: Number<AlertRule>
      package var value: Int32
      package var limit: Int32
      package var upper: Int32
      package var subject: UInt32
    }
  }
}

// MARK: Between the core's value and the wire's

extension API.Transition {
  /// - Parameter outcome: the one that holds `transition`; its instant, wall time, person and device go along.
  package init(_ transition: AlertTransition, _ outcome: Outcome, raisedWall: WallTime) {
    rule = .known(transition.rule)
    priority = .known(transition.priority)
    state = .known(transition.state)
    previous = .known(transition.previous)
    kind = .known(transition.kind)
    level = transition.level
    deadline = transition.deadline
    raisedAt = transition.raisedAt
    instant = outcome.instant
    wall = outcome.wall
    self.raisedWall = raisedWall
    patient = outcome.patient
    device = outcome.device
    actor = transition.actor
    revision = transition.revision
    upper = transition.isLowerBound ? transition.upper : nil
    also = transition.also.map(Reason.init)
  }
}

extension API.Transition.Reason {
  package init(_ reason: AlertReason) {
    self.init(rule: .known(reason.rule), value: reason.value, limit: reason.limit, upper: reason.upper, subject: reason.subject)
  }
}

extension AlertReason {
  /// Nil for a rule of a newer core.
  fileprivate init?(_ reason: API.Transition.Reason) {
    guard let rule = reason.rule.known else { return nil }
    self.init(rule: rule, value: reason.value, limit: reason.limit, upper: reason.upper, subject: reason.subject)
  }
}

extension API.Alert {
  /// The core's own value of an `alert` event; nil when a newer core sent a number that this role does not know: then the alert
  /// waits in the journal for a role of the core's own version, and other alerts pass it by. A second rule that is not known is left out, and the first told.
  package var alertTransition: AlertTransition? {
    guard let change = transition, let id = AlertID(text: id), let rule = change.rule.known, let priority = change.priority.known,
      let state = change.state.known, let previous = change.previous.known, let kind = change.kind.known
    else { return nil }
    return AlertTransition(
      id: id, rule: rule, priority: priority, state: state, previous: previous, kind: kind, level: change.level,
      deadline: change.deadline, firstCause: firstCause, raisedAt: change.raisedAt, value: Int32(clamping: value),
      limit: Int32(clamping: limit), subject: subject, actor: change.actor, revision: change.revision ?? 0, upper: change.upper,
      also: change.also.flatMap(AlertReason.init))
  }
}

// MARK: JSON

extension API.Transition: Codable {
  private enum CodingKeys: String, CodingKey {
    case rule, priority, state, previous, kind, level, deadline, raisedAt, instant, wall, raisedWall, patient, device, actor, revision,
      upper
    case also, timeUncertain
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    rule = try fields.decode(API.Number<AlertRule>.self, forKey: .rule)
    priority = try fields.decode(API.Number<AlertPriority>.self, forKey: .priority)
    state = try fields.decode(API.Number<AlertState>.self, forKey: .state)
    previous = try fields.decode(API.Number<AlertState>.self, forKey: .previous)
    kind = try fields.decode(API.Number<AlertTransitionKind>.self, forKey: .kind)
    level = try fields.decode(UInt8.self, forKey: .level)
    deadline = MonotonicInstant(rawValue: try fields.decode(Int64.self, forKey: .deadline))
    raisedAt = MonotonicInstant(rawValue: try fields.decode(Int64.self, forKey: .raisedAt))
    instant = MonotonicInstant(rawValue: try fields.decode(Int64.self, forKey: .instant))
    wall = WallTime(rawValue: try fields.decode(Int64.self, forKey: .wall))
    raisedWall = WallTime(rawValue: try fields.decode(Int64.self, forKey: .raisedWall))
    patient = PatientID(rawValue: try fields.decode(UInt32.self, forKey: .patient))
    device = DeviceID(rawValue: try fields.decode(UInt32.self, forKey: .device))
    actor = ActorID(rawValue: try fields.decode(UInt32.self, forKey: .actor))
    revision = try fields.decodeIfPresent(UInt16.self, forKey: .revision)
    upper = try fields.decodeIfPresent(Int32.self, forKey: .upper)
    also = try fields.decodeIfPresent(Reason.self, forKey: .also)
    timeUncertain = try fields.decodeIfPresent(Bool.self, forKey: .timeUncertain)
  }

  /// Members in the order of the type: an event's JSON is written as they come.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(rule.rawValue, forKey: .rule)
    try fields.encode(priority.rawValue, forKey: .priority)
    try fields.encode(state.rawValue, forKey: .state)
    try fields.encode(previous.rawValue, forKey: .previous)
    try fields.encode(kind.rawValue, forKey: .kind)
    try fields.encode(level, forKey: .level)
    try fields.encode(deadline.rawValue, forKey: .deadline)
    try fields.encode(raisedAt.rawValue, forKey: .raisedAt)
    try fields.encode(instant.rawValue, forKey: .instant)
    try fields.encode(wall.rawValue, forKey: .wall)
    try fields.encode(raisedWall.rawValue, forKey: .raisedWall)
    try fields.encode(patient.rawValue, forKey: .patient)
    try fields.encode(device.rawValue, forKey: .device)
    try fields.encode(actor.rawValue, forKey: .actor)
    try fields.encodeIfPresent(revision, forKey: .revision)
    try fields.encodeIfPresent(upper, forKey: .upper)
    try fields.encodeIfPresent(also, forKey: .also)
    try fields.encodeIfPresent(timeUncertain, forKey: .timeUncertain)
  }
}
