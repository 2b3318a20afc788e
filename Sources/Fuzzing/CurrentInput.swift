// The input that is being tried, in a file that outlives a trap: a trap ends the process, and nobody could say what it died of.

import Foundation

/// A file with the newest input. Written before the input is tried; taken away when all went well.
struct CurrentInput {
  let path: String
  private let descriptor: Int32

  init(folder: String, target: String) throws {
    path = "\(folder)/\(target)-\(getpid()).input"
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path]) }
  }

  func note(_ bytes: [UInt8]) {
    // The page cache outlives this process; only a power cut would lose it.
    let written = pwrite(descriptor, bytes, bytes.count, 0)
    guard written == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else { fatalError("\(path): cannot be written") }
  }

  func remove() {
    close(descriptor)
    unlink(path)
  }
}
