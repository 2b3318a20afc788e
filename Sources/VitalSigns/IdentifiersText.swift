// Identities as people and wire formats write them. Not for the realtime path: it makes strings.

extension PatientID: CustomStringConvertible {
  public var description: String { "P\(rawValue)" }

  /// Reads `P7`, `p7` or `7`.
  public init?(text: some StringProtocol) {
    guard let value = number(text, prefix: "P") else { return nil }
    self.init(rawValue: value)
  }
}

extension DeviceID: CustomStringConvertible {
  public var description: String { "D\(rawValue)" }

  /// Reads `D12`, `d12` or `12`.
  public init?(text: some StringProtocol) {
    guard let value = number(text, prefix: "D") else { return nil }
    self.init(rawValue: value)
  }
}

/// A positive id with or without its letter; nil for 0 and everything else.
private func number(_ text: some StringProtocol, prefix: String) -> UInt32? {
  let digits = text.uppercased().hasPrefix(prefix) ? String(text.dropFirst()) : String(text)
  guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = UInt32(digits), value > 0 else { return nil }
  return value
}

extension AlertID: CustomStringConvertible {
  /// Lower-case UUID form, 8-4-4-4-12.
  public var description: String { UUIDText.text(high: high, low: low) }

  /// Reads the UUID form, in either case; nil for anything else.
  public init?(text: some StringProtocol) {
    guard let (high, low) = UUIDText.halves(text) else { return nil }
    self.init(high: high, low: low)
  }
}
