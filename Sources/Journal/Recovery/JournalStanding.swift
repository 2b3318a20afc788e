// Whether the journal's names still lead to the files that are open. A file that is deleted or renamed stays writable for
// whoever has it open; what is committed there is gone with the process. So nothing is acknowledged before this was looked at.

internal import Foundation
internal import GRDB

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// How the journal's files lie on the disk.
public enum JournalStanding: Sendable, Hashable {
  case inPlace
  /// Nothing has this name any more.
  case removed(path: String)
  /// Something else has.
  case replaced(path: String)
  /// Somebody cut it; what was at its end is lost.
  case shortened(path: String)

  /// In a sentence; nil when all is well.
  public var problem: String? {
    switch self {
    case .inPlace: nil
    case .removed(let path): "\(path) was removed while the hub ran"
    case .replaced(let path): "\(path) was replaced by another file while the hub ran"
    case .shortened(let path): "\(path) was shortened while the hub ran"
    }
  }
}

/// Which file it is: device and inode.
struct FileIdentity: Sendable, Hashable {
  var device: UInt64
  var inode: UInt64
  var bytes: Int64

  /// Follows links. Nil when nothing is there.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    bytes = Int64(status.st_size)
  }

  func isSameFile(as other: Self) -> Bool { device == other.device && inode == other.inode }
}

/// The database and its log as they were when they were opened. Two `stat`s a look, some microseconds.
struct StandingFiles {
  let path: String
  private let logPath: String
  private var database: FileIdentity?
  private var log: FileIdentity?

  init(path: String) {
    self.path = path
    logPath = Self.behindLinks(path) + "-wal"
    database = FileIdentity(path: path)
    log = FileIdentity(path: logPath)
  }

  /// The journal may be a link to another disk: SQLite then keeps the log beside the file itself.
  static func behindLinks(_ path: String) -> String {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// A checkpoint has made the database longer: from now on it is not shorter than this.
  mutating func noteSize() {
    if let now = FileIdentity(path: path), isOurs(now) { database = now }
  }

  func isOurs(_ file: FileIdentity) -> Bool { database.map { $0.isSameFile(as: file) } ?? false }

  /// - Parameter logBytesMin: what the log must hold by the last commit's account.
  mutating func look(logBytesMin: Int64) -> JournalStanding {
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

extension JournalWriter {
  /// Looks where the journal's files are. Before a commit's success is believed, and every two seconds.
  public func standing() -> JournalStanding {
    // A header of 32 bytes, then frames of 24 bytes and a page each.
    files.look(logBytesMin: pagesInLog > 0 ? 32 + Int64(pagesInLog) * (24 + 4_096) : 0)
  }

  /// Writes all that the open files still hold into a new file at the journal's own name, and opens it. What is left there of the
  /// old files is moved aside, never deleted. Blocks for as long as a copy takes.
  ///
  /// - Returns: the writer to go on with; this one is not used again.
  /// - Throws: when somebody has put another file there, or the open files cannot be read to their end.
  public func rescued() throws(JournalError) -> JournalWriter {
    let path = StandingFiles.behindLinks(configuration.path)
    if let there = FileIdentity(path: path), !files.isOurs(there) { throw .cannotOpen(path: path, detail: "another file has this name") }
    let part = path + ".rescue"
    unlink(part)
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotOpen(path: part, detail: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    do {
      try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
    } catch {
      unlink(part)
      throw JournalError(error)
    }
    guard fsync(descriptor) == 0 else { throw .inputOutput(code: Int(errno), detail: "the rescued journal cannot be flushed") }
    // A log that is left would be taken for the new file's own.
    let number = UInt32(truncatingIfNeeded: configuration.surroundings.random())
    for suffix in ["", "-wal", "-shm", "-journal"] where FileIdentity(path: path + suffix) != nil {
      rename(path + suffix, "\(path).lost-\(number)\(suffix)")
    }
    guard rename(part, path) == 0 else { throw .cannotOpen(path: path, detail: String(cString: strerror(errno))) }
    flushFolder(of: path)
    // The lock's file may be gone with the others; else this writer still holds it.
    let writer = try JournalWriter(configuration, lock: (try? WriterLock(path: configuration.path)) ?? lock)
    writer.sharing = sharing
    return writer
  }
}

/// Makes a rename durable.
func flushFolder(of path: String) {
  let descriptor = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}
