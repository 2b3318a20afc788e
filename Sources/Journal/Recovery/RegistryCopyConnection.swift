// The connection by which one copy of the registry is brought up to date. It is kept from one change to the next, with its statements: opening
// it, reading both files' tables and compiling some thirty statements takes ten times as long as what they do.
//
// A connection of its own, because a copy that stays attached to the writer's would be locked with each commit. It reads the journal and
// never writes there.

internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import JournalFiles
internal import JournalValues

/// Belongs to the writer's thread.
final class RegistryCopyConnection {
  let queue: DatabaseQueue
  /// The copy, as it was opened.
  private let file: FileIdentity
  private var rows: CopiedRows

  /// - Parameter path: a copy that is there and complete (`RegistryCopy.make`).
  init(journal: String, copy path: String) throws {
    guard let file = FileIdentity(path: path) else { throw JournalError.cannotOpen(path: path, detail: "it is not there") }
    self.file = file
    var options = Configuration()
    options.label = "registry-copy"
    options.foreignKeysEnabled = false
    options.busyMode = .timeout(JournalFile.busySeconds)
    queue = try DatabaseQueue(path: journal, configuration: options)
    rows = try queue.writeWithoutTransaction { db in
      // Whoever closes last leaves the log where it is, and checkpoints are the writer's alone.
      try JournalFile.keepLog(db)
      try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
      try db.execute(sql: "ATTACH DATABASE ? AS copy", arguments: [path])
      try db.execute(sql: "PRAGMA copy.synchronous = FULL")
      return try RegistryCopy.rows(db, from: "main", to: "copy")
    }
  }

  deinit { try? queue.close() }

  /// Whether this name still leads to the file that is open.
  func isOf(_ path: String) -> Bool { FileIdentity(path: path).map { $0.isSameFile(as: file) } ?? false }

  /// Writes what has changed since the last time, in one flushed transaction. After an error the connection is of no use any more.
  func refresh() throws {
    try queue.writeWithoutTransaction { db in
      // Deferred: only the copy, which is written to, is locked.
      try db.inTransaction(.deferred) {
        try RegistryCopy.update(db, &rows)
        return .commit
      }
      // A page that is kept hides that the disk has lost it.
      sqlite3_db_release_memory(db.sqliteConnection)
    }
  }
}
