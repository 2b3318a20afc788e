// The two halves of a key as age v1 writes them (https://age-encryption.org/v1): what a backup is encrypted to, and what opens it. The
// hub needs only the public half; the secret one belongs somewhere else.

internal import Crypto
internal import Foundation

/// A public key, `age1…`.
package struct AgeRecipient: Sendable, Hashable, CustomStringConvertible {
  static let prefix = "age"
  let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Nil: no such key.
  package init?(_ text: String) {
    guard text == text.lowercased(), let (prefix, bytes) = Bech32.decode(text), prefix == Self.prefix, bytes.count == 32,
      (try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes)) != nil
    else { return nil }
    self.bytes = bytes
  }

  package var description: String { Bech32.encode(prefix: Self.prefix, bytes) }
}

/// A secret key, `AGE-SECRET-KEY-1…`. Never printed by accident: its description is the public half.
package struct AgeIdentity: Sendable, CustomStringConvertible {
  static let prefix = "age-secret-key-"
  let key: Curve25519.KeyAgreement.PrivateKey

  /// A new one.
  package init() { key = Curve25519.KeyAgreement.PrivateKey() }

  /// Nil: no such key.
  package init?(_ text: String) {
    guard text == text.uppercased(), let (prefix, bytes) = Bech32.decode(text), prefix == Self.prefix, bytes.count == 32,
      let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes)
    else { return nil }
    self.key = key
  }

  package var recipient: AgeRecipient { AgeRecipient(bytes: Array(key.publicKey.rawRepresentation)) }
  package var description: String { "the key of \(recipient)" }

  /// The secret itself, to be written to a file.
  package var secretText: String { Bech32.encode(prefix: Self.prefix, Array(key.rawRepresentation)).uppercased() }

  /// The keys of a key file as `age-keygen` and `knutepunkt backup keygen` write it: one a line, `#` begins a comment.
  package static func keys(in text: String) throws(BackupError) -> [Self] {
    var keys: [Self] = []
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      // The line itself is a secret: it is not repeated.
      guard let key = Self(line) else { throw .badKey("line \(number + 1) of the key file is no secret key") }
      keys.append(key)
    }
    guard !keys.isEmpty else { throw .badKey("the key file holds no secret key") }
    return keys
  }
}
