// Readers beside the writer, after it, and without it. They see whole groups, and never write or checkpoint.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct ReaderTests {
  @Test func readersSeeWholeGroupsWhileTheWriterWrites() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.checkpointPages = 50 }
    var intake = Intake()
    try writer.commit(group((0..<10).map { _ in intake.spo2(95) }))
    let reader = try folder.reader()
    let stop = Flag()
    let failures = Failures()
    let threads = (0..<2).map { _ in
      let thread = Thread {
        var last = 0
        while !stop.isSet {
          do {
            let (count, highest) = try reader.read { db in
              (
                try Int.fetchOne(db, sql: "SELECT count(*) FROM observation") ?? 0,
                try Int.fetchOne(db, sql: "SELECT max(sequence) FROM entry") ?? 0
              )
            }
            if count % 10 != 0 || count != highest || count < last { failures.add("\(count) of \(highest) after \(last)") }
            last = count
          } catch { failures.add("\(error)") }
        }
        stop.leave()
      }
      thread.start()
      return thread
    }
    for _ in 0..<400 {
      try writer.commit(group((0..<10).map { _ in intake.spo2(95) }))
      writer.checkpointIfNeeded()
    }
    stop.set(leaving: threads.count)
    #expect(failures.all.isEmpty)
    #expect(try reader.counts().observations == 4_010)
  }

  @Test func readerOutlivesAndFollowsTheWriter() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    var reader: JournalReader?
    do {
      let writer = try folder.writer()
      try writer.commit(group([intake.spo2(95)]))
      reader = try folder.reader()
      #expect(try reader?.lastSequence() == 1)
    }
    #expect(try reader?.lastSequence() == 1)
    let writer = try folder.writer()
    try writer.commit(group([intake.spo2(96)]))
    #expect(try reader?.lastSequence() == 2)
    // No daemon, no reader: a newcomer still reads.
    reader = nil
    withExtendedLifetime(writer) {}
  }

  @Test func readerWithoutAnyDaemon() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    do { try folder.writer().commit(group([intake.spo2(95)])) }
    #expect(try folder.reader().lastSequence() == 1)
    // Also when somebody copied only the database, or the daemon died and left its log without the index.
    for suffix in ["-shm", "-wal"] { try? FileManager.default.removeItem(atPath: folder.path + suffix) }
    #expect(try folder.reader().lastSequence() == 1)
    let crashed: JournalFolder
    do {
      let writer = try folder.writer()
      try writer.commit(group([intake.spo2(96)]))
      crashed = try folder.copyAsAfterCrash()
    }
    #expect(try crashed.reader().lastSequence() == 2)
  }

  @Test func readerCannotWriteAndNeverCheckpoints() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    let writer = try folder.writer()
    try writer.commit(group([intake.spo2(95)]))
    let log = folder.url.appendingPathComponent("knutepunkt.db-wal")
    let database = URL(fileURLWithPath: folder.path)
    let before = (try Data(contentsOf: log), try Data(contentsOf: database))
    do {
      let reader = try folder.reader()
      #expect(throws: JournalError.self) { try reader.read { try $0.execute(sql: "DELETE FROM entry") } }
      #expect(throws: JournalError.self) { try reader.read { _ = try $0.checkpoint(.truncate) } }
      _ = try reader.counts()
    }
    // The last reader has closed its connections: the log is as it was.
    #expect(try Data(contentsOf: log) == before.0)
    #expect(try Data(contentsOf: database) == before.1)
    try writer.commit(group([intake.spo2(96)]))
    #expect(try writer.entries().count == 2)
  }

  @Test func numbersAreNamedForPeople() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    let names = try folder.reader().read { db in
      try String.fetchAll(db, sql: "SELECT name FROM vocabulary WHERE domain = 'alertRule' ORDER BY value")
    }
    #expect(names == AlertRule.allCases.map(\.key))
  }
}

/// A switch between threads, with a count of those that have not seen it yet. Guarded by its condition.
private final class Flag: @unchecked Sendable {
  private let condition = NSCondition()
  private var value = false
  private var left = 0

  var isSet: Bool {
    condition.lock()
    defer { condition.unlock() }
    return value
  }

  /// Sets it and waits until that many threads have left.
  func set(leaving count: Int) {
    condition.lock()
    value = true
    while left < count { condition.wait() }
    condition.unlock()
  }

  func leave() {
    condition.lock()
    left += 1
    condition.broadcast()
    condition.unlock()
  }
}

/// Texts from several threads. Guarded by its lock.
private final class Failures: @unchecked Sendable {
  private let lock = NSLock()
  private var texts: [String] = []

  func add(_ text: String) {
    lock.lock()
    texts.append(text)
    lock.unlock()
  }

  var all: [String] {
    lock.lock()
    defer { lock.unlock() }
    return texts
  }
}
