// A measured number exactly as the device said it: an integer mantissa and a power of ten.
//
// 36.6 °C is mantissa 366, exponent −1. Binary floating point never touches a measurement: 38.05 has no exact
// `Double`, and a NEWS2 band edge decides whether somebody is woken. Not here: units (UCUMUnit.swift) and rounding
// to a parameter's step (the realtime core, once, at intake).

/// A decimal number: `mantissa × 10^exponent`. Fixed size, no allocation. Realtime-safe.
@frozen public struct Quantity: Sendable {
  /// Significant digits with the sign.
  public var mantissa: Int64
  /// Power of ten, −128…127. Values from devices stay within −8…7 (SFLOAT) or −128…127 (FLOAT32).
  public var exponent: Int8

  @inlinable public init(mantissa: Int64, exponent: Int8 = 0) {
    self.mantissa = mantissa
    self.exponent = exponent
  }

  /// The largest power of ten that fits an `Int64`: 10^18 < 2^63 < 10^19.
  @inlinable static var powerMax: Int { 18 }

  /// This number as a whole count of `10^step` units, rounded half up (towards +∞), or nil when the result does
  /// not fit an `Int64`.
  ///
  /// `Quantity(3805, −2).rounded(toExponent: −1)` is 381: 38.05 °C counts as 38.1. Half up is the one rounding of
  /// this product (reference: RCP's chart has steps of 0.1 °C and of 1 for the rest). Realtime-safe.
  @inlinable public func rounded(toExponent step: Int8) -> Int64? {
    guard let (whole, isHalfOrMore) = floored(toExponent: step) else { return nil }
    // Cannot overflow: a fraction is left only where at least one digit was cut off.
    return isHalfOrMore ? whole + 1 : whole
  }

  /// The whole count of `10^step` units at or below this number, and whether at least half a unit is left over. Half up
  /// is right for both signs this way, because the left-over part of a floor is never negative. Realtime-safe.
  @inlinable func floored(toExponent step: Int8) -> (whole: Int64, isHalfOrMore: Bool)? {
    let shift = Int(exponent) - Int(step)
    if mantissa == 0 || shift == 0 { return (mantissa, false) }
    if shift > 0 {
      guard shift <= Self.powerMax else { return nil }
      let (product, overflow) = mantissa.multipliedReportingOverflow(by: Self.powerOfTen(shift))
      return overflow ? nil : (product, false)
    }
    let cut = -shift
    if cut <= Self.powerMax {
      let divisor = Self.powerOfTen(cut)
      let whole = Self.floorDivided(mantissa, by: divisor)
      let left = mantissa - whole * divisor
      return (whole, left >= divisor - left)
    }
    // 10^19 does not fit, but any mantissa is less than one such unit: only its half, 5·10^18, decides.
    if mantissa > 0 { return (0, cut == Self.powerMax + 1 && mantissa >= 5_000_000_000_000_000_000) }
    return (-1, cut > Self.powerMax + 1 || mantissa >= -5_000_000_000_000_000_000)
  }

  /// 10^exponent for 0…18.
  @inlinable static func powerOfTen(_ exponent: Int) -> Int64 {
    var power: Int64 = 1
    for _ in 0..<exponent { power &*= 10 }
    return power
  }

  @inlinable static func floorDivided(_ value: Int64, by divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor != 0 && value < 0 ? quotient - 1 : quotient
  }

  /// The same number with trailing zeros of the mantissa moved into the exponent: 3660·10⁻² → 366·10⁻¹.
  ///
  /// Equality compares this form, so 98 and 980·10⁻¹ are equal. Realtime-safe.
  @inlinable public var canonical: Quantity {
    if mantissa == 0 { return Quantity(mantissa: 0, exponent: 0) }
    var result = self
    while result.mantissa % 10 == 0, result.exponent < Int8.max {
      result.mantissa /= 10
      result.exponent += 1
    }
    return result
  }
}

extension Quantity: Hashable {
  @inlinable public static func == (a: Quantity, b: Quantity) -> Bool {
    let (x, y) = (a.canonical, b.canonical)
    return x.mantissa == y.mantissa && x.exponent == y.exponent
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    let form = canonical
    hasher.combine(form.mantissa)
    hasher.combine(form.exponent)
  }
}
