// Whether an incomplete score's band is known. The score's own `band` is that of its lower bound, so that a missing input never
// hides an alarm. That band alone would mislead: of 0–20 it says "no points".

extension NEWS2Band {
  /// The band of a total alone. A single 3 may raise 1–4 to `lowMedium`, which a total does not show.
  public init(total: Int) {
    switch total {
    case ..<1: self = .none
    case 1...4: self = .low
    case 5...6: self = .medium
    default: self = .high
    }
  }

  /// Whether every total from `low` to `high` has this band. A missing input that can add 3 can also make 1–4 a `lowMedium`.
  public func holds(low: Int, high: Int) -> Bool {
    if low >= high || self == .high { return true }
    switch self {
    case .lowMedium: return high < 5
    case .low: return high < 5 && high - low < 3
    default: return Self(total: low) == Self(total: high)
    }
  }
}

extension NEWS2Score {
  /// Whether the missing inputs cannot change the band.
  public var isBandKnown: Bool { band.holds(low: Int(low), high: Int(high)) }
}
