// Bluetooth UUIDs as two 64-bit halves. A 16- or 32-bit short form stands for the base UUID
// 0000xxxx-0000-1000-8000-00805F9B34FB with its first digits replaced.

import VitalSigns

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
    if digits.utf8.count == 4 || digits.utf8.count == 8 {
      guard let bytes = Hexadecimal.bytes(digits.utf8) else { return nil }
      self.init(short: bytes.reduce(0) { $0 << 8 | UInt32($1) })
      return
    }
    guard let (high, low) = UUIDText.halves(digits) else { return nil }
    self.init(high: high, low: low)
  }

  /// The short form in capitals where there is one (`2A5F`), else the long form in small letters.
  public var description: String {
    if low == Self.baseLow, high & 0xFFFF_FFFF == Self.baseHigh {
      let short = high >> 32
      return Hexadecimal.text(short, digits: short <= 0xFFFF ? 4 : 8).uppercased()
    }
    return UUIDText.text(high: high, low: low)
  }
}
