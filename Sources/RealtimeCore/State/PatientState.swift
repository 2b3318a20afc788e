// What the core remembers of one person. Plain integers without padding, so that a copy of the bytes is a snapshot and equal
// states are equal bytes; all zero is the valid empty state.
//
// Hot is what ordinary observations change: `PatientState` and its eight `SignalPlan`s, at most 512 B together (docs/architecture.md). Each observation changes
// one of the eight; it also reads the validity window of its input (PatientPlan.swift, cold otherwise) and changes its device
// (DeviceState.swift).

package import VitalSigns

/// The hot state of one person.
package struct PatientState {
  /// When each NEWS2 input was measured, on the hub's timeline (nanoseconds).
  package var measured: InlineArray<7, Int64>
  /// Which intake entry gave it.
  package var sources: InlineArray<7, UInt64>
  /// When a score was last told.
  package var scoredAt: Int64
  /// Since when the RCP's interval of `intervalBand` limits the validity of spot checks.
  package var intervalSince: Int64
  package var steps: InlineArray<7, Int16>
  /// Bit n: input n has a value that has not gone stale.
  package var present: UInt8
  /// Bit n: input n comes from a device that measures continuously.
  package var continuous: UInt8
  /// The hour (of the hub's timeline) that the newest trend sample stands for.
  package var trendHour: Int32
  package var id: UInt32
  /// The open NEWS2 alert.
  package var newsAlert: AlertSlot
  /// Head of the list of this person's devices.
  package var firstDevice: DeviceSlot
  /// Of which device a frame is coming in, while `isFrameOpen`; none: of a person who enters values.
  package var frameDevice: DeviceSlot
  /// `low` at the end of each of the last 25 hours, by hour modulo 25; `noTrendSample` where nothing was known.
  package var trend: InlineArray<25, Int8>
  /// As last told.
  package var points: InlineArray<7, Int8>
  package var low: UInt8
  package var high: UInt8
  package var missing: UInt8
  package var band: NEWS2Band
  package var toldScale: SpO2Scale
  package var hasScore: Bool
  /// The band that sets the validity of spot checks: as of the last fresh observation, because an input that goes stale
  /// proves no improvement.
  package var intervalBand: NEWS2Band
  /// What NEWS2 calls for now: nothing, single 3, medium, high.
  package var newsSeverity: NEWS2Severity
  /// What a person has resolved while it still held: until its time is over (`PatientPlan.newsSpeaksAgain`) no new alert unless
  /// it gets worse than this.
  package var resolvedSeverity: NEWS2Severity
  /// What is to be exceeded before something is told: the sum last told in the open alert, or at the resolution.
  package var heardLow: UInt8
  /// The parameter with the single 3 that was last told or resolved.
  package var heardParameter: UInt8
  package var scale: SpO2Scale
  package var prescribedOxygen: PrescribedOxygen
  package var news2AlertsOff: Bool
  /// Some of a frame's readings are in, others follow: nothing is judged until the last one.
  package var isFrameOpen: Bool
  /// An input of the score changed and has not been scored.
  package var isScoreDue: Bool
  /// Bit n: plan signal n has a value that has not been judged.
  package var signalsDue: UInt8
  package var unused: InlineArray<3, UInt8>

  package static var noTrendSample: Int8 { @_noLocks get { .min } }

  /// The first parameter with 3 points; 0 when none has.
  package var parameterWithThree: UInt8 {
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
package enum NEWS2Severity {
  case none
  case singleThree
  case medium
  case high

  @_noLocks package init(_ band: NEWS2Band) {
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
  package var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }

  @_noLocks package static func == (a: Self, b: Self) -> Bool { a.index == b.index }
  @_noLocks package static func != (a: Self, b: Self) -> Bool { a.index != b.index }
  @_noLocks package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
  @_noLocks package static func > (a: Self, b: Self) -> Bool { a.index > b.index }

  package var rule: AlertRule {
    @_noLocks get {
      switch self {
      case .none, .singleThree: .news2SingleThree
      case .medium: .news2Medium
      case .high: .news2High
      }
    }
  }

  /// The bound of the RCP's chart that was reached.
  package var limit: Int32 {
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
package enum PlanColour {
  case green
  case yellow
  case red

  // The synthesised `rawValue` and `==` are no realtime calls to the compiler; a fieldless enum of three is one byte, 0…2.
  package var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }
  package var rule: AlertRule { @_noLocks get { self == .red ? .planRed : .planYellow } }
  @_noLocks package static func == (a: Self, b: Self) -> Bool { a.index == b.index }
  @_noLocks package static func != (a: Self, b: Self) -> Bool { a.index != b.index }
  @_noLocks package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
  @_noLocks package static func > (a: Self, b: Self) -> Bool { a.index > b.index }
}

/// One signal of a person's plan, and where the person stands in it. Hot. Steps fit 16 bits: see `SignalPlan.stepRange`.
package struct SignalPlan {
  /// When the newest value was measured; older ones that arrive later do not count.
  package var measured: Int64
  package var alert: AlertSlot
  package var redLow: Int16
  package var yellowLow: Int16
  package var yellowHigh: Int16
  package var redHigh: Int16
  package var hysteresis: UInt16
  /// The newest value.
  package var value: Int16
  /// What is to be exceeded before something is told: the value last told in the open alert, or at the resolution.
  package var heard: Int16
  package var hasLimits: Bool
  package var colour: PlanColour
  /// What a person has resolved while it still held.
  package var resolvedColour: PlanColour
  /// The newest value comes from a device that measures continuously.
  package var isContinuous: Bool
  package var unused: InlineArray<2, UInt8>

  /// Values of limited signals: 3 276.6 kg and 3 276.6 mmol/L are beyond any person. The ends mean "no limit".
  package static var stepRange: ClosedRange<Int64> { @_noLocks get { -32_767...32_766 } }
}
