// Bytes and numbers as hexadecimal digits, and identities in the form of a UUID. Every place that writes or reads such digits
// uses this file, so that padding and letter case are the same everywhere. Not for the realtime path: it makes strings.

public enum Hexadecimal {
  /// Two small digits a byte, nothing between.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { $0 += text($1, digits: 2) }
  }

  /// The number in small digits, with zeros in front up to `digits`; longer when the number needs more.
  public static func text(_ value: some UnsignedInteger & FixedWidthInteger, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// The value of one digit in either case, or nil.
  @inlinable public static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// The bytes of pairs of digits in either case, with nothing between; nil for anything else.
  public static func bytes(_ digits: some Sequence<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for byte in digits {
      guard let digit = digit(byte) else { return nil }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return high == nil ? bytes : nil
  }
}

/// Identities of 128 bits in the form 8-4-4-4-12.
public enum UUIDText {
  /// In small digits.
  public static func text(high: UInt64, low: UInt64) -> String {
    String(unsafeUninitializedCapacity: 36) { text in
      var place = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          text[place] = UInt8(ascii: "-")
          place += 1
        }
        let digit = UInt8(truncatingIfNeeded: (index < 16 ? high : low) >> UInt64(60 - index % 16 * 4)) & 0x0F
        text[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        place += 1
      }
      return place
    }
  }

  /// The two halves of a text of 36 characters, in either case; nil for anything else.
  public static func halves(_ text: some StringProtocol) -> (high: UInt64, low: UInt64)? {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12], let bytes = Hexadecimal.bytes(groups.joined().utf8) else { return nil }
    return halves(bytes)
  }

  /// A version 8 UUID (RFC 9562) from the first 16 bytes of a digest. With SHA-256 this is the rule of every wire identity of
  /// this product, so it never changes.
  public static func version8(_ digest: some Sequence<UInt8>) -> String {
    var (high, low, count) = (UInt64(0), UInt64(0), 0)
    for byte in digest.prefix(16) {
      if count < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
      count += 1
    }
    return text(high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x8000, low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
  }

  private static func halves(_ bytes: [UInt8]) -> (high: UInt64, low: UInt64) {
    let number = { (bytes: ArraySlice<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
    return (number(bytes.prefix(8)), number(bytes.dropFirst(8)))
  }
}
