// A new life of the same hub, after its journal was restored from a copy. The original may have given numbers after the copy was taken,
// and told them to others; so every number begins anew where it cannot have been: alert ids by a new salt, sequences, outcomes and
// deliveries by `lift`, people's, devices' and actors' numbers by a floor.

internal import GRDB
package import Journal
internal import JournalFiles
package import JournalValues
package import VitalSigns

extension JournalWriter {
  /// More people, devices or accounts than anybody registers between a copy and its restoring: a hub has at most 262 144 devices.
  static let numbersApart: Int64 = 300_000

  /// Begins the next generation in this journal, which is a copy that nobody runs on yet.
  ///
  /// - Parameters:
  ///   - reason: `restored` or `salvaged`.
  ///   - since: from when on entries may be missing.
  ///   - told: what people are told at the first start, a sentence without a full stop.
  ///   - above: a generation that somebody else has begun.
  /// - Returns: the new generation; the first life of a hub was 1.
  package func beginGeneration(
    _ reason: GapReason, since: WallTime?, wall: WallTime, told: String, keepsSnapshots: Bool, above: Int = 0
  ) throws(JournalError) -> Int {
    let set = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
    let generation = try journalErrors {
      try queue.writeWithoutTransaction { db in
        var generation = 0
        try db.inTransaction(.immediate) {
          generation = try max(Int(Self.number(db, "generation") ?? 1), above) + 1
          let highest =
            try Int64.fetchOne(
              db,
              sql:
                "SELECT max(id) FROM (SELECT max(id) id FROM patient UNION SELECT max(id) FROM device UNION SELECT max(id) FROM actor)"
            ) ?? 0
          for (key, value) in [
            ("generation", Int64(generation)), ("hub_salt", Int64(bitPattern: around.random())),
            ("number_floor", max(highest, try Self.number(db, "number_floor") ?? 0) + Self.numbersApart),
          ] { try db.execute(sql: set, arguments: [key, value]) }
          try db.execute(sql: set, arguments: ["begun_anew", told])
          // Another file than the original's: what copies of the registry say of that one is not held against this.
          try db.execute(sql: set, arguments: ["journal_id", around.uuid()])
          return .commit
        }
        return generation
      }
    }
    try lift(reason: reason, wall: wall, since: since, keepsSnapshots: keepsSnapshots)
    return generation
  }

  /// The number of an account in the journal, or a new one that is to be added.
  package func actor(account: String, role: String) throws(JournalError) -> (id: ActorID, added: ActorRecord?) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        if let known = try Int64.fetchOne(db, sql: "SELECT id FROM actor WHERE account = ? ORDER BY id", arguments: [account]) {
          return (ActorID(rawValue: UInt32(truncatingIfNeeded: known)), nil)
        }
        let highest = max(try Int64.fetchOne(db, sql: "SELECT max(id) FROM actor") ?? 0, try Self.number(db, "number_floor") ?? 0)
        let record = ActorRecord(
          id: ActorID(rawValue: UInt32(truncatingIfNeeded: highest + 1)), account: account, displayName: account, role: role)
        return (record.id, record)
      }
    }
  }
}
