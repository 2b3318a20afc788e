// The statements of retention, and ranges of what they take: rows that lie beside each other go in one statement.

internal import GRDB
internal import JournalFiles

enum AgedEntryColumn: Int, SQLColumn {
  case sequence, wall, kind, patient

  /// Written while the hub's clock was in doubt, an entry is as young as it can be.
  static var placed: String { allCases.map { $0 == .wall ? PlacedTime.latest("entry") : $0.name }.joined(separator: ", ") }
}

enum AgedOutcomeColumn: Int, SQLColumn {
  case id, cause, patient, kind
}

/// Statements of retention, prepared once. Gone before the connection closes.
final class RetentionStatements {
  /// Arguments: after, through, limit.
  let entries: RowStatement<AgedEntryColumn>
  let outcomes: RowStatement<AgedOutcomeColumn>
  let needed: PreparedStatement
  let neededScore: PreparedStatement
  /// Argument: person.
  let currentScore: RowStatement<ScoreColumn>
  /// Arguments: first, last.
  let samples: [PreparedStatement]
  let entryRows: PreparedStatement
  let scores: PreparedStatement
  let outcomeRows: PreparedStatement
  let passed: PreparedStatement
  let passedNoMore: PreparedStatement

  init(_ db: Database) throws {
    entries = try RowStatement(db) { _ in
      "SELECT \(AgedEntryColumn.placed) FROM entry WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"
    }
    outcomes = try RowStatement(db) { "SELECT \($0) FROM outcome WHERE cause > ? AND cause <= ? ORDER BY cause, id" }
    needed = try PreparedStatement(db, "SELECT sequence FROM needed_entry WHERE sequence > ? AND sequence <= ?")
    neededScore = try PreparedStatement(db, "SELECT 1 FROM needed_score WHERE outcome = ? LIMIT 1")
    currentScore = try RowStatement(db) { "SELECT \($0) FROM score WHERE outcome = (SELECT outcome FROM score_current WHERE patient = ?)" }
    samples = try ["observation", "device_event", "location_fix", "device_time", "note"].map {
      try PreparedStatement(db, "DELETE FROM \($0) WHERE sequence >= ? AND sequence <= ?")
    }
    entryRows = try PreparedStatement(db, "DELETE FROM entry WHERE sequence >= ? AND sequence <= ?")
    scores = try PreparedStatement(db, "DELETE FROM score WHERE outcome >= ? AND outcome <= ?")
    outcomeRows = try PreparedStatement(db, "DELETE FROM outcome WHERE id >= ? AND id <= ?")
    passed = try PreparedStatement(db, "INSERT OR IGNORE INTO passed (sequence) VALUES (?)")
    passedNoMore = try PreparedStatement(db, "DELETE FROM passed WHERE sequence = ?")
  }
}

/// Numbers in rising order, as ranges that are deleted at once.
struct Runs {
  /// Only numbers that follow each other directly share a run; else all that come between two `end()`.
  let isDense: Bool
  private(set) var all: [ClosedRange<Int64>] = []
  private var isOpen = false

  init(isDense: Bool) { self.isDense = isDense }

  mutating func add(_ number: Int64) {
    if isOpen, let last = all.last, number > last.upperBound, !isDense || number == last.upperBound + 1 {
      all[all.count - 1] = last.lowerBound...number
    } else {
      all.append(number...number)
    }
    isOpen = true
  }

  mutating func end() { isOpen = false }
}
