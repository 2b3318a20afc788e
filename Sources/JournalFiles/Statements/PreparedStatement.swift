// A statement without the arrays and boxes of GRDB's argument lists, for what runs with every observation. Everything rarer goes
// through GRDB itself. SQLColumn.swift gives its columns names.

package import GRDB
internal import GRDBSQLite
internal import VitalSigns

/// A statement that lives as long as its connection, bound and stepped directly. Used on the connection's queue only.
package struct PreparedStatement {
  /// Owns the handle.
  private let statement: Statement
  private let handle: OpaquePointer
  private let connection: OpaquePointer

  /// - Parameter isShared: the connection keeps it for whoever asks for the same text next.
  package init(_ db: Database, _ sql: String, isShared: Bool = false) throws {
    statement = try isShared ? db.cachedStatement(sql: sql) : db.makeStatement(sql: sql)
    handle = statement.sqliteStatement
    guard let connection = db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "the connection is closed") }
    self.connection = connection
  }

  // A failing bind means an index that the statement does not have, or no memory: our bug, or the end.
  package func bind(_ index: Int32, _ value: Int64) {
    let code = sqlite3_bind_int64(handle, index, value)
    precondition(code == SQLITE_OK, "cannot bind an argument")
  }

  package func bindNull(_ index: Int32) {
    let code = sqlite3_bind_null(handle, index)
    precondition(code == SQLITE_OK, "cannot bind NULL")
  }

  package func bind(_ index: Int32, _ text: String) {
    // SQLITE_TRANSIENT: SQLite copies before the call returns.
    let code = sqlite3_bind_text(handle, index, text, Int32(clamping: text.utf8.count), unsafeBitCast(-1, to: sqlite3_destructor_type.self))
    precondition(code == SQLITE_OK, "cannot bind a text")
  }

  /// Runs a statement that gives no rows, and makes it ready for the next.
  package func execute() throws {
    let code = sqlite3_step(handle)
    // Read before reset, which may replace the message.
    if code != SQLITE_DONE {
      let failure = failure(code)
      sqlite3_reset(handle)
      throw failure
    }
    sqlite3_reset(handle)
  }

  /// Moves to the next row; false at the end, after which the statement is ready for the next use.
  package func step() throws -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    let failure = code == SQLITE_DONE ? nil : failure(code)
    sqlite3_reset(handle)
    if let failure { throw failure }
    return false
  }

  package func reset() { sqlite3_reset(handle) }

  /// The number of a statement that gives at most one row of one column; nil when there is none. Ready for the next use.
  package func number() throws -> Int64? {
    guard try step() else { return nil }
    defer { reset() }
    return isNull(0) ? nil : int(0)
  }

  package func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
  package func text(_ column: Int32) -> String {
    guard let bytes = sqlite3_column_text(handle, column) else { return "" }
    return String(cString: bytes)
  }

  private func failure(_ code: Int32) -> DatabaseError {
    DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
  }
}
