// The numbers that stand in the tables for closed vocabularies, and the table that names them for people who read the file
// with a shell. The program itself never reads that table.

package import GRDB
import JournalValues
internal import VitalSigns

/// The numbers in `entry.kind` and `outcome.kind`. Stored: append, never renumber.
package enum EntryKind: Int64, CaseIterable {
  case observation = 1
  case event = 2
  case location = 3
  case registry = 4
  case command = 5
  case clock = 6
  case hubCondition = 7
}

package enum OutcomeKind: Int64, CaseIterable {
  case scored = 1
  case alert = 2
  case remark = 3
}

/// Numbers that are given once, whatever is purged. The raw value is `counter.name`.
package enum JournalCounter: String {
  case outcome
  case outboxRow
  case alert
  case quarantine
}

/// The numbers in `registry_change.change`. Stored: append, never renumber.
package enum RegistryChangeKind: Int64, CaseIterable {
  case patientAdded = 1
  case patientEnded = 2
  case deviceAdded = 3
  case deviceRemoved = 4
  case deviceAssigned = 5
  case deviceReleased = 6
  case planItem = 7
}

extension EntryKind {
  /// What retention may forget: values, events and fixes.
  package static let samples = sqlList(allCases.filter(\.isSample))

  package var isSample: Bool { self == .observation || self == .event || self == .location }
}

/// Numbers of a vocabulary as SQL lists them, `(2, 6, 7)`: for a condition whose members the program fixes.
package func sqlList<Word: RawRepresentable>(_ words: [Word]) -> String where Word.RawValue: BinaryInteger {
  "(" + words.map { "\($0.rawValue)" }.joined(separator: ", ") + ")"
}

/// Keeps `vocabulary` equal to this program's enums.
package enum JournalVocabulary {
  /// One transaction: some 200 rows would else be 200 flushes at the first start. Nothing is written when nothing is new; and
  /// a disk without room is no reason not to start: the next start with room names what is new.
  package static func write(_ db: Database) throws {
    do {
      try db.inTransaction(.immediate) {
        try writeMissing(db)
        return .commit
      }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {}
  }

  private static func writeMissing(_ db: Database) throws {
    let known = Set(
      try Row.fetchAll(db, sql: "SELECT domain, value, name FROM vocabulary").map {
        "\(try $0[of: "domain"] as String) \(try $0[of: "value"] as Int64) \(try $0[of: "name"] as String)"
      })
    for (domain, value, name) in rows where !known.contains("\(domain) \(value) \(name)") {
      try db.insert(into: "vocabulary", ["domain": domain, "value": value, "name": name], .replace)
    }
  }

  private static var rows: [(String, Int64, String)] {
    var rows: [(String, Int64, String)] = []
    for kind in EntryKind.allCases { rows.append(("entryKind", kind.rawValue, "\(kind)")) }
    for kind in OutcomeKind.allCases { rows.append(("outcomeKind", kind.rawValue, "\(kind)")) }
    for kind in RegistryChangeKind.allCases { rows.append(("registryChange", kind.rawValue, "\(kind)")) }
    for reason in ClockDoubtReason.allCases { rows.append(("clockDoubt", Int64(reason.rawValue), "\(reason)")) }
    for kind in RecordKind.allCases { rows.append(("recordKind", Int64(kind.rawValue), kind.key)) }
    for unit in UCUMUnit.allCases { rows.append(("unit", Int64(unit.rawValue), unit.code)) }
    for kind in DeviceEventKind.allCases { rows.append(("event", Int64(kind.rawValue), kind.key)) }
    for rule in AlertRule.allCases { rows.append(("alertRule", Int64(rule.rawValue), rule.key)) }
    for entry in ObservationCode.known { rows.append(("code", Int64(entry.code.rawValue), entry.key)) }
    for value in UInt8(0)...16 {
      if let state = AlertState(rawValue: value) { rows.append(("alertState", Int64(value), state.key)) }
      if let priority = AlertPriority(rawValue: value) { rows.append(("alertPriority", Int64(value), priority.key)) }
      if let kind = AlertTransitionKind(rawValue: value) { rows.append(("alertTransition", Int64(value), kind.key)) }
      if let remark = IntakeRemark(rawValue: value) { rows.append(("remark", Int64(value), remark.key)) }
      if let band = NEWS2Band(rawValue: value) { rows.append(("band", Int64(value), band.key)) }
      if let name = ObservationQuality(rawValue: 1 << UInt16(min(value, 15))).keys.first, value < 16 {
        rows.append(("quality", 1 << Int64(value), name))
      }
    }
    return rows
  }
}
