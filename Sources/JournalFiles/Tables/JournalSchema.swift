// Which versions the journal's file has had, and what leads from each to the next. The tables stand beside it. A released
// migration is never edited: a new one follows it.

package import GRDB
package import JournalValues

package enum JournalSchema {
  /// "KNPT": how `file` and other programs know the format.
  package static let applicationID: Int64 = 0x4B4E_5054
  /// The newest version that this program reads and writes.
  package static let version = migrations.count

  package static let migrations = [
    SchemaMigration(version: 1, [.once("tables", ReleasedTables.version1)]),
    SchemaMigration(version: 2, [.once("columns", ReleasedTables.version2)]),
    SchemaMigration(version: 3, [.once("tables", ReleasedTables.version3)]),
    SchemaMigration(
      version: 4,
      [
        .once("tables", TablesOfVersion4.tables),
        .once("the hub's clock", [ClockSchema.tables]),
        .once("counters of alert ids", [IdentityTables.sql]),
        // One line a part; a part that another file describes stands here, too.
        TablesOfVersion4.passedEntries,
        TablesOfVersion4.passedScores,
      ]),
    SchemaMigration(version: 5, [.once("records of people", [PersonRecordSchema.tables])]),
  ]

  /// Makes the tables of a new file, or goes on with an older one from wherever it is. Blocks.
  package static func upgrade(_ queue: DatabaseQueue, told: (UpgradeProgress) -> Void = { _ in }) throws {
    try SchemaUpgrade(migrations).run(on: queue, told: told)
  }
}
