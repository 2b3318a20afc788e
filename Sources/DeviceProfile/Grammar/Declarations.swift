// What a profile declares that its device can say: observations with code, unit and ranges, events with their type,
// and tables that give a status word's bits a meaning. Programs refer to declarations by index.

public import VitalSigns

/// One observation that the device can report.
public struct ObservationDeclaration: Sendable, Hashable {
  /// The name inside the profile.
  public var key: String
  public var code: ObservationCode
  public var loinc: String?
  public var snomed: String?
  public var display: String
  /// The unit of a value when the frame does not say otherwise, and the unit of the ranges below.
  public var unit: UCUMUnit
  /// Every unit that the device may report in; `unit` first.
  public var units: [UCUMUnit]
  /// The smallest step that the device resolves, in `unit`.
  public var resolution: Quantity?
  /// A value outside this range is marked implausible.
  public var plausible: ValueRange?
  /// A value outside this range is no measurement: it is dropped and counted.
  public var hard: ValueRange?
  /// The largest change between two values that a body can show, in `unit` per minute. The hub hands it on to receivers and does
  /// not judge by it.
  public var changeMaxPerMinute: Quantity?
}

/// A closed range, in thousandths of the declaration's unit.
public struct ValueRange: Sendable, Hashable {
  public var low: Int64
  public var high: Int64
  /// The power of ten of one step.
  public static let exponent: Int8 = -3

  /// Whether a value in `unit` lies within the range, which is in `rangeUnit`. Exact: nothing is rounded, so −10⁻⁸ lies below 0. False for
  /// units without a conversion. Realtime-safe.
  func contains(_ value: Quantity, in unit: UCUMUnit, rangeUnit: UCUMUnit) -> Bool {
    guard let atLow = Self.order(of: value, unit, to: low, rangeUnit), let atHigh = Self.order(of: value, unit, to: high, rangeUnit) else {
      return false
    }
    return atLow >= 0 && atHigh <= 0
  }

  /// Negative, zero or positive as the value is below, at or above `bound` thousandths of the range's unit. The factors are those of
  /// `Quantity.steps`.
  private static func order(of value: Quantity, _ unit: UCUMUnit, to bound: Int64, _ rangeUnit: UCUMUnit) -> Int? {
    if unit == rangeUnit { return value.compared(to: Quantity(mantissa: bound, exponent: exponent)) }
    switch (unit, rangeUnit) {
    case (.degreeFahrenheit, .degreeCelsius):
      // °C × 1.8 + 32, in ten-thousandths: the bound in °F, exactly.
      let (scaled, overflow) = bound.multipliedReportingOverflow(by: 18)
      let (moved, carry) = scaled.addingReportingOverflow(320_000)
      return overflow || carry ? nil : value.compared(to: Quantity(mantissa: moved, exponent: -4))
    case (.kilopascal, .millimetreOfMercury): return order(value, times: 750_061_576, over: 100_000_000, to: bound)
    case (.pound, .kilogram): return order(value, times: 45_359_237, over: 100_000_000, to: bound)
    case (.milligramPerDecilitre, .millimolePerLitre): return order(value, times: 10_000, over: 180_156, to: bound)
    default: return nil
    }
  }

  /// Compares value × factor ÷ divisor with the bound. Both sides are multiplied by the divisor and compared as whole numbers of
  /// 128 bits, in which 63 bits of mantissa times 30 bits of factor fit.
  private static func order(_ value: Quantity, times factor: Int64, over divisor: Int64, to bound: Int64) -> Int {
    var left = Int128(value.mantissa) * Int128(factor)
    var right = Int128(bound) * Int128(divisor)
    if left.signum() != right.signum() { return Int(left.signum() - right.signum()) }
    var places = Int(value.exponent) - Int(exponent)
    while places != 0 {
      let (product, overflow) = (places > 0 ? left : right).multipliedReportingOverflow(by: 10)
      // The side that no longer fits 128 bits is the larger in magnitude.
      if overflow { return places > 0 ? Int(left.signum()) : -Int(right.signum()) }
      if places > 0 { left = product } else { right = product }
      places -= places.signum()
    }
    return left < right ? -1 : left > right ? 1 : 0
  }
}

extension DeviceEventKind {
  /// The event says that somebody asks for help, or needs it.
  var isCallForHelp: Bool { self == .sos || self == .fall }
  /// The event is told to somebody by itself. What is not understood of a device with such an event may have been one.
  var isAlarmOfItsOwn: Bool {
    switch self {
    case .doseMissed, .doseRefused, .dispenserEmpty, .jam, .lockJammed, .doorOpened: true
    default: false
    }
  }

  /// The event tells of the device as it is now. The time that the frame gives its measurement does not apply to the event.
  var isAboutTheDevice: Bool {
    switch self {
    case .lowBattery, .tamper, .jam, .dispenserEmpty, .online, .offline, .heartbeat, .noContact, .lockJammed: true
    default: false
    }
  }

  /// Only the hub itself finds these events out.
  var isMadeByTheHub: Bool { self == .notUnderstood || self == .clockWrong || self == .bondLost }
}

/// How an event behaves.
public enum EventType: String, Sendable, Hashable, CaseIterable {
  /// Something that happened once (a button, a fall, a dose). A retained message never brings a moment.
  case moment
  /// A condition that starts and ends: reported as raised and cleared.
  case condition
  /// One of the states that the device is in (open, locked), reported at each change or repeated.
  case state
}

public enum EventSeverity: String, Sendable, Hashable, CaseIterable {
  case low, medium, high
}

/// One event that the device can report.
public struct EventDeclaration: Sendable, Hashable {
  public var key: String
  public var kind: DeviceEventKind
  public var type: EventType
  public var severity: EventSeverity
  /// Two of these events stay two: they are never merged into one. Always true for SOS and fall.
  public var neverCoalesce: Bool
}

/// What a set bit of a status word says about the values of its frame.
struct StatusTable: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    var bit: UInt8
    var quality: ObservationQuality
  }
  var entries: [Entry]

  func quality(of word: Int64) -> ObservationQuality {
    var quality: ObservationQuality = []
    let bits = UInt64(bitPattern: word)
    for entry in entries where bits >> UInt64(entry.bit) & 1 == 1 { quality.formUnion(entry.quality) }
    return quality
  }
}

extension ObservationQuality {
  /// The names that a profile may use. `late` and `implausible` are the hub's own verdicts.
  static var declarable: [(String, ObservationQuality)] {
    [
      ("questionable", .questionable), ("invalid", .invalid), ("demo", .demo), ("test", .test),
      ("earlyEstimate", .earlyEstimate), ("fromStorage", .fromStorage), ("clockUnset", .clockUnset), ("ongoing", .ongoing),
    ]
  }
}
