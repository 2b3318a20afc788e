// Alerts, scores, and why they are what they are.

internal import GRDB
internal import JournalFiles
import JournalValues
public import VitalSigns

extension JournalReader {
  /// Alerts that somebody may still have to act on: highest priority first, then oldest.
  public func openAlerts(limit: Int = .max) throws(JournalError) -> [AlertRow] {
    try read { db in
      try Row.fetchAll(
        db, sql: AlertRow.sql + " WHERE a.is_open = 1 ORDER BY t.priority DESC, a.first_outcome LIMIT ?", arguments: [max(0, limit)]
      ).map { try AlertRow($0) }
    }
  }

  /// How many open alerts there are of each person (or device, when it is nobody's) and rule. INDEXED BY: for the sake of the grouping SQLite
  /// would go through everybody's alerts, and look at each that was ever raised.
  public func openAlertGroups() throws(JournalError) -> [Int] {
    try read { db in
      try Int.fetchAll(
        db.cachedStatement(
          sql: """
            SELECT count(*) FROM alert INDEXED BY alert_open WHERE is_open = 1
            GROUP BY patient, CASE patient WHEN 0 THEN device END, rule
            """))
    }
  }

  /// How many alerts nobody has taken, and since when the oldest of them is open.
  public func waitingAlerts() throws(JournalError) -> (count: Int, oldest: WallTime?) {
    try read { db in
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*) AS waiting, min(coalesce(\(PlacedTime.wall("a", wall: "raised_wall", instant: "t.raised_at")), a.first_wall)) AS oldest
          FROM alert a JOIN alert_transition t ON t.outcome = a.last_outcome
          WHERE a.is_open = 1 AND a.state IN \(sqlList([AlertState.raised, .notified]))
          """)
      return (try row.map { try $0[of: "waiting"] } ?? 0, try row.flatMap { try $0[of: "oldest"] as Int64? }.map { WallTime(rawValue: $0) })
    }
  }

  /// Alerts, newest first.
  public func alerts(_ filter: AlertFilter = AlertFilter()) throws(JournalError) -> [AlertRow] {
    try read { db in
      var conditions = ["1"]
      var arguments = StatementArguments()
      if let patient = filter.patient {
        conditions.append("a.patient = ?")
        arguments += [Int64(patient.rawValue)]
      }
      if let rule = filter.rule {
        conditions.append("a.rule = ?")
        arguments += [Int64(rule.rawValue)]
      }
      if filter.openOnly { conditions.append("a.is_open = 1") }
      if let since = filter.since {
        conditions.append(PlacedTime.wall("a", wall: "first_wall", instant: "t.raised_at") + " >= ?")
        arguments += [since.rawValue]
      }
      let sql = AlertRow.sql + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY a.first_outcome DESC LIMIT \(max(0, filter.limit))"
      return try Row.fetchAll(db, sql: sql, arguments: arguments).map { try AlertRow($0) }
    }
  }

  public func alert(_ id: AlertID) throws(JournalError) -> AlertRow? {
    try read { db in try AlertRow.fetch(db, id) }
  }

  /// All transitions of an alert, oldest first, with what people said and where each was delivered.
  public func alertHistory(_ id: AlertID) throws(JournalError) -> [AlertTransitionRow] {
    try read { db in try Self.history(db, id) }
  }

  static func history(_ db: Database, _ id: AlertID) throws -> [AlertTransitionRow] {
    try StoredOutcome.fetch(db, where: "t.alert = ?", [id.description]).compactMap { try AlertTransitionRow(db, $0) }
  }

  /// The person's latest score.
  public func currentScore(of patient: PatientID) throws(JournalError) -> ScoreRow? {
    try read { db in try Self.currentScore(db, patient) }
  }

  /// Everybody's latest score, by person.
  public func currentScores() throws(JournalError) -> [ScoreRow] {
    try read { db in
      try StoredOutcome.fetch(db, where: "o.id IN (SELECT outcome FROM score_current)", []).compactMap { try ScoreRow(db, $0) }
        .sorted { $0.patient < $1.patient }
    }
  }

  /// The person's scores, newest first.
  public func scores(of patient: PatientID, limit: Int = 100) throws(JournalError) -> [ScoreRow] {
    try read { db in
      let ids = try Int64.fetchAll(
        db, sql: Self.scoreChain + "SELECT outcome FROM chain LIMIT \(max(0, limit))", arguments: [Int64(patient.rawValue)])
      return try ids.compactMap { try ScoreRow.fetch(db, UInt64(bitPattern: $0)) }
    }
  }

  /// The person's latest score, with the observation behind each point.
  public func explainScore(patient: PatientID) throws(JournalError) -> ScoreExplanation? {
    try read { db in try Self.currentScore(db, patient).map { try Self.explain(db, $0) } }
  }

  /// The last score that an entry caused, with the observation behind each point.
  public func explainScore(sequence: UInt64) throws(JournalError) -> ScoreExplanation? {
    try read { db in
      let stored = try StoredOutcome.fetch(
        db, where: "o.cause = ? AND o.kind = ?", [signed(sequence), OutcomeKind.scored.rawValue]
      ).last
      guard let stored, let score = try ScoreRow(db, stored)
      else { return nil }
      return try Self.explain(db, score)
    }
  }

  /// Why an alert was raised and all that happened to it; nil when there is no such alert.
  public func explainAlert(_ id: AlertID) throws(JournalError) -> AlertExplanation? {
    try read { db in
      guard let alert = try AlertRow.fetch(db, id) else { return nil }
      let history = try Self.history(db, id)
      let commands = try Row.fetchAll(
        db,
        sql: """
          SELECT c.sequence, c.action, c.actor, c.usefulness, \(PlacedTime.wall("e", instant: "e.instant")) AS wall
          FROM alert_command c JOIN entry e USING (sequence)
          WHERE c.alert = ? ORDER BY c.sequence
          """,
        arguments: [id.description]
      ).compactMap { row -> (sequence: UInt64, command: AlertCommand, wall: WallTime)? in
        guard let action = AlertAction(rawValue: try row[of: "action"]),
          let usefulness = AlertUsefulness(rawValue: try row[of: "usefulness"])
        else {
          return nil
        }
        return (
          UInt64(bitPattern: try row[of: "sequence"] as Int64),
          AlertCommand(alert: id, action: action, actor: ActorID(rawValue: try row[of: "actor"]), usefulness: usefulness),
          WallTime(rawValue: try row[of: "wall"])
        )
      }
      return AlertExplanation(
        alert: alert, history: history, firstCause: try PlacedTime.entry(db, alert.transition.firstCause),
        score: try Self.score(db, behind: alert, history.first), plan: try Self.plan(db, behind: alert), commands: commands)
    }
  }

  /// The person's scores, newest first, as far as none has been purged.
  private static let scoreChain = """
    WITH RECURSIVE chain (outcome, previous) AS (
      SELECT s.outcome, s.previous FROM score_current c JOIN score s ON s.outcome = c.outcome WHERE c.patient = ?
      UNION ALL SELECT s.outcome, s.previous FROM chain JOIN score s ON s.outcome = chain.previous)

    """

  private static func currentScore(_ db: Database, _ patient: PatientID) throws -> ScoreRow? {
    let id = try Int64.fetchOne(db, sql: "SELECT outcome FROM score_current WHERE patient = ?", arguments: [Int64(patient.rawValue)])
    return try id.flatMap { try ScoreRow.fetch(db, UInt64(bitPattern: $0)) }
  }

  static func explain(_ db: Database, _ row: ScoreRow) throws -> ScoreExplanation {
    var sources: [ObservationRow?] = []
    var prescriptions: [Int: IntakeEntry] = [:]
    for index in 0..<NEWS2Parameter.count {
      let sequence = row.score.sources[index]
      let observation = try ObservationRow.fetch(db, sequence)
      sources.append(observation)
      if sequence != 0, observation == nil, let entry = try EntryStream.entry(db, sequence) { prescriptions[index] = entry }
    }
    return ScoreExplanation(score: row, sources: sources, prescriptions: prescriptions)
  }

  /// The score that a NEWS2 alert rests on: the last one of the person up to the alert's first outcome.
  static func score(_ db: Database, behind alert: AlertRow, _ first: AlertTransitionRow?) throws -> ScoreExplanation? {
    switch alert.transition.rule {
    case .news2High, .news2Medium, .news2SingleThree: break
    default: return nil
    }
    // The core decides score and alert for one cause together, in either order.
    let cause = first?.cause ?? alert.transition.firstCause
    // CROSS JOIN keeps the chain outermost, so that the walk ends with the first match.
    let same = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT max(id) FROM outcome WHERE cause = ? AND kind = ? AND patient = ?"),
      arguments: [signed(cause), OutcomeKind.scored.rawValue, Int64(alert.patient.rawValue)])
    let id =
      try same
      ?? Int64.fetchOne(
        db, sql: scoreChain + "SELECT outcome FROM chain CROSS JOIN outcome o ON o.id = chain.outcome WHERE o.cause <= ? LIMIT 1",
        arguments: [Int64(alert.patient.rawValue), signed(cause)])
    guard let id, let row = try ScoreRow.fetch(db, UInt64(bitPattern: id)) else { return nil }
    return try explain(db, row)
  }

  /// The limits that held when a plan's alert was raised.
  private static func plan(_ db: Database, behind alert: AlertRow) throws -> PlanItemRow? {
    guard alert.transition.rule == .planRed || alert.transition.rule == .planYellow,
      let signal = UInt8(exactly: alert.transition.subject).flatMap(PlanSignal.init(rawValue:))
    else { return nil }
    return try Row.fetchOne(
      db, sql: "SELECT * FROM plan_item WHERE patient = ? AND key = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1",
      arguments: [Int64(alert.patient.rawValue), "limits.\(signal.key)", signed(alert.transition.firstCause)]
    ).map { try PlanItemRow($0) }
  }
}
