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
    var row: (Row) -> ExportRow?
  }

  private func read(_ part: Part, _ queue: DatabaseQueue, _ body: (ExportRow) throws -> Void) throws {
    var after: Int64 = -1
    while true {
      let rows = try queue.read { try Row.fetchAll($0, sql: part.sql + " LIMIT \(Self.batchRows)", arguments: [after]) }
      guard let last = rows.last else { return }
      after = last["n"]
      for row in rows {
        if let line = part.row(row) { try body(line) }
      }
    }
  }

  private func isWanted(_ row: Row) -> Bool {
    if let patient, PatientID(rawValue: UInt32(truncatingIfNeeded: row["patient"] as Int64)) != patient { return false }
    let wall: Int64 = row["wall"]
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
      guard isWanted(row) else { return nil }
      let code = ObservationCode(rawValue: UInt32(truncatingIfNeeded: row["code"] as Int64))
      let value = Quantity(mantissa: row["mantissa"], exponent: Int8(truncatingIfNeeded: row["exponent"] as Int64))
      return [
        ("sequence", .number(row["n"])), ("patient", Self.person(row)), ("device", Self.device(row)),
        ("code", .text(code.entry?.key ?? "\(code.rawValue)")), ("loinc", Self.text(code.entry?.loinc)),
        ("value", .text(value.description)),
        ("unit", Self.text(UCUMUnit(rawValue: UInt8(truncatingIfNeeded: row["unit"] as Int64))?.code)),
        ("measuredAt", Self.time(row["measured_at"])), ("receivedAt", Self.time(row["wall"])),
        ("quality", .text(ObservationQuality(rawValue: UInt16(truncatingIfNeeded: row["quality"] as Int64)).keys.joined(separator: " "))),
        ("origin", Self.origin(row["origin"])),
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
      guard isWanted(row) else { return nil }
      func byte(_ column: String) -> UInt8 { UInt8(truncatingIfNeeded: row[column] as Int64) }
      return [
        ("alert", .text(row["alert"])), ("patient", Self.person(row)), ("device", Self.device(row)),
        ("rule", Self.text(AlertRule(rawValue: byte("rule"))?.key)),
        ("change", Self.text(AlertTransitionKind(rawValue: byte("kind"))?.key)),
        ("state", Self.text(AlertState(rawValue: byte("state"))?.key)),
        ("priority", Self.text(AlertPriority(rawValue: byte("priority"))?.key)),
        ("level", .number(row["level"])), ("revision", .number(row["revision"])), ("at", Self.time(row["wall"])),
        ("value", .number(row["value"])), ("limit", .number(row["bound"])), ("by", Self.text(row["actor_name"])),
        ("comment", Self.text(row["comment"])), ("cause", Self.text(row["cause"])), ("action", Self.text(row["action"])),
      ]
    }
  }

  private var accessLog: Part {
    Part(
      sql: """
        SELECT l.id n, l.*, a.display_name actor_name, a.account FROM access_log l LEFT JOIN actor a ON a.id = l.actor WHERE l.id > ? ORDER BY l.id
        """
    ) { row in
      guard isWanted(row) else { return nil }
      return [
        ("id", .number(row["n"])), ("at", Self.time(row["wall"])), ("by", Self.text(row["actor_name"])),
        ("account", Self.text(row["account"])),
        ("action", .text(row["action"])), ("patient", Self.person(row)), ("purpose", .text(row["purpose"])),
        ("detail", .text(row["detail"])),
        ("hash", .text((row["hash"] as Data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())),
      ]
    }
  }

  private var registry: [Part] {
    let wanted = patient
    func belongs(_ row: Row) -> Bool { wanted == nil || Int64(wanted?.rawValue ?? 0) == row["patient"] as Int64 }
    return [
      Part(sql: "SELECT id n, id patient, * FROM patient WHERE id > ? ORDER BY id") { row in
        guard belongs(row) else { return nil }
        return [
          ("type", .text("person")), ("patient", Self.person(row)), ("name", .text(row["display_name"])),
          ("nationalID", Self.text(row["national_id"])), ("from", Self.time(row["started"])), ("to", Self.time(row["ended"])),
        ]
      },
      Part(sql: "SELECT id n, 0 patient, id device, * FROM device WHERE id > ? ORDER BY id") { row in
        guard wanted == nil else { return nil }
        return [
          ("type", .text("device")), ("device", Self.device(row)), ("name", .text(row["label"])), ("profile", .text(row["profile"])),
          ("address", .text(row["address"])), ("from", Self.time(row["added"])), ("to", Self.time(row["removed"])),
        ]
      },
      Part(
        sql: "SELECT s.id n, s.*, d.label FROM assignment s LEFT JOIN device d ON d.id = s.device WHERE s.id > ? ORDER BY s.id"
      ) { row in
        guard belongs(row) else { return nil }
        return [
          ("type", .text("assignment")), ("patient", Self.person(row)), ("device", Self.device(row)), ("name", Self.text(row["label"])),
          ("from", Self.time(row["started"])), ("to", Self.time(row["ended"])),
        ]
      },
      Part(
        sql:
          "SELECT p.sequence n, p.*, a.display_name author_name FROM plan_item p LEFT JOIN actor a ON a.id = p.author WHERE p.sequence > ? ORDER BY p.sequence"
      ) { row in
        guard belongs(row) else { return nil }
        return [
          ("type", .text("plan")), ("patient", Self.person(row)), ("key", .text(row["key"])), ("value", .text(row["value"])),
          ("by", Self.text(row["author_name"])), ("reason", .text(row["reason"])), ("from", Self.time(row["started"])),
          ("to", Self.time(row["ended"])),
        ]
      },
      // What is restricted is in no export.
      Part(
        sql:
          "SELECT r.sequence n, r.*, a.display_name author_name FROM person_record r LEFT JOIN actor a ON a.id = r.author WHERE r.sequence > ? ORDER BY r.sequence"
      ) { row in
        guard belongs(row) else { return nil }
        return [
          ("type", .text("record")), ("patient", Self.person(row)), ("key", .text("version \(row["version"] as Int64)")),
          ("value", .text(row["fields"])), ("by", Self.text(row["author_name"])), ("reason", .text(row["reason"])),
          ("from", Self.time(row["started"])),
        ]
      },
    ]
  }

  // MARK: Fields

  private static func person(_ row: Row) -> ExportValue {
    let id = PatientID(rawValue: UInt32(truncatingIfNeeded: row["patient"] as Int64))
    return id == .none ? .nothing : .text(id.description)
  }

  private static func device(_ row: Row) -> ExportValue {
    let id = DeviceID(rawValue: UInt32(truncatingIfNeeded: row["device"] as Int64))
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
