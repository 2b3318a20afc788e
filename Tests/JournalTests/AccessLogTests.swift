// The chain of the access log: whole, and broken in each way that a hand on the file can break it.

import GRDB
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

  /// Lengths are part of the bytes: the same letters in other columns give another hash.
  @Test func columnsDoNotRunTogether() {
    let zero = [UInt8](repeating: 0, count: 32)
    let a = AccessRecord(wall: .unknown, actor: .hub, action: "ab", purpose: "c")
    let b = AccessRecord(wall: .unknown, actor: .hub, action: "a", purpose: "bc")
    #expect(AccessChain.hash(id: 1, a, previous: zero) != AccessChain.hash(id: 1, b, previous: zero))
    #expect(AccessChain.hash(id: 1, a, previous: zero) != AccessChain.hash(id: 2, a, previous: zero))
  }
}
