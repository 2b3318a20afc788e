// What can go wrong with the journal, one case per failed operation, and whether trying again helps. Messages name no
// person: SQLite's own text holds table and column names only, and arguments are never part of it.

internal import GRDB

/// Why an operation on the journal failed. The transaction, if there was one, has been rolled back whole.
public enum JournalError: Error, Sendable, Hashable {
  /// The file, or one beside it, cannot be opened or created.
  case cannotOpen(path: String, detail: String)
  /// Another process holds the journal for writing.
  case writerRunning(path: String)
  /// The file is an SQLite database of some other program.
  case foreignFile(applicationID: Int64)
  /// The file was written by a newer version of this program.
  case newerVersion(found: Int, supported: Int)
  /// A reader met a file that its writer has not set up yet.
  case notReady(found: Int, needed: Int)
  /// SQLite would not promise durability: the write-ahead log or `synchronous=FULL` is not in force.
  case notDurable(journalMode: String, synchronous: Int)
  /// The disk is full and no ballast was left: nothing was written, not even alarms.
  case full(detail: String)
  /// Reading, writing or flushing failed. What the disk holds is unknown until a commit succeeds again.
  case inputOutput(code: Int, detail: String)
  /// Another connection held a lock for too long.
  case busy(detail: String)
  /// The file is damaged.
  case corrupt(detail: String)
  /// A row holds something that this version cannot have written.
  case unreadable(table: String, sequence: UInt64)
  /// SQLite refused a statement: a defect of this program.
  case refused(code: Int, detail: String)

  /// Whether and when the same call may succeed.
  public enum Retry: Sendable, Hashable {
    /// Somebody must change the machine or the program first.
    case never
    /// The same call again, after a pause.
    case later
    /// Once there is room on the disk.
    case whenThereIsRoom
  }

  public var retry: Retry {
    switch self {
    case .full: .whenThereIsRoom
    case .inputOutput, .busy, .notReady: .later
    default: .never
    }
  }
}

extension JournalError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cannotOpen(let path, let detail):
      "cannot open the journal \(path): \(detail); see that its folder exists, is mounted, and belongs to the service's user"
    case .writerRunning(let path): "another process is writing the journal \(path): stop that one first (systemctl status knutepunkt-core)"
    case .foreignFile(let id): "the file is another program's database (application id \(id)): move it away, and put the journal back"
    case .newerVersion(let found, let supported):
      "the journal has version \(found), this program knows up to \(supported): install the newer program"
    case .notReady(let found, let needed): "the journal has version \(found), this reader needs \(needed): start the core role first"
    case .notDurable(let mode, let synchronous):
      "SQLite does not promise durability: journal_mode \(mode), synchronous \(synchronous); put hub.state on a local disk, not on a network share"
    case .full(let detail): "no room on the disk: \(detail); make room (df shows which disk), the hub goes on by itself then"
    case .inputOutput(let code, let detail): "the disk failed (\(code)): \(detail); dmesg tells more, replace the disk if it goes on"
    case .busy(let detail): "the journal is locked: \(detail); another program holds it open for writing (fuser shows which): end that one"
    case .corrupt(let detail): "the journal is damaged: \(detail); keep the file as it is, and restore a copy"
    case .unreadable(let table, let sequence):
      "row \(sequence) of \(table) cannot be read: the journal is damaged, or a newer version wrote it; keep the file as it is"
    case .refused(let code, let detail):
      "SQLite refused a statement (\(code)): \(detail); this is a defect of the program: please report it"
    }
  }
}

extension JournalError {
  /// Any error thrown inside this module, as the case that it means.
  package init(_ error: any Error) {
    if let known = error as? JournalError {
      self = known
      return
    }
    // The file holds what its table does not allow: nobody wrote that through SQLite.
    if error is RowDecodingError {
      self = .corrupt(detail: "a row holds what its table does not allow")
      return
    }
    guard let failure = error as? DatabaseError else {
      self = .refused(code: -1, detail: String(describing: type(of: error)))
      return
    }
    let detail = failure.message ?? "no message"
    let code = Int(failure.extendedResultCode.rawValue)
    switch failure.resultCode {
    case .SQLITE_FULL: self = .full(detail: detail)
    case .SQLITE_IOERR: self = .inputOutput(code: code, detail: detail)
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: self = .busy(detail: detail)
    case .SQLITE_INTERRUPT: self = .busy(detail: "a query took longer than \(JournalReader.querySecondsMax) s and was ended")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(detail: detail)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH: self = .cannotOpen(path: "", detail: detail)
    default: self = .refused(code: code, detail: detail)
    }
  }
}

/// Runs `body` and gives its errors this module's type.
package func journalErrors<T>(_ body: () throws -> T) throws(JournalError) -> T {
  do { return try body() } catch { throw JournalError(error) }
}
