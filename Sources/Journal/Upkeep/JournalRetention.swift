// What is forgotten, and when: the oldest samples, scores and delivered rows, in bounded steps on the writer's thread.
//
// Purging and replay: everything after the older of the two snapshots is untouched, so a start from either snapshot is
// exact. A replay from the beginning is exact only while nothing has been purged; `purged_through` says so.

internal import GRDB
public import VitalSigns

/// What may be forgotten. Registry changes, plans, clock anchors, commands, alerts, the access log and gaps never are.
public struct RetentionLimits: Sendable, Hashable {
  /// Observations, events, fixes and scores that reached the hub before this may go.
  public var samplesBefore: WallTime
  /// Delivered rows that were settled before this may go.
  public var deliveriesBefore: WallTime

  public init(samplesBefore: WallTime, deliveriesBefore: WallTime) {
    self.samplesBefore = samplesBefore
    self.deliveriesBefore = deliveriesBefore
  }
}

/// What one step of `purge` did.
public struct PurgeReport: Sendable, Hashable {
  public var entries = 0
  public var scores = 0
  public var deliveries = 0
  /// Nothing more to do for these limits.
  public var isDone = true
}

extension JournalWriter {
  /// Forgets the oldest of what the limits allow, at most `rowsMax` entries, in one transaction. Call until `isDone`.
  ///
  /// Kept whatever its age: what the older of the two snapshots does not cover yet, what a destination still has to get
  /// or refused, what raised an open alert, what a current score rests on. Without two snapshots no sample is purged.
  ///
  /// Without `rowsMax` a step takes as many rows as fit into `PurgePace.millisecondsMax` by the last step's measure.
  public func purge(_ limits: RetentionLimits, rowsMax: Int? = nil) throws(JournalError) -> PurgeReport {
    let rows = rowsMax ?? purgePace.rows
    let began = configuration.surroundings.monotonic()
    let report = try purgeStep(limits, rows)
    if rowsMax == nil { purgePace.took(.nanoseconds(configuration.surroundings.monotonic() - began), wasFull: !report.isDone) }
    return report
  }

  private func purgeStep(_ limits: RetentionLimits, _ rowsMax: Int) throws(JournalError) -> PurgeReport {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        // Without room on the disk a step must still be possible: its lists stay in memory. The longest is that of what destinations
        // still have to get.
        try db.execute(sql: "PRAGMA temp_store = MEMORY")
        var report = PurgeReport()
        try db.inTransaction(.immediate) {
          let deliveries = try RetentionStep.deliveries(db, limits, rowsMax)
          if let step = try RetentionStep(db, limits, rowsMax) { report = try step.run(db) }
          report.deliveries = deliveries
          report.isDone = report.isDone && deliveries < rowsMax
          return .commit
        }
        return report
      }
    }
  }
}

/// How many rows one step of retention takes, so that the writer's thread is never away for long.
struct PurgePace: Sendable, Equatable {
  /// A group of values waits for as long as this and no longer; an acknowledgement is not due before.
  static let millisecondsMax: Int64 = 20
  static let rowsRange = 100...20_000
  private(set) var rows = 1_000

  /// Halves after a step that was too long, grows by a quarter after one that was short and had more to do.
  mutating func took(_ duration: Duration, wasFull: Bool) {
    let milliseconds = duration.wholeMilliseconds
    if milliseconds > Self.millisecondsMax {
      rows = max(Self.rowsRange.lowerBound, rows / 2)
    } else if milliseconds <= Self.millisecondsMax / 2, wasFull {
      rows = min(Self.rowsRange.upperBound, rows + rows / 4)
    }
  }
}

/// One bounded stretch of entries to purge: after `start`, up to `end`, of all that may go up to `goal`.
private struct RetentionStep {
  let start: Int64
  let end: Int64
  let goal: Int64

  static func deliveries(_ db: Database, _ limits: RetentionLimits, _ rowsMax: Int) throws -> Int {
    try db.execute(
      sql: "DELETE FROM delivery WHERE (destination, row) IN (SELECT destination, row FROM delivery WHERE settled < ? LIMIT ?)",
      arguments: [limits.deliveriesBefore.rawValue, rowsMax])
    return db.changesCount
  }

