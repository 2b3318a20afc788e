// The key by which the core issues sign-in links and the console verifies them: a file in the state folder that the user of both
// roles can read and nobody else. The key is made at the first need. Deleting it ends all links that are not used yet.

import Foundation
import NIOPosix

package enum SignInKey {
  package static let bytes = 32

  /// Reads the key, or makes it, on a thread that may wait for the disk. Two roles that make it at once agree on the first.
  package static func readOrMake(in folder: String) async throws(SignInKeyError) -> [UInt8] {
    do {
      return try await NIOThreadPool.singleton.runIfActive { try blocking(folder) }
    } catch let error as SignInKeyError {
      throw error
    } catch {
      throw SignInKeyError(path: folder + "/console.key", reason: "\(error)")
    }
  }

  /// The same, on a thread that may wait.
  package static func blocking(_ folder: String) throws(SignInKeyError) -> [UInt8] {
    let path = folder + "/console.key"
    if let known = read(path) { return known }
    var random = SystemRandomNumberGenerator()
    let key = (0..<bytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      let written = key.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      fsync(descriptor)
      close(descriptor)
      if written == bytes { return key }
      unlink(path)
    }
    // Somebody else made the file first, and may be about to write it.
    for _ in 0..<50 {
      if let known = read(path) { return known }
      usleep(10_000)
    }
    throw SignInKeyError(path: path, reason: "it can neither be read nor made; the state folder must be writable for the service's user")
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let data = FileManager.default.contents(atPath: path), data.count == bytes else { return nil }
    return Array(data)
  }
}

/// The key can neither be read nor made.
package struct SignInKeyError: Error, CustomStringConvertible {
  package var path: String
  package var reason: String

  package var description: String { "cannot read the secret \(path): \(reason)" }
}
