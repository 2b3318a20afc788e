// The head of an age v1 file: the file's own key, wrapped once for each recipient, and a MAC over all of it. X25519 recipients only;
// stanzas of other kinds are passed over, as the format asks for.
//
//   age-encryption.org/v1
//   -> X25519 <the ephemeral public key>
//   <the wrapped file key>
//   --- <MAC>

internal import Crypto
internal import Foundation

struct AgeHeader {
  /// What names one recipient's way to the file key.
  struct Stanza: Hashable {
    var arguments: [String]
    var body: [UInt8]
  }

  static let version = "age-encryption.org/v1"
  private static let wrapInfo = Data("age-encryption.org/v1/X25519".utf8)
  private static let kind = "X25519"
  private static let columns = 64
  /// A head of a hundred recipients has some 12 KiB; a longer one is no age file of ours.
  static let bytesMax = 64 << 10

  var stanzas: [Stanza] = []
  var mac: [UInt8] = []

  // MARK: Writing

  /// A head for a new file key, which is given back.
  static func make(for recipients: [AgeRecipient]) throws(BackupError) -> (bytes: [UInt8], fileKey: [UInt8]) {
    var random = SystemRandomNumberGenerator()
    let fileKey = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    var header = Self()
    for recipient in recipients { header.stanzas.append(try wrap(fileKey, for: recipient)) }
    let text = header.authenticated
    return (Array("\(text) \(base64(mac(of: text, fileKey)))\n".utf8), fileKey)
  }

  private static func wrap(_ fileKey: [UInt8], for recipient: AgeRecipient) throws(BackupError) -> Stanza {
    let ephemeral = Curve25519.KeyAgreement.PrivateKey()
    let share = Array(ephemeral.publicKey.rawRepresentation)
    guard let key = wrapKey(ephemeral, with: recipient.bytes, share: share, recipient: recipient.bytes),
      let sealed = try? ChaChaPoly.seal(fileKey, using: key, nonce: zeroNonce())
    else { throw .badKey("\(recipient) cannot be encrypted to") }
    return Stanza(arguments: [kind, base64(share)], body: Array(sealed.ciphertext) + Array(sealed.tag))
  }

  /// The head up to and with the `---` that the MAC is taken over.
  private var authenticated: String {
    var text = Self.version + "\n"
    for stanza in stanzas {
      text += "-> " + stanza.arguments.joined(separator: " ") + "\n"
      var rest = Self.base64(stanza.body)[...]
      // The last line is shorter than a whole one, also when it is then empty.
      repeat {
        let line = rest.prefix(Self.columns)
        text += line + "\n"
        rest = rest.dropFirst(line.count)
        if line.count < Self.columns { break }
      } while true
    }
    return text + "---"
  }

  // MARK: Reading

  /// Reads the head of `stream`, which then stands at the payload.
  init(_ stream: some ByteStream) throws(BackupError) {
    var room = Self.bytesMax
    func line() throws(BackupError) -> String {
      var bytes: [UInt8] = []
      while true {
        let next = try stream.read(1)
        guard let byte = next.first else { throw .cut("its head has no end") }
        room -= 1
        guard room > 0 else { throw .damaged("its head is too long") }
        if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
        guard (32...126).contains(byte) else { throw .damaged("its head holds what is no text") }
        bytes.append(byte)
      }
    }
    guard try line() == Self.version else { throw .unknownFormat("it does not begin as an age file") }
    while true {
      let text = try line()
      if text.hasPrefix("--- ") {
        guard let mac = Self.bytes(String(text.dropFirst(4))), mac.count == 32, !stanzas.isEmpty else {
          throw .damaged("the end of its head is wrong")
        }
        self.mac = mac
        return
      }
      let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard words.count >= 2, words[0] == "->", words.allSatisfy({ !$0.isEmpty }) else { throw .damaged("a line of its head is wrong") }
      var body = ""
      while true {
        let part = try line()
        guard part.utf8.count <= Self.columns else { throw .damaged("a line of its head is too long") }
        body += part
        if part.utf8.count < Self.columns { break }
      }
      guard let bytes = Self.bytes(body) else { throw .damaged("a line of its head is wrong") }
      stanzas.append(Stanza(arguments: Array(words.dropFirst()), body: bytes))
    }
  }

  private init() {}

  /// The file's key, by the first identity that fits.
  func fileKey(_ identities: [AgeIdentity]) throws(BackupError) -> [UInt8] {
    for stanza in stanzas where stanza.arguments.first == Self.kind {
      guard stanza.arguments.count == 2, let share = Self.bytes(stanza.arguments[1]), share.count == 32, stanza.body.count == 32 else {
        throw .damaged("a recipient of its head is wrong")
      }
      for identity in identities {
        guard let key = Self.wrapKey(identity.key, with: share, share: share, recipient: identity.recipient.bytes),
          let box = try? ChaChaPoly.SealedBox(nonce: Self.zeroNonce(), ciphertext: stanza.body.prefix(16), tag: stanza.body.suffix(16)),
          let fileKey = try? ChaChaPoly.open(box, using: key)
        else { continue }
        guard HMAC<SHA256>.isValidAuthenticationCode(mac, authenticating: Array(authenticated.utf8), using: Self.macKey(Array(fileKey)))
        else { throw .damaged("its head was changed") }
        return Array(fileKey)
      }
    }
    throw .wrongKey
  }

  // MARK: Parts

  /// Nil for a public key of low order, with which everybody would share the same secret.
  private static func wrapKey(
    _ own: Curve25519.KeyAgreement.PrivateKey, with other: [UInt8], share: [UInt8], recipient: [UInt8]
  ) -> SymmetricKey? {
    guard let other = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: other),
      let secret = try? own.sharedSecretFromKeyAgreement(with: other), secret.withUnsafeBytes({ $0.contains { $0 != 0 } })
    else { return nil }
    return secret.hkdfDerivedSymmetricKey(
      using: SHA256.self, salt: Data(share + recipient), sharedInfo: wrapInfo, outputByteCount: 32)
  }

  private static func macKey(_ fileKey: [UInt8]) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(inputKeyMaterial: SymmetricKey(data: fileKey), info: Data("header".utf8), outputByteCount: 32)
  }

  private static func mac(of text: String, _ fileKey: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: macKey(fileKey)))
  }

  /// Each wrapping key is used once, so its nonce may be zero.
  private static func zeroNonce() throws -> ChaChaPoly.Nonce { try ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12)) }

  static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString().replacing("=", with: "") }

  /// Nil unless it is the one way in which these bytes are written.
  static func bytes(_ text: String) -> [UInt8]? {
    let padded = text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: padded), base64(Array(data)) == text else { return nil }
    return Array(data)
  }
}
