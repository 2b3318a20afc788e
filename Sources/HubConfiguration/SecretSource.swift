// Where a secret comes from. A secret never stands in the configuration itself: the file names a file that holds it, or
// a systemd credential (`LoadCredential=` in the unit), which systemd places in $CREDENTIALS_DIRECTORY. Secrets are read
// when they are needed, so a rotated file takes effect at the next connection.

import Foundation
import HubRuntime

/// The place of one secret.
public enum SecretSource: Sendable, Hashable {
  /// A file; its content without one trailing line break is the secret.
  case file(String)
  /// The name of a systemd credential.
  case credential(String)

  /// The largest secret, bytes. Tokens and keys are far smaller, and a wrong file is usually larger.
  public static let bytesMax = 65_536

  /// The path of the file that holds the secret now. Does not touch the file.
  public func path() throws(SecretError) -> String {
    switch self {
    case .file(let file): return file
    case .credential(let name):
      guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else {
        throw SecretError("credential \(name): CREDENTIALS_DIRECTORY is not set; LoadCredential=\(name):… in the systemd unit sets it")
      }
      return folder + "/" + name
    }
  }

  /// The secret. The error names the place and never the content.
  public func read() throws(SecretError) -> String {
    let path = try path()
    let bytes: [UInt8]
    do { bytes = try BoundedFile.read(path, bytesMax: Self.bytesMax) } catch { throw SecretError(error.description) }
    var text = Substring(String(decoding: bytes, as: UTF8.self))
    if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text = text.dropLast() }
    guard !text.isEmpty else { throw SecretError("\(path): the file is empty; it must hold the secret") }
    return String(text)
  }
}

/// A secret that cannot be read. Trying again helps once the file is there.
public struct SecretError: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
