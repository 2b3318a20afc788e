// Who did or saw what, in a chain: each row's hash covers its content and the hash before it, so that a changed, removed
// or moved row breaks every row after it. The end of the chain is written apart, so that a shortened log is noticed; and a
// writer that finds it shortened goes on from where it ended, so that what is missing stays missing in every later look.
// A person who can rewrite the whole file can rewrite the whole chain. So the head also stands in the registry's copies, and
// HubCore writes it to the system's log, from where it can be given to `verifyAccessLog(expecting:)`.

internal import Crypto
internal import Foundation
package import GRDB
internal import JournalFiles
public import JournalValues
internal import VitalSigns

/// One row of the access log.
public struct AccessLogRow: Sendable, Hashable {
  public var id: UInt64
  public var record: AccessRecord
  /// SHA-256, 32 bytes.
  public var hash: [UInt8]
}

/// Where the access log ended at some moment: how many rows, and the hash of the last. Kept where the hub cannot rewrite it.
public struct AccessHead: Sendable, Hashable {
  public var rows: UInt64
  /// SHA-256, 32 bytes.
  public var hash: [UInt8]

  public init(rows: UInt64, hash: [UInt8]) {
    self.rows = rows
    self.hash = hash
  }

  /// From `ROWS:HASH`, as the system's log has it. Nil when it is something else.
  public init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let rows = UInt64(parts[0]), parts[1].utf8.count == 64, let hash = Hexadecimal.bytes(parts[1].utf8) else {
      return nil
    }
    self.init(rows: rows, hash: hash)
  }
}

extension AccessHead: CustomStringConvertible {
  /// `ROWS:HASH`.
  public var description: String { "\(rows):" + Hexadecimal.text(hash) }
}

extension AccessHead {
  /// As the file has it; nil before the first row.
  static func fetch(_ db: Database) throws -> Self? {
    try Row.fetchOne(db, sql: "SELECT rows, hash FROM access_head").map {
      Self(rows: UInt64(bitPattern: try $0[of: "rows"] as Int64), hash: Array(try $0[of: "hash"] as Data))
    }
  }
}

/// What `verifyAccessLog()` found.
public struct AccessLogVerification: Sendable, Hashable {
  /// Rows that were read and hold.
  public var rows: UInt64
  /// The hash of the last good row: compare it with one that was kept elsewhere.
  public var head: [UInt8]
  /// The first row that does not hold; nil when all do.
  public var firstBroken: UInt64?
  /// Why: `changed`, `missing`, `shortened`; nil when all is well.
  public var problem: String?

  public var isIntact: Bool { firstBroken == nil }
}

/// The end of the chain.
struct AccessChain {
  var rows: UInt64 = 0
  var hash = [UInt8](repeating: 0, count: 32)
  /// What is wrong with the log's end, in words; nil when all is well.
  var problem: String?

  /// Loads the end of the chain: the last row, or the head when it stands further on. Rows are missing then, and the chain goes
  /// on behind them: if it went on from the last row, the next row would hide that it was shortened.
  static func load(_ db: Database) throws -> Self {
    var chain = Self()
    if let row = try Row.fetchOne(db, sql: "SELECT id, hash FROM access_log ORDER BY id DESC LIMIT 1") {
      chain = Self(rows: UInt64(bitPattern: try row[of: "id"] as Int64), hash: Array(try row[of: "hash"] as Data))
    }
    if let head = try AccessHead.fetch(db) {
      // Behind the last row: a damaged head must not fork the chain.
      if head.rows > chain.rows { chain.goOn(after: head) } else if head != chain.head { chain.problem = unexpectedEnd }
    } else if chain.rows > 0 {
      chain.problem = unexpectedEnd
    }
    return chain
  }

  private static let unexpectedEnd = "the access log does not end as it was written"

  var head: AccessHead { AccessHead(rows: rows, hash: hash) }

  private mutating func goOn(after head: AccessHead) {
    problem = "the access log lacks \(head.rows - rows) of \(head.rows) rows"
    (rows, hash) = (head.rows, head.hash)
  }

  /// Compares with a head that was kept elsewhere, and goes on behind it when rows are missing.
  mutating func compare(with known: AccessHead, _ db: Database) throws {
    if known.rows > rows {
      goOn(after: known)
      try writeHead(db)
    } else if known.rows > 0 {
      let hash = try Data.fetchOne(db, sql: "SELECT hash FROM access_log WHERE id = ?", arguments: [Int64(bitPattern: known.rows)])
      if hash.map(Array.init) != known.hash, problem == nil { problem = "row \(known.rows) of the access log was changed or removed" }
    }
  }

