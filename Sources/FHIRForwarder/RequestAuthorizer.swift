// What a request carries to be let in. Two ways now; HelseID's signed proofs, which depend on method and address, fit the
// same seam.

internal import HTTPDelivery

/// Gives a request its authorisation. Called for every attempt, so that a renewed credential counts at once.
public protocol RequestAuthorizer: Sendable {
  /// Header fields to add. Throws when the credential cannot be had: the attempt then fails as `unauthorised`.
  func fields(method: String, url: String) async throws(AuthorizationError) -> [(name: String, value: String)]
}

/// A credential cannot be read. Repeating helps only after somebody has mended the file.
public enum AuthorizationError: Error, Sendable, Equatable {
  case unreadable(file: String)
  case malformed(file: String)
}

/// Nothing: a destination in a closed network, or one that knows us by other means.
public struct NoAuthorization: RequestAuthorizer {
  public init() {}
  public func fields(method: String, url: String) async throws(AuthorizationError) -> [(name: String, value: String)] { [] }
}

/// `Authorization: Bearer …` with a token from a file, read anew for each attempt, so that it can be rotated in place.
public struct BearerTokenFile: RequestAuthorizer {
  /// Tokens of 16 KiB do not exist; a larger file is not a token.
  static let bytesMax = 16 * 1024
  let path: String

  public init(path: String) { self.path = path }

  public func fields(method: String, url: String) async throws(AuthorizationError) -> [(name: String, value: String)] {
    guard let bytes = BoundedSecret.bytes(path, most: Self.bytesMax) else { throw .unreadable(file: path) }
    // RFC 6750's b64token; a line end after it is an editor's habit, anything else is not a token.
    let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    let isToken =
      !token.isEmpty
      && token.utf8.allSatisfy { byte in
        byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A || "-._~+/=".utf8.contains(byte)
      }
    guard isToken else { throw .malformed(file: path) }
    return [("Authorization", "Bearer \(token)")]
  }
}
