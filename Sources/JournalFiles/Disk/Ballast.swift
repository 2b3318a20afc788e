// Room on the disk that nobody else can take: a file of zeros beside the database, deleted when the disk is full so that
// alarms can still be written, and made again once there is room (Eclipse Kura #2006: a full store took alarms with it).

internal import Foundation
internal import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The reserve. Used by the writer's thread only.
package struct Ballast {
  package let path: String
  package let bytes: Int
  package private(set) var isHeld = false

  /// Room that must be left after the ballast is back, bytes: without it the next commit would meet a full disk again.
  package static let headroomBytes = 1 << 20

  private let freeBytes: @Sendable (String) -> UInt64?

  package init(path: String, bytes: Int, freeBytes: @escaping @Sendable (String) -> UInt64? = JournalSurroundings.real.freeBytes) {
    self.freeBytes = freeBytes
    self.path = path
    self.bytes = bytes
    var status = stat()
    isHeld = bytes > 0 && stat(path, &status) == 0 && Int(status.st_size) == bytes
  }

  /// Gives the room up. True when there was some.
  package mutating func release() -> Bool {
    guard isHeld else { return false }
    isHeld = false
    return unlink(path) == 0
  }

  /// Makes the reserve when it is missing and the disk has room for it and some more. False when it is still missing.
  package mutating func restore() -> Bool {
    if isHeld || bytes == 0 { return true }
    guard let free = freeBytes((path as NSString).deletingLastPathComponent), free >= UInt64(bytes + Self.headroomBytes) else {
      return false
    }
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    // Allocated blocks, not a hole: glibc writes zeros where the file system has no fallocate.
    let done = posix_fallocate(descriptor, 0, off_t(bytes)) == 0 && fsync(descriptor) == 0
    close(descriptor)
    if !done { unlink(path) }
    isHeld = done
    return done
  }
}
