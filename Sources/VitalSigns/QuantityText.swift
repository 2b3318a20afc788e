// Quantities as decimal text, for JSON, FHIR, screens and command lines. Not for the realtime path: it makes strings.

extension Quantity: CustomStringConvertible {
  /// Plain decimal digits, no exponent form, keeping the precision that the device gave: 980·10⁻¹ prints "98.0".
  public var description: String {
    if exponent >= 0 {
      return String(mantissa) + (mantissa == 0 ? "" : String(repeating: "0", count: Int(exponent)))
    }
    let digits = String(mantissa.magnitude)
    let places = -Int(exponent)
    let padded = digits.count > places ? digits : String(repeating: "0", count: places - digits.count + 1) + digits
    let split = padded.index(padded.endIndex, offsetBy: -places)
    return (mantissa < 0 ? "-" : "") + padded[..<split] + "." + padded[split...]
  }

  /// Reads a plain decimal ("36.6", "-3", "+5.00") or one with an exponent ("1.2e3"), as JSON and people write it.
  ///
  /// Nil for anything else: empty text, NaN, infinities, more digits than an `Int64` holds, exponents outside −128…127.
  public init?(decimal text: some StringProtocol) {
    var mantissa: Int64 = 0
    var places = 0
    var exponent = 0
    var sawDigit = false
    var sawPoint = false
    var negative = false
    var bytes = Array(text.utf8)[...]
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      negative = sign == UInt8(ascii: "-")
      bytes = bytes.dropFirst()
    }
    while let byte = bytes.first {
      if byte == UInt8(ascii: ".") {
        if sawPoint { return nil }
        sawPoint = true
      } else if byte >= 0x30, byte <= 0x39 {
        let (tens, tensOverflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, sumOverflow) = tens.subtractingReportingOverflow(Int64(byte - 0x30))
        if tensOverflow || sumOverflow { return nil }
        mantissa = sum  // Built negative, because Int64's negative range is one larger.
        sawDigit = true
        if sawPoint { places += 1 }
      } else {
        break
      }
      bytes = bytes.dropFirst()
    }
    if !sawDigit { return nil }
    if let mark = bytes.first {
      guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E"), bytes.count <= 6,
        let value = Int(String(decoding: bytes.dropFirst(), as: UTF8.self))
      else { return nil }
      exponent = value
    }
    guard let finalExponent = Int8(exactly: exponent - places) else { return nil }
    if !negative {
      if mantissa == Int64.min { return nil }
      mantissa = -mantissa
    }
    self.init(mantissa: mantissa, exponent: finalExponent)
  }
}
