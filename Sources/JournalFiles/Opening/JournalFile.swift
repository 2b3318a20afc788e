// Opening the file so that a commit is a promise: one process writes, the write-ahead log is on, every commit is flushed,
// and the file is ours and not newer than we are. Whatever is not so ends the start with a reason.

internal import Foundation
package import GRDB
internal import GRDBSQLite
package import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The advisory lock that keeps a second writer away for as long as this value lives. The kernel drops it with the process.
///
/// SQLite before 3.51.3 can corrupt a file in the write-ahead log mode when two connections checkpoint, and Debian 12 has
/// 3.40.1; so "one writer" is enforced, not hoped for.
package final class WriterLock {
  private let descriptor: Int32

  package init(path: String) throws(JournalError) {
    let lockPath = path + ".writer"
    let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotOpen(path: lockPath, detail: String(cString: strerror(errno))) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .writerRunning(path: path)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}

package enum JournalFile {
  /// How long a reader's query may take before it is ended, seconds.
  package static let querySecondsMax: Int64 = 30
  /// How long a statement waits for a lock before it gives up, seconds. Only a reader that recovers the log after a crash holds one.
  package static let busySeconds = 1.0
  /// Memory for pages, KiB. Enough for the hot pages of a commit; a small board has 512 MiB.
  static let cacheKibibytes = 4_096

  /// A regular file, or a link to one.
  package static func isFile(_ path: String) -> Bool {
    var found = stat()
    return stat(path, &found) == 0 && found.st_mode & S_IFMT == S_IFREG
  }

  /// Opens, checks and migrates the file for its one writer.
  package static func openForWriting(_ configuration: JournalConfiguration) throws(JournalError) -> DatabaseQueue {
    let path = configuration.path
    if !FileManager.default.fileExists(atPath: path) {
      // SQLite gives the files beside it the mode of the database file.
      guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]) else {
        throw .cannotOpen(path: path, detail: "cannot create the file")
      }
    }
    // Opening a pipe waits for whoever would write into it: for ever, and no alarm would be heard meanwhile.
    guard isFile(path) else { throw .cannotOpen(path: path, detail: "it is no file") }
    try refuseNewer(path)
    var options = Configuration()
    options.label = "journal-writer"
    options.foreignKeysEnabled = false
    options.busyMode = .timeout(busySeconds)
    do {
      let queue = try DatabaseQueue(path: path, configuration: options)
      try queue.writeWithoutTransaction { db in
        try checkFormat(db)
        try makeDurable(db)
        try db.execute(sql: "PRAGMA cache_size = -\(cacheKibibytes)")
        // Only when the file is new: a start on a full disk writes nothing that is there already.
        if try Int64.fetchOne(db, sql: "PRAGMA application_id") != JournalSchema.applicationID {
          try db.execute(sql: "PRAGMA application_id = \(JournalSchema.applicationID)")
        }
      }
      try JournalSchema.upgrade(queue, told: configuration.onUpgrade ?? { _ in })
      try queue.writeWithoutTransaction { db in
        try JournalVocabulary.write(db)
        try assertDurable(db)
      }
      return queue
    } catch {
      let failure = JournalError(error)
      if case .cannotOpen(_, let detail) = failure { throw .cannotOpen(path: path, detail: detail) }
      throw failure
    }
  }

  /// Refuses a file of a newer version before SQLite opens it, and so changes no byte of it, of its log, or of what lies beside them.
  package static func refuseNewer(_ path: String) throws(JournalError) {
    guard let newer = FileVersion.newer(than: JournalSchema.version, at: path), newer.applicationID == JournalSchema.applicationID else {
      return
    }
    throw .newerVersion(found: newer.version, supported: JournalSchema.version)
  }

  /// Refuses a file of another program and one of a newer version.
  package static func checkFormat(_ db: Database) throws {
    let id = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
    guard id == JournalSchema.applicationID || (id == 0 && version == 0 && tables == 0) else {
      throw JournalError.foreignFile(applicationID: id)
    }
    guard version <= JournalSchema.version else { throw JournalError.newerVersion(found: version, supported: JournalSchema.version) }
  }

  /// Switches to the write-ahead log with a flush at every commit, and reads both back.
  ///
  /// GRDB's own `journalMode = .wal` sets `synchronous = NORMAL` after every other hook; it is not used here for that reason.
  package static func makeDurable(_ db: Database) throws {
    _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
    try db.execute(sql: "PRAGMA synchronous = FULL")
    try assertDurable(db)
    try keepLog(db)
  }

  /// Keeps -wal and -shm when the connection closes: readers that outlive the writer must not lose the files they have open.
  package static func keepLog(_ db: Database) throws {
    var persist: Int32 = 1
    let code = sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_PERSIST_WAL, &persist)
    guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
  }

  /// Throws `notDurable` unless SQLite itself says: write-ahead log, and FULL (2) or EXTRA (3).
  package static func assertDurable(_ db: Database) throws {
    let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? ""
    let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1
    guard mode == "wal", synchronous >= 2 else { throw JournalError.notDurable(journalMode: mode, synchronous: synchronous) }
  }

  /// Opens the file for reading only; it can neither write nor checkpoint. The core may be running or not.
  package static func openForReading(path: String, connectionsMax: Int) throws(JournalError) -> DatabasePool {
    var options = Configuration()
    options.label = "journal-reader"
    options.readonly = true
    options.foreignKeysEnabled = false
    options.maximumReaderCount = connectionsMax
    options.busyMode = .timeout(busySeconds)
    // As for writing. One that is not there has its own reason below.
    guard isFile(path) || !FileManager.default.fileExists(atPath: path) else { throw .cannotOpen(path: path, detail: "it is no file") }
    try refuseNewer(path)
    options.prepareDatabase { db in
      try db.execute(sql: "PRAGMA query_only = 1")
      try db.execute(sql: "PRAGMA cache_size = -2048")
    }
    do {
      let pool = try DatabasePool(path: path, configuration: options)
      try pool.read { db in
        try checkFormat(db)
        // Half of this version is none: its writer goes on with it first.
        let position = try SchemaPosition(db)
        guard position.version == JournalSchema.version, position.halfWay == nil else {
          throw JournalError.notReady(found: position.version, needed: JournalSchema.version)
        }
      }
      return pool
    } catch {
      let failure = JournalError(error)
      if case .cannotOpen(_, let detail) = failure { throw .cannotOpen(path: path, detail: detail) }
      throw failure
    }
  }
}
