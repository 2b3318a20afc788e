// The National Early Warning Score 2 as a value: an interval when something is missing, with the points and the observation behind
// each. Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, December 2017. NEWS2Scoring computes the
// points; RealtimeCore/NEWS2 says which values count and when a score is made.

/// The RCP's response category. Stored.
@frozen public enum NEWS2Band: UInt8, Sendable, Hashable, Comparable, CaseIterable {
  case none = 0
  /// 1–4.
  case low = 1
  /// A single parameter with 3 points and a total below 5: the RCP's own category.
  case lowMedium = 2
  /// 5–6.
  case medium = 3
  /// 7 or more.
  case high = 4
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A score, possibly incomplete. Fixed size. Realtime-safe.
@frozen public struct NEWS2Score: Sendable {
  /// The sum of the known points: the least that the score can be.
  public var low: UInt8
  /// The most that the score can be: equal to `low` exactly when nothing is missing.
  public var high: UInt8
  /// The band of `low`, so that a missing input never hides an alarm.
  public var band: NEWS2Band
  public var scale: SpO2Scale
  /// Points per `NEWS2Parameter`; −1 where not known as one number.
  public var points: InlineArray<7, Int8>
  /// Bit n: parameter n is missing or stale.
  public var missing: UInt8
  /// The sequence of the entry that gave each parameter; 0 where there is none.
  public var sources: InlineArray<7, UInt64>
  /// Change of `low` since the score before. `Int8.min`: there was none, or other inputs were known then. An input that is lost or
  /// found is no change of the person.
  public var changeSinceLast: Int8
  /// Change of `low` over 24 h; `Int8.min`: nothing that old is known, or not from the same inputs.
  public var changeOver24Hours: Int8

  @inlinable public init() {
    low = 0
    high = 0
    band = .none
    scale = .scale1
    points = InlineArray(repeating: -1)
    missing = 0b111_1111
    sources = InlineArray(repeating: 0)
    changeSinceLast = Int8.min
    changeOver24Hours = Int8.min
  }

  @inlinable public var isComplete: Bool { low == high && missing == 0 }
}
