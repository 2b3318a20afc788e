// An outcome read back from its tables, exactly as it was written.

internal import GRDB
internal import VitalSigns

/// An outcome with its row's number.
struct StoredOutcome {
  var id: UInt64
  var outcome: Outcome

  static let columns = """
    o.id, o.cause, o.instant, o.wall, o.patient, o.device, o.kind, o.remark,
    s.low, s.high, s.band, s.scale, s.missing, s.change_since_last, s.change_over_24_hours,
    s.points_respiration, s.points_spo2, s.points_oxygen, s.points_systolic, s.points_pulse, s.points_consciousness, s.points_temperature,
    s.source_respiration, s.source_spo2, s.source_oxygen, s.source_systolic, s.source_pulse, s.source_consciousness, s.source_temperature,
    t.alert, t.rule, t.priority, t.state, t.previous, t.kind, t.level, t.deadline, t.first_cause, t.raised_at, t.value, t.bound,
    t.subject, t.actor, t.revision, t.upper, t.also_rule, t.also_value, t.also_bound, t.also_upper, t.also_subject
    """
  /// How many columns that is: what a query adds stands after them.
  static let columnCount = 50
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
    id = UInt64(bitPattern: row[0] as Int64)
    let payload: OutcomePayload
    switch OutcomeKind(rawValue: row[6]) {
    case .scored:
      guard let score = Self.score(row) else { throw JournalError.unreadable(table: "score", sequence: id) }
      payload = .scored(score)
    case .alert:
      guard let transition = Self.transition(row) else { throw JournalError.unreadable(table: "alert_transition", sequence: id) }
      payload = .alert(transition)
    case .remark:
      guard let raw = UInt8(exactly: (row[7] as Int64?) ?? -1), let remark = IntakeRemark(rawValue: raw) else {
        throw JournalError.unreadable(table: "outcome", sequence: id)
      }
      payload = .remark(remark)
    case nil: throw JournalError.unreadable(table: "outcome", sequence: id)
    }
    outcome = Outcome(
      cause: UInt64(bitPattern: row[1] as Int64), instant: MonotonicInstant(rawValue: row[2]), wall: WallTime(rawValue: row[3]),
      patient: PatientID(rawValue: UInt32(truncatingIfNeeded: row[4] as Int64)),
      device: DeviceID(rawValue: UInt32(truncatingIfNeeded: row[5] as Int64)), payload: payload)
  }

  private static func score(_ row: Row) -> NEWS2Score? {
    guard let low = byte(row[8]), let high = byte(row[9]), let band = byte(row[10]).flatMap(NEWS2Band.init(rawValue:)),
      let scale = byte(row[11]).flatMap(SpO2Scale.init(rawValue:)), let missing = byte(row[12])
    else { return nil }
    var score = NEWS2Score()
    score.low = low
    score.high = high
    score.band = band
    score.scale = scale
    score.missing = missing
    score.changeSinceLast = Int8(truncatingIfNeeded: (row[13] as Int64?) ?? Int64(Int8.min))
    score.changeOver24Hours = Int8(truncatingIfNeeded: (row[14] as Int64?) ?? Int64(Int8.min))
    for index in 0..<NEWS2Parameter.count {
      score.points[index] = Int8(truncatingIfNeeded: row[15 + index] as Int64)
      score.sources[index] = UInt64(bitPattern: row[22 + index] as Int64)
    }
    return score
  }

  private static func transition(_ row: Row) -> AlertTransition? {
    guard let id = (row[29] as String?).flatMap({ AlertID(text: $0) }), let rule = byte(row[30]).flatMap(AlertRule.init(rawValue:)),
      let priority = byte(row[31]).flatMap(AlertPriority.init(rawValue:)),
      let state = byte(row[32]).flatMap(AlertState.init(rawValue:)), let previous = byte(row[33]).flatMap(AlertState.init(rawValue:)),
      let kind = byte(row[34]).flatMap(AlertTransitionKind.init(rawValue:)), let level = byte(row[35])
    else { return nil }
    return AlertTransition(
      id: id, rule: rule, priority: priority, state: state, previous: previous, kind: kind, level: level,
      deadline: (row[36] as Int64?).map(MonotonicInstant.init(rawValue:)) ?? .never,
      firstCause: UInt64(bitPattern: row[37] as Int64), raisedAt: MonotonicInstant(rawValue: row[38]),
      value: Int32(truncatingIfNeeded: row[39] as Int64), limit: Int32(truncatingIfNeeded: row[40] as Int64),
      subject: UInt32(truncatingIfNeeded: row[41] as Int64), actor: ActorID(rawValue: UInt32(truncatingIfNeeded: row[42] as Int64)),
      revision: UInt16(truncatingIfNeeded: row[43] as Int64), upper: (row[44] as Int64?).map { Int32(truncatingIfNeeded: $0) },
      also: reason(row))
  }

  private static func reason(_ row: Row) -> AlertReason? {
    guard let rule = byte(row[45]).flatMap(AlertRule.init(rawValue:)), let value = row[46] as Int64?, let limit = row[47] as Int64?,
      let upper = row[48] as Int64?, let subject = row[49] as Int64?
    else { return nil }
    return AlertReason(
      rule: rule, value: Int32(truncatingIfNeeded: value), limit: Int32(truncatingIfNeeded: limit),
      upper: Int32(truncatingIfNeeded: upper), subject: UInt32(truncatingIfNeeded: subject))
  }

  private static func byte(_ value: Int64?) -> UInt8? { value.flatMap { UInt8(exactly: $0) } }
}
