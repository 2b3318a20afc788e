// Who still needs something that is old enough to go: rows that wait for a destination or were refused by one, and open alerts. They are
// the holders. A reference is written only for what retention could otherwise take, so values in ordinary times cost none:
//
// - A line lies across the entries, about where they are half as old as the limit. Whoever newly needs something before the line
//   writes a reference with it; almost nobody does.
// - When retention comes to the line, it draws a new one, looks once at each holder that was there before and was never looked at, and
//   writes references to all that it needs. Then it may take what lies before the new line.
//
// So a holder is looked at once in its life, however long it waits. What a person's current score rests on has no reference: it is found
// by the person, whose key stands in each entry.

package import GRDB
internal import JournalValues
internal import VitalSigns

/// What the writer keeps in memory of the references.
package struct NeedsState {
  /// See `RetentionLine.line`.
  package var line: Int64 = 0
  /// Holders with a reference lie within these, so that most rows need no look when they leave.
  package private(set) var holders: ClosedRange<Int64>?

  package init() {}

  package static func load(_ db: Database) throws -> Self {
    var state = Self()
    state.line = try RetentionLine.fetch(db).line
    for table in ["needed_entry", "needed_score"] {
      let ends = try [
        Int64.fetchOne(db, sql: "SELECT min(holder) FROM \(table)"), Int64.fetchOne(db, sql: "SELECT max(holder) FROM \(table)"),
      ]
      for holder in ends.compactMap(\.self) { state.add(holder) }
    }
    return state
  }

  package mutating func add(_ holder: Int64) {
    holders = holders.map { min($0.lowerBound, holder)...max($0.upperBound, holder) } ?? (holder...holder)
  }

  package func mayHold(_ holder: Int64) -> Bool { holders?.contains(holder) ?? false }
  package var mayHoldAlerts: Bool { (holders?.lowerBound ?? 0) < 0 }
}

/// Writes and takes away references, inside a transaction.
package struct RetentionNeeds {
  package let db: Database

  package init(db: Database) { self.db = db }

  /// An alert as a holder.
  package static func holder(alert firstOutcome: Int64) -> Int64 { -firstOutcome }

  /// A row of the outbox or of the dead letters: its entry; its score, and all that the score rests on.
  /// - Parameter line: entries after it need no reference.
  package func hold(row: Int64, sequence: Int64, outcome: Int64, through line: Int64 = .max) throws {
    try hold(entry: sequence, for: row, line)
    if outcome != 0 { try hold(score: outcome, for: row, line) }
  }

  /// The same for many rows at once, `x` in the condition.
  package func hold(rowsOf table: String, _ condition: String, _ arguments: StatementArguments) throws {
    let samples = "e.kind IN \(EntryKind.samples)"
    let scores = "FROM \(table) x JOIN score s ON s.outcome = x.outcome"
    var statements = [
      "INSERT OR IGNORE INTO needed_entry SELECT e.sequence, x.row FROM \(table) x JOIN entry e ON e.sequence = x.sequence AND \(samples)",
      "INSERT OR IGNORE INTO needed_score SELECT s.outcome, x.row \(scores)",
    ]
    statements += ScoreColumn.sources.map {
      "INSERT OR IGNORE INTO needed_entry SELECT e.sequence, x.row \(scores) JOIN entry e ON e.sequence = s.\($0.name) AND \(samples)"
    }
    for statement in statements { try db.cachedStatement(sql: "\(statement) WHERE \(condition)").execute(arguments: arguments) }
  }

  /// An open alert: its first cause, the cause of its first change, and the scores that this entry gave.
  package func hold(alert firstOutcome: Int64, through line: Int64 = .max) throws {
    let holder = Self.holder(alert: firstOutcome)
    guard
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT o.cause, t.first_cause FROM outcome o JOIN alert_transition t ON t.outcome = o.id WHERE o.id = ?"),
        arguments: [firstOutcome])
    else { return }
    let cause = try row[of: "cause"] as Int64
    for entry in [cause, try row[of: "first_cause"]] { try hold(entry: entry, for: holder, line) }
    let scores = try Int64.fetchAll(
      db.cachedStatement(sql: "SELECT id FROM outcome WHERE cause = ? AND kind = ?"), arguments: [cause, OutcomeKind.scored.rawValue])
    for score in scores { try hold(score: score, for: holder, line) }
  }

  /// Open alerts whose first change this entry caused.
  package func openAlerts(causedBy cause: Int64) throws -> [Int64] {
    try Int64.fetchAll(
      db.cachedStatement(
        sql: "SELECT a.first_outcome FROM outcome o JOIN alert a ON a.first_outcome = o.id AND a.is_open = 1 WHERE o.cause = ?"),
      arguments: [cause])
  }

  private func hold(score outcome: Int64, for holder: Int64, _ line: Int64) throws {
    let sources = ScoreColumn.sources.map { "s.\($0.name)" }.joined(separator: ", ")
    guard
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT o.cause, \(sources) FROM score s JOIN outcome o ON o.id = s.outcome WHERE s.outcome = ?"),
        arguments: [outcome])
    else { return }
    if (row[0] as Int64) <= line {
      try db.cachedStatement(sql: "INSERT OR IGNORE INTO needed_score (outcome, holder) VALUES (?, ?)").execute(arguments: [
        outcome, holder,
      ])
    }
    for column in 1...ScoreColumn.sources.count { try hold(entry: row[column], for: holder, line) }
  }

  /// Only samples: nothing else is ever taken. A plan that gives the oxygen of every score needs no reference.
  private func hold(entry: Int64, for holder: Int64, _ line: Int64) throws {
    guard entry > 0, entry <= line else { return }
    try db.cachedStatement(
      sql: """
        INSERT OR IGNORE INTO needed_entry (sequence, holder)
        SELECT sequence, ?2 FROM entry WHERE sequence = ?1 AND kind IN \(EntryKind.samples)
        """
    ).execute(arguments: [entry, holder])
  }

  package func release(_ holder: Int64) throws {
    for table in ["needed_entry", "needed_score"] {
      try db.cachedStatement(sql: "DELETE FROM \(table) WHERE holder = ?").execute(arguments: [holder])
    }
  }
}

