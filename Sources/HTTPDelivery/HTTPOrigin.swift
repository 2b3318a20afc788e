// Where a request may go: scheme, host and port of the configured address (RFC 6454), and what a Location means from there.

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// The origin of an http or https URL.
struct HTTPOrigin: Sendable, Hashable {
  var isSecure: Bool
  /// In lower case, without brackets.
  var host: String
  var port: Int

  /// Nil for any other URL.
  init?(_ text: String) {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
      let host = url.host()?.lowercased(), !host.isEmpty
    else { return nil }
    isSecure = scheme == "https"
    self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    port = url.port ?? (isSecure ? 443 : 80)
  }

  /// The absolute address that a Location names, when it lies within the origin that it came from; nil otherwise. A user
  /// and password in it are somebody's trick.
  static func target(of location: String, from base: String) -> String? {
    guard let origin = HTTPOrigin(base), let url = URL(string: location, relativeTo: URL(string: base))?.absoluteURL,
      url.user() == nil, url.password() == nil
    else { return nil }
    let text = url.absoluteString
    return HTTPOrigin(text) == origin ? text : nil
  }
}