  /// Nil when nothing may go.
  init?(_ db: Database, _ limits: RetentionLimits, _ rowsMax: Int) throws {
    let snapshots = try Int64.fetchAll(db, sql: "SELECT sequence FROM snapshot ORDER BY sequence")
    guard snapshots.count >= 2, let horizon = snapshots.first else { return nil }
    start = try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'purged_through'") ?? 0
    // Only this step's stretch is looked at: a look for the first young sample of all would read everything that is old.
    let reach = try Int64.fetchOne(
      db, sql: "SELECT max(sequence) FROM (SELECT sequence FROM entry WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?)",
      arguments: [start, horizon, rowsMax])
    guard let reach else { return nil }
    // Wall times rise with the sequence unless the clock was stepped; then the first young sample ends the stretch.
    let young = try Int64.fetchOne(
      db,
      sql: """
        SELECT sequence FROM entry WHERE sequence > ? AND sequence <= ? AND wall >= ? AND kind IN \(EntryKind.samples)
        ORDER BY sequence LIMIT 1
        """, arguments: [start, reach, limits.samplesBefore.rawValue])
    goal = young.map { $0 - 1 } ?? horizon
    end = young.map { $0 - 1 } ?? reach
    if end <= start { return nil }
  }

  func run(_ db: Database) throws -> PurgeReport {
    try collectPinned(db)
    var report = PurgeReport()
    try db.execute(sql: "CREATE TEMP TABLE IF NOT EXISTS purged (sequence INTEGER PRIMARY KEY)")
    try db.execute(sql: "DELETE FROM purged")
    try db.execute(
      sql: """
        INSERT INTO purged (sequence) SELECT sequence FROM entry
        WHERE sequence > ? AND sequence <= ? AND kind IN \(EntryKind.samples) AND sequence NOT IN (SELECT sequence FROM pinned_entry)
        """, arguments: [start, end])
    for table in ["observation", "device_event", "location_fix", "device_time", "note", "entry"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE sequence IN (SELECT sequence FROM purged)")
      report.entries = db.changesCount
    }
    // Scores and remarks go with the stretch; alert transitions stay.
    try db.execute(
      sql: """
        DELETE FROM score WHERE outcome IN (SELECT id FROM outcome WHERE cause > ? AND cause <= ? AND kind = ?)
          AND outcome NOT IN (SELECT outcome FROM pinned_score)
        """, arguments: [start, end, OutcomeKind.scored.rawValue])
    report.scores = db.changesCount
    try db.execute(
      sql: """
        DELETE FROM outcome WHERE cause > ? AND cause <= ? AND (kind = ? AND cause IN (SELECT sequence FROM purged)
          OR kind = ? AND id NOT IN (SELECT outcome FROM pinned_score))
        """, arguments: [start, end, OutcomeKind.remark.rawValue, OutcomeKind.scored.rawValue])
    try db.execute(sql: "UPDATE meta SET value = ? WHERE key = 'purged_through'", arguments: [end])
    report.isDone = end >= goal
    return report
  }

  /// Current scores, those that open alerts and unsettled rows tell of, and all entries that these rest on.
  private func collectPinned(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TEMP TABLE IF NOT EXISTS pinned_score (outcome INTEGER PRIMARY KEY);
        CREATE TEMP TABLE IF NOT EXISTS pinned_entry (sequence INTEGER PRIMARY KEY);
        DELETE FROM pinned_score;
        DELETE FROM pinned_entry;
        INSERT OR IGNORE INTO pinned_score (outcome)
          SELECT outcome FROM score_current UNION SELECT outcome FROM outbox WHERE outcome <> 0
          UNION SELECT outcome FROM dead_letter WHERE outcome <> 0
          UNION SELECT o.id FROM alert a JOIN outcome f ON f.id = a.first_outcome JOIN outcome o ON o.cause = f.cause WHERE a.is_open = 1;
        INSERT OR IGNORE INTO pinned_entry (sequence)
          SELECT sequence FROM outbox UNION SELECT sequence FROM dead_letter
          UNION SELECT t.first_cause FROM alert a JOIN alert_transition t ON t.outcome = a.first_outcome WHERE a.is_open = 1
          UNION SELECT o.cause FROM alert a JOIN outcome o ON o.id = a.first_outcome WHERE a.is_open = 1;
        """)
    for source in ScoreColumn.sources {
      try db.execute(
        sql: """
          INSERT OR IGNORE INTO pinned_entry (sequence)
          SELECT \(source.name) FROM score WHERE outcome IN (SELECT outcome FROM pinned_score)
          """)
    }
  }
}
