// Civil time against known dates, instants that never overflow, and the text forms of identities and vocabularies.

import Testing
import VitalSigns

@Suite struct CivilTimeTests {
  @Test(
    arguments: [
      (1970, 1, 1, 0, 0, 0, 0), (2000, 2, 29, 23, 59, 59, 951_868_799), (2026, 1, 31, 12, 34, 56, 1_769_862_896),
      (1969, 12, 31, 23, 59, 59, -1), (2100, 3, 1, 0, 0, 0, 4_107_542_400), (1900, 3, 1, 0, 0, 0, -2_203_891_200),
      (1582, 1, 1, 0, 0, 0, -12_244_089_600), (9999, 12, 31, 23, 59, 59, 253_402_300_799),
    ] as [(UInt16, UInt8, UInt8, UInt8, UInt8, UInt8, Int64)])
  func knownDates(year: UInt16, month: UInt8, day: UInt8, hour: UInt8, minute: UInt8, second: UInt8, seconds: Int64) {
    let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    #expect(civil.millisecondsAsUTC == seconds * 1_000)
    #expect(CivilTime(utc: WallTime(rawValue: seconds * 1_000)) == civil)
  }

  /// Every day of eight centuries there and back, one after the other.
  @Test func everyDayFollowsTheOneBefore() {
    var expected: Int64 = CivilTime(year: 1600, month: 1, day: 1, hour: 0, minute: 0, second: 0).millisecondsAsUTC
    let lengths: [UInt8] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    for year in UInt16(1600)..<2400 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for month in 1...UInt8(12) {
        let length = lengths[Int(month) - 1] + (month == 2 && isLeap ? 1 : 0)
        for day in 1...length {
          let civil = CivilTime(year: year, month: month, day: day, hour: 0, minute: 0, second: 0)
          #expect(civil.millisecondsAsUTC == expected)
          #expect(CivilTime(utc: WallTime(rawValue: expected)) == civil)
          expected += 86_400_000
        }
      }
    }
  }

  @Test func textForms() {
    #expect(WallTime(rawValue: 1_769_862_896_007).description == "2026-01-31T12:34:56.007Z")
    #expect(WallTime(rawValue: -1).description == "1969-12-31T23:59:59.999Z")
    #expect(WallTime.unknown.description == "unknown")
    #expect(WallTime(text: "2026-01-31T12:34:56.007Z") == WallTime(rawValue: 1_769_862_896_007))
    #expect(WallTime(text: "1969-12-31T23:59:59Z") == WallTime(rawValue: -1_000))
    let wrong = [
      "", "unknown", "2026-01-31T12:34:56", "2026-01-31T12:34:56.7Z", "2026-02-31T12:34:56Z", "2026-01-31 12:34:56Z",
      "2026-01-31T24:00:00Z",
      "2026:01-31T12:34:56Z", "２026-01-31T12:34:56Z", "2026-01-31T12:34:56.0071Z",
    ]
    for text in wrong { #expect(WallTime(text: text) == nil, "\(text)") }
    #expect(DeviceTime.local(CivilTime(year: 2026, month: 1, day: 2, hour: 3, minute: 4, second: 5)).description == "2026-01-02T03:04:05")
    #expect(DeviceTime.none.description == "none")
  }

  @Test(arguments: [(0, "00:00"), (5, "00:05"), (425, "07:05"), (600, "10:00"), (1_439, "23:59")])
  func aMinuteOfTheDay(minute: Int, text: String) {
    #expect(CivilTime.clockText(minuteOfDay: minute) == text)
  }

  @Test func secondsBetweenTimes() {
    #expect(WallTime(rawValue: 5_999).seconds(since: WallTime(rawValue: 1_000)) == 4)
    #expect(WallTime(rawValue: 1_000).seconds(since: WallTime(rawValue: 5_999)) == -4)
    #expect(WallTime.unknown.seconds(since: WallTime(rawValue: 1)) == 0)
    #expect(WallTime(rawValue: 1).seconds(since: .unknown) == 0)
  }

  @Test func theWallClockOfAnotherInstant() {
    let (wall, known) = (WallTime(rawValue: 1_769_862_896_007), MonotonicInstant(rawValue: 5_000_000_000))
    #expect(wall.moved(from: known, to: known) == wall)
    #expect(wall.moved(from: known, to: MonotonicInstant(rawValue: 5_001_999_999)).rawValue == 1_769_862_896_008)
    #expect(wall.moved(from: known, to: MonotonicInstant(rawValue: 4_998_000_001)).rawValue == 1_769_862_896_006)
    #expect(wall.moved(from: known, toDeadline: MonotonicInstant(rawValue: 6_000_000_000)) == wall.adding(milliseconds: 1_000))
    #expect(wall.moved(from: known, toDeadline: .never) == nil)
    // The difference of the two clocks is the same at both moments.
    let later = known.adding(seconds: 90)
    #expect(wall.milliseconds(aheadOf: known) == 1_769_862_891_007)
    #expect(wall.moved(from: known, to: later).milliseconds(aheadOf: later) == wall.milliseconds(aheadOf: known))
    // Numbers from a file may be any: nothing traps.
    #expect(WallTime.unknown.milliseconds(aheadOf: .never) != 0)
    _ = WallTime(rawValue: .max).moved(from: MonotonicInstant(rawValue: .min), to: .never)
  }

  @Test func instantsStopAtTheirEnd() {
    #expect(MonotonicInstant(rawValue: Int64.max - 1).adding(seconds: 1) == .never)
    #expect(MonotonicInstant.zero.adding(seconds: UInt32.max).rawValue == 4_294_967_295_000_000_000)
    #expect(WallTime(rawValue: Int64.max).adding(milliseconds: 1) == WallTime(rawValue: Int64.max))
  }
}

