// From an older file to this version: killed at every step, torn at any byte, without room, and met by programs that are older.

import Crypto
import Foundation
import GRDB
import JournalFiles
import JournalValues
import Synchronization
import Testing
import VitalSigns

@testable import Journal

/// Files as earlier versions left them, made by their own migrations.
enum OldJournal {
  /// A file of `version` with its numbers and no rows.
  static func make(_ version: Int, in folder: JournalFolder) throws -> DatabaseQueue {
    let raw = try folder.rawConnection()
    try raw.writeWithoutTransaction { db in
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "PRAGMA application_id = \(JournalSchema.applicationID)")
    }
    try SchemaUpgrade(Array(JournalSchema.migrations.prefix(version))).run(on: raw)
    return raw
  }

  /// Version 3 with `entries` old samples that retention passed by, scores among them.
  static func passedBy(_ entries: Int, in folder: JournalFolder) throws -> DatabaseQueue {
    let raw = try make(3, in: folder)
    try raw.writeWithoutTransaction { db in
      try db.inTransaction {
        try db.execute(sql: "INSERT INTO meta (key, value) VALUES ('purged_through', ?)", arguments: [entries])
        try db.execute(sql: "INSERT INTO controller VALUES (1, '\(Street.controller)')")
        for sequence in 1...entries {
          // Every fourth is a change of the registry, which is no sample.
          try db.execute(
            sql: "INSERT INTO entry VALUES (?, ?, ?, NULL, ?, 1, 1, 1, 0, 0)",
            arguments: [sequence, sequence, Street.start + Int64(sequence), sequence % 4 == 0 ? 4 : 1])
          if sequence % 4 != 0 {
            try db.execute(sql: "INSERT INTO observation VALUES (?, NULL, 150456, 97, 0, 1, 0, 0)", arguments: [sequence])
          } else {
            try db.execute(sql: "INSERT INTO registry_change (sequence, change) VALUES (?, 5)", arguments: [sequence])
          }
          if sequence % 5 == 0, sequence < entries {
            try db.execute(
              sql: "INSERT INTO outcome VALUES (?, ?, ?, ?, 1, 1, 1, NULL)",
              arguments: [sequence, sequence, sequence, Street.start + Int64(sequence)])
          }
        }
        return .commit
      }
    }
    return raw
  }
}

