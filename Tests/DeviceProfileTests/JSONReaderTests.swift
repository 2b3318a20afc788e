// The bounded JSON reader against the grammar of RFC 8259, one case a rule.

import Testing
import VitalSigns

@testable import DeviceProfile

@Suite struct JSONReaderTests {
  /// What stands at a pointer: a word for the kind, and the text of numbers and strings.
  static func value(_ json: [UInt8], _ pointer: String) throws(FrameRejection) -> String {
    var set = JSONPointerSet()
    guard let slot = set.slot(for: pointer) else { return "no pointer" }
    var reader = JSONReader()
    try reader.read(json.span, pointers: set)
    let found = reader.slots[slot]
    let text = String(decoding: json[Int(found.start)..<max(Int(found.start), Int(found.end))], as: UTF8.self)
    return switch found.kind {
    case .missing: "missing"
    case .null: "null"
    case .booleanTrue: "true"
    case .booleanFalse: "false"
    case .container: "container"
    case .number: "number \(text)"
    case .string: "string \(text)"
    case .escapedString: "escaped \(text)"
    }
  }

  @Test(
    arguments: [
      ("1", "", "number 1"), (" -0.5e+10 ", "", "number -0.5e+10"), ("true", "", "true"), ("null", "", "null"), ("\"\"", "", "string "),
      ("{}", "", "container"), ("{\"a\":{\"b\":[10,20,{\"c\":false}]}}", "/a/b/1", "number 20"),
      ("{\"a\":{\"b\":[10,20,{\"c\":false}]}}", "/a/b/2/c", "false"), ("{\"a\":{\"b\":[10]}}", "/a/b/1", "missing"),
      ("{\"a\":{\"b\":1}}", "/a", "container"), ("{\"a/b\":1,\"m~n\":2}", "/a~1b", "number 1"),
      ("{\"a/b\":1,\"m~n\":2}", "/m~0n", "number 2"),
      ("{\"1\":5}", "/1", "number 5"), ("{\"\":5}", "/", "number 5"), ("{\"\\u00e5\":1}", "/å", "number 1"),
      ("{\"\\ud83d\\ude00\":1}", "/😀", "number 1"), ("{\"a\":\"x\\ny\"}", "/a", "escaped x\\ny"),
      ("{\"x\":1,\"x\":2,\"a\":3}", "/a", "number 3"),
      ("[ ]", "/0", "missing"), ("{\"a\":\"b\"}", "/a/b", "missing"),
    ] as [(String, String, String)])
  func finds(json: String, pointer: String, expected: String) throws {
    #expect(try Self.value(Array(json.utf8), pointer) == expected)
  }

  @Test(arguments: [
    "", " ", "{", "[", "{]", "[}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "{a:1}", "{'a':1}", "[1 2]", "01", "-", "1.", ".5", "+1",
    "1e", "1e+",
    "NaN", "Infinity", "-Infinity", "nul", "True", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
    "\"\n\"", "1 1",
    "{} {}", "// x\n1", "0x10", "1_000", "\u{FEFF}1", "{\"a\":1\"b\":2}",
  ])
  func refuses(json: String) {
    #expect(Self.reason(Array(json.utf8)) == .invalidJSON, "\(json)")
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80],
      [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xFF], [0xE2, 0x28, 0xA1],
    ] as [[UInt8]])
  func refusesBrokenUTF8(bytes: [UInt8]) {
    #expect(Self.reason([0x22] + bytes + [0x22]) == .invalidJSON)
  }

  @Test(arguments: ["å", "€", "😀", "\u{10FFFF}", "\u{800}", "\u{FFFF}"])
  func takesGoodUTF8(text: String) throws {
    #expect(try Self.value(Array("\"\(text)\"".utf8), "") == "string \(text)")
  }

  @Test func depthEndsAtSixteen() throws {
    func nested(_ depth: Int) -> [UInt8] { Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8) }
    #expect(Self.reason(nested(16)) == nil)
    #expect(Self.reason(nested(17)) == .jsonTooDeep)
  }

  @Test func aKeyThatIsReadStandsOnce() {
    #expect(Self.reason(Array("{\"a\":1,\"a\":2}".utf8), pointer: "/a") == .duplicateKey)
    #expect(Self.reason(Array("{\"a\":1,\"\\u0061\":1}".utf8), pointer: "/a") == .duplicateKey)
    #expect(Self.reason(Array("{\"a\":1,\"a\":2}".utf8), pointer: "/b") == nil)
  }

  @Test func pointersAreChecked() {
    for text in ["a", "a/b", "/~", "/~2", "/a~"] { #expect(JSONPointerSet.parse(text) == nil, "\(text)") }
    #expect(JSONPointerSet.parse("/01")?.first?.index == nil)
    #expect(JSONPointerSet.parse("/10")?.first?.index == 10)
  }

  static func reason(_ json: [UInt8], pointer: String = "") -> FrameRejection.Reason? {
    do throws(FrameRejection) {
      _ = try value(json, pointer)
      return nil
    } catch {
      return error.reason
    }
  }
}

@Suite struct DecimalTextTests {
  @Test(
    arguments: [
      ("36.60", 3660, -2), ("-12", -12, 0), (" 5 ", 5, 0), ("+3", 3, 0), (".5", 5, -1), ("1.5E-3", 15, -4),
      ("9223372036854775807", Int64.max, 0),
      ("-9223372036854775808", Int64.min, 0), ("0e9", 0, 9),
    ] as [(String, Int64, Int8)])
  func reads(text: String, mantissa: Int64, exponent: Int8) {
    let bytes = Array(text.utf8)
    var isNumber = false
    let value = DecimalText.parse(bytes.span, start: 0, end: bytes.count, isNumber: &isNumber)
    #expect(value?.mantissa == mantissa)
    #expect(value?.exponent == exponent)
    #expect(isNumber)
  }

  @Test(
    arguments: [
      ("", false), ("-", false), ("1x", false), ("1 2", false), ("e5", false), ("1e", false), ("1e-", false), ("9223372036854775808", true),
      ("0.12345678901234567890", true), ("1e99999999999999999999", true), ("1e128", true),
    ] as [(String, Bool)])
  func refuses(text: String, wasNumber: Bool) {
    let bytes = Array(text.utf8)
    var isNumber = false
    #expect(DecimalText.parse(bytes.span, start: 0, end: bytes.count, isNumber: &isNumber) == nil)
    #expect(isNumber == wasNumber, "\(text)")
  }
}
