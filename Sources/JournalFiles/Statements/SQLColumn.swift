// Columns by name, at no cost on a busy path. A table's columns are the cases of one enum (JournalColumns.swift): the text of
// a statement names them from there, and a value is bound or read by its case. So where a column stands is written nowhere else.
//
// Statements that run rarely name their columns in place: `Database.insert` writes a row from names and values, and `row[of: "name"]` reads one.
// GRDB's own `row["name"]` ends the process where a damaged file holds something else: no bytes of a file may do that to a hub that has to start.

package import GRDB
internal import Synchronization
package import VitalSigns

/// What each table's columns are in a statement. Names are made from cases once: statements are written anew with each look-up.
private let lists = Mutex<[ObjectIdentifier: String]>([:])

/// Columns of one table. A case's number is its place in the statements that are made from the enum, from 0.
package protocol SQLColumn: CaseIterable, RawRepresentable, Sendable where RawValue == Int {
  /// The column's name in the file.
  var name: String { get }
}

extension SQLColumn {
  package var name: String { snakeCase }

  /// `measuredAt` is the column `measured_at`.
  package var snakeCase: String { "\(self)".map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined() }

  /// All columns, as a statement lists them.
  package static var list: String {
    lists.withLock { known in
      if let list = known[ObjectIdentifier(Self.self)] { return list }
      let list = allCases.map(\.name).joined(separator: ", ")
      known[ObjectIdentifier(Self.self)] = list
      return list
    }
  }
}

/// A table within a query that may join others: what the query names, and where that stands in its rows.
package struct QuerySection<Column: SQLColumn>: Sendable {
  /// The columns with the table's alias before each.
  package let list: String
  /// Where the first column stands in a row of the query.
  package let start: Int
  /// Where the next section begins.
  package let end: Int

  package init(_ alias: String, from start: Int = 0) {
    self.init(columns: Column.allCases.map { "\(alias).\($0.name)" }, from: start)
  }

  /// - Parameter columns: one SQL expression for each column, in its order.
  package init(columns: [String], from start: Int) {
    list = columns.joined(separator: ", ")
    self.start = start
    end = start + Column.allCases.count
  }
}

extension Row {
  /// The value of a column of a joined table. Optional where the file may hold NULL.
  package subscript<Column: SQLColumn, Value: DatabaseValueConvertible & StatementColumnConvertible>(
    section: QuerySection<Column>, column: Column
  ) -> Value { get throws { try decode(atIndex: section.start + column.rawValue) } }

  /// The value of a column by its name.
  package subscript<Value: DatabaseValueConvertible & StatementColumnConvertible>(of name: String) -> Value {
    get throws { try decode(forColumn: name) }
  }
}

/// What an INSERT does when the row is there already.
package enum InsertConflict {
  /// It fails: our bug.
  case fail
  case ignore
  case replace
  /// The text after `ON CONFLICT`.
  case update(String)

  fileprivate var verb: String {
    switch self {
    case .fail, .update: "INSERT"
    case .ignore: "INSERT OR IGNORE"
    case .replace: "INSERT OR REPLACE"
    }
  }

  fileprivate var clause: String { if case .update(let text) = self { "ON CONFLICT \(text)" } else { "" } }

  package func statement(into table: String, _ columns: String, _ count: Int) -> String {
    let marks = Array(repeating: "?", count: count).joined(separator: ", ")
    return "\(verb) INTO \(table) (\(columns)) VALUES (\(marks)) \(clause)"
  }
}

extension Database {
  /// Writes one row from names and values. For what is written now and then: busy tables have an `InsertStatement`.
  package func insert(
    into table: String, _ row: KeyValuePairs<String, (any DatabaseValueConvertible)?>, _ conflict: InsertConflict = .fail
  ) throws {
    let columns = row.map(\.key).joined(separator: ", ")
    let statement = try cachedStatement(sql: conflict.statement(into: table, columns, row.count))
    try statement.execute(arguments: StatementArguments(row.map(\.value)))
  }
}

/// An INSERT that lives as long as its connection. A bound value stays for the next row: bind every column of every row.
package struct InsertStatement<Column: SQLColumn> {
  private let statement: PreparedStatement

  package init(_ db: Database, into table: String, _ conflict: InsertConflict = .fail) throws {
    statement = try PreparedStatement(db, conflict.statement(into: table, Column.list, Column.allCases.count))
  }

  package func bind(_ column: Column, _ value: some BinaryInteger) { statement.bind(place(column), Int64(truncatingIfNeeded: value)) }

  /// Nil is NULL.
  package func bind<Value: BinaryInteger>(_ column: Column, ifAny value: Value?) {
    if let value { bind(column, value) } else { statement.bindNull(place(column)) }
  }

  /// An unknown time is NULL.
  package func bind(_ column: Column, ifKnown time: WallTime) {
    if time == .unknown { statement.bindNull(place(column)) } else { bind(column, time.rawValue) }
  }

  package func bind(_ column: Column, _ text: String) { statement.bind(place(column), text) }

  package func execute() throws { try statement.execute() }

  /// Arguments are counted from 1.
  private func place(_ column: Column) -> Int32 { Int32(truncatingIfNeeded: column.rawValue + 1) }
}

/// A statement that gives rows of a table's columns, and lives as long as its connection.
package struct RowStatement<Column: SQLColumn> {
  private let statement: PreparedStatement

  /// - Parameters:
  ///   - isShared: the connection keeps it for whoever asks for the same text next. Reset it before that.
  ///   - text: the statement, given the list of columns that its rows must have.
  package init(_ db: Database, isShared: Bool = false, _ text: (_ columns: String) -> String) throws {
    statement = try PreparedStatement(db, text(Column.list), isShared: isShared)
  }

  /// - Parameter argument: counted from 1.
  package func bind(_ argument: Int32, _ value: some BinaryInteger) { statement.bind(argument, Int64(truncatingIfNeeded: value)) }

  /// Moves to the next row; false at the end, after which the statement is ready for the next use.
  package func step() throws -> Bool { try statement.step() }

  /// Leaves the rest of the rows, and makes the statement ready for the next use.
  package func reset() { statement.reset() }

  package func int(_ column: Column) -> Int64 { statement.int(place(column)) }
  package func optionalInt(_ column: Column) -> Int64? { isNull(column) ? nil : int(column) }
  package func isNull(_ column: Column) -> Bool { statement.isNull(place(column)) }
  package func text(_ column: Column) -> String { statement.text(place(column)) }

  /// The narrow number that was written there.
  package func number<Number: FixedWidthInteger>(_ column: Column) -> Number { Number(truncatingIfNeeded: int(column)) }

  /// Results are counted from 0.
  private func place(_ column: Column) -> Int32 { Int32(truncatingIfNeeded: column.rawValue) }
}
