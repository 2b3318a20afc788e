// What a backup says of itself: `manifest.json` beside the journal in the archive. Everything in it is compared with the journal when
// the backup is verified. No name, no value, no national id.

internal import Crypto
internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
package import VitalSigns

/// What a copy of a journal holds, and when it was taken.
package struct BackupManifest: Codable, Sendable, Hashable {
  /// The archive's own form. Raise it when an older program must not read what is written.
  package static let formatVersion = 1
  static let memberName = "manifest.json"
  static let journalName = "journal.sqlite"

  package var format = Self.formatVersion
  /// The program that took it.
  package var program: String
  package var hubID: String
  /// How often this hub has begun anew from a copy, and 1.
  package var generation: Int
  /// `user_version` of the journal.
  package var journalVersion: Int
  /// Milliseconds since 1970, and the same for people.
  package var takenAtMilliseconds: Int64
  package var takenAt: String
  package var lastSequence: UInt64
  /// Where the access log ends: `ROWS:HASH`. Nil: it has no row.
  package var accessHead: String?
  package var counts: Counts

  /// How much there is of everything.
  package struct Counts: Codable, Sendable, Hashable {
    package var people = 0
    package var devices = 0
    package var entries = 0
    package var observations = 0
    package var alerts = 0
    package var openAlerts = 0
    package var waitingDeliveries = 0
    package var accessRows = 0
  }

  package var taken: WallTime { WallTime(rawValue: takenAtMilliseconds) }

  /// Of the journal behind `db`. Counts every entry: seconds for ten million.
  static func of(_ db: Database, program: String, taken: WallTime) throws -> Self {
    func count(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
    let counts = Counts(
      people: try count("SELECT count(*) FROM patient WHERE ended IS NULL"),
      devices: try count("SELECT count(*) FROM device WHERE removed IS NULL"),
      entries: try count("SELECT count(*) FROM entry"), observations: try count("SELECT count(*) FROM observation"),
      alerts: try count("SELECT count(*) FROM alert"), openAlerts: try count("SELECT count(*) FROM alert WHERE is_open = 1"),
      waitingDeliveries: try count("SELECT count(*) FROM outbox"), accessRows: try count("SELECT count(*) FROM access_log"))
    let last = max(
      try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM entry") ?? 0,
      try Int64.fetchOne(db, sql: "SELECT max(last_sequence) FROM gap") ?? 0)
    let head = try Row.fetchOne(db, sql: "SELECT rows, hash FROM access_head").map {
      try AccessHead(rows: UInt64(bitPattern: $0[of: "rows"] as Int64), hash: Array($0[of: "hash"] as Data)).description
    }
    return Self(
      program: program, hubID: try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'hub_id'") ?? "",
      generation: try Int.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'generation'") ?? 1,
      journalVersion: try count("PRAGMA user_version"), takenAtMilliseconds: taken.rawValue, takenAt: taken.description,
      lastSequence: UInt64(bitPattern: last), accessHead: head, counts: counts)
  }

  var encoded: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
  }

  static func decoded(_ bytes: [UInt8]) throws(BackupError) -> Self {
    struct Form: Decodable { var format: Int }
    let decoder = JSONDecoder()
    guard let form = try? decoder.decode(Form.self, from: Data(bytes)) else { throw .damaged("its manifest cannot be read") }
    guard form.format <= formatVersion else { throw .newer(found: form.format, supported: formatVersion) }
    guard let manifest = try? decoder.decode(Self.self, from: Data(bytes)) else { throw .damaged("its manifest cannot be read") }
    return manifest
  }
}
