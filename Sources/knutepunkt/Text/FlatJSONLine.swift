// A strict reader of one JSON object without nesting (RFC 8259). Numbers stay the text that was written, so that 38.05
// never becomes a binary float; keys keep their order; a key that stands twice is an error, because two readers would
// choose differently between the two. Bytes from outside: every step is checked.

import VitalSigns

/// One flat JSON object.
struct FlatJSONLine {
  enum Value: Equatable {
    case string(String)
    /// The number as it was written: `38.05`, `1e2`.
    case number(String)
    case boolean(Bool)
    case null

    /// The value as a message quotes it.
    var shown: String {
      switch self {
      case .string(let text): "\"\(text.prefix(40))\""
      case .number(let text): String(text.prefix(40))
      case .boolean(let value): value ? "true" : "false"
      case .null: "null"
      }
    }
  }

  /// What is wrong, in words.
  struct Complaint: Error {
    var message: String
    init(_ message: String) { self.message = message }
  }

  private(set) var members: [(key: String, value: Value)] = []
  private var bytes: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) throws(Complaint) {
    bytes = line
    skipSpace()
    guard take("{") else {
      throw Complaint(bytes.isEmpty ? "the line is empty; allowed: one JSON object" : "this is no JSON object; allowed: {\"spo2\": 96, …}")
    }
    skipSpace()
    if !take("}") { try readMembers() }
    skipSpace()
    guard bytes.isEmpty else { throw Complaint("something follows the JSON object; allowed: one object a line") }
  }

  private mutating func readMembers() throws(Complaint) {
    repeat {
      skipSpace()
      guard take("\"") else { throw Complaint("a key must stand in quotation marks here") }
      let key = try readString()
      skipSpace()
      guard take(":") else { throw Complaint("a colon is missing after the key \"\(key.prefix(40))\"") }
      skipSpace()
      let value = try readValue(of: key)
      guard !members.contains(where: { $0.key == key }) else {
        throw Complaint("the key \"\(key.prefix(40))\" stands twice; allowed: each once")
      }
      members.append((key, value))
      skipSpace()
    } while take(",")
    guard take("}") else { throw Complaint("the JSON object ends early, or a comma is missing") }
  }

  private mutating func readValue(of key: String) throws(Complaint) -> Value {
    switch bytes.first {
    case UInt8(ascii: "\""):
      bytes.removeFirst()
      return .string(try readString())
    case UInt8(ascii: "t") where takeWord("true"): return .boolean(true)
    case UInt8(ascii: "f") where takeWord("false"): return .boolean(false)
    case UInt8(ascii: "n") where takeWord("null"): return .null
    case .some(UInt8(ascii: "0")...UInt8(ascii: "9")), UInt8(ascii: "-"): return .number(try readNumber())
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      throw Complaint("\(key.prefix(40)) holds an object or a list; allowed: a single value")
    default: throw Complaint("the value of \"\(key.prefix(40))\" is no JSON value")
    }
  }

  private mutating func readNumber() throws(Complaint) -> String {
    var text: [UInt8] = []
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
    func digits() -> Bool {
      let before = text.count
      while let byte = bytes.first, isDigit(byte) {
        text.append(byte)
        bytes.removeFirst()
      }
      return text.count > before
    }
    if take("-") { text.append(UInt8(ascii: "-")) }
    let startsWithZero = bytes.first == UInt8(ascii: "0")
    let integerStart = text.count
    var isNumber = digits() && !(startsWithZero && text.count - integerStart > 1)
    if take(".") {
      text.append(UInt8(ascii: "."))
      isNumber = digits() && isNumber
    }
    if bytes.first == UInt8(ascii: "e") || bytes.first == UInt8(ascii: "E") {
      bytes.removeFirst()
      text.append(UInt8(ascii: "e"))
      if take("-") { text.append(UInt8(ascii: "-")) } else { _ = take("+") }
      isNumber = digits() && isNumber
    }
    guard isNumber else { throw Complaint("\(String(decoding: text.prefix(40), as: UTF8.self)) is no JSON number") }
    return String(decoding: text, as: UTF8.self)
  }

  /// The rest of a string whose opening quotation mark is taken.
  private mutating func readString() throws(Complaint) -> String {
    var text: [UInt8] = []
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw Complaint("a string is no UTF-8") }
        return string
      case UInt8(ascii: "\\"): text += try readEscape()
      case 0..<0x20: throw Complaint("a control character stands in a string")
      default: text.append(byte)
      }
    }
    throw Complaint("a string does not end")
  }

  private mutating func readEscape() throws(Complaint) -> [UInt8] {
    switch bytes.popFirst() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      let first = try readCodeUnit()
      var units = [first]
      if UTF16.isLeadSurrogate(first), take("\\"), take("u") { units.append(try readCodeUnit()) }
      guard let string = String(validating: units, as: UTF16.self) else { throw Complaint("a string holds half a surrogate pair") }
      return Array(string.utf8)
    default: throw Complaint("a string holds an unknown escape")
    }
  }

  private mutating func readCodeUnit() throws(Complaint) -> UInt16 {
    let digits = bytes.prefix(4)
    guard digits.count == 4, let pair = Hexadecimal.bytes(digits) else { throw Complaint("\\u needs four hexadecimal digits") }
    bytes = bytes.dropFirst(4)
    return UInt16(pair[0]) << 8 | UInt16(pair[1])
  }

  private mutating func skipSpace() {
    while let byte = bytes.first, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { bytes.removeFirst() }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard bytes.first == UInt8(ascii: character) else { return false }
    bytes.removeFirst()
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    guard bytes.starts(with: word.utf8) else { return false }
    bytes = bytes.dropFirst(word.utf8.count)
    return true
  }
}
