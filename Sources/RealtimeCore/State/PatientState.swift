// What the core remembers of one person. Plain integers without padding, so that a copy of the bytes is a snapshot and equal
// states are equal bytes; all zero is the valid empty state.
//
// Hot is what ordinary observations change: `PatientState` and its eight `SignalPlan`s, at most 512 B together (docs/architecture.md). Each observation changes
// one of the eight; it also reads the validity window of its input (PatientPlan.swift, cold otherwise) and changes its device
// (DeviceState.swift).

import VitalSigns

/// The hot state of one person.
struct PatientState {
  /// When each NEWS2 input was measured, on the hub's timeline (nanoseconds).
  var measured: InlineArray<7, Int64>
  /// Which intake entry gave it.
  var sources: InlineArray<7, UInt64>
  /// When a score was last told.
  var scoredAt: Int64
  /// Since when the RCP's interval of `intervalBand` limits the validity of spot checks.
  var intervalSince: Int64
  var steps: InlineArray<7, Int16>
  /// Bit n: input n has a value that has not gone stale.
  var present: UInt8
  /// Bit n: input n comes from a device that measures continuously.
  var continuous: UInt8
  /// The hour (of the hub's timeline) that the newest trend sample stands for.
  var trendHour: Int32
  var id: UInt32
  /// The open NEWS2 alert.
  var newsAlert: AlertSlot
  /// Head of the list of this person's devices.
  var firstDevice: DeviceSlot
  /// Of which device a frame is coming in, while `isFrameOpen`; none: of a person who enters values.
  var frameDevice: DeviceSlot
  /// `low` at the end of each of the last 25 hours, by hour modulo 25; `noTrendSample` where nothing was known.
  var trend: InlineArray<25, Int8>
  /// As last told.
  var points: InlineArray<7, Int8>
  var low: UInt8
  var high: UInt8
  var missing: UInt8
  var band: NEWS2Band
  var toldScale: SpO2Scale
  var hasScore: Bool
  /// The band that sets the validity of spot checks: as of the last fresh observation, because an input that goes stale
  /// proves no improvement.
  var intervalBand: NEWS2Band
  /// What NEWS2 calls for now: nothing, single 3, medium, high.
  var newsSeverity: NEWS2Severity
  /// What a person has resolved while it still held: until its time is over (`PatientPlan.newsSpeaksAgain`) no new alert unless
  /// it gets worse than this.
  var resolvedSeverity: NEWS2Severity
  /// What is to be exceeded before something is told: the sum last told in the open alert, or at the resolution.
  var heardLow: UInt8
  /// The parameter with the single 3 that was last told or resolved.
  var heardParameter: UInt8
  var scale: SpO2Scale
  var prescribedOxygen: PrescribedOxygen
  var news2AlertsOff: Bool
  /// Some of a frame's readings are in, others follow: nothing is judged until the last one.
  var isFrameOpen: Bool
  /// An input of the score changed and has not been scored.
  var isScoreDue: Bool
  /// Bit n: plan signal n has a value that has not been judged.
  var signalsDue: UInt8
  var unused: InlineArray<3, UInt8>

  static var noTrendSample: Int8 { @_noLocks get { .min } }

  /// The first parameter with 3 points; 0 when none has.
  var parameterWithThree: UInt8 {
    @_noLocks get {
      var index = 0
      while index < NEWS2Parameter.count {
        if points[index] == 3 { return UInt8(truncatingIfNeeded: index) }
        index += 1
      }
      return 0
    }
  }
}

/// NEWS2 as an alert condition, from no alert to high priority. Ordered.
enum NEWS2Severity {
  case none
  case singleThree
  case medium
  case high

  @_noLocks init(_ band: NEWS2Band) {
    switch band {
    case .none, .low: self = .none
    case .lowMedium: self = .singleThree
    case .medium: self = .medium
    case .high: self = .high
    }
  }

  /// The place of this case in its declaration. Not `rawValue`: a debug build compiles that where the realtime check cannot
  /// look into it.
  // The synthesised `rawValue` and `==` are no realtime calls to the compiler; a fieldless enum of three is one byte, 0…2.
  var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }

  @_noLocks static func == (a: Self, b: Self) -> Bool { a.index == b.index }
  @_noLocks static func != (a: Self, b: Self) -> Bool { a.index != b.index }
  @_noLocks static func < (a: Self, b: Self) -> Bool { a.index < b.index }
  @_noLocks static func > (a: Self, b: Self) -> Bool { a.index > b.index }

  var rule: AlertRule {
    @_noLocks get {
      switch self {
      case .none, .singleThree: .news2SingleThree
      case .medium: .news2Medium
      case .high: .news2High
      }
    }
  }

  /// The bound of the RCP's chart that was reached.
  var limit: Int32 {
    @_noLocks get {
      switch self {
      case .none, .singleThree: 3
      case .medium: 5
      case .high: 7
      }
    }
  }
}

/// Green, yellow, red. Ordered.
enum PlanColour {
  case green
  case yellow
  case red

  // The synthesised `rawValue` and `==` are no realtime calls to the compiler; a fieldless enum of three is one byte, 0…2.
  var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }
  var rule: AlertRule { @_noLocks get { self == .red ? .planRed : .planYellow } }
  @_noLocks static func == (a: Self, b: Self) -> Bool { a.index == b.index }
  @_noLocks static func != (a: Self, b: Self) -> Bool { a.index != b.index }
  @_noLocks static func < (a: Self, b: Self) -> Bool { a.index < b.index }
  @_noLocks static func > (a: Self, b: Self) -> Bool { a.index > b.index }
}

/// One signal of a person's plan, and where the person stands in it. Hot. Steps fit 16 bits: see `SignalPlan.stepRange`.
struct SignalPlan {
  /// When the newest value was measured; older ones that arrive later do not count.
  var measured: Int64
  var alert: AlertSlot
  var redLow: Int16
  var yellowLow: Int16
  var yellowHigh: Int16
  var redHigh: Int16
  var hysteresis: UInt16
  /// The newest value.
  var value: Int16
  /// What is to be exceeded before something is told: the value last told in the open alert, or at the resolution.
  var heard: Int16
  var hasLimits: Bool
  var colour: PlanColour
  /// What a person has resolved while it still held.
  var resolvedColour: PlanColour
  /// The newest value comes from a device that measures continuously.
  var isContinuous: Bool
  var unused: InlineArray<2, UInt8>

  /// Values of limited signals: 3 276.6 kg and 3 276.6 mmol/L are beyond any person. The ends mean "no limit".
  static var stepRange: ClosedRange<Int64> { @_noLocks get { -32_767...32_766 } }
}
