// Decimals: rounding, text and unit conversion, against tables and an independent calculation.

import Testing
import VitalSigns

@Suite struct QuantityTests {
  @Test(
    arguments: [
      // value, exponent, step, expected
      (3805, -2, -1, 381), (3804, -2, -1, 380), (38049, -3, -1, 380), (-3805, -2, -1, -380), (-3806, -2, -1, -381),
      (905, -1, 0, 91), (904, -1, 0, 90), (5, -1, 0, 1), (-5, -1, 0, 0), (-6, -1, 0, -1), (-15, -1, 0, -1), (25, -1, 0, 3),
      (499, -3, 0, 0), (500, -3, 0, 1), (1, -128, 0, 0), (-1, -128, 0, 0), (7, 3, 0, 7000), (0, 127, -128, 0), (97, 0, -1, 970),
      (5_000_000_000_000_000_000, -19, 0, 1), (4_999_999_999_999_999_999, -19, 0, 0), (-5_000_000_000_000_000_000, -19, 0, 0),
      (-5_000_000_000_000_000_001, -19, 0, -1), (Int64.max, -19, 0, 1), (Int64.min, -19, 0, -1), (Int64.max, -20, 0, 0),
      (Int64.min, -20, 0, 0), (Int64.max, 0, 0, Int64.max), (Int64.min, 0, 0, Int64.min), (9, 18, 0, 9_000_000_000_000_000_000),
    ] as [(Int64, Int8, Int8, Int64)])
  func roundsHalfUpOnce(mantissa: Int64, exponent: Int8, step: Int8, expected: Int64) {
    #expect(Quantity(mantissa: mantissa, exponent: exponent).rounded(toExponent: step) == expected)
  }

  @Test(arguments: [(Int64.max, 1, 0), (10, 18, 0), (1, 19, 0), (1, 127, -128), (Int64.min, 0, -1)] as [(Int64, Int8, Int8)])
  func overflowIsNil(mantissa: Int64, exponent: Int8, step: Int8) {
    #expect(Quantity(mantissa: mantissa, exponent: exponent).rounded(toExponent: step) == nil)
  }

  /// Every cut of many numbers, against rounding done on the digits as text.
  @Test func agreesWithRoundingOnDigits() {
    var random = SeededRandom(seed: 1)
    for _ in 0..<20_000 {
      let mantissa = Int64(bitPattern: random.next()) >> Int64(random.next() % 63)
      let exponent = Int8(truncatingIfNeeded: Int64(random.next() % 24) - 20)
      let expected = Self.halfUpByDigits(mantissa, cut: -Int(exponent))
      #expect(Quantity(mantissa: mantissa, exponent: exponent).rounded(toExponent: 0) == expected, "\(mantissa)e\(exponent)")
    }
  }

  /// Half up of mantissa ÷ 10^cut by looking at decimal digits only; nil on overflow.
  static func halfUpByDigits(_ mantissa: Int64, cut: Int) -> Int64? {
    if cut <= 0 { return Int64(String(mantissa) + (mantissa == 0 ? "" : String(repeating: "0", count: -cut))) }
    var digits = String(mantissa.magnitude)
    while digits.count <= cut { digits = "0" + digits }
    let whole = Int64(digits.dropLast(cut)) ?? 0
    let rest = digits.suffix(cut)
    let half = "5" + String(repeating: "0", count: cut - 1)
    if mantissa >= 0 { return rest >= half ? whole + 1 : whole }
    return rest > half ? -whole - 1 : -whole
  }

  @Test(
    arguments: [
      ("36.6", 366, -1), ("-3", -3, 0), ("+5.00", 500, -2), ("0.005", 5, -3), ("1.2e3", 12, 2), ("1E-2", 1, -2), ("-0", 0, 0),
      ("9223372036854775807", Int64.max, 0), ("-9223372036854775808", Int64.min, 0), ("1e127", 1, 127), ("1e-128", 1, -128),
    ] as [(String, Int64, Int8)])
  func readsDecimals(text: String, mantissa: Int64, exponent: Int8) {
    let value = Quantity(decimal: text)
    #expect(value?.mantissa == mantissa)
    #expect(value?.exponent == exponent)
  }

  @Test(arguments: [
    "", " ", ".", "-", "NaN", "Infinity", "inf", "1,5", "0x10", "1e", "1e+", "1e128", "9223372036854775808", "1.2.3", "--1", "١",
  ])
  func refusesWhatIsNoDecimal(text: String) {
    #expect(Quantity(decimal: text) == nil)
  }

