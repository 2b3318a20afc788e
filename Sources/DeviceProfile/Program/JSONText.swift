// The inside of JSON strings: UTF-8, escapes, and comparing with a key of the profile without making a copy.

import VitalSigns

enum JSONText {
  /// The length of the well-formed UTF-8 sequence at `index` (2…4 bytes), or nil. Overlong forms, surrogates and
  /// values beyond U+10FFFF are not well formed (Unicode 15, table 3-7).
  static func utf8Length(_ frame: Span<UInt8>, at index: Int) -> Int? {
    let first = frame[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return nil
    }
    guard index + length <= frame.count, second.contains(frame[index + 1]) else { return nil }
    for offset in 2..<max(2, length) where !(0x80...0xBF).contains(frame[index + offset]) { return nil }
    return length
  }

  /// The length of the escape at `index` (2, 6, or 12 for a surrogate pair), or nil when it is none.
  static func escapeLength(_ frame: Span<UInt8>, at index: Int, end: Int) -> Int? {
    decodeEscape(frame, at: index, end: end)?.length
  }

  private static func decodeEscape(_ frame: Span<UInt8>, at index: Int, end: Int) -> (scalar: UInt32, length: Int)? {
    guard index + 1 < end else { return nil }
    switch frame[index + 1] {
    case UInt8(ascii: "\""): return (0x22, 2)
    case UInt8(ascii: "\\"): return (0x5C, 2)
    case UInt8(ascii: "/"): return (0x2F, 2)
    case UInt8(ascii: "b"): return (0x08, 2)
    case UInt8(ascii: "f"): return (0x0C, 2)
    case UInt8(ascii: "n"): return (0x0A, 2)
    case UInt8(ascii: "r"): return (0x0D, 2)
    case UInt8(ascii: "t"): return (0x09, 2)
    case UInt8(ascii: "u"): break
    default: return nil
    }
    guard let first = fourHexDigits(frame, at: index + 2, end: end) else { return nil }
    guard (0xD800...0xDFFF).contains(first) else { return (first, 6) }
    // A high surrogate must be followed by the escape of a low one.
    guard first < 0xDC00, index + 7 < end, frame[index + 6] == UInt8(ascii: "\\"), frame[index + 7] == UInt8(ascii: "u"),
      let second = fourHexDigits(frame, at: index + 8, end: end), (0xDC00...0xDFFF).contains(second)
    else { return nil }
    return (0x10000 + (first - 0xD800) << 10 + (second - 0xDC00), 12)
  }

  private static func fourHexDigits(_ frame: Span<UInt8>, at index: Int, end: Int) -> UInt32? {
    guard index + 4 <= end else { return nil }
    var value: UInt32 = 0
    for offset in 0..<4 {
      guard let digit = Hexadecimal.digit(frame[index + offset]) else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// A to Z as a to z, every other byte as it is.
  static func smallLetter(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

  /// Whether the string's content at `start..<end`, escapes resolved, is these bytes.
  static func equals(_ frame: Span<UInt8>, start: Int, end: Int, _ text: [UInt8]) -> Bool {
    // Escapes only make a string longer, so a shorter one cannot be equal.
    if end - start < text.count { return false }
    var cursor = start
    var matched = 0
    while cursor < end {
      if frame[cursor] != UInt8(ascii: "\\") {
        guard matched < text.count, text[matched] == frame[cursor] else { return false }
        matched += 1
        cursor += 1
        continue
      }
      guard let (scalar, length) = decodeEscape(frame, at: cursor, end: end), let unicode = Unicode.Scalar(scalar) else {
        return false
      }
      for byte in UTF8.encode(unicode) ?? .init() {
        guard matched < text.count, text[matched] == byte else { return false }
        matched += 1
      }
      cursor += length
    }
    return matched == text.count
  }
}
