// One measured value, and what the device said about how far to trust it. The `IntakeEntry` around it says whose the value is and
// when it reached the hub.

/// What is known about a value's trustworthiness. Several may hold. The bits are stored: append, never renumber.
@frozen public struct ObservationQuality: OptionSet, Sendable, Hashable {
  public var rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The device marks the value as doubtful (weak signal, movement, loose cuff). The value is recorded and never scores.
  @inlinable public static var questionable: Self { Self(rawValue: 1 << 0) }
  /// The device or a hard range says that this is no measurement. The value is recorded as an error and never scores.
  @inlinable public static var invalid: Self { Self(rawValue: 1 << 1) }
  /// Demonstration data. Never reaches the record.
  @inlinable public static var demo: Self { Self(rawValue: 1 << 2) }
  /// Test data. Never reaches the record.
  @inlinable public static var test: Self { Self(rawValue: 1 << 3) }
  /// An early estimate; FHIR status `preliminary`.
  @inlinable public static var earlyEstimate: Self { Self(rawValue: 1 << 4) }
  /// Read from the device's store, measured earlier.
  @inlinable public static var fromStorage: Self { Self(rawValue: 1 << 5) }
  /// The device says that its clock is not set.
  @inlinable public static var clockUnset: Self { Self(rawValue: 1 << 6) }
  /// The value was older than the live window when it arrived. It is recorded and raises no live alarm.
  @inlinable public static var late: Self { Self(rawValue: 1 << 7) }
  /// Outside the profile's plausible range, yet inside the hard range.
  @inlinable public static var implausible: Self { Self(rawValue: 1 << 8) }
  /// A measurement still going on.
  @inlinable public static var ongoing: Self { Self(rawValue: 1 << 9) }
  /// The broker kept the message and repeats it to whoever subscribes: it proves nothing about whether the device lives.
  @inlinable public static var retained: Self { Self(rawValue: 1 << 10) }

  /// A value with any of these never counts in a score or a limit.
  @inlinable public static var neverScores: Self { Self(rawValue: 0b1000_1111) }
}

/// Who vouches for a value. Stored: append, never renumber.
@frozen public enum ObservationOrigin: UInt8, Sendable, Hashable {
  case device = 0
  case staff = 1
  case selfReported = 2
  case prescribed = 3
}

/// One measured value. Fixed size. Realtime-safe.
@frozen public struct Observation: Sendable, Hashable {
  public var code: ObservationCode
  /// The value exactly as reported. Rounding happens in the score, never here.
  public var value: Quantity
  /// The unit as reported.
  public var unit: UCUMUnit
  public var quality: ObservationQuality
  public var origin: ObservationOrigin

  @inlinable public init(
    code: ObservationCode, value: Quantity, unit: UCUMUnit, quality: ObservationQuality = [],
    origin: ObservationOrigin = .device
  ) {
    self.code = code
    self.value = value
    self.unit = unit
    self.quality = quality
    self.origin = origin
  }
}
