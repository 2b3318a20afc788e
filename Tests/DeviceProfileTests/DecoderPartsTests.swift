// The parts of the decoder that no shipped profile shows whole: checksums against their published check values, exact
// comparison, ISO 8601, topic patterns and UUIDs.

import Testing
import VitalSigns

@testable import DeviceProfile

@Suite struct ChecksumTests {
  /// The check value of each algorithm over "123456789" (catalogue of parametrised CRC algorithms).
  @Test(
    arguments: [
      (.crc16ccitt, 0x29B1), (.crc16itu, 0x906E), (.crc16ibm, 0xBB3D), (.crc16modbus, 0x4B37), (.sum8, 0xDD), (.xor8, 0x31),
    ] as [(ChecksumKind, UInt16)])
  func checkValues(kind: ChecksumKind, expected: UInt16) {
    let bytes = Array("123456789".utf8)
    #expect(kind.compute(bytes.span, from: 0, end: bytes.count) == expected)
    #expect(kind.compute(([0xFF] + bytes + [0xFF]).span, from: 1, end: bytes.count + 1) == expected)
  }
}

@Suite struct ExactArithmeticTests {
  @Test(
    arguments: [
      ("1", "1.0", 0), ("1", "1.01", -1), ("-1", "1", -2), ("0", "0.000", 0), ("1e100", "1e-100", 1), ("-1e100", "1e-100", -2),
      ("-1e100", "-1", -1),
      ("1e-100", "1", -1), ("15", "14.999", 1), ("9223372036854775807", "0.1", 1),
    ] as [(String, String, Int)])
  func compares(a: String, b: String, expected: Int) throws {
    let order = try #require(Quantity(decimal: a)).compared(to: try #require(Quantity(decimal: b)))
    #expect(order.signum() == expected.signum())
  }

  @Test func sumsAndProductsAreExactOrNil() {
    #expect(Quantity(mantissa: 14_000).multiplied(by: Quantity(mantissa: 5, exponent: -3))?.description == "70.000")
    #expect(Quantity(mantissa: 1, exponent: -1).adding(Quantity(mantissa: -40))?.description == "-39.9")
    #expect(Quantity(mantissa: Int64.max).multiplied(by: Quantity(mantissa: 2)) == nil)
    #expect(Quantity(mantissa: Int64.max).adding(Quantity(mantissa: 1)) == nil)
    #expect(Quantity(mantissa: 1, exponent: 100).adding(Quantity(mantissa: 1, exponent: -100)) == nil)
    #expect(Quantity(mantissa: 1, exponent: 127).shifted(by: 1) == nil)
  }
}

@Suite struct DeviceTimeTextTests {
  @Test(
    arguments: [
      ("2026-01-31T12:34:56Z", "2026-01-31T12:34:56.000Z"), ("2026-01-31T12:34:56.7Z", "2026-01-31T12:34:56.700Z"),
      ("2026-01-31T12:34:56.123456789+01:00", "2026-01-31T11:34:56.123Z"), ("2026-01-31 12:34:56-0330", "2026-01-31T16:04:56.000Z"),
      ("2026-01-31T12:34:56", "2026-01-31T12:34:56"), ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"), ("2026-02-29T00:00:00Z", "nil"),
      ("2026-13-01T00:00:00Z", "nil"), ("2026-01-31T24:00:00Z", "nil"), ("2026-01-31", "nil"), ("2026-01-31T12:34:56.Z", "nil"),
      ("2026-01-31T12:34:56+25:00", "nil"), ("2026-01-31T12:34:56Zx", "nil"), ("1970-01-01T00:00:00Z", "nil"), ("", "nil"),
    ] as [(String, String)])
  func reads(text: String, expected: String) {
    let bytes = Array(text.utf8)
    #expect(ISO8601.parse(bytes.span, start: 0, end: bytes.count).map(\.description) ?? "nil" == expected)
  }

  @Test func impossibleDates() {
    func possible(_ year: UInt16, _ month: UInt8, _ day: UInt8, _ hour: UInt8 = 0) -> Bool {
      CivilTime(year: year, month: month, day: day, hour: hour, minute: 0, second: 0).isPossible
    }
    #expect(possible(2024, 2, 29) && possible(2000, 2, 29) && possible(1582, 1, 1) && possible(9999, 12, 31, 23))
    #expect(!possible(2023, 2, 29) && !possible(2100, 2, 29) && !possible(2026, 4, 31) && !possible(2026, 0, 1) && !possible(2026, 1, 0))
    #expect(!possible(0, 1, 1) && !possible(1581, 1, 1) && !possible(2026, 13, 1) && !possible(2026, 1, 1, 24))
  }
}

@Suite struct TopicPatternTests {
  @Test(arguments: [
    "", "a//b", "/a", "a/", "a/#/b", "a+/b", "a/{x}/{x}", "a/{}", "a/{x", "a/{x y}", "a#", "a#\u{301}/b", "a/\u{301}/#\u{301}",
    "a/\u{301}{d}",
  ])
  func refuses(text: String) { #expect(TopicPattern(text) == nil, "\(text)") }

  @Test(
    arguments: [
      ("a/{d}/c", "a/1/c", "1"), ("a/{d}/c", "a/1/d", nil), ("a/{d}/c", "a/1", nil), ("a/{d}/c", "a/1/c/e", nil), ("a/{d}/c", "a//c", nil),
      ("{u}/{d}", "x/y", "x/y"), ("a/+/{d}", "a/q/7", "7"), ("a/{d}/#", "a/7/b/c", "7"), ("a/{d}/#", "a/7", "7"), ("a/{d}", "A/7", nil),
      // A mark after `/` makes another character of it, and not another byte.
      ("{u}/{d}", "x/\u{301}y", "x/\u{301}y"), ("a/\u{301}b/{d}", "a/\u{301}b/7", "7"),
    ] as [(String, String, String?)])
  func matches(pattern: String, topic: String, address: String?) throws {
    let pattern = try #require(TopicPattern(pattern))
    #expect(pattern.address(in: topic) == address)
    #expect(pattern.matches(topic) == (address != nil))
    if let address { #expect(pattern.filter(for: address) != nil, "what was heard can be listened for") }
  }

  @Test(arguments: [
    ("a/{d}", "a/{e}", true), ("a/{d}", "b/{d}", false), ("a/{d}", "a/b", true), ("a/#", "a/b/c", true), ("a/{d}", "a/b/c", false),
  ])
  func overlap(a: String, b: String, expected: Bool) throws {
    let (first, second) = (try #require(TopicPattern(a)), try #require(TopicPattern(b)))
    #expect(first.overlaps(second) == expected)
    #expect(second.overlaps(first) == expected)
  }

  @Test func uuids() {
    let short = BluetoothUUID("2A5F")
    for text in ["2a5f", "0x2A5F", "00002A5F", "00002a5f-0000-1000-8000-00805F9B34FB"] { #expect(BluetoothUUID(text) == short) }
    #expect(short?.description == "2A5F")
    let long = "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"
    #expect(BluetoothUUID(long.uppercased())?.description == long)
    for text in ["", "2A5", "2A5G", "+A5F", "00002A5F-0000-1000-8000-00805F9B34F", "2A5F2A5F2A5F"] {
      #expect(BluetoothUUID(text) == nil, "\(text)")
    }
  }
}
