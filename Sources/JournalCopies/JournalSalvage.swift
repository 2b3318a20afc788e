// What can be read of a damaged journal, in a fresh one. Debian's SQLite has no recovery extension, so this asks with ordinary SELECTs:
// each table forwards until a page cannot be read, backwards from its end until one cannot, and what lies between in halves, so that
// only the rows on damaged pages are lost. A damaged inner page hides the rows below it; a page that was overwritten with something
// that looks sound is not noticed, but for what the tables' types refuse. The old file is opened for reading and stays as it is.

internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
internal import JournalValues
internal import VitalSigns

/// What became of one table.
package struct SalvagedTable: Codable, Sendable, Hashable {
  package var name: String
  /// Rows that are in the new journal.
  package var rows = 0
  /// Rows that were read and hold what no journal holds.
  package var refused = 0
  /// Stretches that could not be read, in row numbers, the first hundred; how many rows they had is not known. Empty for a table
  /// without row numbers: see `isWhole`.
  package var lost: [Stretch] = []
  package var isWhole = true

  package struct Stretch: Codable, Sendable, Hashable {
    package var first: Int64
    package var last: Int64
  }
}

package struct SalvageReport: Codable, Sendable, Hashable {
  package var tables: [SalvagedTable]
  package var generation: Int
  /// Alerts whose row was lost and was made again from their transitions.
  package var alertsRebuilt: Int
  /// The hub's id could be read: it is the same hub.
  package var isSameHub: Bool
  /// Entries whose content was lost, and deliveries of what was lost.
  package var entriesLeftOut: Int
  package var deliveriesLeftOut: Int
  /// Nothing is missing of who is here, which device is whose, what plans say, and which alerts and ids there were: at most history is.
  package var knowsEverybody: Bool
  /// The id of the journal that was read, empty when it is lost, and its last entry.
  package var journalID: String
  package var lastEntry: UInt64
  package var isWhole: Bool { tables.allSatisfy { $0.isWhole && $0.refused == 0 } }

  package var sentence: String {
    if isWhole { return "nothing is missing" }
    let parts = tables.filter { !$0.isWhole || $0.refused > 0 }.map(\.name)
    return "rows are missing in \(parts.joined(separator: ", "))"
  }
}

