// What was written while the hub's wall clock was in doubt, placed on the clock that was found to be right: the timeline's instant and
// the line between timeline and wall clock give the time. The rows keep what was written. One place for the SQL, so that the board, records,
// explanations and exports all say the same time.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

/// Namespace of the SQL.
enum PlacedTime {
  /// The most doubts that are kept; the oldest go. A start of a board without a clock is one: a start a day for more than ten years.
  static let doubtsMax = 4_096

  /// The wall time of a row of `table` (or alias), as a SQL expression. `wall` and `instant` name its columns.
  static func wall(_ table: String, wall: String = "wall", instant: String = "instant") -> String {
    "coalesce((SELECT \(instant) / 1000000 + d.difference \(covering(instant)) AND d.difference IS NOT NULL), \(table).\(wall))"
  }

  /// The latest wall time at which a row of `entry` can have been written: what retention counts from. While nobody can say, the end of time.
  static func latest(_ table: String) -> String {
    let instant = "\(table).instant"
    return """
      coalesce((SELECT CASE WHEN d.difference IS NOT NULL THEN \(instant) / 1000000 + d.difference
        ELSE coalesce(d.not_after, \(Int64.max)) END \(covering(instant))), \(table).wall)
      """
  }

  /// 1 for a row whose wall time is in doubt, and was not placed.
  static func isUncertain(instant: String) -> String { "EXISTS (SELECT 1 \(covering(instant)) AND d.difference IS NULL)" }

  /// One entry with its wall time placed.
  static func entry(_ db: Database, _ sequence: UInt64) throws -> IntakeEntry? {
    guard var entry = try EntryStream.entry(db, sequence) else { return nil }
    let placed = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT \(Self.wall("e", instant: "e.instant")) FROM entry e WHERE e.sequence = ?"),
      arguments: [signed(sequence)])
    entry.wall = placed.map(WallTime.init(rawValue:)) ?? entry.wall
    return entry
  }

  /// The doubt in which an instant lies: the last that began before.
  static func covering(_ instant: String) -> String {
    """
    FROM clock_doubt d WHERE d.first_instant = (SELECT max(f.first_instant) FROM clock_doubt f WHERE f.first_instant <= \(instant))
      AND \(instant) < coalesce(d.last_instant, \(Int64.max))
    """
  }
}

extension QuerySection {
  /// With the wall time of the rows placed.
  init(_ alias: String, from start: Int = 0, placing wall: Column) {
    let columns = Column.allCases.map { column in
      column.rawValue == wall.rawValue
        ? PlacedTime.wall(alias, wall: column.name, instant: "\(alias).instant") : "\(alias).\(column.name)"
    }
    self.init(columns: columns, from: start)
  }
}

extension JournalReader {
  /// Whether what was written at this instant has a wall time that is in doubt, and was not placed.
  static func isTimeUncertain(_ db: Database, at instant: MonotonicInstant) throws -> Bool {
    try Bool.fetchOne(db.cachedStatement(sql: "SELECT \(PlacedTime.isUncertain(instant: "?1"))"), arguments: [instant.rawValue]) ?? false
  }

  /// The first entry whose routine records wait for the hub's clock; nil when none do.
  static func firstHeld(_ db: Database) throws -> Int64? {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(first_sequence) FROM clock_doubt WHERE is_held = 1"))
  }
}

extension ClockDoubt {
  static func fetch(_ db: Database, limit: Int) throws -> [Self] {
    try Row.fetchAll(db, sql: "SELECT * FROM clock_doubt ORDER BY first_instant DESC LIMIT \(max(0, limit))").map { row in
      Self(
        firstSequence: UInt64(bitPattern: try row[of: "first_sequence"] as Int64),
        firstInstant: MonotonicInstant(rawValue: try row[of: "first_instant"]),
        lastInstant: (try row[of: "last_instant"] as Int64?).map(MonotonicInstant.init(rawValue:)), bootID: try row[of: "boot_id"],
        reason: UInt8(exactly: try row[of: "reason"] as Int64).flatMap(ClockDoubtReason.init(rawValue:)) ?? .set,
        recorded: try row[of: "recorded"],
        difference: try row[of: "difference"], isHeld: try row[of: "is_held"])
    }
  }
}
