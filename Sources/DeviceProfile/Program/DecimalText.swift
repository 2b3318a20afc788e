// Exact decimal arithmetic and reading for the decoder: never binary floating point, never a trap. What does not fit
// is nil, and the value is then left out with a reason.

import VitalSigns

enum DecimalText {
  /// Reads `-12.50`, `+3`, `.5`, `1.2e-3` at `start..<end`, surrounding spaces allowed. Nil when it is no number or
  /// when its digits do not fit an `Int64`; `isNumber` tells the two apart.
  static func parse(_ frame: Span<UInt8>, start: Int, end: Int, isNumber: inout Bool) -> Quantity? {
    isNumber = false
    var cursor = start
    var last = end
    while cursor < last, frame[cursor] == 0x20 { cursor += 1 }
    while last > cursor, frame[last - 1] == 0x20 { last -= 1 }
    var negative = false
    if cursor < last, frame[cursor] == UInt8(ascii: "-") || frame[cursor] == UInt8(ascii: "+") {
      negative = frame[cursor] == UInt8(ascii: "-")
      cursor += 1
    }
    // The mantissa is built negative, because the negative range of Int64 is one larger.
    var mantissa: Int64 = 0
    var fits = true
    var digits = 0
    var places = 0
    var inFraction = false
    scan: while cursor < last {
      switch frame[cursor] {
      case UInt8(ascii: "."):
        if inFraction { return nil }
        inFraction = true
      case let digit where digit >= 0x30 && digit <= 0x39:
        let (tens, first) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, second) = tens.subtractingReportingOverflow(Int64(digit - 0x30))
        if first || second { fits = false } else { mantissa = sum }
        digits += 1
        if inFraction { places += 1 }
      default:
        break scan
      }
      cursor += 1
    }
    if digits == 0 { return nil }
    var exponent = 0
    if cursor < last {
      guard frame[cursor] == UInt8(ascii: "e") || frame[cursor] == UInt8(ascii: "E") else { return nil }
      guard let value = parseExponent(frame, start: cursor + 1, end: last) else { return nil }
      exponent = value
    }
    isNumber = true
    guard fits, let finalExponent = Int8(exactly: exponent - places) else { return nil }
    if !negative, mantissa == Int64.min { return nil }
    return Quantity(mantissa: negative ? mantissa : -mantissa, exponent: finalExponent)
  }

  /// Held at ±9999: further digits change nothing, so that nothing overflows.
  private static func parseExponent(_ frame: Span<UInt8>, start: Int, end: Int) -> Int? {
    var cursor = start
    var negative = false
    if cursor < end, frame[cursor] == UInt8(ascii: "-") || frame[cursor] == UInt8(ascii: "+") {
      negative = frame[cursor] == UInt8(ascii: "-")
      cursor += 1
    }
    guard cursor < end else { return nil }
    var value = 0
    while cursor < end {
      guard frame[cursor] >= 0x30, frame[cursor] <= 0x39 else { return nil }
      value = min(9_999, value * 10 + Int(frame[cursor] - 0x30))
      cursor += 1
    }
    return negative ? -value : value
  }
}

extension Quantity {
  /// The exact product, or nil when it does not fit.
  func multiplied(by factor: Quantity) -> Quantity? {
    let (product, overflow) = mantissa.multipliedReportingOverflow(by: factor.mantissa)
    guard !overflow, let exponent = Int8(exactly: Int(exponent) + Int(factor.exponent)) else { return nil }
    return Quantity(mantissa: product, exponent: exponent)
  }

  /// The exact sum in the finer of both precisions, or nil when it does not fit.
  func adding(_ other: Quantity) -> Quantity? {
    let finer = min(exponent, other.exponent)
    guard let a = rounded(toExponent: finer), let b = other.rounded(toExponent: finer) else { return nil }
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : Quantity(mantissa: sum, exponent: finer)
  }

  /// This number times 10^places, or nil when the exponent does not fit.
  func shifted(by places: Int8) -> Quantity? {
    let (sum, overflow) = exponent.addingReportingOverflow(places)
    return overflow ? nil : Quantity(mantissa: mantissa, exponent: sum)
  }

  /// Exact order of two numbers: negative, zero or positive as `self` is below, equal to or above `other`.
  func compared(to other: Quantity) -> Int {
    if mantissa.signum() != other.mantissa.signum() { return Int(mantissa.signum() - other.mantissa.signum()) }
    if mantissa == 0 { return 0 }
    let finer = min(exponent, other.exponent)
    // A number that cannot be written in the finer precision is beyond 2^63 there, and so the larger in magnitude.
    guard let a = rounded(toExponent: finer) else { return Int(mantissa.signum()) }
    guard let b = other.rounded(toExponent: finer) else { return Int(-other.mantissa.signum()) }
    return a < b ? -1 : a > b ? 1 : 0
  }
}
