// What SQLite's codes mean for the journal, and for whoever asks whether to try again.

internal import GRDB
package import JournalValues

extension JournalError {
  /// Any error thrown around the file, as the case that it means.
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
    case .SQLITE_INTERRUPT: self = .busy(detail: "a query took longer than \(JournalFile.querySecondsMax) s and was ended")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(detail: detail)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH: self = .cannotOpen(path: "", detail: detail)
    default: self = .refused(code: code, detail: detail)
    }
  }
}

/// Runs `body` and gives its errors the journal's type.
package func journalErrors<T>(_ body: () throws -> T) throws(JournalError) -> T {
  do { return try body() } catch { throw JournalError(error) }
}
