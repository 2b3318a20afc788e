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
  /// Smallest step that the device resolves, in `unit`.
  public var resolution: Quantity?
  /// Outside it a value is marked implausible.
  public var plausible: ValueRange?
  /// Outside it a value is no measurement: it is dropped and counted.
  public var hard: ValueRange?
  /// The largest change between two values that a body can show, in `unit` per minute. Carried for the receivers.
  public var changeMaxPerMinute: Quantity?
}

/// A closed range, in thousandths of the declaration's unit.
public struct ValueRange: Sendable, Hashable {
  public var low: Int64
  public var high: Int64
  /// The power of ten of one step.
  public static let exponent: Int8 = -3

  func contains(_ steps: Int64) -> Bool { steps >= low && steps <= high }
}

/// How an event behaves.
public enum EventType: String, Sendable, Hashable, CaseIterable {
  /// Something that happened once (a button, a fall, a dose). A retained message never brings one.
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
  /// Two of them are two: they are never merged into one. Always true for SOS and fall.
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
