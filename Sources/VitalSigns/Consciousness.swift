// The level of consciousness as NEWS2 has it (ACVPU). An observation holds its number; a screen and a line of JSON hold its letter.
// This file alone ties the two together.

/// ACVPU. The raw value is what an observation of `ObservationCode.consciousness` holds. Stored: never renumber.
@frozen public enum Consciousness: Int32, Sendable, Hashable, CaseIterable {
  case alert = 0
  case newConfusion = 1
  case voice = 2
  case pain = 3
  case unresponsive = 4

  public var letter: String {
    switch self {
    case .alert: "A"
    case .newConfusion: "C"
    case .voice: "V"
    case .pain: "P"
    case .unresponsive: "U"
    }
  }

  /// The letter with its meaning, for those who enter it.
  public var explained: String {
    switch self {
    case .alert: "A (alert)"
    case .newConfusion: "C (new confusion)"
    case .voice: "V (voice)"
    case .pain: "P (pain)"
    case .unresponsive: "U (unresponsive)"
    }
  }

  /// From a capital letter; nil for anything else.
  public init?(letter: String) {
    guard let level = Self.allCases.first(where: { $0.letter == letter }) else { return nil }
    self = level
  }

  /// From an observation's value, rounded half up as the core rounds it; nil when it is none of the five.
  public init?(_ value: Quantity) {
    guard let level = value.rounded(toExponent: 0).flatMap({ Int32(exactly: $0) }).flatMap(Self.init(rawValue:)) else { return nil }
    self = level
  }
}
