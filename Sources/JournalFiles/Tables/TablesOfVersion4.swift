// Version 4: retention knows what is still needed by reference, and remembers what it passed by.
//
// `observation.previous` stays once more. It is NULL in all rows since version 3, one byte each; to take it out, every row of the largest
// table would be written anew. Retention takes the rows that still hold a number.

internal import GRDB

/// What version 4 adds.
package enum TablesOfVersion4 {
  package static let tables = [
    """
    -- Who still needs an old entry (or score): retention leaves it. `holder`: the row of the outbox or of the dead letters; an open
    -- alert as minus its first outcome. There is a row only for what retention could otherwise take: see `retention`.
    CREATE TABLE needed_entry (
      sequence INTEGER NOT NULL, holder INTEGER NOT NULL, PRIMARY KEY (sequence, holder)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX needed_entry_by_holder ON needed_entry (holder)",
    """
    CREATE TABLE needed_score (
      outcome INTEGER NOT NULL, holder INTEGER NOT NULL, PRIMARY KEY (outcome, holder)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX needed_score_by_holder ON needed_score (holder)",
    """
    -- Causes that retention passed by, because their entry or a score of theirs was needed then. It looks at them again.
    CREATE TABLE passed (sequence INTEGER PRIMARY KEY) STRICT
    """,
    """
    -- held_through: retention may take entries up to here, because all who need one of them have a row above.
    -- line: whoever newly needs something up to here writes that row with it; once all rows and alerts that were there before the line
    -- was drawn (rows_through, outcomes_through) are looked at, held_through is moved to the line.
    -- rows_seen, outcomes_seen: rows of the outbox and first outcomes of alerts that have been looked at, each once.
    CREATE TABLE retention (
      id INTEGER PRIMARY KEY CHECK (id = 1), held_through INTEGER NOT NULL, line INTEGER NOT NULL,
      rows_seen INTEGER NOT NULL, rows_through INTEGER NOT NULL, outcomes_seen INTEGER NOT NULL, outcomes_through INTEGER NOT NULL
    ) STRICT
    """,
    "INSERT INTO retention VALUES (1, 0, 0, 0, 0, 0, 0)",
    // The number of the file alone says what it is.
    "DROP TABLE IF EXISTS grdb_migrations",
  ]

  /// What earlier versions passed by and forgot: samples that were needed when they were old enough to go, and stayed for ever.
  package static let passedEntries = SchemaPart.walk("old entries", goal: purgedThrough) { db, position, rows in
    let end = try Int64.fetchOne(
      db, sql: "SELECT max(sequence) FROM (SELECT sequence FROM entry WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?)",
      arguments: [position, try purgedThrough(db), rows])
    guard let end else { return nil }
    // 1 observation, 2 event, 3 location: what retention may forget.
    try db.execute(
      sql: "INSERT OR IGNORE INTO passed (sequence) SELECT sequence FROM entry WHERE sequence > ? AND sequence <= ? AND kind IN (1, 2, 3)",
      arguments: [position, end])
    return end
  }

  package static let passedScores = SchemaPart.walk("old scores", goal: purgedThrough) { db, position, rows in
    // 1: a score.
    let end = try Int64.fetchOne(
      db, sql: "SELECT max(cause) FROM (SELECT cause FROM outcome WHERE cause > ? AND cause <= ? ORDER BY cause LIMIT ?)",
      arguments: [position, try purgedThrough(db), rows])
    guard let end else { return nil }
    try db.execute(
      sql: "INSERT OR IGNORE INTO passed (sequence) SELECT cause FROM outcome WHERE cause > ? AND cause <= ? AND kind = 1",
      arguments: [position, end])
    return end
  }

  @Sendable private static func purgedThrough(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'purged_through'") ?? 0
  }
}
