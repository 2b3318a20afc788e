// One table of a damaged journal, row by row into the new one: forwards until a page cannot be read, backwards from its end until one
// cannot, and what lies between in halves.

internal import GRDB

/// One table from the damaged file into the new one.
struct TableSalvage {
  let from: Database
  let to: Database
  let name: String
  private var table: SalvagedTable
  private var questions = 0
  private var fruitless = 0
  private var inBatch = 0
  private var columnCount = 0
  /// Throws when no more may be written. Asked at each transaction.
  private let mayGoOn: () throws -> Void

  init(from: Database, to: Database, name: String, mayGoOn: @escaping () throws -> Void) {
    (self.from, self.to, self.name) = (from, to, name)
    self.mayGoOn = mayGoOn
    table = SalvagedTable(name: name)
  }

  mutating func run() throws -> SalvagedTable {
    let sql = "SELECT name FROM pragma_table_info(?)"
    let theirs = Set((try? String.fetchAll(from, sql: sql, arguments: [name])) ?? [])
    let columns = try String.fetchAll(to, sql: sql, arguments: [name]).filter(theirs.contains)
    guard !columns.isEmpty else {
      // A table of a later version than the file's is no loss.
      table.isWhole = (try? Int.fetchOne(from, sql: "SELECT count(*) FROM sqlite_master WHERE name = ?", arguments: [name])) == 0
      return table
    }
    columnCount = columns.count
    let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")
    let marks = columns.map { _ in "?" }.joined(separator: ", ")
    let insert = try to.makeStatement(sql: "INSERT OR REPLACE INTO \"\(name)\" (\(list)) VALUES (\(marks))")
    try mayGoOn()
    try to.beginTransaction(.immediate)
    if (try? to.makeStatement(sql: "SELECT rowid FROM \"\(name)\" LIMIT 0")) != nil {
      try byRowNumber(list, insert)
    } else {
      let key = try String.fetchAll(to, sql: "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", arguments: [name])
      try byKey(list, key, insert)
    }
    try to.commit()
    table.rows = try Int.fetchOne(to, sql: "SELECT count(*) FROM \"\(name)\"") ?? 0
    return table
  }

  /// Gives each row that can be read to `body`; false when one could not be read.
  private mutating func ask(_ sql: String, _ arguments: StatementArguments, _ insert: Statement, _ accepts: (Row) -> Bool) throws -> Bool {
    questions += 1
    guard let rows = try? Row.fetchCursor(from, sql: sql, arguments: arguments) else { return false }
    while true {
      let row: Row?
      do { row = try rows.next() } catch { return false }
      guard let row else { return true }
      // A damaged page may lead in a circle.
      guard accepts(row) else { return false }
      try put(Array(row.databaseValues), insert)
    }
  }

  private mutating func put(_ values: [DatabaseValue], _ insert: Statement) throws {
    do { try insert.execute(arguments: StatementArguments(values.suffix(columnCount))) } catch let error as DatabaseError
      where error.resultCode == .SQLITE_CONSTRAINT || error.resultCode == .SQLITE_MISMATCH
    { table.refused += 1 }
    inBatch += 1
    guard inBatch >= JournalSalvage.batchRows else { return }
    inBatch = 0
    try to.commit()
    try mayGoOn()
    try to.beginTransaction(.immediate)
  }

  private mutating func byRowNumber(_ list: String, _ insert: Statement) throws {
    var open: [SalvagedTable.Stretch] = [JournalSalvage.rowNumbers]
    let sql = "SELECT rowid, \(list) FROM \"\(name)\" WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
    // The widest stretches first: many damaged places are parted before one is looked at closely.
    var next = 0
    while next < open.count {
      let stretch = open[next]
      next += 1
      guard questions < JournalSalvage.questionsMax, fruitless < JournalSalvage.fruitlessMax else {
        lose(stretch)
        continue
      }
      var (low, high) = (stretch.first, stretch.last)
      var read: Int64?
      if try ask(sql, [low, high], insert, { Self.rises($0, &read) }) { continue }
      if let read { low = read }
      var readBack: Int64?
      _ = try ask(sql + " DESC", [low, high], insert, { Self.falls($0, &readBack) })
      if let readBack { high = readBack }
      fruitless = read == nil && readBack == nil ? fruitless + 1 : 0
      // The ends that were read are not asked for again.
      let (first, last) = (read == nil ? low : low &+ 1, readBack == nil ? high : high &- 1)
      guard first <= last else { continue }
      guard first < last else {
        lose(SalvagedTable.Stretch(first: first, last: last))
        continue
      }
      let cut = first + (last - first) / 2
      open.append(SalvagedTable.Stretch(first: first, last: cut))
      open.append(SalvagedTable.Stretch(first: cut + 1, last: last))
    }
    joinLost()
  }

  private static func rises(_ row: Row, _ last: inout Int64?) -> Bool {
    guard let number = Int64.fromDatabaseValue(row[0] as DatabaseValue), last.map({ number > $0 }) ?? true else { return false }
    last = number
    return true
  }

  private static func falls(_ row: Row, _ last: inout Int64?) -> Bool {
    guard let number = Int64.fromDatabaseValue(row[0] as DatabaseValue), last.map({ number < $0 }) ?? true else { return false }
    last = number
    return true
  }

  /// Forwards until it ends, and backwards until it ends. What lies between two damaged pages is lost.
  private mutating func byKey(_ list: String, _ key: [String], _ insert: Statement) throws {
    let order = key.map { "\"\($0)\"" }
    var left = 100_000_000
    let bounded: (Row) -> Bool = { _ in
      left -= 1
      return left > 0
    }
    if try ask("SELECT \(list) FROM \"\(name)\" ORDER BY \(order.joined(separator: ", "))", [], insert, bounded) { return }
    table.isWhole = false
    _ = try ask("SELECT \(list) FROM \"\(name)\" ORDER BY \(order.map { $0 + " DESC" }.joined(separator: ", "))", [], insert, bounded)
  }

  private mutating func lose(_ stretch: SalvagedTable.Stretch) {
    table.isWhole = false
    table.lost.append(stretch)
  }

  /// Neighbours become one.
  private mutating func joinLost() {
    var joined: [SalvagedTable.Stretch] = []
    for stretch in table.lost.sorted(by: { $0.first < $1.first }) {
      if let last = joined.last, stretch.first <= last.last + 1 {
        joined[joined.count - 1].last = max(last.last, stretch.last)
      } else {
        joined.append(stretch)
      }
    }
    table.lost = Array(joined.prefix(JournalSalvage.stretchesMax))
  }
}
