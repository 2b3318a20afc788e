// Text as wire formats quote it (a string of JSON, a part of a URL) and texts with places to fill. One rule each, because a
// signature and a search need the same bytes from every place. Not for the realtime path: it makes strings.

public enum JSONString {
  /// The text as a JSON string with its quotation marks (RFC 8259): `"`, `\` and control characters are escaped, all else stands as it is.
  public static func quoted(_ text: String) -> String {
    var result: [UInt8] = []
    append(text, to: &result)
    return String(decoding: result, as: UTF8.self)
  }

  /// The same as UTF-8 at the end of bytes that grow.
  public static func append(_ text: String, to result: inout [UInt8]) { write(text) { result += $0 } }

  /// The same as UTF-8, piece by piece in order; a piece is valid for its call only. What needs no escape comes in one piece.
  public static func write(_ text: String, _ take: (UnsafeRawBufferPointer) -> Void) {
    withUnsafeBytes(of: UInt8(ascii: "\""), take)
    var text = text
    text.withUTF8 { utf8 in
      let bytes = UnsafeRawBufferPointer(utf8)
      var begin = 0
      for index in bytes.indices where isEscaped(bytes[index]) {
        take(UnsafeRawBufferPointer(rebasing: bytes[begin..<index]))
        escape(bytes[index]).withUnsafeBytes(take)
        begin = index + 1
      }
      take(UnsafeRawBufferPointer(rebasing: bytes[begin...]))
    }
    withUnsafeBytes(of: UInt8(ascii: "\""), take)
  }

  /// All of these are ASCII, and no byte of another character is below 0x80.
  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func escape(_ byte: UInt8) -> [UInt8] {
    switch byte {
    case UInt8(ascii: "\""): Array("\\\"".utf8)
    case UInt8(ascii: "\\"): Array("\\\\".utf8)
    case UInt8(ascii: "\n"): Array("\\n".utf8)
    case UInt8(ascii: "\r"): Array("\\r".utf8)
    case UInt8(ascii: "\t"): Array("\\t".utf8)
    default: Array(escape(Unicode.Scalar(byte)).utf8)
    }
  }

  /// `\u001b`: any character of the first 65 536 as JSON may write it.
  public static func escape(_ scalar: Unicode.Scalar) -> String { "\\u" + Hexadecimal.text(scalar.value, digits: 4) }
}

extension Unicode.Scalar {
  /// Whether the character is a control character of either set (Cc: U+0000…001F, 007F…009F). One in a name makes a second line of a
  /// list, or steers the terminal of whoever reads it.
  public var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

public enum PercentEncoding {
  /// The text's UTF-8 for a URL (RFC 3986): letters, digits and `-._~` stand as they are, and so do the ASCII characters of
  /// `kept`; every other byte becomes `%` and two capital digits.
  public static func text(_ text: String, keeping kept: String = "") -> String {
    if text.utf8.allSatisfy({ isPlain($0, kept) }) { return text }
    var result: [UInt8] = []
    for byte in text.utf8 {
      if isPlain(byte, kept) { result.append(byte) } else { result += ("%" + Hexadecimal.text(byte, digits: 2).uppercased()).utf8 }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func isPlain(_ byte: UInt8, _ kept: String) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
    default: byte < 0x80 && kept.utf8.contains(byte)
    }
  }
}

public enum TextPlaces {
  /// The pattern with its `{name}` places filled, in one pass: a value is never read as a place. A place without a value becomes empty.
  public static func filled(_ pattern: String, _ values: [String: String]) -> String {
    var result = ""
    var rest = pattern[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      result += values[String(rest[rest.index(after: open)..<close])] ?? ""
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}
