// Reads the beginning of a file that this process may have open as a database, without a harm that POSIX has in store: closing any
// descriptor of a file drops every lock that the process holds on it, those that SQLite took through its own descriptors too. A journal
// without its shared lock looks unused. Another program that opens it and closes it again then moves the log into it and removes the log
// from under the hub (https://www.sqlite.org/howtocorrupt.html, 2.2). So a descriptor that was opened here is kept for as long as its file
// has a name: one for each journal that this process has met.

internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Namespace of the reading. Any thread.
enum KeptDescriptors {
  private struct Kept {
    var file: FileIdentity
    var descriptor: Int32
  }
  private static let all = Mutex<[Kept]>([])

  /// The first bytes of a regular file, at most `count` of them; nil when it cannot be read.
  static func beginning(of path: String, count: Int) -> [UInt8]? {
    all.withLock { kept in
      forgetRemoved(&kept)
      guard let descriptor = descriptor(of: path, &kept) else { return nil }
      var bytes = [UInt8](repeating: 0, count: count)
      let length = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
      return length < 0 ? nil : Array(bytes.prefix(length))
    }
  }

  private static func descriptor(of path: String, _ kept: inout [Kept]) -> Int32? {
    guard let file = FileIdentity(path: path) else { return nil }
    if let known = kept.first(where: { $0.file.isSameFile(as: file) }) { return known.descriptor }
    // Opening a pipe would wait for whoever writes into it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    // Another file may have got the name meanwhile: what was opened counts.
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, let opened = FileIdentity(descriptor: descriptor) else {
      close(descriptor)
      return nil
    }
    kept.append(Kept(file: opened, descriptor: descriptor))
    return descriptor
  }

  /// Nobody can open a removed file any more, so its locks keep nobody away; and its room on the disk is wanted.
  private static func forgetRemoved(_ kept: inout [Kept]) {
    var standing: [Kept] = []
    for one in kept {
      var status = stat()
      if fstat(one.descriptor, &status) == 0, status.st_nlink == 0 { close(one.descriptor) } else { standing.append(one) }
    }
    kept = standing
  }
}
