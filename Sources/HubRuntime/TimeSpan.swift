// Lengths of time as people say them: which unit, and how much of it. The one rule for the board, the alerts' sentences and the
// command line; the words are each language's own. How a configuration writes durations is DurationText's.

/// A length of time in the unit that people would choose, and what is left in the next smaller unit.
///
/// A unit is used from two of it on: seconds below 2 min, minutes below 2 h, hours below 2 days, then days. So the number is never so
/// small that what was rounded away matters: "1 h" could be nearly two.
public struct TimeSpan: Sendable, Hashable {
  /// Raw values are the names of the texts in the catalogues.
  public enum Unit: String, Sendable, Hashable, CaseIterable {
    case seconds, minutes, hours, days

    /// How many seconds one is.
    public var seconds: Int64 {
      switch self {
      case .seconds: 1
      case .minutes: 60
      case .hours: 3_600
      case .days: 86_400
      }
    }

    /// The unit is used for spans of so many seconds and more: two of it.
    public var firstSeconds: Int64 { self == .seconds ? 0 : 2 * seconds }

    /// The unit of what is left.
    public var smaller: Unit? {
      switch self {
      case .seconds: nil
      case .minutes: .seconds
      case .hours: .minutes
      case .days: .hours
      }
    }

    /// What is left matters below so many of the unit: nobody counts the seconds of a quarter of an hour.
    public var restMattersBelow: Int64 {
      switch self {
      case .seconds: 0
      case .minutes: 10
      case .hours, .days: .max
      }
    }

    /// The name of the catalogue's text that says the rest, too: `hoursMinutes`.
    public var nameWithRest: String? {
      smaller.map { rawValue + $0.rawValue.prefix(1).uppercased() + $0.rawValue.dropFirst() }
    }
  }

  public let unit: Unit
  /// Whole units, rounded towards zero.
  public let count: Int64
  /// Of the smaller unit, rounded towards zero; 0 when nothing is left, or when it does not matter.
  public let rest: Int64

  /// - Parameter seconds: less than 0 counts as 0: a clock was set.
  public init(seconds: Int64) {
    let seconds = max(0, seconds)
    unit = Unit.allCases.last { seconds >= $0.firstSeconds } ?? .seconds
    let left: Int64
    (count, left) = seconds.quotientAndRemainder(dividingBy: unit.seconds)
    rest = count < unit.restMattersBelow ? left / (unit.smaller ?? unit).seconds : 0
  }

  /// Which text of a catalogue says the span, and what fills its places `{n}` and `{rest}`. A catalogue without a text for the rest
  /// leaves the rest out.
  ///
  /// - Parameter has: whether the catalogue has a text of this name.
  public func words(has: (String) -> Bool) -> (name: String, values: [String: String]) {
    let full = rest > 0 ? unit.nameWithRest : nil
    return (full.flatMap { has($0) ? $0 : nil } ?? unit.rawValue, ["n": "\(count)", "rest": "\(rest)"])
  }

  /// For operations: `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
  public var text: String {
    let largest = "\(count) \(Self.sign(unit))"
    return rest > 0 ? "\(largest) \(rest) \(Self.sign(unit.smaller ?? unit))" : largest
  }

  private static func sign(_ unit: Unit) -> String {
    switch unit {
    case .seconds: "s"
    case .minutes: "min"
    case .hours: "h"
    case .days: "d"
    }
  }
}
