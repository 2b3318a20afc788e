// Records out of the journal, as lines that other programs read: NDJSON, one object a line, or CSV with the same names. A thousand rows at a time, each
// batch a query of its own: memory stays flat, and no reader holds the write-ahead log for long. The columns are described in
// docs/backup.md. That somebody exported is the caller's to log, before the first line.

internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
internal import JournalValues
package import VitalSigns

/// What can be exported.
package enum ExportKind: String, CaseIterable, Sendable {
  case observations, alerts
  case accessLog = "access-log"
  case registry
}

/// One exported field.
package enum ExportValue: Sendable, Hashable {
  case text(String)
  case number(Int64)
  case flag(Bool)
  /// Not known, or none.
  case nothing
}

/// One exported line: names and values in the order of the columns.
package typealias ExportRow = [(name: String, value: ExportValue)]

/// Reads one kind of records of a journal.
package struct JournalExport {
  package let kind: ExportKind
  /// Whose; nil: everybody's.
  package let patient: PatientID?
  /// Taken in from then on, and before then; milliseconds since 1970. The registry is given whole.
  package let from: WallTime?
  package let to: WallTime?

  package init(_ kind: ExportKind, patient: PatientID?, from: WallTime?, to: WallTime?) {
    (self.kind, self.patient, self.from, self.to) = (kind, patient, from, to)
  }

  /// Rows that one query looks at.
  private static let batchRows = 1_000

  /// Gives every row in order. Blocks on the disk.
  package func rows(of journal: String, _ body: (ExportRow) throws -> Void) throws(BackupError) {
    do {
      let queue = try JournalFileReading.open(journal)
      for part in parts { try read(part, queue, body) }
      try queue.close()
    } catch {
      throw (error as? BackupError) ?? .journal(JournalError(error))
    }
  }

  /// A query that begins after a number; its first column is the number of the row, and whose it is is not asked in SQL where that
  /// would make it look for long.
  private struct Part {
    var sql: String
    var row: (Row) throws -> ExportRow?
  }

  private func read(_ part: Part, _ queue: DatabaseQueue, _ body: (ExportRow) throws -> Void) throws {
    var after: Int64 = -1
    while true {
      let rows = try queue.read { try Row.fetchAll($0, sql: part.sql + " LIMIT \(Self.batchRows)", arguments: [after]) }
      guard let last = rows.last else { return }
      after = try last[of: "n"]
      for row in rows {
        if let line = try part.row(row) { try body(line) }
      }
    }
  }

  private func isWanted(_ row: Row) throws -> Bool {
    if let patient, try PatientID(rawValue: UInt32(truncatingIfNeeded: row[of: "patient"] as Int64)) != patient { return false }
    let wall: Int64 = try row[of: "wall"]
    return (from.map { wall >= $0.rawValue } ?? true) && (to.map { wall < $0.rawValue } ?? true)
  }

  private var parts: [Part] {
    switch kind {
    case .observations: [observations]
    case .alerts: [alerts]
    case .accessLog: [accessLog]
    case .registry: registry
    }
  }

  // MARK: Kinds

  private var observations: Part {
    Part(
      sql: """
        SELECT e.sequence n, e.wall, e.measured_at, e.patient, e.device, o.code, o.mantissa, o.exponent, o.unit, o.quality, o.origin
        FROM observation o JOIN entry e ON e.sequence = o.sequence WHERE o.sequence > ? ORDER BY o.sequence
        """
    ) { row in
      guard try isWanted(row) else { return nil }
      let code = ObservationCode(rawValue: UInt32(truncatingIfNeeded: try row[of: "code"] as Int64))
      let value = Quantity(mantissa: try row[of: "mantissa"], exponent: Int8(truncatingIfNeeded: try row[of: "exponent"] as Int64))
      return [
        ("sequence", .number(try row[of: "n"])), ("patient", try Self.person(row)), ("device", try Self.device(row)),
        ("code", .text(code.entry?.key ?? "\(code.rawValue)")), ("loinc", Self.text(code.entry?.loinc)),
        ("value", .text(value.description)),
        ("unit", Self.text(UCUMUnit(rawValue: UInt8(truncatingIfNeeded: try row[of: "unit"] as Int64))?.code)),
        ("measuredAt", Self.time(try row[of: "measured_at"])), ("receivedAt", Self.time(try row[of: "wall"])),
        (
          "quality",
          .text(ObservationQuality(rawValue: UInt16(truncatingIfNeeded: try row[of: "quality"] as Int64)).keys.joined(separator: " "))
        ),
        ("origin", Self.origin(try row[of: "origin"])),
      ]
    }
  }

  private var alerts: Part {
    Part(
      sql: """
        SELECT t.outcome n, t.*, o.wall, o.patient, o.device, a.display_name actor_name, x.comment, x.cause, x.action
        FROM alert_transition t JOIN outcome o ON o.id = t.outcome LEFT JOIN actor a ON a.id = t.actor LEFT JOIN note x ON x.sequence = o.cause
        WHERE t.outcome > ? ORDER BY t.outcome
        """
    ) { row in
      guard try isWanted(row) else { return nil }
      func byte(_ column: String) throws -> UInt8 { UInt8(truncatingIfNeeded: try row[of: column] as Int64) }
      return [
        ("alert", .text(try row[of: "alert"])), ("patient", try Self.person(row)), ("device", try Self.device(row)),
        ("rule", Self.text(AlertRule(rawValue: try byte("rule"))?.key)),
        ("change", Self.text(AlertTransitionKind(rawValue: try byte("kind"))?.key)),
        ("state", Self.text(AlertState(rawValue: try byte("state"))?.key)),
        ("priority", Self.text(AlertPriority(rawValue: try byte("priority"))?.key)),
        ("level", .number(try row[of: "level"])), ("revision", .number(try row[of: "revision"])), ("at", Self.time(try row[of: "wall"])),
        ("value", .number(try row[of: "value"])), ("limit", .number(try row[of: "bound"])), ("by", Self.text(try row[of: "actor_name"])),
        ("comment", Self.text(try row[of: "comment"])), ("cause", Self.text(try row[of: "cause"])),
        ("action", Self.text(try row[of: "action"])),
      ]
    }
  }

  private var accessLog: Part {
    Part(
      sql: """
        SELECT l.id n, l.*, a.display_name actor_name, a.account FROM access_log l LEFT JOIN actor a ON a.id = l.actor WHERE l.id > ? ORDER BY l.id
        """
    ) { row in
      guard try isWanted(row) else { return nil }
      return [
        ("id", .number(try row[of: "n"])), ("at", Self.time(try row[of: "wall"])), ("by", Self.text(try row[of: "actor_name"])),
        ("account", Self.text(try row[of: "account"])),
        ("action", .text(try row[of: "action"])), ("patient", try Self.person(row)), ("purpose", .text(try row[of: "purpose"])),
        ("detail", .text(try row[of: "detail"])),
        ("hash", .text((try row[of: "hash"] as Data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())),
      ]
    }
  }

  private var registry: [Part] {
    let wanted = patient
    func belongs(_ row: Row) throws -> Bool { try wanted.map { Int64($0.rawValue) == (try row[of: "patient"] as Int64) } ?? true }
    return [
      Part(sql: "SELECT id n, id patient, * FROM patient WHERE id > ? ORDER BY id") { row in
        guard try belongs(row) else { return nil }
        return [
          ("type", .text("person")), ("patient", try Self.person(row)), ("name", .text(try row[of: "display_name"])),
          ("nationalID", Self.text(try row[of: "national_id"])), ("from", Self.time(try row[of: "started"])),
          ("to", Self.time(try row[of: "ended"])),
        ]
      },
      Part(sql: "SELECT id n, 0 patient, id device, * FROM device WHERE id > ? ORDER BY id") { row in
        guard wanted == nil else { return nil }
        return [
          ("type", .text("device")), ("device", try Self.device(row)), ("name", .text(try row[of: "label"])),
          ("profile", .text(try row[of: "profile"])),
          ("address", .text(try row[of: "address"])), ("from", Self.time(try row[of: "added"])), ("to", Self.time(try row[of: "removed"])),
        ]
      },
      Part(
        sql: "SELECT s.id n, s.*, d.label FROM assignment s LEFT JOIN device d ON d.id = s.device WHERE s.id > ? ORDER BY s.id"
      ) { row in
        guard try belongs(row) else { return nil }
        return [
          ("type", .text("assignment")), ("patient", try Self.person(row)), ("device", try Self.device(row)),
          ("name", Self.text(try row[of: "label"])),
          ("from", Self.time(try row[of: "started"])), ("to", Self.time(try row[of: "ended"])),
        ]
      },
      Part(
        sql:
          "SELECT p.sequence n, p.*, a.display_name author_name FROM plan_item p LEFT JOIN actor a ON a.id = p.author WHERE p.sequence > ? ORDER BY p.sequence"
      ) { row in
        guard try belongs(row) else { return nil }
        return [
          ("type", .text("plan")), ("patient", try Self.person(row)), ("key", .text(try row[of: "key"])),
          ("value", .text(try row[of: "value"])),
          ("by", Self.text(try row[of: "author_name"])), ("reason", .text(try row[of: "reason"])),
          ("from", Self.time(try row[of: "started"])),
          ("to", Self.time(try row[of: "ended"])),
        ]
      },
      // What is restricted is in no export.
      Part(
        sql:
          "SELECT r.sequence n, r.*, a.display_name author_name FROM person_record r LEFT JOIN actor a ON a.id = r.author WHERE r.sequence > ? ORDER BY r.sequence"
      ) { row in
        guard try belongs(row) else { return nil }
        return [
          ("type", .text("record")), ("patient", try Self.person(row)), ("key", .text("version \(try row[of: "version"] as Int64)")),
          ("value", .text(try row[of: "fields"])), ("by", Self.text(try row[of: "author_name"])), ("reason", .text(try row[of: "reason"])),
          ("from", Self.time(try row[of: "started"])),
        ]
      },
    ]
  }

  // MARK: Fields

  private static func person(_ row: Row) throws -> ExportValue {
    let id = PatientID(rawValue: UInt32(truncatingIfNeeded: try row[of: "patient"] as Int64))
    return id == .none ? .nothing : .text(id.description)
  }

  private static func device(_ row: Row) throws -> ExportValue {
    let id = DeviceID(rawValue: UInt32(truncatingIfNeeded: try row[of: "device"] as Int64))
    return id == .none ? .nothing : .text(id.description)
  }

  private static func text(_ text: String?) -> ExportValue { text.map { .text($0) } ?? .nothing }
  private static func time(_ milliseconds: Int64?) -> ExportValue {
    milliseconds.map { .text(WallTime(rawValue: $0).description) } ?? .nothing
  }

  private static func origin(_ number: Int64) -> ExportValue {
    switch number {
    case 0: .text("device")
    case 1: .text("staff")
    case 2: .text("self")
    case 3: .text("prescribed")
    default: .number(number)
    }
  }
}

/// Rows as text.
package enum ExportText {
  /// One object, without a line end.
  package static func json(_ row: ExportRow) -> String {
    "{" + row.map { quoted($0.name) + ":" + json($0.value) }.joined(separator: ",") + "}"
  }

  private static func json(_ value: ExportValue) -> String {
    switch value {
    case .text(let text): quoted(text)
    case .number(let number): "\(number)"
    case .flag(let flag): flag ? "true" : "false"
    case .nothing: "null"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// One line of RFC 4180, without its end.
  package static func csv(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") }

  package static func csv(_ row: ExportRow) -> String {
    csv(
      row.map {
        switch $0.value {
        case .text(let text): text
        case .number(let number): "\(number)"
        case .flag(let flag): flag ? "true" : "false"
        case .nothing: ""
        }
      })
  }

  private static func field(_ text: String) -> String {
    // A spreadsheet takes what begins so for a formula.
    let safe = text.first.map { "=+-@\t\r".contains($0) && Double(text) == nil } == true ? "'" + text : text
    guard safe.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }) else { return safe }
    return "\"" + safe.replacing("\"", with: "\"\"") + "\""
  }
}
