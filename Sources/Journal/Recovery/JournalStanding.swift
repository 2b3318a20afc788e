// Whether the journal's names still lead to the files that are open. A file that is deleted or renamed stays writable for
// whoever has it open; what is committed there is gone with the process. So nothing is acknowledged before this was looked at.

internal import Foundation
internal import GRDB
internal import JournalFiles
public import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

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
    let number = UInt32(truncatingIfNeeded: configuration.around.random())
    for suffix in ["", "-wal", "-shm", "-journal"] where FileIdentity(path: path + suffix) != nil {
      rename(path + suffix, "\(path).lost-\(number)\(suffix)")
    }
    guard rename(part, path) == 0 else { throw .cannotOpen(path: path, detail: String(cString: strerror(errno))) }
    flushFolder(of: path)
    // The lock's file may be gone with the others; else this writer still holds it.
    let writer = try JournalWriter(configuration, lock: (try? WriterLock(path: configuration.path)) ?? lock)
    writer.sharing = sharing
    writer.mark = mark
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
