// For whom NEWS2 is not made. Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, December 2017: it "should not
// be used in children (i.e. aged <16 years) or women who are pregnant".

/// Why a person gets no score. Stored.
@frozen public enum NEWS2Hindrance: UInt8, Sendable, Hashable, CaseIterable {
  case under16 = 1
  case pregnant = 2
}

/// What the core must know of a person to tell whether NEWS2 is made for them. Fixed size. Realtime-safe.
@frozen public struct NEWS2Eligibility: Sendable, Hashable {
  /// The local day (days since 1970-01-01) of the person's sixteenth birthday; 0: before 1970, or no birth date is known.
  public var fromDay: UInt16
  public var isPregnant: Bool

  @inlinable public init(fromDay: UInt16 = 0, isPregnant: Bool = false) {
    self.fromDay = fromDay
    self.isPregnant = isPregnant
  }

  /// Why there is no score on this local day; nil: there is one. A person of 15 who is pregnant is under 16 first.
  @inlinable public func hindrance(onDay day: Int32) -> NEWS2Hindrance? {
    if day < Int32(fromDay) { return .under16 }
    return isPregnant ? .pregnant : nil
  }
}
