// An outcome read back from its tables, exactly as it was written.

internal import GRDB
internal import JournalFiles
internal import VitalSigns

/// An outcome with its row's number.
struct StoredOutcome {
  var id: UInt64
  var outcome: Outcome

  private static let head = QuerySection<OutcomeColumn>("o", placing: .wall)
  private static let score = QuerySection<ScoreColumn>("s", from: head.end)
  private static let transition = QuerySection<TransitionColumn>("t", from: score.end)
  static let columns = "\(head.list), \(score.list), \(transition.list)"
  /// Where the columns begin that a query adds.
  static let columnsEnd = transition.end
  static let tables = "outcome o LEFT JOIN score s ON s.outcome = o.id LEFT JOIN alert_transition t ON t.outcome = o.id"

  /// Outcomes in their order. `condition` is SQL of this module, over `o`, `s` and `t`.
  static func fetch(_ db: Database, where condition: String, _ arguments: StatementArguments, limit: Int = -1) throws -> [Self] {
    let sql = "SELECT \(columns) FROM \(tables) WHERE \(condition) ORDER BY o.id LIMIT \(limit)"
    // The few conditions there are: each is compiled once a connection.
    return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).map { try Self($0) }
  }

  static func fetch(_ db: Database, id: UInt64) throws -> Self? {
    try fetch(db, where: "o.id = ?", [Int64(bitPattern: id)]).first
  }

  init(_ row: Row) throws {
    let head = Self.head
    id = UInt64(bitPattern: try row[head, .id] as Int64)
    let payload: OutcomePayload
    switch OutcomeKind(rawValue: try row[head, .kind]) {
    case .scored:
      guard let score = try Self.score(row) else { throw JournalError.unreadable(table: "score", sequence: id) }
      payload = .scored(score)
    case .alert:
      guard let transition = try Self.transition(row) else { throw JournalError.unreadable(table: "alert_transition", sequence: id) }
      payload = .alert(transition)
    case .remark:
      guard let remark = byte(try row[head, .remark]).flatMap(IntakeRemark.init(rawValue:)) else {
        throw JournalError.unreadable(table: "outcome", sequence: id)
      }
      payload = .remark(remark)
    case nil: throw JournalError.unreadable(table: "outcome", sequence: id)
    }
    outcome = Outcome(
      cause: UInt64(bitPattern: try row[head, .cause] as Int64), instant: MonotonicInstant(rawValue: try row[head, .instant]),
      wall: WallTime(rawValue: try row[head, .wall]),
      patient: PatientID(rawValue: UInt32(truncatingIfNeeded: try row[head, .patient] as Int64)),
      device: DeviceID(rawValue: UInt32(truncatingIfNeeded: try row[head, .device] as Int64)), payload: payload)
  }

  private static func score(_ row: Row) throws -> NEWS2Score? {
    let at = Self.score
    guard let low = byte(try row[at, .low]), let high = byte(try row[at, .high]),
      let band = byte(try row[at, .band]).flatMap(NEWS2Band.init(rawValue:)),
      let scale = byte(try row[at, .scale]).flatMap(SpO2Scale.init(rawValue:)), let missing = byte(try row[at, .missing])
    else { return nil }
    var score = NEWS2Score()
    score.low = low
    score.high = high
    score.band = band
    score.scale = scale
    score.missing = missing
    score.changeSinceLast = Int8(truncatingIfNeeded: (try row[at, .changeSinceLast] as Int64?) ?? Int64(Int8.min))
    score.changeOver24Hours = Int8(truncatingIfNeeded: (try row[at, .changeOver24Hours] as Int64?) ?? Int64(Int8.min))
    for index in 0..<NEWS2Parameter.count {
      score.points[index] = Int8(truncatingIfNeeded: try row[at, ScoreColumn.points[index]] as Int64)
      score.sources[index] = UInt64(bitPattern: try row[at, ScoreColumn.sources[index]] as Int64)
    }
    return score
  }

  private static func transition(_ row: Row) throws -> AlertTransition? {
    let at = Self.transition
    guard let id = (try row[at, .alert] as String?).flatMap({ AlertID(text: $0) }),
      let rule = byte(try row[at, .rule]).flatMap(AlertRule.init(rawValue:)),
      let priority = byte(try row[at, .priority]).flatMap(AlertPriority.init(rawValue:)),
      let state = byte(try row[at, .state]).flatMap(AlertState.init(rawValue:)),
      let previous = byte(try row[at, .previous]).flatMap(AlertState.init(rawValue:)),
      let kind = byte(try row[at, .kind]).flatMap(AlertTransitionKind.init(rawValue:)), let level = byte(try row[at, .level])
    else { return nil }
    return AlertTransition(
      id: id, rule: rule, priority: priority, state: state, previous: previous, kind: kind, level: level,
      deadline: (try row[at, .deadline] as Int64?).map(MonotonicInstant.init(rawValue:)) ?? .never,
      firstCause: UInt64(bitPattern: try row[at, .firstCause] as Int64), raisedAt: MonotonicInstant(rawValue: try row[at, .raisedAt]),
      value: narrow(try row[at, .value]), limit: narrow(try row[at, .bound]), subject: narrow(try row[at, .subject]),
      actor: ActorID(rawValue: narrow(try row[at, .actor])), revision: narrow(try row[at, .revision]),
      upper: (try row[at, .upper] as Int64?).map { narrow($0) }, also: try reason(row))
  }

  private static func reason(_ row: Row) throws -> AlertReason? {
    let at = Self.transition
    guard let rule = byte(try row[at, .alsoRule]).flatMap(AlertRule.init(rawValue:)), let value = try row[at, .alsoValue] as Int64?,
      let limit = try row[at, .alsoBound] as Int64?, let upper = try row[at, .alsoUpper] as Int64?,
      let subject = try row[at, .alsoSubject] as Int64?
    else { return nil }
    return AlertReason(rule: rule, value: narrow(value), limit: narrow(limit), upper: narrow(upper), subject: narrow(subject))
  }
}

/// A number of a closed vocabulary; nil when it is none.
private func byte(_ value: Int64?) -> UInt8? { value.flatMap { UInt8(exactly: $0) } }

/// The narrow number that was written there.
private func narrow<Number: FixedWidthInteger>(_ value: Int64) -> Number { Number(truncatingIfNeeded: value) }
