// Which profiles may run. Outside the lab a profile needs a detached Ed25519 signature over the exact bytes of its file, in
// `<model>.yaml.sig` beside it, by a key that the operator has listed. Whoever loads profiles can revoke a version, and can give
// the lowest version of a profile that may run; the hub's configuration revokes and gives no such floor.
//
// The signature file holds one line: `ed25519 <key id> <base64 of 64 bytes>`. The key id is what the operator calls the key; it is
// no secret.

import Crypto
public import DeviceProfile
public import Foundation

/// The operator's trust settings.
public struct ProfileTrust: Sendable {
  public enum Requirement: Sendable {
    /// Unsigned profiles load, and a signature beside a file is not looked at. For trials, never for people's homes.
    case lab
    /// Every profile needs a signature by one of these public keys: key id to 32 raw bytes.
    case keys([String: Data])
  }
  public var requirement: Requirement
  /// Versions that must not run.
  public var revoked: Set<RevokedProfile>
  /// The lowest version that may run, by profile id. An older one is refused.
  public var versionFloors: [String: SemanticVersion]

  public init(_ requirement: Requirement, revoked: Set<RevokedProfile> = [], versionFloors: [String: SemanticVersion] = [:]) {
    self.requirement = requirement
    self.revoked = revoked
    self.versionFloors = versionFloors
  }

  public static var lab: Self { Self(.lab) }

  /// Why a file must not be used, or nil when it may be. `signature` is the content of the `.sig` file, if there is one.
  func refusal(of file: Data, signature: Data?) -> String? {
    guard case .keys(let keys) = requirement else { return nil }
    guard let signature else { return "the signature file is missing; allowed: a file signed by \(Self.names(keys))" }
    let words = String(decoding: signature, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 3, words[0] == "ed25519", let bytes = Data(base64Encoded: String(words[2])), bytes.count == 64 else {
      return "the signature file is malformed; allowed: `ed25519 <key id> <base64 of 64 bytes>`"
    }
    guard let raw = keys[String(words[1])] else { return "the signing key is not trusted; allowed: \(Self.names(keys))" }
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw) else {
      return "the trusted key of this signature is no Ed25519 public key; allowed: 32 bytes"
    }
    return key.isValidSignature(bytes, for: file)
      ? nil : "the signature does not match the file; allowed: the file exactly as it was signed"
  }

  /// Why this version must not be used, or nil when it may be.
  func refusal(of id: String, version: SemanticVersion) -> String? {
    if revoked.contains(RevokedProfile(id: id, version: version)) { return "\(id)@\(version) is revoked; allowed: another version" }
    if let floor = versionFloors[id], version < floor { return "\(id)@\(version) is older than what ran here; allowed: \(floor) or newer" }
    return nil
  }

  private static func names(_ keys: [String: Data]) -> String {
    keys.isEmpty ? "no key is trusted" : keys.keys.sorted().joined(separator: ", ")
  }
}

/// `id@version`, as operators list revoked profiles.
public struct RevokedProfile: Sendable, Hashable {
  public var id: String
  public var version: SemanticVersion

  public init(id: String, version: SemanticVersion) {
    self.id = id
    self.version = version
  }

  /// Reads `sig/pulse-oximeter@1.0.0`; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let version = SemanticVersion(parts[1]) else { return nil }
    self.init(id: String(parts[0]), version: version)
  }
}
