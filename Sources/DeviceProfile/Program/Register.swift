// The decoder's registers and the frame-wide state: time, quality and position. Everything lives on the stack.

import VitalSigns

/// One register: 24 bytes.
struct Register {
  enum Kind: UInt8 {
    /// Nothing was read, because the field is not in this frame.
    case missing
    case number
    /// The mantissa is 0 or 1.
    case boolean
    /// The text is a range of the frame.
    case text
    /// Something was read that is no value. `reason` says why.
    case unusable
  }
  var mantissa: Int64 = 0
  var start: UInt32 = 0
  var end: UInt32 = 0
  var exponent: Int8 = 0
  var kind: Kind = .missing
  var reason: DropReason = .sentinel
  /// Whether the text has JSON escapes in it.
  var isEscaped = false

  static var missing: Self { Self() }

  static func number(_ value: Quantity) -> Self {
    var register = Self()
    register.mantissa = value.mantissa
    register.exponent = value.exponent
    register.kind = .number
    return register
  }

  static func boolean(_ value: Bool) -> Self {
    var register = Self()
    register.mantissa = value ? 1 : 0
    register.kind = .boolean
    return register
  }

  static func unusable(_ reason: DropReason) -> Self {
    var register = Self()
    register.kind = .unusable
    register.reason = reason
    return register
  }

  static func text(start: Int, end: Int, isEscaped: Bool) -> Self {
    var register = Self()
    register.start = UInt32(clamping: start)
    register.end = UInt32(clamping: end)
    register.kind = .text
    register.isEscaped = isEscaped
    return register
  }

  var quantity: Quantity { Quantity(mantissa: mantissa, exponent: exponent) }
  var isPresent: Bool { kind != .missing && kind != .unusable }
  /// The value as an integer for bits and counts; nil for anything else.
  var integer: Int64? {
    switch kind {
    case .number: exponent == 0 ? mantissa : quantity.wholeNumber
    case .boolean: mantissa
    default: nil
    }
  }

  /// Whether the text is these bytes.
  ///
  /// - Parameter anyCase: capital letters count as small ones (A to Z; not in a text with escapes).
  func equals(_ text: [UInt8], in frame: Span<UInt8>, anyCase: Bool) -> Bool {
    let (first, last) = (Int(start), Int(end))
    if isEscaped { return JSONText.equals(frame, start: first, end: last, text) }
    guard last - first == text.count else { return false }
    for index in text.indices {
      let (mine, other) = (frame[first + index], text[index])
      guard mine == other || anyCase && JSONText.smallLetter(mine) == JSONText.smallLetter(other) else { return false }
    }
    return true
  }
}

extension Quantity {
  /// This number when it is whole and fits, else nil.
  var wholeNumber: Int64? {
    guard let whole = rounded(toExponent: 0), Quantity(mantissa: whole, exponent: 0) == self else { return nil }
    return whole
  }
}

/// What the frame says about all its values.
struct FrameState {
  var registers = InlineArray<64, Register>(repeating: .missing)
  var cursor = 0
  var time: DeviceTime = .none
  var quality: ObservationQuality = []
  /// Rounds of the running repeat, and where its present round began.
  var rounds = 0
  var roundStart = 0
  var retained = false
  /// Whether the frame says that somebody else was measured.
  var isOtherUser = false

  subscript(_ index: RegisterIndex) -> Register {
    get { index < DecodeLimits.registersMax ? registers[Int(index)] : .missing }
    set { if index < DecodeLimits.registersMax { registers[Int(index)] = newValue } }
  }

  /// The time that readings carry. They carry none while the device's clock is not set.
  var statedTime: DeviceTime { quality.contains(.clockUnset) ? .none : time }
}
