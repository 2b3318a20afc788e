// SQLite with nothing of ours above it: the floor under the journal. The same library that the product uses, called
// through its C functions, found by name because only the journal's target links its module.

import Glibc

/// One open database with one prepared INSERT. One thread.
final class BareSQLite {
  private static let openFlags: Int32 = 0x2 | 0x4  // SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
  private static let row: Int32 = 100  // SQLITE_ROW
  private static let done: Int32 = 101  // SQLITE_DONE

  private struct Library {
    typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>, Int32, UnsafePointer<CChar>?) -> Int32
    typealias Execute =
      @convention(c) (
        OpaquePointer, UnsafePointer<CChar>, OpaquePointer?, OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
      ) -> Int32
    typealias Prepare =
      @convention(c) (
        OpaquePointer, UnsafePointer<CChar>, Int32, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<UnsafePointer<CChar>?>?
      ) -> Int32
    typealias Bind = @convention(c) (OpaquePointer, Int32, Int64) -> Int32
    typealias OfStatement = @convention(c) (OpaquePointer) -> Int32

    let open: Open
    let execute: Execute
    let prepare: Prepare
    let bind: Bind
    let step: OfStatement
    let reset: OfStatement
    let finalize: OfStatement
    let close: OfStatement

    init() throws(BenchmarkError) {
      guard let handle = dlopen("libsqlite3.so.0", RTLD_NOW) else { throw .noProgram("libsqlite3") }
      func symbol<Function>(_ name: String, _ type: Function.Type) throws(BenchmarkError) -> Function {
        guard let address = dlsym(handle, name) else { throw .noProgram(name) }
        // dlsym gives an untyped address; the types above are those of sqlite3.h.
        return unsafeBitCast(address, to: type)
      }
      open = try symbol("sqlite3_open_v2", Open.self)
      execute = try symbol("sqlite3_exec", Execute.self)
      prepare = try symbol("sqlite3_prepare_v2", Prepare.self)
      bind = try symbol("sqlite3_bind_int64", Bind.self)
      step = try symbol("sqlite3_step", OfStatement.self)
      reset = try symbol("sqlite3_reset", OfStatement.self)
      finalize = try symbol("sqlite3_finalize", OfStatement.self)
      close = try symbol("sqlite3_close_v2", OfStatement.self)
    }
  }

  /// A table of whole numbers whose first column is the key.
  final class Table {
    fileprivate let statement: OpaquePointer
    fileprivate let columns: Int32
    fileprivate var next: Int64 = 1

    fileprivate init(statement: OpaquePointer, columns: Int32) {
      self.statement = statement
      self.columns = columns
    }
  }

  private let library: Library
  private let database: OpaquePointer
  private var tables: [Table] = []

  /// WAL, FULL; checkpoints only when asked for, as the journal's writer has it.
  init(path: String) throws(BenchmarkError) {
    library = try Library()
    var opened: OpaquePointer?
    let code = library.open(path, &opened, Self.openFlags, nil)
    guard code == 0, let opened else { throw .library("sqlite3_open_v2", code: code) }
    database = opened
    try execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0")
  }

  deinit {
    for table in tables { _ = library.finalize(table.statement) }
    _ = library.close(database)
  }

  func execute(_ sql: String) throws(BenchmarkError) {
    let code = library.execute(database, sql, nil, nil, nil)
    if code != 0 { throw .library("sqlite3_exec \(sql)", code: code) }
  }

  func table(_ name: String, columns: Int32) throws(BenchmarkError) -> Table {
    let names = (1..<columns).map { "c\($0) INTEGER NOT NULL" }.joined(separator: ", ")
    try execute("CREATE TABLE \(name) (id INTEGER PRIMARY KEY, \(names)) STRICT")
    var statement: OpaquePointer?
    let marks = Array(repeating: "?", count: Int(columns)).joined(separator: ", ")
    let code = library.prepare(database, "INSERT INTO \(name) VALUES (\(marks))", -1, &statement, nil)
    guard code == 0, let statement else { throw .library("sqlite3_prepare_v2", code: code) }
    let table = Table(statement: statement, columns: columns)
    tables.append(table)
    return table
  }

  /// Adds the next row; its columns hold numbers of the sizes that the journal's have.
  func insert(into table: Table) throws(BenchmarkError) {
    _ = library.bind(table.statement, 1, table.next)
    for column in 2...table.columns {
      _ = library.bind(table.statement, column, column == 2 ? table.next &* 50_000 : Int64(column) &* 1_009 &+ table.next & 0xFFF)
    }
    table.next += 1
    let code = library.step(table.statement)
    _ = library.reset(table.statement)
    if code != Self.done { throw .library("sqlite3_step", code: code) }
  }
}
