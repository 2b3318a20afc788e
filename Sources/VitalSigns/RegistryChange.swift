// Changes of who is here, which device is whose, and what a person's plan says. These changes are events in the journal and reach
// the core through the same intake as observations, so a replay sees them, too.

/// What a device is able to say, as its profile tells. It decides what the device can be missed for. Stored: append, never
/// renumber.
@frozen public struct DeviceAbilities: OptionSet, Sendable, Hashable {
  public var rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The device says where it is.
  @inlinable public static var locates: Self { Self(rawValue: 1 << 0) }
  /// The device measures its person.
  @inlinable public static var measures: Self { Self(rawValue: 1 << 1) }
  /// The device can say that a dose was handed out, and never that it was taken. Handing out has to count as taking.
  @inlinable public static var dispensingIsTaking: Self { Self(rawValue: 1 << 2) }
  /// The device is heard within a day of being given out, even if it may be silent for ever afterwards. When it is not heard, its
  /// address or its pairing is wrong.
  @inlinable public static var speaks: Self { Self(rawValue: 1 << 3) }
}

/// How the core watches over a device. Fixed size. Realtime-safe.
@frozen public struct DeviceLiveness: Sendable, Hashable {
  /// Longest silence in seconds before signal loss; 0: this device may be silent for ever.
  public var expectedIntervalSeconds: UInt32
  /// Values arrive in a stream (validity 5 min) rather than as spot checks (12 h).
  public var isContinuous: Bool
  /// Losing the device is a high-priority matter (a safety alarm), not a medium one.
  public var isSafetyAlarm: Bool
  public var abilities: DeviceAbilities

  @inlinable public init(
    expectedIntervalSeconds: UInt32, isContinuous: Bool = false, isSafetyAlarm: Bool = false, abilities: DeviceAbilities = []
  ) {
    self.abilities = abilities
    self.expectedIntervalSeconds = expectedIntervalSeconds
    self.isContinuous = isContinuous
    self.isSafetyAlarm = isSafetyAlarm
  }
}

/// One change. The person or device it concerns stands in the `IntakeEntry`'s header.
@frozen public enum RegistryChange: Sendable, Hashable {
  case patientAdded
  case patientEnded
  case deviceAdded(DeviceLiveness)
  case deviceRemoved
  /// From now on this device (header) is this patient's (header).
  case deviceAssigned
  /// From now on this device (header) is nobody's.
  case deviceReleased
  case planItem(CarePlanItem)
  /// The person's record says something else now. Of all that it holds the core needs to know only this.
  case recordChanged(NEWS2Eligibility)
}

/// Where the wall clock stands relative to the hub's timeline. An anchor is the first entry of every run. Another follows when the
/// wall clock has been stepped or the UTC offset has changed, so that dose times and night windows replay exactly; and one when the
/// brokers have nothing left to repeat of what the run before was told.
@frozen public struct ClockAnchor: Sendable, Hashable {
  /// Local time minus UTC, seconds, −64 800…64 800.
  public var utcOffsetSeconds: Int32
  /// The hub was away until now: this is the first anchor of a run, or the first after its machine slept. What fell due meanwhile is
  /// told once, however often it would have been.
  public var endsAbsence: Bool
  /// Of an anchor that ends an absence: until then the hub was there and decided by itself, for all that the journal knows. `.zero` when
  /// nobody knows: then it was away since the last entry.
  public var decidedUntil: MonotonicInstant
  /// From here on alert ids are mixed with this number, so that none is one that was told before and never stored. 0: as before.
  public var idEpoch: UInt32
  @inlinable public init(
    utcOffsetSeconds: Int32, endsAbsence: Bool = false, decidedUntil: MonotonicInstant = .zero, idEpoch: UInt32 = 0
  ) {
    self.utcOffsetSeconds = utcOffsetSeconds
    self.endsAbsence = endsAbsence
    self.decidedUntil = decidedUntil
    self.idEpoch = idEpoch
  }
}
