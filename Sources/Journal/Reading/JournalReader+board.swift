// Everything that the nurses' board shows, from one moment of the journal and a fixed number of queries, however many alerts are
// open: a query for each alert made the board, and the end of the console, wait for seconds on a night with thousands.

internal import GRDB
internal import JournalFiles
import JournalValues
public import VitalSigns

/// The rows of one board.
public struct BoardRows: Sendable {
  /// Open alerts that somebody was told of: of one person, device and rule at most `JournalReader.boardOfOneMax` in each state, the newest.
  public var open: [AlertRow] = []
  /// How many more there are like it and older, beside the newest of those that were too many.
  public var alsoOpen: [AlertID: Int] = [:]
  /// Alerts that ended at `since` or later, newest first, at most `closedMax`.
  public var closed: [AlertRow] = []
  /// What people did to these alerts and when their values were told, oldest first.
  public var steps: [AlertID: [BoardStep]] = [:]
  /// Where the open alerts have gone, and where they have not.
  public var deliveries: [AlertID: [BoardDelivery]] = [:]
  public var people: [PatientID: PatientRow] = [:]
  public var devices: [DeviceID: DeviceRow] = [:]
  /// The latest scores of those with an open alert.
  public var scores: [PatientID: BoardScore] = [:]
  /// Display names.
  public var actors: [ActorID: String] = [:]
}

/// A step of an alert's life, as much of it as the board shows.
public struct BoardStep: Sendable, Hashable {
  public var kind: AlertTransitionKind
  public var value: Int32
  public var upper: Int32
  public var actor: ActorID
  public var wall: WallTime
}

/// How an alert stands with one destination.
public struct BoardDelivery: Sendable, Hashable {
  public enum State: Sendable, Hashable {
    case delivered
    /// Queued, and not confirmed yet.
    case waiting(attempts: Int)
    /// The destination refused it for good.
    case refused
  }
  public var destination: UInt32
  public var state: State
  /// Delivered: when it was last confirmed; waiting: since when; refused: when.
  public var at: WallTime
}

/// A person's latest score.
public struct BoardScore: Sendable {
  public var score: NEWS2Score
  public var wall: WallTime
}

extension JournalReader {
  /// Of one person, device, rule and state. As many as one press on a card acts on; of a flood the rest is a number, so that fifty
  /// thousand presses of one button cost everybody's board no more than a thousand.
  public static let boardOfOneMax = 1_024

  /// One board. Blocks for a few milliseconds with a hundred open alerts, for some hundred with five thousand.
  public func board(closedSince since: WallTime, closedMax: Int = 100) throws(JournalError) -> BoardRows {
    try read { db in
      var rows = BoardRows()
      let shown = try Self.shown(db, &rows)
      rows.open = try Row.fetchAll(
        db, sql: AlertRow.sql + " WHERE a.id IN \(Self.list) AND t.state <> ? ORDER BY a.first_outcome",
        arguments: [shown, Int64(AlertState.suspected.rawValue)]
      ).map { try AlertRow($0) }
      let ended = """
        SELECT alert FROM alert_transition WHERE outcome >= \(try Self.firstOutcome(db, since: since))
          AND kind IN \(sqlList([AlertTransitionKind.resolved, .cleared]))
        """
      rows.closed = try Row.fetchAll(
        db,
        sql: AlertRow.sql + """
           WHERE a.is_open = 0 AND a.raised_wall IS NOT NULL
            AND \(PlacedTime.wall("a", wall: "changed_wall", instant: "o.instant")) >= ? AND a.id IN (\(ended))
          ORDER BY a.changed_wall DESC LIMIT \(max(0, closedMax))
          """, arguments: [since.rawValue]
      ).map { try AlertRow($0) }
      try Self.steps(db, ended, shown, &rows)
      try Self.deliveries(db, shown, &rows)
      try Self.names(db, &rows)
      let people = "SELECT patient FROM alert WHERE is_open = 1"
      for stored in try StoredOutcome.fetch(
        db, where: "o.id IN (SELECT outcome FROM score_current WHERE patient IN (\(people)))", [])
      {
        guard case .scored(let score) = stored.outcome.payload else { continue }
        rows.scores[stored.outcome.patient] = BoardScore(score: score, wall: stored.outcome.wall)
      }
      return rows
    }
  }

  private static let list = "(SELECT value FROM json_each(?))"

  /// The ids of the open alerts that are shown, as a JSON array.
  private static func shown(_ db: Database, _ rows: inout BoardRows) throws -> String {
    let ranked = try Row.fetchAll(
      db,
      sql: """
        SELECT id, place, many FROM (
          SELECT id, row_number() OVER (PARTITION BY patient, device, rule, state ORDER BY first_outcome DESC) place,
            count(*) OVER (PARTITION BY patient, device, rule, state) many
          FROM alert WHERE is_open = 1)
        WHERE place <= \(boardOfOneMax)
        """)
    var ids: [String] = []
    for row in ranked {
      ids.append(try row[of: "id"])
      let many: Int = try row[of: "many"]
      if try row[of: "place"] as Int == 1, many > boardOfOneMax, let alert = AlertID(text: try row[of: "id"] as String) {
        rows.alsoOpen[alert] = many - boardOfOneMax
      }
    }
    // Ids are hexadecimal: nothing in them has to be escaped.
    return "[" + ids.map { "\"\($0)\"" }.joined(separator: ",") + "]"
  }