/// The row of `retention`; its columns are explained where the table is made.
package struct RetentionLine {
  package var heldThrough: Int64 = 0
  package var line: Int64 = 0
  package var rowsSeen: Int64 = 0
  package var rowsThrough: Int64 = 0
  package var outcomesSeen: Int64 = 0
  package var outcomesThrough: Int64 = 0

  package static func fetch(_ db: Database) throws -> Self {
    guard let row = try Row.fetchOne(db.cachedStatement(sql: "SELECT * FROM retention WHERE id = 1")) else { return Self() }
    return Self(
      heldThrough: try row[of: "held_through"], line: try row[of: "line"], rowsSeen: try row[of: "rows_seen"],
      rowsThrough: try row[of: "rows_through"],
      outcomesSeen: try row[of: "outcomes_seen"], outcomesThrough: try row[of: "outcomes_through"])
  }

  package func write(_ db: Database) throws {
    try db.insert(
      into: "retention",
      [
        "id": 1, "held_through": heldThrough, "line": line, "rows_seen": rowsSeen, "rows_through": rowsThrough,
        "outcomes_seen": outcomesSeen, "outcomes_through": outcomesThrough,
      ], .replace)
  }

  /// A line is drawn, and not everybody who was there before has been looked at.
  package var isDrawn: Bool { line > heldThrough }

  /// From now on whoever needs something up to `line` says so.
  package mutating func draw(_ line: Int64, lastSequence: Int64, _ db: Database) throws {
    self.line = line
    rowsThrough =
      try Int64.fetchOne(db, sql: "SELECT value FROM counter WHERE name = ?", arguments: [JournalCounter.outboxRow.rawValue]) ?? 0
    // The last entry may yet give a score that belongs to an alert which it has raised: such an alert is looked at now, and again with
    // the next line.
    outcomesThrough =
      try Int64.fetchOne(db, sql: "SELECT id FROM outcome WHERE cause < ? ORDER BY cause DESC, id DESC LIMIT 1", arguments: [lastSequence])
      ?? 0
    let needs = RetentionNeeds(db: db)
    for alert in try needs.openAlerts(causedBy: lastSequence) { try needs.hold(alert: alert) }
    try write(db)
  }
}