  @Test func textKeepsTheDevicesPrecision() {
    #expect(Quantity(mantissa: 980, exponent: -1).description == "98.0")
    #expect(Quantity(mantissa: -5, exponent: -3).description == "-0.005")
    #expect(Quantity(mantissa: 12, exponent: 2).description == "1200")
    #expect(Quantity(mantissa: 0, exponent: 2).description == "0")
    #expect(Quantity(mantissa: 0, exponent: -1).description == "0.0")
    #expect(Quantity(mantissa: Int64.min, exponent: -1).description == "-922337203685477580.8")
  }

  @Test func textComesBackAsTheSameNumber() {
    var random = SeededRandom(seed: 2)
    for _ in 0..<5_000 {
      let value = Quantity(mantissa: Int64(bitPattern: random.next()) >> Int64(random.next() % 60), exponent: Int8(random.next() % 20) - 19)
      let back = Quantity(decimal: value.description)
      #expect(back?.mantissa == value.mantissa)
      #expect(back?.exponent == value.exponent)
    }
  }

  @Test func equalityIsOfNumbersNotOfForms() {
    #expect(Quantity(mantissa: 98) == Quantity(mantissa: 980, exponent: -1))
    #expect(Quantity(mantissa: 98).hashValue == Quantity(mantissa: 9_800, exponent: -2).hashValue)
    #expect(Quantity(mantissa: 0, exponent: 5) == Quantity(mantissa: 0, exponent: -5))
    #expect(Quantity(mantissa: 98) != Quantity(mantissa: 981, exponent: -1))
  }
}

@Suite struct UnitConversionTests {
  @Test(
    arguments: [
      ("98.6", "[degF]", "Cel", -1, 370), ("100.4", "[degF]", "Cel", -1, 380), ("100.49", "[degF]", "Cel", -1, 381),
      ("32", "[degF]", "Cel", -1, 0), ("31.91", "[degF]", "Cel", -1, 0), ("-40", "[degF]", "Cel", 0, -40),
      ("95.09", "[degF]", "Cel", -1, 351),
      ("17.1", "kPa", "mm[Hg]", 0, 128), ("13.3", "kPa", "mm[Hg]", 0, 100), ("29.3", "kPa", "mm[Hg]", 0, 220), ("0", "kPa", "mm[Hg]", 0, 0),
      ("157.60", "[lb_av]", "kg", -1, 715), ("400", "[lb_av]", "kg", -3, 181_437), ("1", "[lb_av]", "kg", -3, 454),
      ("126", "mg/dL", "mmol/L", -1, 70), ("100", "mg/dL", "mmol/L", -1, 56), ("38.05", "Cel", "Cel", -1, 381),
    ] as [(String, String, String, Int8, Int64)])
  func converts(text: String, from: String, to: String, step: Int8, expected: Int64) throws {
    let value = try #require(Quantity(decimal: text))
    let unit = try #require(UCUMUnit(code: from))
    let canonical = try #require(UCUMUnit(code: to))
    #expect(value.steps(from: unit, to: canonical, exponent: step) == expected)
  }

  /// All of the body's range in hundredths of a degree: half up of (F − 32) × 5 ÷ 9, calculated in whole numbers.
  @Test func fahrenheitIsExactEverywhere() {
    for hundredths in Int64(-10_000)...20_000 {
      // Tenths of °C = (h − 3200) ÷ 18; half up = ⌊(2·(h − 3200) + 18) ÷ 36⌋.
      let numerator = 2 * (hundredths - 3_200) + 18
      let expected = numerator >= 0 ? numerator / 36 : -((-numerator + 35) / 36)
      let actual = Quantity(mantissa: hundredths, exponent: -2).steps(from: .degreeFahrenheit, to: .degreeCelsius, exponent: -1)
      #expect(actual == expected, "\(hundredths)")
    }
  }

  @Test func whatCannotBeConvertedIsNil() {
    #expect(Quantity(mantissa: 1).steps(from: .percent, to: .degreeCelsius, exponent: 0) == nil)
    #expect(Quantity(mantissa: Int64.max).steps(from: .kilopascal, to: .millimetreOfMercury, exponent: 0) == nil)
    #expect(Quantity(mantissa: 1, exponent: 127).steps(from: .pound, to: .kilogram, exponent: -1) == nil)
  }

  @Test func codesAreUniqueAndComeBack() {
    #expect(Set(UCUMUnit.allCases.map(\.code)).count == UCUMUnit.allCases.count)
    for unit in UCUMUnit.allCases { #expect(UCUMUnit(code: unit.code) == unit) }
    #expect(UCUMUnit(code: "mmHg") == nil)
  }
}