@Suite struct IdentifierTextTests {
  @Test func patientsAndDevices() {
    #expect(PatientID(text: "P7") == PatientID(rawValue: 7))
    #expect(PatientID(text: "p7")?.description == "P7")
    #expect(DeviceID(text: "12")?.description == "D12")
    for text in ["", "P", "P0", "0", "D7", "P-1", "P+1", "P4294967296", "P7 ", "٧"] { #expect(PatientID(text: text) == nil, "\(text)") }
  }

  @Test func alerts() {
    let id = AlertID(high: 0x0123_4567_89AB_CDEF, low: 0x8000_0000_0000_0001)
    #expect(id.description == "01234567-89ab-cdef-8000-000000000001")
    #expect(AlertID(text: id.description.uppercased()) == id)
    for text in [
      "", "01234567-89ab-cdef-8000-00000000000", "+1234567-89ab-cdef-8000-000000000001", "0123456789abcdef-8000-000000000001----",
      "01234567-89ab-cdef-8000-00000000000g",
    ] { #expect(AlertID(text: text) == nil, "\(text)") }
  }

  @Test func keysComeBackAndAreUnique() {
    #expect(Set(AlertRule.allCases.map(\.key)).count == AlertRule.allCases.count)
    for rule in AlertRule.allCases { #expect(AlertRule(key: rule.key) == rule) }
    #expect(Set(DeviceEventKind.allCases.map(\.key)).count == DeviceEventKind.allCases.count)
    for kind in DeviceEventKind.allCases { #expect(DeviceEventKind(key: kind.key) == kind) }
    for signal in PlanSignal.allCases { #expect(PlanSignal(key: signal.key) == signal) }
    #expect(Set(NEWS2Parameter.allCases.map(\.key)).count == NEWS2Parameter.count)
  }

  @Test func qualitiesHaveOneNameEach() {
    var seen: Set<String> = []
    for bit in 0..<10 {
      let keys = ObservationQuality(rawValue: 1 << UInt16(bit)).keys
      #expect(keys.count == 1)
      #expect(seen.insert(keys.first ?? "").inserted)
    }
    #expect(ObservationQuality([.demo, .questionable]).keys == ["questionable", "demo"])
  }

  @Test func codeSystemIsConsistent() {
    #expect(Set(ObservationCode.known.map(\.key)).count == ObservationCode.known.count)
    #expect(Set(ObservationCode.known.map(\.code)).count == ObservationCode.known.count)
    for entry in ObservationCode.known {
      #expect(ObservationCode(key: entry.key)?.entry?.mdcName == entry.mdcName)
      if let loinc = entry.loinc { #expect(Self.hasRightCheckDigit(loinc), "\(loinc)") }
    }
  }

  /// LOINC's check digit is Luhn's.
  static func hasRightCheckDigit(_ loinc: String) -> Bool {
    let parts = loinc.split(separator: "-")
    guard parts.count == 2, let check = Int(parts[1]) else { return false }
    var sum = 0
    for (index, digit) in parts[0].reversed().enumerated() {
      guard let value = digit.wholeNumberValue else { return false }
      let doubled = index % 2 == 0 ? value * 2 : value
      sum += doubled / 10 + doubled % 10
    }
    return (sum + check) % 10 == 0
  }
}