extension Database {
  /// All that the file says: tables and rows. Words for people are left out, each start may write them.
  func everything() throws -> [String] {
    var lines = try String.fetchAll(self, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    lines.append("version \(try Int.fetchOne(self, sql: "PRAGMA user_version") ?? 0)")
    let tables = try String.fetchAll(
      self, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'vocabulary' ORDER BY name")
    for table in tables { lines += try Row.fetchAll(self, sql: "SELECT * FROM \"\(table)\"").map { "\(table) \($0)" }.sorted() }
    return lines
  }
}

@Suite struct UpgradeTests {
  private func upgrade(_ rows: Int = 7, steps: Int? = nil) -> SchemaUpgrade {
    var upgrade = SchemaUpgrade(JournalSchema.migrations)
    upgrade.rowsOfStep = rows
    upgrade.stepsMax = steps
    return upgrade
  }

  private func expected(_ entries: Int) throws -> [String] {
    let folder = try JournalFolder()
    let raw = try OldJournal.passedBy(entries, in: folder)
    try upgrade(2_000).run(on: raw)
    return try raw.read { try $0.everything() }
  }

  /// The words of released versions stay as they were released: files in homes were made by them.
  @Test func releasedTablesAreNeverEdited() {
    func hash(_ statements: [String]) -> String {
      SHA256.hash(data: Data(statements.joined(separator: "\n").utf8)).prefix(8).map {
        String($0 >> 4, radix: 16) + String($0 & 15, radix: 16)
      }
      .joined()
    }
    #expect(hash(ReleasedTables.version1) == "805c9d5f68d7f48b")
    #expect(hash(ReleasedTables.version2) == "9b9b2aa0b63f06d1")
    #expect(hash(ReleasedTables.version3) == "15062bb405d86acf")
  }

  @Test func killedAfterAnyStepItGoesOn() throws {
    let expected = try expected(60)
    var steps = 0
    while true {
      let folder = try JournalFolder()
      let raw = try OldJournal.passedBy(60, in: folder)
      let before = try raw.read { try $0.everything() }
      let isDone = try upgrade(steps: steps).run(on: raw)
      // What a kill leaves: the file and its log.
      let copy = try folder.copyAsAfterCrash()
      let half = try DatabaseQueue(path: copy.path)
      let position = try half.read { try SchemaPosition($0) }
      #expect(steps == 0 ? position.version == 3 : position.version > 3)
      #expect((position.version == JournalSchema.version && position.halfWay == nil) == isDone)
      if steps == 0 { #expect(try half.read { try $0.everything() } == before) }
      if !isDone {
        #expect(throws: JournalError.notReady(found: position.version, needed: JournalSchema.version), "no reader before it is whole") {
          try JournalReader(path: copy.path)
        }
      }
      #expect((FileVersion.newer(than: 3, at: copy.path) != nil) == (steps > 0), "an older program refuses it from the first step on")
      try upgrade().run(on: half)
      #expect(try half.read { try $0.everything() } == expected, "killed after \(steps) steps")
      if isDone { break }
      steps += 1
    }
    #expect(steps > 10, "it was not in steps")
  }

  /// The power went at any byte of what the steps wrote.
  @Test func tornAnywhereItGoesOn() throws {
    let expected = try expected(40)
    let folder = try JournalFolder()
    let raw = try OldJournal.passedBy(40, in: folder)
    let log = URL(fileURLWithPath: folder.path + "-wal")
    try raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
    let before = try Data(contentsOf: log).count
    try upgrade(11).run(on: raw)
    let whole = try Data(contentsOf: log)
    #expect(whole.count > before + 10 * 4_096)
    for length in stride(from: before, through: whole.count, by: 4_007) {
      let copy = try folder.copyAsAfterCrash()
      try whole.prefix(length).write(to: URL(fileURLWithPath: copy.path + "-wal"))
      let revived = try DatabaseQueue(path: copy.path)
      try upgrade(11).run(on: revived)
      #expect(try revived.read { try $0.everything() } == expected, "cut at \(length) of \(whole.count)")
    }
  }

  @Test func withoutRoomAStepIsUndoneAndGoesOnLater() throws {
    let expected = try expected(3_000)
    let folder = try JournalFolder()
    let raw = try OldJournal.passedBy(3_000, in: folder)
    func limit(_ extra: Int) throws {
      try raw.writeWithoutTransaction { db in
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + extra)")
      }
    }
    // Room for the tables, not for all rows.
    for extra in [0, 2, 5] {
      try limit(extra)
      #expect { try upgrade(200).run(on: raw) } throws: { ($0 as? DatabaseError)?.resultCode == .SQLITE_FULL }
      #expect(try raw.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM entry") } == 3_000)
      #expect(try raw.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }
    try limit(1_000)
    try upgrade(200).run(on: raw)
    #expect(try raw.read { try $0.everything() } == expected)
  }

  @Test func progressRisesToTheEnd() throws {
    let folder = try JournalFolder()
    do { _ = try OldJournal.passedBy(6_000, in: folder) }
    let told = Mutex<[UpgradeProgress]>([])
    _ = try folder.writer { $0.onUpgrade = { progress in told.withLock { $0.append(progress) } } }
    let percents = told.withLock { $0.map(\.percent) }
    #expect(percents == percents.sorted() && percents.last == 100 && percents.count >= 5)
    #expect(told.withLock { $0.last?.description } == "the journal is brought to version 5: records of people, 100 %")
    // Whole: nothing is done, and nothing told.
    told.withLock { $0.removeAll() }
    _ = try folder.writer { $0.onUpgrade = { progress in told.withLock { $0.append(progress) } } }
    #expect(told.withLock { $0.isEmpty })
  }

  /// All of a new file comes at once, so a first start that is cut off leaves nothing half.
  @Test func aNewFileIsMadeInOneStep() throws {
    let folder = try JournalFolder()
    let raw = try folder.rawConnection()
    #expect(try upgrade(steps: 1).run(on: raw))
    #expect(try raw.read { try SchemaPosition($0) }.version == JournalSchema.version)
  }

  @Test func aRowOfAMigrationThatNobodyWroteIsDamage() throws {
    for text in ["", "4 1", "4 x 0", "3 0 0", "4 -1 0", "4 99 0"] {
      let folder = try JournalFolder()
      let raw = try OldJournal.make(4, in: folder)
      try raw.write { try $0.execute(sql: "INSERT INTO meta (key, value) VALUES ('migration', ?)", arguments: [text]) }
      #expect { try upgrade().run(on: raw) } throws: { ($0 as? DatabaseError)?.resultCode == .SQLITE_CORRUPT }
      try raw.close()
      #expect { try folder.writer() } throws: { if case .corrupt? = $0 as? JournalError { true } else { false } }
    }
  }
}

@Suite struct OlderProgramTests {
  private func bytes(_ folder: JournalFolder) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: folder.path + suffix) {
      found[suffix] = try Data(contentsOf: URL(fileURLWithPath: folder.path + suffix))
    }
    return found
  }

  /// A newer program was killed: its version stands in the log, or in the file, or in both. This program changes not one byte of the file,
  /// of the log, or of the index beside them.
  @Test(arguments: [true, false]) func changesNotOneByte(isInLogOnly: Bool) throws {
    let folder = try JournalFolder()
    var writer: JournalWriter? = try folder.writer()
    var intake = Intake()
    try writer?.commit(group([intake.spo2(95), intake.spo2(96)]))
    writer?.checkpoint()
    try writer?.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
    if !isInLogOnly { writer?.checkpoint() }
    try writer?.commit(group([intake.spo2(97)]))
    let copy = try folder.copyAsAfterCrash()
    try FileManager.default.copyItem(atPath: folder.path + "-shm", toPath: copy.path + "-shm")
    writer = nil
    let before = try bytes(copy)
    #expect(before.count == 3 && before["-wal"]?.isEmpty == false)
    let refused = JournalError.newerVersion(found: 99, supported: JournalSchema.version)
    #expect(throws: refused) { try copy.writer() }
    #expect(throws: refused) { try copy.reader() }
    #expect(try bytes(copy) == before)
  }

  /// The newer version's first step was cut off: the file is still of this version, and opens.
  @Test func aTornStepOfANewerProgramDoesNotCount() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group([intake.spo2(95)]))
    let log = URL(fileURLWithPath: folder.path + "-wal")
    try writer.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
    let whole = try Data(contentsOf: log)
    let copy = try folder.copyAsAfterCrash()
    var torn = whole
    torn[whole.count - 1_000] ^= 1
    try torn.write(to: URL(fileURLWithPath: copy.path + "-wal"))
    #expect(try copy.writer().recover().lastSequence == 1)
  }
}
