// Bytes in order, out of a file, a pipe or an encrypted stream; and a file that appears under its name only when it is whole.

internal import Foundation

/// Something that gives bytes in order. One thread.
package protocol ByteStream: AnyObject {
  /// At most `most` bytes, at least one; empty at the end.
  func read(_ most: Int) throws(BackupError) -> [UInt8]
}

extension ByteStream {
  /// As many as asked for; fewer only at the end.
  func readExactly(_ count: Int) throws(BackupError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let next = try read(count - bytes.count)
      if next.isEmpty { return bytes }
      bytes.append(contentsOf: next)
    }
    return bytes
  }
}

/// A file or a pipe, read in blocks of 64 KiB.
package final class FileStream: ByteStream {
  private static let blockBytes = 64 << 10
  private let descriptor: Int32
  private let path: String
  private var held: ArraySlice<UInt8> = []
  /// Bytes given so far.
  package private(set) var bytesRead: Int64 = 0

  /// `-` is standard input.
  package init(path: String) throws(BackupError) {
    self.path = path == "-" ? "standard input" : path
    descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotRead(path: self.path, detail: String(cString: strerror(errno)).lowercased()) }
  }

  deinit { close(descriptor) }

  package func read(_ most: Int) throws(BackupError) -> [UInt8] {
    if held.isEmpty { held = try block()[...] }
    let part = held.prefix(most)
    held = held.dropFirst(part.count)
    bytesRead += Int64(part.count)
    return Array(part)
  }

  /// The first bytes, without taking them. At most a block.
  package func peek(_ count: Int) throws(BackupError) -> [UInt8] {
    while held.count < count {
      let next = try block()
      if next.isEmpty { break }
      held += next
    }
    return Array(held.prefix(count))
  }

  private func block() throws(BackupError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.blockBytes)
    while true {
      let count = bytes.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 { return Array(bytes.prefix(count)) }
      guard errno == EINTR else { throw .cannotRead(path: path, detail: String(cString: strerror(errno)).lowercased()) }
    }
  }
}

/// A file that is written beside its place, flushed, and then renamed into it; or standard output.
///
/// It is flushed on the way, too. What a file system has not written yet it writes all at once when anybody flushes: with a gigabyte of a
/// backup in memory the commits of the hub beside it took 0.3 s, and a press that came then was late.
package final class FileSink {
  /// Bytes between two flushes: some hundredths of a second of a slow disk.
  static let flushedBytes: Int64 = 8 << 20
  private var unflushed: Int64 = 0
  private(set) var flushes = 0
  private let descriptor: Int32
  private let path: String
  private let part: String?
  package private(set) var bytesWritten: Int64 = 0

  /// `-` is standard output. Anything else is made with mode 0600, in a folder that is there. Refuses a name that is taken.
  package init(path: String) throws(BackupError) {
    self.path = path == "-" ? "standard output" : path
    if path == "-" {
      (part, descriptor) = (nil, dup(STDOUT_FILENO))
    } else {
      guard access(path, F_OK) != 0 else { throw .alreadyThere(path: path) }
      let beside = "\(path).\(getpid()).part"
      unlink(beside)
      (part, descriptor) = (beside, open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600))
    }
    guard descriptor >= 0 else { throw .cannotWrite(path: self.path, detail: String(cString: strerror(errno)).lowercased()) }
  }

  deinit {
    close(descriptor)
    // Finished ones have another name by now.
    if let part { unlink(part) }
  }

  package func write(_ bytes: [UInt8]) throws(BackupError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
        bytesWritten += Int64(count)
        unflushed += Int64(count)
      } else if errno != EINTR {
        throw failure
      }
    }
    guard part != nil, unflushed >= Self.flushedBytes else { return }
    guard fdatasync(descriptor) == 0 else { throw failure }
    unflushed = 0
    flushes += 1
  }

  /// Flushes it and gives it its name. A pipe cannot be flushed.
  package func finish() throws(BackupError) {
    guard let part else { return }
    guard fsync(descriptor) == 0, rename(part, path) == 0 else { throw failure }
    FileOnDisk.flushFolder(of: path)
  }

  private var failure: BackupError { .cannotWrite(path: path, detail: String(cString: strerror(errno)).lowercased()) }
}

/// Namespace of what is asked of files.
enum FileOnDisk {
  /// Makes renames in the folder of `path` durable.
  static func flushFolder(of path: String) {
    let folder = (path as NSString).deletingLastPathComponent
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  static func flush(_ path: String) throws(BackupError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      throw .cannotWrite(path: path, detail: String(cString: strerror(errno)).lowercased())
    }
  }

  /// Nil when nothing is there.
  static func bytes(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }

  /// What an ordinary user may still take in the folder; nil: cannot be told.
  static func freeBytes(_ folder: String) -> Int64? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? .max : Int64(clamping: bytes)
  }
}
