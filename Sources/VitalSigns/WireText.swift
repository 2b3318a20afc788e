// Text as wire formats quote it (a string of JSON, a part of a URL) and texts with places to fill. One rule each, because a
// signature and a search need the same bytes from every place. Not for the realtime path: it makes strings.

public enum JSONString {
  /// The text as a JSON string with its quotation marks (RFC 8259): `"`, `\` and control characters are escaped, all else stands as it is.
  public static func quoted(_ text: String) -> String {
    var result = ""
    append(text, to: &result)
    return result
  }

  /// The same at the end of a text that grows.
  public static func append(_ text: String, to result: inout String) {
    result += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20: result += escape(scalar)
      default: result.unicodeScalars.append(scalar)
      }
    }
    result += "\""
  }

  /// `\u001b`: any character of the first 65 536 as JSON may write it.
  public static func escape(_ scalar: Unicode.Scalar) -> String { "\\u" + Hexadecimal.text(scalar.value, digits: 4) }
}

public enum PercentEncoding {
  /// The text's UTF-8 for a URL (RFC 3986): letters, digits and `-._~` stand as they are, and so do the ASCII characters of
  /// `kept`; every other byte becomes `%` and two capital digits.
  public static func text(_ text: String, keeping kept: String = "") -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: result.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where kept.utf8.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + Hexadecimal.text(byte, digits: 2).uppercased()
      }
    }
    return result
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
