// A salvaged journal agrees with itself again: an entry without its content, or content without its entry, would end every replay; an
// alert that points to a change which is lost would not be on the board; a delivery of something that is lost would hold up the others.

internal import GRDB
internal import Journal
internal import JournalValues
internal import VitalSigns

/// What was left out because it had lost its other half.
struct SalvageAgreement {
  var entries = 0
  var outcomes = 0
  var deliveries = 0

  /// The table with the content of each kind, by the names in `vocabulary`.
  private static let contents = [
    "observation": "observation", "event": "device_event", "location": "location_fix", "registry": "registry_change",
    "command": "alert_command", "clock": "clock_anchor", "hubCondition": "hub_condition",
  ]
  private static let outcomeContents = ["scored": "score", "alert": "alert_transition"]

  /// In one transaction.
  init(_ db: Database, now: WallTime) throws {
    try db.inTransaction(.immediate) {
      for (name, table) in Self.contents.sorted(by: { $0.key < $1.key }) {
        guard let kind = try Self.number(db, "entryKind", name) else { continue }
        try Self.noteGap(db, kind, table, now)
        entries += try Self.delete(db, "entry WHERE kind = \(kind) AND sequence NOT IN (SELECT sequence FROM \(table))")
        _ = try Self.delete(db, "\(table) WHERE sequence NOT IN (SELECT sequence FROM entry WHERE kind = \(kind))")
      }
      for (name, table) in Self.outcomeContents.sorted(by: { $0.key < $1.key }) {
        guard let kind = try Self.number(db, "outcomeKind", name) else { continue }
        outcomes += try Self.delete(db, "outcome WHERE kind = \(kind) AND id NOT IN (SELECT outcome FROM \(table))")
        _ = try Self.delete(db, "\(table) WHERE outcome NOT IN (SELECT id FROM outcome WHERE kind = \(kind))")
      }
      // They are made again from the changes that are left.
      _ = try Self.delete(
        db,
        "alert WHERE last_outcome NOT IN (SELECT outcome FROM alert_transition) OR first_outcome NOT IN (SELECT outcome FROM alert_transition)"
      )
      deliveries += try Self.delete(
        db,
        "outbox WHERE outcome = 0 AND sequence NOT IN (SELECT sequence FROM entry) OR outcome <> 0 AND outcome NOT IN (SELECT id FROM outcome)"
      )
      return .commit
    }
  }

  private static func number(_ db: Database, _ domain: String, _ name: String) throws -> Int64? {
    try Int64.fetchOne(db, sql: "SELECT value FROM vocabulary WHERE domain = ? AND name = ?", arguments: [domain, name])
  }

  private static func delete(_ db: Database, _ what: String) throws -> Int {
    try db.execute(sql: "DELETE FROM \(what)")
    return db.changesCount
  }

  /// One gap for each kind, from the first to the last of them, with their number.
  private static func noteGap(_ db: Database, _ kind: Int64, _ table: String, _ now: WallTime) throws {
    try db.execute(
      sql: """
        INSERT INTO gap (reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open)
        SELECT ?, min(sequence), max(sequence), count(*), min(wall), max(wall), 0 FROM entry
        WHERE kind = ? AND sequence NOT IN (SELECT sequence FROM \(table)) HAVING count(*) > 0
        """, arguments: [GapReason.salvaged.rawValue, kind])
  }
}
