// Who did or saw what, in a chain: each row's hash covers its content and the hash before it, so that a changed, removed
// or moved row breaks every row after it. The end of the chain is written apart, so that a shortened log is noticed.
// A person who can rewrite the whole file can rewrite the whole chain; publish the head's hash elsewhere to bind them.

internal import Crypto
internal import Foundation
internal import GRDB
internal import VitalSigns

/// One row of the access log.
public struct AccessLogRow: Sendable, Hashable {
  public var id: UInt64
  public var record: AccessRecord
  /// SHA-256, 32 bytes.
  public var hash: [UInt8]
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

  /// Loads the end of the chain from the last row, not from `access_head`: a damaged head must not fork the chain.
  static func load(_ db: Database) throws -> Self {
    guard let row = try Row.fetchOne(db, sql: "SELECT id, hash FROM access_log ORDER BY id DESC LIMIT 1") else { return Self() }
    return Self(rows: UInt64(bitPattern: row[0] as Int64), hash: Array(row[1] as Data))
  }

  mutating func append(_ record: AccessRecord, _ db: Database) throws {
    let id = rows + 1
    let next = Self.hash(id: id, record, previous: hash)
    try db.cachedStatement(sql: "INSERT INTO access_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").execute(arguments: [
      Int64(bitPattern: id), record.wall.rawValue, Int64(record.actor.rawValue), record.action, Int64(record.patient.rawValue),
      record.purpose, record.detail, Data(hash), Data(next),
    ])
    rows = id
    hash = next
  }

  func writeHead(_ db: Database) throws {
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO access_head VALUES (1, ?, ?)")
      .execute(arguments: [Int64(bitPattern: rows), Data(hash)])
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
  init(_ row: Row) {
    self.init(
      wall: WallTime(rawValue: row["wall"]), actor: ActorID(rawValue: UInt32(truncatingIfNeeded: row["actor"] as Int64)),
      action: row["action"], patient: PatientID(rawValue: UInt32(truncatingIfNeeded: row["patient"] as Int64)),
      purpose: row["purpose"], detail: row["detail"])
  }
}

extension AccessLogVerification {
  /// Reads the whole chain in order, one row in memory at a time.
  static func run(_ db: Database) throws -> Self {
    var result = Self(rows: 0, head: [UInt8](repeating: 0, count: 32), firstBroken: nil, problem: nil)
    let rows = try Row.fetchCursor(db, sql: "SELECT * FROM access_log ORDER BY id")
    while let row = try rows.next() {
      let id = UInt64(bitPattern: row["id"] as Int64)
      guard id == result.rows + 1 else { return result.broken(at: result.rows + 1, "missing") }
      let hash = AccessChain.hash(id: id, AccessRecord(row), previous: result.head)
      guard Array(row["previous_hash"] as Data) == result.head, Array(row["hash"] as Data) == hash else {
        return result.broken(at: id, "changed")
      }
      result.rows = id
      result.head = hash
    }
    let head = try Row.fetchOne(db, sql: "SELECT rows, hash FROM access_head")
    let expected = head.map { UInt64(bitPattern: $0[0] as Int64) } ?? 0
    if expected > result.rows { return result.broken(at: result.rows + 1, "shortened") }
    let headHash = head.map { Array($0[1] as Data) } ?? [UInt8](repeating: 0, count: 32)
    if expected != result.rows || headHash != result.head { return result.broken(at: result.rows, "changed") }
    return result
  }

  private func broken(at row: UInt64, _ problem: String) -> Self {
    var copy = self
    copy.firstBroken = row
    copy.problem = problem
    return copy
  }
}
