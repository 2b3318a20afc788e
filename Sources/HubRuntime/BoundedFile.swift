// Reads a whole small file with a bound, so that a wrong path (a device, a disk image) costs no memory. For
// configuration and secrets; not for data.

import CLinux
import Foundation

/// Namespace of the reading.
public enum BoundedFile {
  /// The file's bytes, at most `bytesMax` of them; a longer file is an error.
  public static func read(_ path: String, bytesMax: Int) throws(BoundedFileError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BoundedFileError(path: path, code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw BoundedFileError(path: path, code: errno)
      }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= bytesMax else { throw BoundedFileError(path: path, bytesMax: bytesMax) }
    }
  }

  /// Whether this process may read `path`, and if not, why.
  package static func complaint(about path: String, folder: Bool = false) -> String? {
    let mode = clinux_mode(path)
    guard mode >= 0 else { return BoundedFileError(path: path, code: errno).reason }
    let isFolder = clinux_mode_is_folder(mode)
    if folder, !isFolder { return "is not a folder" }
    if !folder, isFolder { return "is a folder, not a file" }
    return access(path, R_OK | (folder ? X_OK : 0)) == 0 ? nil : BoundedFileError(path: path, code: errno).reason
  }

  /// Whether users other than the file's owner and group may read it.
  package static func isReadableByAll(_ path: String) -> Bool {
    let mode = clinux_mode(path)
    return mode >= 0 && mode & 0o004 != 0
  }
}

/// A file that cannot be read.
public struct BoundedFileError: Error, Sendable, CustomStringConvertible {
  public let path: String
  /// In plain words: "does not exist", "may not be read by this user", …
  public let reason: String
  /// Whether the file is missing, as opposed to present and unusable.
  public let isMissing: Bool

  init(path: String, code: Int32) {
    self.path = path
    isMissing = code == ENOENT || code == ENOTDIR
    reason =
      switch code {
      case ENOENT, ENOTDIR: "does not exist"
      case EACCES, EPERM: "may not be read by this user"
      case EISDIR: "is a folder, not a file"
      default: "cannot be read: \(String(cString: strerror(code)))"
      }
  }

  init(path: String, bytesMax: Int) {
    self.path = path
    isMissing = false
    reason = "is larger than \(SizeText.text(bytesMax)), so it is hardly the right file"
  }

  public var description: String { "\(path): \(reason)" }
}