/// The look at everybody who was there before the line, a bounded piece at a time: lanes of the outbox, dead letters, open alerts.
package struct NeedsWalk {
  /// Rows between two looks whether somebody waits: less than a millisecond.
  package static let chunkRows = 128

  private var stage = Stage.outbox
  private var destination = Int64.min
  private var lane: Int64 = 0
  private var after: Int64 = 0
  private var isInLane = false

  private enum Stage: CaseIterable {
    case outbox, deadLetters, alerts
  }

  /// Moves `heldThrough` to the line when nobody is left.
  ///
  /// - Returns: rows that were looked at.
  package mutating func look(_ line: inout RetentionLine, rowsMax: Int, _ db: Database, yields: () -> Bool) throws -> Int {
    var looked = 0
    let needs = RetentionNeeds(db: db)
    while looked < rowsMax, looked == 0 || !yields() {
      let limit = min(Self.chunkRows, rowsMax - looked)
      let found = stage == .alerts ? try alerts(line, limit, needs) : try rows(line, limit, needs)
      looked += max(1, found ?? 0)
      if found != nil { continue }
      switch stage {
      case .outbox: self = Self(stage: .deadLetters)
      case .deadLetters: self = Self(stage: .alerts, after: line.outcomesSeen)
      case .alerts:
        line.heldThrough = line.line
        line.rowsSeen = line.rowsThrough
        line.outcomesSeen = max(line.outcomesSeen, line.outcomesThrough)
        try line.write(db)
        self = Self()
        return looked
      }
    }
    return looked
  }

  package init() {}

  private init(stage: Stage, after: Int64 = 0) {
    self.stage = stage
    self.after = after
  }

  /// Nil: no lane is left.
  private mutating func rows(_ line: RetentionLine, _ limit: Int, _ needs: RetentionNeeds) throws -> Int? {
    let table = stage == .outbox ? "outbox" : "dead_letter"
    if !isInLane {
      // From lane to lane by the key: what lies between is not read.
      let next = try Row.fetchOne(
        needs.db,
        sql: stage == .outbox
          ? "SELECT destination, lane FROM outbox WHERE (destination, lane) > (?, ?) ORDER BY destination, lane LIMIT 1"
          : "SELECT destination, ?2 AS lane FROM dead_letter WHERE destination > ?1 ORDER BY destination LIMIT 1",
        arguments: [destination, lane])
      guard let next else { return nil }
      (destination, lane, after, isInLane) = (try next[of: "destination"], try next[of: "lane"], line.rowsSeen, true)
    }
    // Dead letters lie in one row of rows for each destination.
    let condition = "x.destination = ?1 AND \(stage == .outbox ? "x.lane = ?2" : "?2 IS NOT NULL") AND x.row > ?3 AND x.row <= ?4"
    let found = try Int64.fetchAll(
      needs.db, sql: "SELECT x.row FROM \(table) x WHERE \(condition) ORDER BY x.row LIMIT ?5",
      arguments: [destination, lane, after, line.rowsThrough, limit])
    if let last = found.last {
      try needs.hold(rowsOf: table, condition, [destination, lane, after, last])
      after = last
    }
    isInLane = found.count == limit
    return found.count
  }

  /// Nil: no alert is left.
  private mutating func alerts(_ line: RetentionLine, _ limit: Int, _ needs: RetentionNeeds) throws -> Int? {
    let found = try Int64.fetchAll(
      needs.db,
      sql: "SELECT first_outcome FROM alert WHERE is_open = 1 AND first_outcome > ? AND first_outcome <= ? ORDER BY first_outcome LIMIT ?",
      arguments: [after, line.outcomesThrough, limit])
    for alert in found { try needs.hold(alert: alert) }
    after = found.last ?? after
    return found.isEmpty ? nil : found.count
  }
}
