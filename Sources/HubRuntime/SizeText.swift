// Sizes as people write them in the configuration.

/// Sizes in bytes: a whole number and `B`, `KiB`, `MiB` or `GiB`.
public enum SizeText {
  private static let units: [(name: String, bytes: Int)] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]

  /// The number of bytes, or nil for anything else.
  public static func bytes(_ text: some StringProtocol) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count)
    guard digits.count <= 12, let number = Int(digits), let scale = units.first(where: { $0.name == unit })?.bytes else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: scale)
    return overflow ? nil : bytes
  }

  public static func text(_ bytes: Int) -> String {
    let unit = units.last { bytes != 0 && bytes % $0.bytes == 0 } ?? units[0]
    return "\(bytes / unit.bytes)\(unit.name)"
  }
}
