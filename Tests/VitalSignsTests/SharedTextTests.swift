// What every target takes from here instead of writing it again: hexadecimal digits, UUIDs, quoting, the stable hash, whole
// numbers of durations, and the letters of consciousness. Where values are stored or signed, the expected ones are literals.

import Testing
import VitalSigns

@Suite struct ControlCharacterTests {
  /// Just what Unicode calls so, at both ends of both ranges.
  @Test func areThoseOfUnicode() {
    for value in UInt32(0)...0x2FF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      #expect(scalar.isControl == (scalar.properties.generalCategory == .control), "\(value)")
    }
  }
}

@Suite struct HexadecimalTests {
  @Test func bytesAsDigits() {
    #expect(Hexadecimal.text([0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
    #expect(Hexadecimal.text([]) == "")
    #expect(Hexadecimal.text(UInt16(0x59), digits: 4) == "0059")
    #expect(Hexadecimal.text(UInt64.max, digits: 2) == "ffffffffffffffff")
  }

  @Test func digitsAsBytes() {
    #expect(Hexadecimal.bytes("000fA0Ff".utf8) == [0x00, 0x0F, 0xA0, 0xFF])
    #expect(Hexadecimal.bytes("".utf8) == [])
    for text in ["0", "0g", "+1", "0x00", "00 0", " 0", "１２"] { #expect(Hexadecimal.bytes(text.utf8) == nil, "\(text)") }
  }

  @Test func everyByteThereAndBack() {
    let all = Array(UInt8.min...UInt8.max)
    #expect(Hexadecimal.bytes(Hexadecimal.text(all).utf8) == all)
    #expect(all.filter { Hexadecimal.digit($0) != nil } == Array("0123456789ABCDEFabcdef".utf8))
  }

  @Test func uuids() {
    let text = "0123456f-89ab-cdef-0011-2233445566ff"
    let halves = UUIDText.halves(text)
    #expect(halves?.high == 0x0123_456F_89AB_CDEF)
    #expect(halves?.low == 0x0011_2233_4455_66FF)
    #expect(UUIDText.text(high: 0x0123_456F_89AB_CDEF, low: 0x0011_2233_4455_66FF) == text)
    for wrong in ["", "0123456f89abcdef00112233445566ff", text.dropLast() + "g", text + "-", "0123456f-89ab-cdef-00112233-445566ff"] {
      #expect(UUIDText.halves(wrong) == nil, "\(wrong)")
    }
  }

  /// Version 8 and the variant of RFC 9562, whatever the digest has there.
  @Test func wireIdentities() {
    #expect(UUIDText.version8(Array(repeating: 0xFF, count: 32)) == "ffffffff-ffff-8fff-bfff-ffffffffffff")
    #expect(UUIDText.version8(Array(repeating: 0x00, count: 32)) == "00000000-0000-8000-8000-000000000000")
    #expect(UUIDText.version8(Array(0..<32)) == "00010203-0405-8607-8809-0a0b0c0d0e0f")
  }
}

@Suite struct WireTextTests {
  @Test func jsonStrings() {
    #expect(JSONString.quoted(#"a"b\c"#) == #""a\"b\\c""#)
    #expect(JSONString.quoted("\n\r\t\u{0}\u{1F}\u{7F}å") == "\"\\n\\r\\t\\u0000\\u001f\u{7F}å\"")
    #expect(JSONString.escape("\u{2028}") == "\\u2028")
    var pieces: [[UInt8]] = []
    JSONString.write("a\nb") { pieces.append(Array($0)) }
    #expect(pieces.joined().elementsEqual(#""a\nb""#.utf8))
    var growing = Array("x".utf8)
    JSONString.append("", to: &growing)
    #expect(growing == Array("x\"\"".utf8))
  }

  @Test func percentEncoding() {
    #expect(PercentEncoding.text("a-Z_0.9~") == "a-Z_0.9~")
    #expect(PercentEncoding.text("å/:,|") == "%C3%A5%2F%3A%2C%7C")
    #expect(PercentEncoding.text("urn:a/b,c", keeping: ":/") == "urn:a/b%2Cc")
  }

  @Test func aValueIsNeverReadAsAPlace() {
    #expect(TextPlaces.filled("{x} and {y}, {z}.", ["x": "{y}", "y": "1"]) == "{y} and 1, .")
    #expect(TextPlaces.filled("no place", ["x": "1"]) == "no place")
    #expect(TextPlaces.filled("open { here", [:]) == "open { here")
    #expect(TextPlaces.filled("} and {x}", ["x": "1"]) == "} and 1")
  }
}

@Suite struct StableHashTests {
  /// The published vectors of FNV-1a.
  @Test(arguments: [("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8)] as [(String, UInt64)])
  func publishedVectors(text: String, value: UInt64) {
    var hash = StableHash()
    hash.add(text.utf8)
    #expect(hash.value == value)
  }

  @Test func ofANumberIsOfItsBytes() {
    var (number, bytes) = (StableHash(), StableHash())
    number.add(UInt64(0x0102_0304_0506_0708))
    bytes.add([8, 7, 6, 5, 4, 3, 2, 1])
    #expect(number.value == bytes.value)
    #expect(StableHash.short("foobar") == 0xBF9C_F968)
  }
}

@Suite struct DurationNumberTests {
  @Test func wholeNumbers() {
    #expect(Duration.milliseconds(1_500).nanoseconds == 1_500_000_000)
    #expect(Duration.nanoseconds(-1).nanoseconds == -1)
    #expect(Duration.microseconds(1_999).wholeMilliseconds == 1)
    #expect(Duration.milliseconds(-1_500).wholeMilliseconds == -1_500)
    #expect(Duration.milliseconds(1_999).wholeSeconds == 1)
    #expect(Duration.seconds(-5).wholeSeconds == 0)
  }

  @Test func whatDoesNotFitIsHeldAtTheEnd() {
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    #expect(Duration.nanoseconds(Int64.max).nanoseconds == .max)
    #expect((Duration.nanoseconds(Int64.max) + .nanoseconds(1)).nanoseconds == .max)
    #expect(Duration.seconds(Int64.max).wholeMilliseconds == .max)
    #expect(MonotonicInstant(rawValue: 1).adding(.seconds(Int64.max)) == .never)
    #expect(MonotonicInstant(rawValue: 1).adding(.milliseconds(2)).rawValue == 2_000_001)
  }
}

@Suite struct ConsciousnessTests {
  @Test func lettersAndNumbers() {
    #expect(Consciousness.allCases.map(\.letter) == ["A", "C", "V", "P", "U"])
    #expect(Consciousness.allCases.map(\.rawValue) == [0, 1, 2, 3, 4])
    for level in Consciousness.allCases {
      #expect(Consciousness(letter: level.letter) == level)
      #expect(Consciousness(Quantity(mantissa: Int64(level.rawValue))) == level)
      #expect(level.explained.hasPrefix("\(level.letter) ("))
    }
    #expect(Consciousness(letter: "a") == nil)
    #expect(Consciousness(Quantity(mantissa: 5)) == nil)
    #expect(Consciousness(Quantity(mantissa: -1)) == nil)
    #expect(Consciousness(Quantity(mantissa: 1, exponent: 15)) == nil)
  }

  /// What may be entered is what the table of codes knows by the same key; the pulse is counted as a cuff counts it.
  @Test func enteredValuesAreKnownCodes() {
    for row in EnteredValue.decimals where row.key != "pulse" { #expect(ObservationCode(key: row.key) == row.code, "\(row.key)") }
    #expect(Set(EnteredValue.decimals.map(\.key)).count == EnteredValue.decimals.count)
  }
}
