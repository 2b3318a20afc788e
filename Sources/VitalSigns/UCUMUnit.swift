// Units of measurement, by their UCUM codes (https://ucum.org). A closed list: a unit that is not here cannot be
// declared by a profile, so nothing downstream meets a unit that it cannot convert or print.

/// A UCUM unit. The raw value is stored in the journal: append, never renumber.
@frozen public enum UCUMUnit: UInt8, Sendable, Hashable, CaseIterable {
  case one = 0  // "1": counts, ratios and coded values
  case percent = 1
  case perMinute = 2
  case millimetreOfMercury = 3
  case kilopascal = 4
  case degreeCelsius = 5
  case degreeFahrenheit = 6
  case kilogram = 7
  case pound = 8
  case millimolePerLitre = 9
  case milligramPerDecilitre = 10
  case litrePerMinute = 11
  case metre = 12
  case second = 13
  case kilogramPerSquareMetre = 14
  case kilojoule = 15
  case inch = 16
  case volt = 17
  case minute = 18
  case metrePerSecond = 19
  case lux = 20
}

/// Conversions that NEWS2 and care plans need. Integer arithmetic only; the observation's own value is never changed.
extension Quantity {
  /// This value, in `unit`, as a whole count of `10^step` of the canonical unit, rounded half up once.
  ///
  /// Canonical units: mm[Hg] for pressure, Cel for temperature, kg for mass, mmol/L for glucose. Nil when the value
  /// does not fit or the unit has no conversion to `canonical`. Realtime-safe.
  @inlinable public func steps(from unit: UCUMUnit, to canonical: UCUMUnit, exponent step: Int8) -> Int64? {
    if unit == canonical { return rounded(toExponent: step) }
    // Work six digits finer and always cut downwards: cutting never moves a value across a half, so the one rounding
    // at the end decides exactly.
    guard step >= Int8.min + 6, let fine = floored(toExponent: step - 6)?.whole else { return nil }
    let scaled: Int64?
    switch (unit, canonical) {
    case (.kilopascal, .millimetreOfMercury):
      // The conventional millimetre of mercury, 133.322 387 415 Pa, to nine digits.
      scaled = Self.scaled(fine, by: 750_061_576, over: 100_000_000)
    case (.degreeFahrenheit, .degreeCelsius):
      guard let freezing = Quantity(mantissa: 32).rounded(toExponent: step - 6) else { return nil }
      let (difference, overflow) = fine.subtractingReportingOverflow(freezing)
      scaled = overflow ? nil : Self.scaled(difference, by: 5, over: 9)
    case (.pound, .kilogram):
      // The international pound, exactly.
      scaled = Self.scaled(fine, by: 45_359_237, over: 100_000_000)
    case (.milligramPerDecilitre, .millimolePerLitre):
      // Glucose, the only substance here: 180.156 g/mol.
      scaled = Self.scaled(fine, by: 10_000, over: 180_156)
    default:
      return nil
    }
    return scaled.flatMap { Quantity(mantissa: $0, exponent: step - 6).rounded(toExponent: step) }
  }

  /// ⌊value × numerator ÷ denominator⌋ without a wider integer, or nil when it does not fit. The product of numerator
  /// and denominator must be below 2^63.
  @inlinable static func scaled(_ value: Int64, by numerator: Int64, over denominator: Int64) -> Int64? {
    let whole = floorDivided(value, by: denominator)
    let part = (value - whole * denominator) * numerator / denominator
    let (product, overflow) = whole.multipliedReportingOverflow(by: numerator)
    if overflow { return nil }
    let (sum, carry) = product.addingReportingOverflow(part)
    return carry ? nil : sum
  }
}
