// The file's promises: flushed commits or no start, one writer, versions, crashes.

import Foundation
import GRDB
import JournalFiles
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct DurabilityTests {
  @Test func writerIsInFullMode() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    let (mode, synchronous) = try writer.queue.writeWithoutTransaction { db in
      (try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"))
    }
    #expect(mode == "wal" && synchronous == 2)
  }

  @Test func normalModeIsCaught() throws {
    let folder = try JournalFolder()
    // GRDB's own switch to the write-ahead log: the trap that the check is for.
    var options = Configuration()
    options.journalMode = .wal
    options.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    let queue = try DatabaseQueue(path: folder.path, configuration: options)
    try queue.writeWithoutTransaction { db in
      #expect(throws: JournalError.notDurable(journalMode: "wal", synchronous: 1)) { try JournalFile.assertDurable(db) }
      try db.execute(sql: "PRAGMA synchronous = EXTRA")
      try JournalFile.assertDurable(db)
    }
    let memory = try DatabaseQueue()
    #expect(throws: JournalError.notDurable(journalMode: "memory", synchronous: 2)) {
      try memory.writeWithoutTransaction { try JournalFile.makeDurable($0) }
    }
  }

  @Test func filesAreForTheOwnerOnly() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.ballastBytes = 1 << 16 }
    #expect(writer.durableSequence == 0)
    for suffix in ["", "-wal", "-shm", ".writer", ".ballast"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + suffix)
      #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
    }
  }

  @Test func secondWriterIsRefused() throws {
    let folder = try JournalFolder()
    var first: JournalWriter? = try folder.writer()
    #expect(throws: JournalError.writerRunning(path: folder.path)) { try folder.writer() }
    #expect(first?.durableSequence == 0)
    first = nil
    _ = try folder.writer()
  }

  @Test func newerVersionIsRefusedAndUntouched() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
    }
    let before = try Data(contentsOf: URL(fileURLWithPath: folder.path))
    #expect(throws: JournalError.newerVersion(found: 99, supported: JournalSchema.version)) { try folder.writer() }
    #expect(throws: JournalError.newerVersion(found: 99, supported: JournalSchema.version)) { try folder.reader() }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path)) == before)
  }

  @Test func foreignFileIsRefused() throws {
    let folder = try JournalFolder()
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: "CREATE TABLE theirs (x); PRAGMA application_id = 7") }
    }
    #expect(throws: JournalError.foreignFile(applicationID: 7)) { try folder.writer() }
  }

  @Test func noDatabaseAtAllIsRefused() throws {
    let folder = try JournalFolder()
    try Data(repeating: 0x41, count: 8_192).write(to: URL(fileURLWithPath: folder.path))
    #expect { try folder.writer() } throws: { error in
      guard case .corrupt = error as? JournalError else { return false }
      return (error as? JournalError)?.retry == .never
    }
  }

  @Test func readerBeforeTheFirstStart() throws {
    let folder = try JournalFolder()
    #expect(throws: JournalError.self) { try folder.reader() }
    try Data().write(to: URL(fileURLWithPath: folder.path))
    #expect(throws: JournalError.notReady(found: 0, needed: JournalSchema.version)) { try folder.reader() }
  }

  /// The first start was cut off between making the file and its tables.
  @Test func halfMadeFileIsCompleted() throws {
    let folder = try JournalFolder()
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA application_id = \(JournalSchema.applicationID)") }
    }
    #expect(try folder.writer().recover().lastSequence == 0)
  }

  @Test func everyCommitSurvivesACrash() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var copies: [JournalFolder] = []
    for _ in 0..<5 {
      try writer.commit(group([intake.spo2(95), intake.spo2(96)]))
      copies.append(try folder.copyAsAfterCrash())
    }
    for (index, copy) in copies.enumerated() {
      let revived = try copy.writer()
      #expect(try revived.recover().lastSequence == UInt64(index + 1) * 2)
      #expect(try revived.entries().count == (index + 1) * 2)
    }
  }

  /// The log cut at every page of its last transaction: all of the group or nothing of it, and never a damaged file.
  @Test func tornGroupIsNotThere() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group([intake.spo2(95)]))
    let log = URL(fileURLWithPath: folder.path + "-wal")
    let before = try Data(contentsOf: log).count
    try writer.commit(group((0..<300).map { _ in intake.spo2(96) }))
    let whole = try Data(contentsOf: log)
    #expect(whole.count > before)
    for length in stride(from: before, to: whole.count, by: 2_060) {
      let copy = try folder.copyAsAfterCrash()
      try whole.prefix(length).write(to: URL(fileURLWithPath: copy.path + "-wal"))
      let revived = try copy.writer()
      #expect(try revived.recover().lastSequence == 1, "cut at \(length) of \(whole.count)")
    }
  }

  @Test func runsAndIdentityAreKept() throws {
    let folder = try JournalFolder()
    let run = RunRecord(
      bootID: "b-1", boottimeNanoseconds: 5, instant: MonotonicInstant(rawValue: 77), wall: WallTime(rawValue: 9), version: "1.0")
    let first: JournalRecovery
    do {
      let writer = try folder.writer()
      first = try writer.recover()
      #expect(first.lastRun == nil && first.lastSequence == 0 && first.purgedThrough == 0)
      try writer.beginRun(run)
    }
    let second = try folder.writer().recover()
    #expect(second.lastRun == run)
    #expect(second.lastInstant == run.instant)
    #expect(second.hubSalt == first.hubSalt && second.hubID == first.hubID && second.hubID.count == 36)
    #expect(try folder.reader().hub().salt == first.hubSalt)
  }

  @Test func errorsSayWhetherARetryHelps() {
    #expect(JournalError(DatabaseError(resultCode: .SQLITE_FULL)).retry == .whenThereIsRoom)
    #expect(JournalError(DatabaseError(resultCode: .SQLITE_IOERR_FSYNC)).retry == .later)
    #expect(JournalError(DatabaseError(resultCode: .SQLITE_BUSY_RECOVERY)).retry == .later)
    #expect(JournalError(DatabaseError(resultCode: .SQLITE_CORRUPT)).retry == .never)
    #expect(JournalError(DatabaseError(resultCode: .SQLITE_CONSTRAINT)).retry == .never)
  }
}
