// The person's plan, one item at a time. Each item is a journal event with an author. It reaches the core through the same intake
// as observations, and replaces the item of the same key. Items have fixed sizes, so that the core needs no memory.

/// The inputs of NEWS2, in the order of the RCP's chart. Stored: append, never renumber.
@frozen public enum NEWS2Parameter: UInt8, Sendable, Hashable, CaseIterable {
  case respiration = 0
  case oxygenSaturation = 1
  case supplementalOxygen = 2
  case systolic = 3
  case pulse = 4
  case consciousness = 5
  case temperature = 6
  @inlinable public static var count: Int { 7 }
}

/// Signals that a plan can hold limits for. Steps as in the core: whole units, tenths for temperature, weight, glucose.
@frozen public enum PlanSignal: UInt8, Sendable, Hashable, CaseIterable {
  case oxygenSaturation = 0
  case pulse = 1
  case systolic = 2
  case diastolic = 3
  case temperature = 4
  case respiration = 5
  case weight = 6
  case glucose = 7
  @inlinable public static var count: Int { 8 }

  /// The power of ten of one step: −1 for tenths, 0 for whole units.
  @inlinable public var stepExponent: Int8 {
    switch self {
    case .temperature, .weight, .glucose: -1
    default: 0
    }
  }

  /// The unit in which limits are written.
  @inlinable public var unit: UCUMUnit {
    switch self {
    case .oxygenSaturation: .percent
    case .pulse, .respiration: .perMinute
    case .systolic, .diastolic: .millimetreOfMercury
    case .temperature: .degreeCelsius
    case .weight: .kilogram
    case .glucose: .millimolePerLitre
    }
  }
}

/// Green, yellow and red limits of one signal, in steps. A value on a limit is already inside its colour:
/// `redLow 85` makes 85 red. `Int32.min` / `.max` mean "no such limit".
@frozen public struct PlanLimits: Sendable, Hashable {
  public var redLow: Int32
  public var yellowLow: Int32
  public var yellowHigh: Int32
  public var redHigh: Int32
  /// How long a value must stay beyond the limit before the alert rises, seconds. 0: at once.
  public var delaySeconds: UInt32
  /// How far a value must come back inside before the condition ends, in steps.
  public var hysteresis: Int32

  @inlinable public init(
    redLow: Int32 = .min, yellowLow: Int32 = .min, yellowHigh: Int32 = .max, redHigh: Int32 = .max,
    delaySeconds: UInt32 = 0, hysteresis: Int32 = 0
  ) {
    self.redLow = redLow
    self.yellowLow = yellowLow
    self.yellowHigh = yellowHigh
    self.redHigh = redHigh
    self.delaySeconds = delaySeconds
    self.hysteresis = hysteresis
  }
  /// No limits at all: a plan item with this removes the signal's limits.
  @inlinable public static var none: Self { Self() }
}

/// Which SpO₂ scale applies. Scale 2 only by a recorded prescription, never inferred. Stored.
@frozen public enum SpO2Scale: UInt8, Sendable, Hashable {
  case scale1 = 1
  case scale2 = 2
}

/// Air or oxygen as prescribed at home. Stored.
@frozen public enum PrescribedOxygen: UInt8, Sendable, Hashable, CaseIterable {
  /// Nobody has said: an entry by a person is needed, else the input is missing.
  case unknown = 0
  case air = 1
  case oxygen = 2
}

/// A circle that the person is expected to stay in.
@frozen public struct Geofence: Sendable, Hashable {
  public var latitudeE7: Int32
  public var longitudeE7: Int32
  /// 0 removes the fence.
  public var radiusMetres: UInt32
  /// Consecutive fixes outside before the exit counts, 1…10.
  public var confirmingFixes: UInt8
  /// No fix for this long raises signal loss for the tracker, seconds; 0: the device's own interval applies.
  public var staleAfterSeconds: UInt32

  @inlinable public init(
    latitudeE7: Int32, longitudeE7: Int32, radiusMetres: UInt32, confirmingFixes: UInt8 = 2, staleAfterSeconds: UInt32 = 0
  ) {
    self.latitudeE7 = latitudeE7
    self.longitudeE7 = longitudeE7
    self.radiusMetres = radiusMetres
    self.confirmingFixes = confirmingFixes
    self.staleAfterSeconds = staleAfterSeconds
  }
}

/// One planned dose a day.
@frozen public struct PlannedDose: Sendable, Hashable {
  /// Minutes after local midnight, 0…1439.
  public var minuteOfDay: UInt16
  /// How long after that the dose counts as missed, seconds.
  public var graceSeconds: UInt32

  @inlinable public init(minuteOfDay: UInt16, graceSeconds: UInt32) {
    self.minuteOfDay = minuteOfDay
    self.graceSeconds = graceSeconds
  }
}

/// When an open door is worth a visit: a window of the night, and how long the door may stand open in it.
@frozen public struct NightWatch: Sendable, Hashable {
  /// Minutes after local midnight, 0…1439. The window may cross midnight. Equal ends switch the watch off.
  public var fromMinute: UInt16
  public var toMinute: UInt16
  /// How long the door may stand open, seconds. 0: every opening counts at once.
  public var openDelaySeconds: UInt32

  @inlinable public init(fromMinute: UInt16, toMinute: UInt16, openDelaySeconds: UInt32) {
    self.fromMinute = fromMinute
    self.toMinute = toMinute
    self.openDelaySeconds = openDelaySeconds
  }
}

/// One item of a person's plan.
@frozen public enum CarePlanItem: Sendable, Hashable {
  case spo2Scale(SpO2Scale)
  case oxygen(PrescribedOxygen)
  case limits(PlanSignal, PlanLimits)
  /// How long a value of this parameter stays valid, seconds; 0 restores the default.
  case validity(NEWS2Parameter, seconds: UInt32)
  /// Slot 0…7. A nil dose empties the slot.
  case dose(slot: UInt8, PlannedDose?)
  case nightWatch(NightWatch)
  case geofence(Geofence)
  /// Whether NEWS2 raises alerts for this person (it is always computed). On by default.
  case news2Alerts(Bool)
}
