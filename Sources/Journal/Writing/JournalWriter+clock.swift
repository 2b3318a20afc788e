// What the writer keeps of the hub's own clock: notes of belief and doubt, outside of the groups, because no entry causes them.

internal import GRDB
internal import JournalFiles
public import JournalValues
internal import VitalSigns

extension JournalWriter {
  /// What the last run knew of the clock. Blocks on the disk.
  public func clockStanding() throws(JournalError) -> (believed: BelievedTime?, doubt: ClockDoubt?) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        let believed = try Row.fetchOne(db, sql: "SELECT boot_id, instant, wall FROM clock_believed").map {
          BelievedTime(
            bootID: try $0[of: "boot_id"], instant: MonotonicInstant(rawValue: try $0[of: "instant"]),
            wall: WallTime(rawValue: try $0[of: "wall"]))
        }
        let newest = try ClockDoubt.fetch(db, limit: 1).first
        return (believed, newest?.lastInstant == nil ? newest : nil)
      }
    }
  }

  /// Keeps these notes, durably and all together. Blocks on the disk.
  public func keep(_ notes: [ClockNote]) throws(JournalError) {
    if notes.isEmpty { return }
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          for note in notes { try Self.keep(note, db) }
          return .commit
        }
      }
    }
  }

  private static func keep(_ note: ClockNote, _ db: Database) throws {
    switch note {
    case .believed(let time):
      try db.insert(
        into: "clock_believed",
        ["id": 1, "boot_id": time.bootID, "instant": time.instant.rawValue, "wall": time.wall.rawValue], .replace)
      // Of what was never placed it is now known that it is no younger than this.
      try db.execute(
        sql: "UPDATE clock_doubt SET not_after = ? WHERE difference IS NULL AND not_after IS NULL AND last_instant IS NOT NULL",
        arguments: [time.wall.rawValue])
    case .doubted(let doubt):
      try db.insert(
        into: "clock_doubt",
        [
          "first_instant": doubt.firstInstant.rawValue, "last_instant": doubt.lastInstant?.rawValue,
          "first_sequence": signed(doubt.firstSequence), "boot_id": doubt.bootID, "reason": Int64(doubt.reason.rawValue),
          "recorded": doubt.recorded, "difference": doubt.difference, "is_held": doubt.isHeld,
        ], .replace)
      try db.execute(
        sql: """
          DELETE FROM clock_doubt WHERE first_instant IN (
            SELECT first_instant FROM clock_doubt ORDER BY first_instant DESC LIMIT -1 OFFSET ?)
          """,
        arguments: [PlacedTime.doubtsMax])
    case .released(let first):
      try db.execute(sql: "UPDATE clock_doubt SET is_held = 0 WHERE first_instant = ?", arguments: [first.rawValue])
    case .ended(let first, let last, let difference):
      try db.execute(
        sql: "UPDATE clock_doubt SET last_instant = ?, difference = ?, is_held = 0 WHERE first_instant = ?",
        arguments: [last.rawValue, difference, first.rawValue])
    }
  }
}