/// Reads one damaged journal into a new one.
package struct JournalSalvage {
  package let old: String
  package let new: String
  package let controller: String
  /// So much of the disk is left to others, bytes: to a hub that works on in an emergency journal meanwhile.
  let keepsFree: Int64
  /// What is free in a folder.
  let freeBytes: (String) -> Int64?

  package init(old: String, new: String, controller: String) { self.init(old: old, new: new, controller: controller, keepsFree: 0) }

  init(
    old: String, new: String, controller: String, keepsFree: Int64, freeBytes: @escaping (String) -> Int64? = FileOnDisk.freeBytes
  ) {
    (self.old, self.new, self.controller) = (old, new, controller)
    (self.keepsFree, self.freeBytes) = (keepsFree, freeBytes)
  }

  /// Questions to one table: each damaged page costs some hundred. Beyond it what is left of that table counts as lost.
  static let questionsMax = 200_000
  /// Stretches one after the other in which not one row could be read: then the sound pages between damaged ones are found.
  static let fruitlessMax = 2_000
  /// Stretches that are named one by one.
  static let stretchesMax = 100
  /// Rows in one transaction of the new file.
  static let batchRows = 20_000
  /// Every number of a row: from 1, and below what JSON keeps exact.
  static let rowNumbers = SalvagedTable.Stretch(first: 0, last: 1 << 53)
  /// Names for people, written by every start anew; and what GRDB and SQLite keep.
  private static let ownTables: Set<String> = ["vocabulary", "grdb_migrations", "snapshot"]

  private var part: String { new + ".salvage" }

  /// Blocks for as long as it takes: some seconds a gigabyte, more with many damaged pages. Memory does not grow with the journal.
  ///
  /// - Throws: when a hub runs on the old file, when the new one is there already, or when not even the list of tables can be read.
  package func run(_ act: JournalRestore.Act) throws(BackupError) -> SalvageReport {
    guard FileOnDisk.bytes(new) == nil else { throw .alreadyThere(path: new) }
    let lock = try FileLock(journal: old)
    defer { withExtendedLifetime(lock) {} }
    clean()
    do {
      let report = try salvage(act)
      try FileOnDisk.flush(part)
      guard rename(part, new) == 0 else { throw BackupError.cannotWrite(path: new, detail: String(cString: strerror(errno))) }
      FileOnDisk.flushFolder(of: new)
      clean()
      return report
    } catch {
      clean()
      throw (error as? BackupError) ?? .journal(JournalError(error))
    }
  }

  private func clean() {
    for suffix in ["", "-wal", "-shm", "-journal", ".writer", ".ballast"] { unlink(part + suffix) }
  }

  private func salvage(_ act: JournalRestore.Act) throws -> SalvageReport {
    let configuration = JournalConfiguration(path: part, controller: controller, ballastBytes: 0, version: act.program)
    // Makes the tables.
    do { _ = try JournalWriter(configuration) }
    var tables: [SalvagedTable] = []
    var (rebuilt, isSameHub, knowsEverybody) = (0, false, false)
    var agreement: SalvageAgreement?
    var (journalID, lastEntry) = ("", UInt64(0))
    do {
      let source = try Self.openDamaged(old)
      let target = try DatabaseQueue(path: part)
      try target.writeWithoutTransaction { to in
        for name in try String.fetchAll(
          to, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        where !Self.ownTables.contains(name) {
          tables.append(
            try source.unsafeRead { from in
              var table = TableSalvage(from: from, to: to, name: name, mayGoOn: leaveRoom)
              return try table.run()
            })
        }
        try Self.noteGaps(to, tables, act.now)
        knowsEverybody = try Self.knowsEverybody(to, tables)
        lastEntry = UInt64(max(0, try Int64.fetchOne(to, sql: "SELECT max(sequence) FROM entry") ?? 0))
        journalID = try String.fetchOne(to, sql: "SELECT value FROM meta WHERE key = 'journal_id'") ?? ""
        agreement = try SalvageAgreement(to, now: act.now)
        rebuilt = try Self.rebuildAlerts(to)
        try Self.liftCounters(to)
        isSameHub = try source.unsafeRead { from in
          let id = try? String.fetchOne(from, sql: "SELECT value FROM meta WHERE key = 'hub_id'")
          return try id == String.fetchOne(to, sql: "SELECT value FROM meta WHERE key = 'hub_id'") && id != nil
        }
      }
      try target.close()
      try? source.close()
    }
    var report = SalvageReport(
      tables: tables, generation: 0, alertsRebuilt: rebuilt, isSameHub: isSameHub, entriesLeftOut: agreement?.entries ?? 0,
      deliveriesLeftOut: agreement?.deliveries ?? 0, knowsEverybody: knowsEverybody, journalID: journalID, lastEntry: lastEntry)
    let writer = try JournalWriter(configuration)
    report.generation = try writer.beginGeneration(
      .salvaged, since: nil, wall: act.now,
      told: "the journal \(old) was damaged, and \(new) holds what could be read of it at \(act.now): \(report.sentence)",
      keepsSnapshots: false)
    let actor = try writer.actor(account: act.actor, role: "local account")
    var group = JournalGroup(wall: act.now)
    if let added = actor.added { group.actors.append(added) }
    group.access.append(
      AccessRecord(wall: act.now, actor: actor.id, action: "salvage", purpose: act.reason, detail: report.sentence))
    try writer.commit(group)
    // The log does not move with the file.
    try writer.emptyLog()
    return report
  }

  /// - Throws: when what is to be left to others is not free any more.
  private func leaveRoom() throws {
    let folder = (new as NSString).deletingLastPathComponent
    guard keepsFree > 0, let free = freeBytes(folder.isEmpty ? "." : folder), free < keepsFree else { return }
    throw BackupError.cannotWrite(
      path: new, detail: "\(max(0, free) >> 20) MiB are free now, and \(keepsFree >> 20) MiB are left to the hub that works on")
  }

  /// The checks of a sound file would end at the first damaged page.
  private static func openDamaged(_ path: String) throws -> DatabaseQueue {
    var options = Configuration()
    options.label = "salvage"
    options.readonly = true
    options.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: path, configuration: options)
    try queue.unsafeRead { db in
      let id = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
      guard id == JournalFormat.applicationID else { throw JournalError.foreignFile(applicationID: id) }
      let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
      guard version <= JournalFormat.version else { throw JournalError.newerVersion(found: version, supported: JournalFormat.version) }
    }
    return queue
  }

  // MARK: What follows from what was lost

  /// Entries that are lost stand in the record as gaps.
  private static func noteGaps(_ db: Database, _ tables: [SalvagedTable], _ now: WallTime) throws {
    // What is lost at the end has no end of its own; and no number may be taken for given that was not.
    let known =
      try Int64.fetchOne(
        db,
        sql:
          "SELECT max(coalesce((SELECT max(sequence) FROM entry), 0), coalesce((SELECT max(sequence) FROM observation), 0), coalesce((SELECT max(cause) FROM outcome), 0))"
      ) ?? 0
    for lost in tables.first(where: { $0.name == "entry" })?.lost ?? [] {
      let stretch = SalvagedTable.Stretch(first: max(1, lost.first), last: min(lost.last, max(known, lost.first, 1)))
      let before = try Int64.fetchOne(db, sql: "SELECT max(wall) FROM entry WHERE sequence < ?", arguments: [stretch.first])
      let after = try Int64.fetchOne(
        db, sql: "SELECT wall FROM entry WHERE sequence > ? ORDER BY sequence LIMIT 1", arguments: [stretch.last])
      try db.execute(
        sql: """
          INSERT INTO gap (reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open) VALUES (?, ?, ?, 0, ?, ?, 0)
          """,
        arguments: [GapReason.salvaged.rawValue, stretch.first, stretch.last, before ?? now.rawValue, after ?? now.rawValue])
    }
  }

  private static let registryTables: Set<String> = [
    "meta", "counter", "controller", "actor", "destination", "patient", "device", "assignment", "plan_item", "registry_change",
    "person_record", "episode",
    "alert", "alert_transition",
  ]

  /// A change of the registry whose entry is lost would be in the lists and not in the core.
  private static func knowsEverybody(_ db: Database, _ tables: [SalvagedTable]) throws -> Bool {
    let whole = Set(tables.filter { $0.isWhole && $0.refused == 0 }.map(\.name))
    let orphans = try Int.fetchOne(
      db, sql: "SELECT count(*) FROM registry_change r WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.sequence = r.sequence)")
    return registryTables.isSubset(of: whole) && orphans == 0
  }

  /// An alert's row is derived from its transitions.
  private static func rebuildAlerts(_ db: Database) throws -> Int {
    let open = (UInt8(0)...32).compactMap(AlertState.init(rawValue:)).filter(\.isOpen).map { "\($0.rawValue)" }.joined(separator: ", ")
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO alert
          (id, patient, device, controller, first_outcome, last_outcome, first_wall, raised_wall, changed_wall, rule, state, is_open, usefulness)
        SELECT x.alert, o.patient, o.device,
          coalesce((SELECT controller FROM patient WHERE id = o.patient), (SELECT controller FROM device WHERE id = o.device), 1),
          x.first, x.last, coalesce(p.wall, o.wall), coalesce(p.wall, o.wall), o.wall, t.rule, t.state, t.state IN (\(open)), 0
        FROM (SELECT alert, min(outcome) first, max(outcome) last FROM alert_transition GROUP BY alert) x
          JOIN alert_transition t ON t.outcome = x.last JOIN outcome o ON o.id = x.last LEFT JOIN outcome p ON p.id = x.first
        """)
    return db.changesCount
  }

  /// Counters that were lost begin above every row that is left; `beginGeneration` lifts them further.
  private static func liftCounters(_ db: Database) throws {
    for (counter, highest) in [
      ("outcome", "SELECT max(id) FROM outcome"), ("quarantine", "SELECT max(id) FROM quarantine"), ("alert", "SELECT count(*) FROM alert"),
      (
        "outboxRow",
        "SELECT max(coalesce((SELECT max(row) FROM outbox), 0), coalesce((SELECT max(row) FROM delivery), 0), coalesce((SELECT max(row) FROM dead_letter), 0))"
      ),
    ] {
      try db.execute(
        sql:
          "INSERT INTO counter (name, value) VALUES (?, coalesce((\(highest)), 0)) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        arguments: [counter])
    }
  }
}
