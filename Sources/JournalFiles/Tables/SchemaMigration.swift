// How a file of an older version becomes one of this version: migrations of parts, parts of bounded steps. Each step is a transaction of
// its own, and says in the same transaction how far it came. So a program that is killed at any moment goes on where it was, a full disk
// undoes one step, and the log of SQLite stays short however large the file is.
//
// Half way. The first step of a migration raises `user_version` to the new number and writes the row `migration` into `meta`; the last
// takes that row away. A program that is older than the number refuses the file by the number. One that knows the number reads
// the row: as long as it is there, only a writer may open the file, and goes on with it. So no program ever takes half a version for a whole one.

package import GRDB
package import JournalValues

/// From one version to the next.
package struct SchemaMigration: Sendable {
  /// What `user_version` is afterwards; 1 more than before.
  package let version: Int
  package let parts: [SchemaPart]

  package init(version: Int, _ parts: [SchemaPart]) {
    self.version = version
    self.parts = parts
  }
}

/// A part of a migration, in as many steps as it takes.
package struct SchemaPart: Sendable {
  /// For people: what is being done.
  package let name: String
  /// Where the walk ends, for telling how far it is; nil: it is one step.
  let goal: (@Sendable (Database) throws -> Int64)?
  /// Does at most `rows` rows after `position`. Gives the position to go on from, nil when nothing is left.
  let step: @Sendable (_ db: Database, _ position: Int64, _ rows: Int) throws -> Int64?

  /// One step whatever the size of the file: tables, columns.
  package static func once(_ name: String, _ statements: [String]) -> Self {
    Self(name: name, goal: nil) { db, _, _ in
      for statement in statements { try db.execute(sql: statement) }
      return nil
    }
  }

  /// A walk over rows, from position 0.
  package static func walk(
    _ name: String, goal: @escaping @Sendable (Database) throws -> Int64,
    step: @escaping @Sendable (_ db: Database, _ position: Int64, _ rows: Int) throws -> Int64?
  ) -> Self { Self(name: name, goal: goal, step: step) }
}

/// How far a file is.
package struct SchemaPosition: Sendable, Hashable {
  /// `user_version`.
  package var version: Int
  /// The part and the position in it that are next; nil: the version is whole.
  package var halfWay: HalfWay?

  package struct HalfWay: Sendable, Hashable {
    var part: Int
    var position: Int64
  }

  /// Of this file. Throws when it says something about itself that no program of ours has written.
  package init(_ db: Database) throws {
    version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    guard version > 0, let text = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = '\(Self.key)'") else { return }
    let numbers = text.split(separator: " ").map { Int64($0) }
    guard numbers.count == 3, let of = numbers[0], let part = numbers[1], let position = numbers[2], of == version, part >= 0, part < 1_000
    else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the row of an unfinished migration cannot be read") }
    halfWay = HalfWay(part: Int(part), position: position)
  }

  fileprivate static let key = "migration"

  fileprivate func write(_ db: Database) throws {
    if let halfWay {
      try db.execute(
        sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
        arguments: [Self.key, "\(version) \(halfWay.part) \(halfWay.position)"])
    } else {
      try db.execute(sql: "DELETE FROM meta WHERE key = ?", arguments: [Self.key])
    }
    if try Int.fetchOne(db, sql: "PRAGMA user_version") != version { try db.execute(sql: "PRAGMA user_version = \(version)") }
  }
}

/// Brings a file up to date.
package struct SchemaUpgrade {
  /// In order; the first makes version 1.
  package let migrations: [SchemaMigration]
  /// Rows of one step: some milliseconds, and a log of less than a MiB.
  package var rowsOfStep = 2_000
  /// Ends after so many steps, for tests of what a kill leaves. Nil: none.
  package var stepsMax: Int?

  package init(_ migrations: [SchemaMigration]) {
    precondition(migrations.map(\.version) == Array(1...max(1, migrations.count)), "versions follow each other")
    self.migrations = migrations
  }

  /// Does what is left, step by step. Blocks. A file without tables is made in one transaction, whole or not at all.
  ///
  /// - Parameter told: called after each step of an older file.
  /// - Returns: true when nothing is left; false only by `stepsMax`.
  @discardableResult package func run(on queue: DatabaseQueue, told: (UpgradeProgress) -> Void = { _ in }) throws -> Bool {
    var steps = 0
    while true {
      let (isDone, progress) = try queue.writeWithoutTransaction { db in
        // Read first: a file that is up to date is not written to, not even locked.
        if try isWhole(SchemaPosition(db)) { return (true, UpgradeProgress?.none) }
        if steps == stepsMax { return (false, nil) }
        var progress: UpgradeProgress?
        try db.inTransaction(.immediate) {
          let before = try SchemaPosition(db)
          if before.version == 0 { try makeAll(db) } else { progress = try step(db, before) }
          return .commit
        }
        return (false, progress)
      }
      if isDone || steps == stepsMax { return isDone }
      steps += 1
      if let progress { told(progress) }
    }
  }

  private func isWhole(_ position: SchemaPosition) -> Bool { position.version >= migrations.count && position.halfWay == nil }

  private func makeAll(_ db: Database) throws {
    for migration in migrations {
      for part in migration.parts {
        var position: Int64? = 0
        while let from = position { position = try part.step(db, from, rowsOfStep) }
      }
    }
    try db.execute(sql: "PRAGMA user_version = \(migrations.count)")
  }

  private func step(_ db: Database, _ before: SchemaPosition) throws -> UpgradeProgress {
    let migration = before.halfWay == nil ? migrations[before.version] : migrations[before.version - 1]
    let at = before.halfWay ?? SchemaPosition.HalfWay(part: 0, position: 0)
    guard at.part < migration.parts.count else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the row of an unfinished migration names a part that is not there")
    }
    let part = migration.parts[at.part]
    let next = try part.step(db, at.position, rowsOfStep)
    var after = before
    after.version = migration.version
    if let next {
      after.halfWay = SchemaPosition.HalfWay(part: at.part, position: next)
    } else {
      after.halfWay = at.part + 1 < migration.parts.count ? SchemaPosition.HalfWay(part: at.part + 1, position: 0) : nil
    }
    try after.write(db)
    let goal = try part.goal?(db) ?? 0
    let share = next.map { goal > 0 ? min(1, Double($0) / Double(goal)) : 0 } ?? 1
    return UpgradeProgress(
      version: migration.version, of: migrations.count, part: part.name,
      percent: Int((Double(at.part) + share) * 100 / Double(migration.parts.count)))
  }
}
