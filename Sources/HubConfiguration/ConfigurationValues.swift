// The values of a configuration file that have a notation of their own: addresses to listen on, Norwegian organisation
// numbers. Each reads text and writes the same text back. Durations and sizes stand in HubRuntime. Not here: where in the
// file a value stands (ConfigurationReader.swift).

/// An address and port to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. Port 0 means any free one.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// The host, an IPv6 address without its brackets.
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  public init?(text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
      return nil
    }
    self.init(host: host, port: port)
  }

  public var isLoopback: Bool { LoopbackHost.contains(host) }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The hosts whose traffic never leaves the machine, so that it may go without TLS.
public enum LoopbackHost {
  /// Whether `host` is `localhost`, in 127.0.0.0/8 or `::1`. Names are not looked up.
  public static func contains(_ host: some StringProtocol) -> Bool {
    let name = host.lowercased()
    if name == "localhost" || name == "::1" || name == "[::1]" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

/// Norwegian organisation numbers: nine digits, the last one a MOD 11 check digit (Brønnøysundregistrene).
public enum OrganisationNumber {
  /// Why `text` is no organisation number, or nil when it is one.
  public static func complaint(about text: String) -> String? {
    let digits = text.utf8.map { Int($0) - 0x30 }
    guard digits.count == 9, digits.allSatisfy({ (0...9).contains($0) }) else { return "has not exactly 9 digits" }
    let remainder = zip(digits, [3, 2, 7, 6, 5, 4, 3, 2]).reduce(0) { $0 + $1.0 * $1.1 } % 11
    if remainder == 1 { return "cannot be one: no check digit fits its first 8 digits" }
    let check = remainder == 0 ? 0 : 11 - remainder
    return digits[8] == check ? nil : "has a mistyped digit: the check digit of its first 8 digits is \(check), not \(digits[8])"
  }
}
