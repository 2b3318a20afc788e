// Bech32 (BIP 173) without its limit on length, as age writes keys: a readable prefix, 1, five bits a character, and a checksum of six
// characters that finds any slip of up to four.

/// Namespace of the encoding.
enum Bech32 {
  private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
  private static let generators: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
  private static let checksumLength = 6

  /// In lower case. `prefix` is lower-case ASCII.
  static func encode(prefix: String, _ bytes: [UInt8]) -> String {
    let values = regroup(bytes.map(UInt32.init), from: 8, to: 5, pads: true) ?? []
    let sum = polymod(expanded(prefix) + values + [UInt32](repeating: 0, count: checksumLength)) ^ 1
    let check = (0..<checksumLength).map { (sum >> (5 * UInt32(checksumLength - 1 - $0))) & 31 }
    return prefix + "1" + String(decoding: (values + check).map { alphabet[Int($0)] }, as: UTF8.self)
  }

  /// The prefix in lower case, and the bytes. Nil: mixed case, a character that does not belong, a wrong checksum, or bits left over.
  static func decode(_ text: String) -> (prefix: String, bytes: [UInt8])? {
    guard text.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
    let lower = text.lowercased()
    guard text == lower || text == text.uppercased(), let separator = lower.lastIndex(of: "1"), separator > lower.startIndex else {
      return nil
    }
    let prefix = String(lower[..<separator])
    var values: [UInt32] = []
    for character in lower[lower.index(after: separator)...].utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      values.append(UInt32(value))
    }
    guard values.count >= checksumLength, polymod(expanded(prefix) + values) == 1 else { return nil }
    guard let bytes = regroup(Array(values.dropLast(checksumLength)), from: 5, to: 8, pads: false) else { return nil }
    return (prefix, bytes.map { UInt8(truncatingIfNeeded: $0) })
  }

  private static func expanded(_ prefix: String) -> [UInt32] {
    prefix.utf8.map { UInt32($0) >> 5 } + [0] + prefix.utf8.map { UInt32($0) & 31 }
  }

  private static func polymod(_ values: [UInt32]) -> UInt32 {
    var sum: UInt32 = 1
    for value in values {
      let top = sum >> 25
      sum = (sum & 0x1ff_ffff) << 5 ^ value
      for (bit, generator) in generators.enumerated() where top >> UInt32(bit) & 1 == 1 { sum ^= generator }
    }
    return sum
  }

  /// The same bits in groups of another width. Without padding: nil when bits are left over that are not zero, or a whole group.
  private static func regroup(_ values: [UInt32], from width: UInt32, to next: UInt32, pads: Bool) -> [UInt32]? {
    var (bits, held): (UInt32, UInt32) = (0, 0)
    var result: [UInt32] = []
    for value in values {
      bits = bits << width | value
      held += width
      while held >= next {
        held -= next
        result.append(bits >> held & ((1 << next) - 1))
      }
      bits &= (1 << held) - 1
    }
    if pads {
      if held > 0 { result.append(bits << (next - held)) }
      return result
    }
    return held < width && bits == 0 ? result : nil
  }
}
