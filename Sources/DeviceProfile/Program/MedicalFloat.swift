// The two decimal formats of ISO/IEEE 11073-20601: SFLOAT (16 bits) and FLOAT (32 bits). Both are an integer mantissa
// and a power of ten, so they map to `Quantity` without any arithmetic. Five bit patterns of each are no numbers, and
// only exactly those: NaN's mantissa with another exponent is an ordinary number.

public import VitalSigns

/// A decoded SFLOAT or FLOAT.
public enum MedicalFloat: Sendable, Hashable {
  case number(Quantity)
  case positiveInfinity
  case notANumber
  /// "Not at this resolution".
  case notAtThisResolution
  case reserved
  case negativeInfinity

  /// SFLOAT: signed 4-bit exponent above a signed 12-bit mantissa. Total. Realtime-safe.
  public init(shortBits bits: UInt16) {
    switch bits {
    case 0x07FE: self = .positiveInfinity
    case 0x07FF: self = .notANumber
    case 0x0800: self = .notAtThisResolution
    case 0x0801: self = .reserved
    case 0x0802: self = .negativeInfinity
    default:
      let signed = Int16(bitPattern: bits)
      // Shifting left, and arithmetically back, extends the sign of the low 12 bits.
      self = .number(Quantity(mantissa: Int64((signed << 4) >> 4), exponent: Int8(truncatingIfNeeded: signed >> 12)))
    }
  }

  /// FLOAT: signed 8-bit exponent above a signed 24-bit mantissa. Total. Realtime-safe.
  public init(bits: UInt32) {
    switch bits {
    case 0x007F_FFFE: self = .positiveInfinity
    case 0x007F_FFFF: self = .notANumber
    case 0x0080_0000: self = .notAtThisResolution
    case 0x0080_0001: self = .reserved
    case 0x0080_0002: self = .negativeInfinity
    default:
      let signed = Int32(bitPattern: bits)
      self = .number(Quantity(mantissa: Int64((signed << 8) >> 8), exponent: Int8(truncatingIfNeeded: signed >> 24)))
    }
  }
}
