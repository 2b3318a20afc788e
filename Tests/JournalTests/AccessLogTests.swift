// The chain of the access log: whole, and broken in each way that a hand on the file can break it.

import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct AccessLogTests {
  private func folder(rows: Int) throws -> JournalFolder {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    for index in 0..<rows {
      var batch = JournalGroup()
      batch.access = [
        AccessRecord(
          wall: WallTime(rawValue: Int64(index)), actor: Street.nurse, action: "read", patient: Street.kari, purpose: "tilsyn",
          detail: "score \(index)")
      ]
      try writer.commit(batch)
    }
    return folder
  }

  @Test func wholeChainHoldsAcrossRestarts() throws {
    let folder = try folder(rows: 5)
    let head = try folder.reader().verifyAccessLog()
    #expect(head.isIntact && head.rows == 5 && head.head.count == 32)
    do {
      let writer = try folder.writer()
      var batch = JournalGroup()
      batch.access = [AccessRecord(wall: WallTime(rawValue: 9), actor: .hub, action: "export")]
      try writer.commit(batch)
    }
    let after = try folder.reader().verifyAccessLog()
    #expect(after.isIntact && after.rows == 6 && after.head != head.head)
    #expect(try folder.reader().accessLog(of: Street.kari, limit: 2).map(\.id) == [5, 4])
    #expect(try folder.reader().accessLog(before: 3).map(\.id) == [2, 1])
  }

  @Test func emptyLogIsIntact() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    #expect(try folder.reader().verifyAccessLog().isIntact)
  }

  @Test(arguments: [
    ("UPDATE access_log SET detail = 'score 9' WHERE id = 3", UInt64(3), "changed"),
    ("UPDATE access_log SET actor = 8 WHERE id = 1", 1, "changed"),
    ("UPDATE access_log SET purpose = 'x', detail = substr(purpose || detail, 2) WHERE id = 2", 2, "changed"),
    ("UPDATE access_log SET hash = previous_hash WHERE id = 5", 5, "changed"),
    ("DELETE FROM access_log WHERE id = 2", 2, "missing"),
    ("DELETE FROM access_log WHERE id = 1", 1, "missing"),
    ("DELETE FROM access_log WHERE id >= 4", 4, "shortened"),
    ("DELETE FROM access_log", 1, "shortened"),
    (
      "UPDATE access_log SET id = 99 WHERE id = 2; UPDATE access_log SET id = 2 WHERE id = 3; UPDATE access_log SET id = 3 WHERE id = 99",
      2, "changed"
    ),
    ("DELETE FROM access_head", 5, "changed"),
  ]) func tamperingIsSeen(_ sql: String, _ row: UInt64, _ problem: String) throws {
    let folder = try folder(rows: 5)
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: sql) }
    }
    let result = try folder.reader().verifyAccessLog()
    #expect(result.firstBroken == row && result.problem == problem)
  }

  // MARK: Rows cut off the end

  private func append(_ writer: JournalWriter, _ action: String = "read") throws {
    var batch = JournalGroup()
    batch.access = [AccessRecord(wall: WallTime(rawValue: 77), actor: .hub, action: action)]
    try writer.commit(batch)
  }

  /// The hub itself must not make a shortened log whole again with its next row.
  @Test(arguments: ["DELETE FROM access_log WHERE id > 2", "DELETE FROM access_log"]) func aShortenedLogStaysShortened(_ sql: String) throws
  {
    let folder = try folder(rows: 5)
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: sql) }
    }
    for round in UInt64(1)...3 {
      let writer = try folder.writer()
      #expect((writer.accessProblem != nil) == (round == 1), "told once; a row more ends as it was written")
      try append(writer)
      #expect(writer.accessHead.rows == 5 + round, "the chain goes on behind what is missing")
      let result = try folder.reader().verifyAccessLog()
      #expect(result.problem == "missing" && result.firstBroken == (sql.contains("2") ? 3 : 1))
    }
  }

  /// Who cuts the log and the head with it makes a log that is whole by itself; not by a head that stands elsewhere.
  @Test func aHeadThatStandsElsewhereIsCompared() throws {
    let folder = try folder(rows: 5)
    let head = try #require(AccessHead(text: try folder.writer().accessHead.description))
    #expect(head.rows == 5)
    #expect(try folder.reader().verifyAccessLog(expecting: head).isIntact)
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { db in
        try db.execute(sql: "DELETE FROM access_log WHERE id > 3")
        try db.execute(sql: "UPDATE access_head SET rows = 3, hash = (SELECT hash FROM access_log WHERE id = 3)")
      }
    }
    #expect(try folder.reader().verifyAccessLog().isIntact)
    let short = try folder.reader().verifyAccessLog(expecting: head)
    #expect(short.problem == "shortened" && short.firstBroken == 4)
    let writer = try folder.writer()
    #expect(writer.accessProblem == nil)
    for _ in 0..<2 { try append(writer, "made up") }
    let other = try folder.reader().verifyAccessLog(expecting: head)
    #expect(other.problem == "changed" && other.firstBroken == 5, "as many rows, but others")
    try writer.checkAccessLog(against: head)
    #expect(writer.accessProblem != nil)
    // A later head of the same log contains the earlier.
    #expect(try folder.reader().verifyAccessLog(expecting: AccessHead(rows: 1, hash: head.hash)).firstBroken == 1)
  }

  @Test func whatIsMissingByTheCopysHeadStaysMissing() throws {
    let folder = try folder(rows: 5)
    let head = try folder.writer().accessHead
    do {
      let raw = try folder.rawConnection()
      try raw.writeWithoutTransaction { try $0.execute(sql: "DELETE FROM access_log; DELETE FROM access_head") }
    }
    do {
      let writer = try folder.writer()
      try writer.checkAccessLog(against: head)
      #expect(writer.accessProblem?.contains("lacks 5 of 5 rows") == true)
      try append(writer)
    }
    #expect(try folder.writer().accessHead.rows == 6)
    #expect(try folder.reader().verifyAccessLog().problem == "missing")
  }

  @Test(arguments: [
    "", "5", "5:", "x:" + String(repeating: "0", count: 64), "5:" + String(repeating: "0", count: 63),
    "5:" + String(repeating: "g", count: 64), "-1:" + String(repeating: "0", count: 64), "5:" + String(repeating: "+1", count: 32),
  ])
  func noHead(_ text: String) { #expect(AccessHead(text: text) == nil) }

  /// More than one stretch of reading.
  @Test func aLongLogIsReadInStretches() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var batch = JournalGroup()
    batch.access = (0..<20_000).map { AccessRecord(wall: WallTime(rawValue: $0), actor: .hub, action: "read") }
    try writer.commit(batch)
    #expect(try folder.reader().verifyAccessLog().rows == 20_000)
    try append(writer)
    #expect(try folder.reader().verifyAccessLog(expecting: writer.accessHead).isIntact)
  }

  /// Lengths are part of the bytes: the same letters in other columns give another hash.
  @Test func columnsDoNotRunTogether() {
    let zero = [UInt8](repeating: 0, count: 32)
    let a = AccessRecord(wall: .unknown, actor: .hub, action: "ab", purpose: "c")
    let b = AccessRecord(wall: .unknown, actor: .hub, action: "a", purpose: "bc")
    #expect(AccessChain.hash(id: 1, a, previous: zero) != AccessChain.hash(id: 1, b, previous: zero))
    #expect(AccessChain.hash(id: 1, a, previous: zero) != AccessChain.hash(id: 2, a, previous: zero))
  }
}
