// SFLOAT exhaustively and FLOAT widely, against formulas that take another way than the decoder: powers of two and
// divisions instead of shifts. Four of five public decoders fail here.

import DeviceProfile
import Testing
import VitalSigns

@Suite struct MedicalFloatTests {
  @Test func everyShortFloat() {
    let specials: [UInt16: MedicalFloat] = [
      0x07FE: .positiveInfinity, 0x07FF: .notANumber, 0x0800: .notAtThisResolution, 0x0801: .reserved, 0x0802: .negativeInfinity,
    ]
    var numbers = 0
    for bits in UInt16.min...UInt16.max {
      let actual = MedicalFloat(shortBits: bits)
      if let special = specials[bits] {
        #expect(actual == special)
        continue
      }
      let low = Int(bits) % 4_096
      let high = Int(bits) / 4_096
      let mantissa = low < 2_048 ? low : low - 4_096
      let exponent = high < 8 ? high : high - 16
      guard case .number(let value) = actual else {
        Issue.record("\(bits) is no number")
        continue
      }
      if value.mantissa != Int64(mantissa) || value.exponent != Int8(exponent) {
        Issue.record("\(bits): \(value.mantissa)e\(value.exponent)")
      }
      numbers += 1
    }
    #expect(numbers == 65_531)
  }

  @Test func specialMantissasWithAnotherExponentAreNumbers() {
    #expect(MedicalFloat(shortBits: 0x17FF) == .number(Quantity(mantissa: 2_047, exponent: 1)))
    #expect(MedicalFloat(shortBits: 0xF800) == .number(Quantity(mantissa: -2_048, exponent: -1)))
    #expect(MedicalFloat(bits: 0x017F_FFFF) == .number(Quantity(mantissa: 8_388_607, exponent: 1)))
    #expect(MedicalFloat(bits: 0xFF80_0000) == .number(Quantity(mantissa: -8_388_608, exponent: -1)))
  }

  @Test(
    arguments: [
      (0x007F_FFFE, .positiveInfinity), (0x007F_FFFF, .notANumber), (0x0080_0000, .notAtThisResolution), (0x0080_0001, .reserved),
      (0x0080_0002, .negativeInfinity), (0xFF00_016E, .number(Quantity(mantissa: 366, exponent: -1))),
      (0x0000_0000, .number(Quantity(mantissa: 0))), (0x80FF_FFFF, .number(Quantity(mantissa: -1, exponent: -128))),
      (0x7F00_0001, .number(Quantity(mantissa: 1, exponent: 127))),
    ] as [(UInt32, MedicalFloat)])
  func knownFloats(bits: UInt32, expected: MedicalFloat) {
    #expect(MedicalFloat(bits: bits) == expected)
    if case .number(let a) = MedicalFloat(bits: bits), case .number(let b) = expected { #expect(a.exponent == b.exponent) }
  }

  /// All exponents with all edges of the mantissa, and a million patterns of a fixed sequence.
  @Test func floatsAgainstAnotherFormula() {
    let edges: [UInt32] = [0, 1, 2, 0x7F_FFFD, 0x7F_FFFE, 0x7F_FFFF, 0x80_0000, 0x80_0001, 0x80_0002, 0x80_0003, 0xFF_FFFE, 0xFF_FFFF]
    var patterns: [UInt32] = []
    for exponent in UInt32(0)...255 { patterns += edges.map { exponent << 24 | $0 } }
    var state: UInt32 = 0x1234_5678
    for _ in 0..<1_000_000 {
      state = state &* 1_664_525 &+ 1_013_904_223
      patterns.append(state)
    }
    for bits in patterns {
      let isSpecial = (0x7F_FFFE...0x80_0002).contains(bits)
      let low = Int64(bits % 16_777_216)
      let high = Int(bits / 16_777_216)
      guard case .number(let value) = MedicalFloat(bits: bits) else {
        if !isSpecial { Issue.record("\(bits) is a number") }
        continue
      }
      let mantissa = low < 8_388_608 ? low : low - 16_777_216
      let exponent = high < 128 ? high : high - 256
      if isSpecial || value.mantissa != mantissa || Int(value.exponent) != exponent {
        Issue.record("\(bits): \(value.mantissa)e\(value.exponent)")
      }
    }
  }
}
