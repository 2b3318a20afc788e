// Which files are open, so that it is seen when their names lead elsewhere: compared by device and inode, by names, and by length.

package import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Which file it is: device and inode.
package struct FileIdentity: Sendable, Hashable {
  package var device: UInt64
  package var inode: UInt64
  package var bytes: Int64

  /// Follows links. Nil when nothing is there.
  package init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    bytes = Int64(status.st_size)
  }

  package func isSameFile(as other: Self) -> Bool { device == other.device && inode == other.inode }
}

/// The database and its log as they were when they were opened. Two `stat`s a look, some microseconds.
package struct StandingFiles {
  package let path: String
  private let logPath: String
  private var database: FileIdentity?
  private var log: FileIdentity?

  package init(path: String) {
    self.path = path
    logPath = Self.behindLinks(path) + "-wal"
    database = FileIdentity(path: path)
    log = FileIdentity(path: logPath)
  }

  /// The journal may be a link to another disk: SQLite then keeps the log beside the file itself.
  package static func behindLinks(_ path: String) -> String {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// A checkpoint has made the database longer: from now on it is not shorter than this.
  package mutating func noteSize() {
    if let now = FileIdentity(path: path), isOurs(now) { database = now }
  }

  package func isOurs(_ file: FileIdentity) -> Bool { database.map { $0.isSameFile(as: file) } ?? false }

  /// - Parameter logBytesMin: what the log must hold by the last commit's account.
  package mutating func look(logBytesMin: Int64) -> JournalStanding {
    let problem = Self.compare(path, &database, bytesMin: database?.bytes ?? 0)
    if problem != .inPlace { return problem }
    // The log may be cut to nothing, by us alone, when all of it has been moved.
    return Self.compare(logPath, &log, bytesMin: logBytesMin)
  }

  private static func compare(_ path: String, _ known: inout FileIdentity?, bytesMin: Int64) -> JournalStanding {
    guard let now = FileIdentity(path: path) else { return known == nil ? .inPlace : .removed(path: path) }
    guard let before = known else {
      known = now
      return .inPlace
    }
    if !now.isSameFile(as: before) { return .replaced(path: path) }
    if now.bytes < bytesMin { return .shortened(path: path) }
    known?.bytes = now.bytes
    return .inPlace
  }
}
