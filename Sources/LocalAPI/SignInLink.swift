// One-time sign-in links. `knutepunkt console link --as NAME` issues one with the shared key; the console verifies it and
// keeps its nonce until it expires, so that it opens one session. No account, no password, nothing to phish twice.
//
// A token is base64url(payload) "." base64url(HMAC-SHA256(key, domain + payload)), and the payload is
//   version 1 (1 byte) · issued, ms since 1970 (8, big-endian) · validity, s (2) · nonce (16) · actor's name (UTF-8, the rest).
// A link proves who holds it, not who they are: the person who issued it vouches for the name.

import Crypto
import Foundation
public import VitalSigns

/// Issues and verifies sign-in links.
public enum SignInLink {
  /// A SHA-256 HMAC gains nothing from a longer key and loses from a shorter one.
  public static let keyBytesMin = 32
  /// The longest validity, seconds: a link is typed or clicked at once. It also bounds how long a used nonce must be remembered.
  public static let validitySecondsMax: UInt16 = 600
  /// The longest name, bytes. That is room for any name, and a header line stays short.
  public static let actorBytesMax = 128
  /// How far in the future a link may claim to be issued, milliseconds. Both processes are on one machine with one clock, so little
  /// drifts.
  static let skewMillisecondsMax: Int64 = 5_000

  static let nonceBytes = 16
  static let headerBytes = 1 + 8 + 2 + nonceBytes
  private static let version: UInt8 = 1
  /// This text keeps the HMAC apart from every other use of the same key.
  private static let domain = Array("knutepunkt console link 1\0".utf8)

  /// A link's address, ready to be printed: `PUBLIC_URL/inn?lenke=TOKEN`.
  ///
  /// - Parameters:
  ///   - publicURL: as in `ConsoleConfiguration.publicURL`; a trailing slash is dropped.
  ///   - validity: seconds, 1…`validitySecondsMax`.
  public static func issueURL(
    publicURL: String, key: [UInt8], actor: String, validity seconds: UInt16 = validitySecondsMax, now: WallTime
  ) throws(IssueError) -> String {
    let base = publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL
    return "\(base)/inn?lenke=\(try issue(key: key, actor: actor, validity: seconds, now: now))"
  }

  /// A token alone.
  public static func issue(
    key: [UInt8], actor: String, validity seconds: UInt16 = validitySecondsMax, now: WallTime
  ) throws(IssueError) -> String {
    guard key.count >= keyBytesMin else { throw .keyTooShort }
    guard (1...validitySecondsMax).contains(seconds) else { throw .validityOutOfRange }
    guard isAcceptable(actor: actor) else { throw .actorUnacceptable }
    var payload: [UInt8] = [version]
    withUnsafeBytes(of: now.rawValue.bigEndian) { payload.append(contentsOf: $0) }
    withUnsafeBytes(of: seconds.bigEndian) { payload.append(contentsOf: $0) }
    SymmetricKey(size: SymmetricKeySize(bitCount: nonceBytes * 8)).withUnsafeBytes { payload.append(contentsOf: $0) }
    payload.append(contentsOf: actor.utf8)
    let code = HMAC<SHA256>.authenticationCode(for: domain + payload, using: SymmetricKey(data: key))
    return base64URL(payload) + "." + base64URL(Array(code))
  }

  /// Checks signature, form and time. Whether the link has been used already is `SignInBook`'s matter.
  package static func verify(_ token: String, key: [UInt8], now: WallTime) throws(LinkRefusal) -> VerifiedLink {
    // The length bounds the work before any decoding: header and name, plus the code, in base64, plus the dot.
    guard token.utf8.count <= (headerBytes + actorBytesMax + 32) * 4 / 3 + 8 else { throw .malformed }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let payload = bytes(base64URL: parts[0]), let code = bytes(base64URL: parts[1]),
      payload.count > headerBytes, code.count == SHA256.byteCount
    else { throw .malformed }
    guard HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: domain + payload, using: SymmetricKey(data: key)) else {
      throw .badSignature
    }
    let issued = payload[1..<9].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let validity = payload[9..<11].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    guard payload[0] == version, issued >= 0, validity >= 1, validity <= Int64(validitySecondsMax),
      let actor = String(validating: payload[headerBytes...], as: UTF8.self), isAcceptable(actor: actor)
    else { throw .malformed }
    let issuedAt = WallTime(rawValue: issued)
    let expiresAt = issuedAt.adding(milliseconds: validity * 1_000)
    if issuedAt > now.adding(milliseconds: skewMillisecondsMax) { throw .notYetValid }
    if now >= expiresAt { throw .expired }
    return VerifiedLink(actor: actor, nonce: Array(payload[11..<headerBytes]), issuedAt: issuedAt, expiresAt: expiresAt)
  }

  private static func isAcceptable(actor: String) -> Bool {
    !actor.isEmpty && actor.utf8.count <= actorBytesMax && !actor.allSatisfy(\.isWhitespace)
      && actor.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0.properties.generalCategory != .format }
  }
}

extension SignInLink {
  /// Why no link was issued.
  public enum IssueError: Error, Sendable, Hashable {
    case keyTooShort
    /// The validity is not within 1…`validitySecondsMax`.
    case validityOutOfRange
    /// The name is empty, longer than `actorBytesMax` bytes, or has control or formatting characters.
    case actorUnacceptable
  }
}

/// Why a link opens nothing.
package enum LinkRefusal: Error, Hashable {
  case malformed
  case badSignature
  case notYetValid
  case expired
  case used
  /// The link was issued before this console started. The console cannot know whether it was used.
  case beforeStart
  /// More links or sessions than the console keeps: see `SignInBook`.
  case noRoom
}

/// A link whose signature, form and time are right.
package struct VerifiedLink: Hashable {
  package let actor: String
  package let nonce: [UInt8]
  package let issuedAt: WallTime
  package let expiresAt: WallTime

  package init(actor: String, nonce: [UInt8], issuedAt: WallTime, expiresAt: WallTime) {
    self.actor = actor
    self.nonce = nonce
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }
}

/// RFC 4648 §5 without padding.
package func base64URL(_ bytes: [UInt8]) -> String {
  Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

/// The inverse; nil for anything that `base64URL` does not write.
private func bytes(base64URL text: Substring) -> [UInt8]? {
  guard text.utf8.allSatisfy({ $0 == 0x2D || $0 == 0x5F || ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) })
  else { return nil }
  let standard = text.replacing("-", with: "+").replacing("_", with: "/")
  let padded = standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
  // One text has one meaning: unused bits in the last character would give a second spelling of the same token.
  guard let data = Data(base64Encoded: String(padded)), base64URL(Array(data)) == text else { return nil }
  return Array(data)
}