  /// The first outcome at or after a time: by halving, because outcomes are many and their times have no index.
  private static func firstOutcome(_ db: Database, since wall: WallTime) throws -> Int64 {
    guard let first = try Int64.fetchOne(db, sql: "SELECT min(id) FROM outcome"),
      let last = try Int64.fetchOne(db, sql: "SELECT max(id) FROM outcome")
    else { return 0 }
    var (low, high) = (first, last)
    while low < high {
      let middle = low + (high - low) / 2
      let statement = try db.cachedStatement(sql: "SELECT \(PlacedTime.wall("outcome")) FROM outcome WHERE id >= ? ORDER BY id LIMIT 1")
      if let at = try Int64.fetchOne(statement, arguments: [middle]), at < wall.rawValue { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func steps(_ db: Database, _ ended: String, _ shown: String, _ rows: inout BoardRows) throws {
    // What people did and how it ended; and for scores also raised and upgraded, which told a value.
    let acts = sqlList([AlertTransitionKind.acknowledged, .responding, .resolved, .cleared])
    let tells = sqlList([AlertTransitionKind.raised, .upgraded])
    let scores = sqlList([AlertRule.news2High, .news2Medium])
    let sql = """
      SELECT t.alert, t.kind, t.value, t.upper, t.actor, \(PlacedTime.wall("o", instant: "o.instant")) AS wall
      FROM alert_transition t JOIN outcome o ON o.id = t.outcome
      WHERE t.alert IN (SELECT value FROM json_each(?) UNION \(ended))
        AND (t.kind IN \(acts) OR (t.kind IN \(tells) AND t.rule IN \(scores)))
      ORDER BY t.outcome
      """
    for row in try Row.fetchAll(db, sql: sql, arguments: [shown]) {
      guard let alert = AlertID(text: try row[of: "alert"] as String),
        let kind = UInt8(exactly: try row[of: "kind"] as Int64).flatMap(AlertTransitionKind.init(rawValue:))
      else { continue }
      let value = Int32(truncatingIfNeeded: try row[of: "value"] as Int64)
      rows.steps[alert, default: []].append(
        BoardStep(
          kind: kind, value: value, upper: (try row[of: "upper"] as Int64?).map { Int32(truncatingIfNeeded: $0) } ?? value,
          actor: ActorID(rawValue: UInt32(truncatingIfNeeded: try row[of: "actor"] as Int64)), wall: WallTime(rawValue: try row[of: "wall"])
        ))
    }
  }

  private static func deliveries(_ db: Database, _ shown: String, _ rows: inout BoardRows) throws {
    func add(_ sql: String, _ arguments: StatementArguments, _ state: (Row) throws -> BoardDelivery.State) throws {
      for row in try Row.fetchAll(db, sql: sql, arguments: arguments) {
        guard let alert = AlertID(text: try row[of: "alert"] as String) else { continue }
        rows.deliveries[alert, default: []].append(
          BoardDelivery(
            destination: UInt32(truncatingIfNeeded: try row[of: "destination"] as Int64), state: try state(row),
            at: WallTime(rawValue: try row[of: "at"])))
      }
    }
    let open = "t.alert IN \(list)"
    try add(
      """
      SELECT t.alert, d.destination, max(d.settled) AS at FROM alert_transition t JOIN delivery d ON d.outcome = t.outcome
      WHERE \(open) GROUP BY t.alert, d.destination ORDER BY d.destination
      """, [shown]
    ) { _ in .delivered }
    // By destination, because the outbox is ordered by it: what a record system is owed may be millions of rows.
    let lane = Int64(OutboxLane.alarm.rawValue)
    for number in try Int64.fetchAll(db, sql: "SELECT number FROM destination ORDER BY number") {
      try add(
        """
        SELECT t.alert, x.destination, min(x.created) AS at, max(x.attempts) AS attempts
        FROM outbox x JOIN alert_transition t ON t.outcome = x.outcome
        WHERE x.destination = ? AND x.lane = ? AND \(open) GROUP BY t.alert
        """, [number, lane, shown]
      ) { .waiting(attempts: Int(truncatingIfNeeded: try $0[of: "attempts"] as Int64)) }
      try add(
        """
        SELECT t.alert, x.destination, max(x.refused) AS at FROM dead_letter x JOIN alert_transition t ON t.outcome = x.outcome
        WHERE x.destination = ? AND x.lane = ? AND \(open) GROUP BY t.alert
        """, [number, lane, shown]
      ) { _ in .refused }
    }
  }

  private static func names(_ db: Database, _ rows: inout BoardRows) throws {
    let shown = rows.open + rows.closed
    let people = Set(shown.map(\.patient.rawValue)).sorted().map(String.init).joined(separator: ",")
    for row in try Row.fetchAll(db, sql: PatientRow.sql + " WHERE p.id IN (\(people))").map(PatientRow.init) { rows.people[row.id] = row }
    let devices = Set(shown.map(\.device.rawValue)).sorted().map(String.init).joined(separator: ",")
    for row in try Row.fetchAll(db, sql: DeviceRow.sql + " WHERE d.id IN (\(devices))").map(DeviceRow.init) { rows.devices[row.id] = row }
    let actors = Set(rows.steps.values.joined().map(\.actor.rawValue)).sorted().map(String.init).joined(separator: ",")
    for row in try Row.fetchAll(db, sql: "SELECT id, display_name FROM actor WHERE id IN (\(actors))") {
      rows.actors[ActorID(rawValue: UInt32(truncatingIfNeeded: try row[of: "id"] as Int64))] = try row[of: "display_name"]
    }
  }
}
