// Bluetooth UUIDs as two 64-bit halves. A 16- or 32-bit short form stands for the base UUID
// 0000xxxx-0000-1000-8000-00805F9B34FB with its first digits replaced.

/// A service or characteristic UUID. Short and long forms of the same UUID are equal.
public struct BluetoothUUID: Sendable, Hashable, CustomStringConvertible {
  public var high: UInt64
  public var low: UInt64

  static let baseHigh: UInt64 = 0x0000_0000_0000_1000
  static let baseLow: UInt64 = 0x8000_0080_5F9B_34FB

  public init(short: UInt32) {
    high = UInt64(short) << 32 | Self.baseHigh
    low = Self.baseLow
  }

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads `2A5F`, `0x2a5f`, `00002A5F` or the form of 36 characters, in either case; nil for anything else.
  public init?(_ text: some StringProtocol) {
    var digits = String(text)
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits = String(digits.dropFirst(2)) }
    guard digits.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || hexDigit($0) != nil }) else { return nil }
    if digits.utf8.count == 4 || digits.utf8.count == 8 {
      guard let short = UInt32(digits, radix: 16) else { return nil }
      self.init(short: short)
      return
    }
    let groups = digits.split(separator: "-", omittingEmptySubsequences: false)
    guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12],
      let high = UInt64(groups[0] + groups[1] + groups[2], radix: 16), let low = UInt64(groups[3] + groups[4], radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  /// The short form in capitals where there is one (`2A5F`), else the long form in small letters.
  public var description: String {
    if low == Self.baseLow, high & 0xFFFF_FFFF == Self.baseHigh {
      let short = high >> 32
      return padded(short, digits: short <= 0xFFFF ? 4 : 8).uppercased()
    }
    let first = padded(high, digits: 16)
    let second = padded(low, digits: 16)
    return [first.prefix(8), first.dropFirst(8).prefix(4), first.dropFirst(12), second.prefix(4), second.dropFirst(4)]
      .joined(separator: "-")
  }
}

private func padded(_ value: UInt64, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// The value of one hexadecimal digit, or nil.
func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}