  mutating func append(_ record: AccessRecord, _ db: Database) throws {
    let id = rows + 1
    let next = Self.hash(id: id, record, previous: hash)
    try db.insert(
      into: "access_log",
      [
        "id": signed(id), "wall": record.wall.rawValue, "actor": record.actor.rawValue, "action": record.action,
        "patient": record.patient.rawValue, "purpose": record.purpose, "detail": record.detail, "previous_hash": Data(hash),
        "hash": Data(next),
      ])
    rows = id
    hash = next
  }

  func writeHead(_ db: Database) throws {
    try db.insert(into: "access_head", ["id": 1, "rows": signed(rows), "hash": Data(hash)], .replace)
  }

  /// SHA-256 over big-endian numbers and length-prefixed UTF-8, in the order of the columns, then the previous hash.
  static func hash(id: UInt64, _ record: AccessRecord, previous: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(128)
    func add(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    func add(_ text: String) {
      add(UInt64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    add(id)
    add(UInt64(bitPattern: record.wall.rawValue))
    add(UInt64(record.actor.rawValue))
    add(record.action)
    add(UInt64(record.patient.rawValue))
    add(record.purpose)
    add(record.detail)
    bytes.append(contentsOf: previous)
    return Array(SHA256.hash(data: bytes))
  }
}

extension AccessRecord {
  init(_ row: Row) throws {
    self.init(
      wall: WallTime(rawValue: try row[of: "wall"]), actor: ActorID(rawValue: UInt32(truncatingIfNeeded: try row[of: "actor"] as Int64)),
      action: try row[of: "action"], patient: PatientID(rawValue: UInt32(truncatingIfNeeded: try row[of: "patient"] as Int64)),
      purpose: try row[of: "purpose"], detail: try row[of: "detail"])
  }
}

extension AccessLogVerification {
  /// Before the first row.
  package init() { self.init(rows: 0, head: [UInt8](repeating: 0, count: 32), firstBroken: nil, problem: nil) }

  /// Reads on in the chain, at most `rowsMax` rows, one in memory at a time; at its end compares with the head. True when all is read,
  /// or when a row does not hold.
  package mutating func read(_ db: Database, rowsMax: Int, expecting: AccessHead?) throws -> Bool {
    var count = 0
    let after = Int64(bitPattern: rows)
    let next = try Row.fetchCursor(db, sql: "SELECT * FROM access_log WHERE id > ? ORDER BY id LIMIT \(rowsMax)", arguments: [after])
    while let row = try next.next() {
      let id = UInt64(bitPattern: try row[of: "id"] as Int64)
      guard id == rows + 1 else { return broken(at: rows + 1, "missing") }
      let hash = AccessChain.hash(id: id, try AccessRecord(row), previous: head)
      guard Array(try row[of: "previous_hash"] as Data) == head, Array(try row[of: "hash"] as Data) == hash else {
        return broken(at: id, "changed")
      }
      if let expecting, expecting.rows == id, expecting.hash != hash { return broken(at: id, "changed") }
      rows = id
      head = hash
      count += 1
    }
    if count == rowsMax { return false }
    let end = try AccessHead.fetch(db) ?? AccessHead(rows: 0, hash: [UInt8](repeating: 0, count: 32))
    if end.rows > rows || (expecting?.rows ?? 0) > rows { return broken(at: rows + 1, "shortened") }
    if end.rows != rows || end.hash != head { return broken(at: rows, "changed") }
    return true
  }

  private mutating func broken(at row: UInt64, _ problem: String) -> Bool {
    firstBroken = row
    self.problem = problem
    return true
  }
}

extension JournalWriter {
  /// Where the access log ends: to be written where the hub cannot rewrite it.
  public var accessHead: AccessHead { state.access.head }
  /// What was found to be wrong with the end of the access log; nil when all is well.
  public var accessProblem: String? { state.access.problem }

  /// Compares the access log with a head that was kept elsewhere. Rows that are missing stay missing: the chain goes on behind them.
  public func checkAccessLog(against known: AccessHead) throws(JournalError) {
    var chain = state.access
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try chain.compare(with: known, db)
          return .commit
        }
      }
    }
    state.access = chain
  }
}
