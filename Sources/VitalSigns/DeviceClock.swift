// When something was measured: the one rule of trust for what a device's clock claims (docs/device-time.md). Pure; who uses it keeps
// one `DeviceClock` for each device and tells it each claim with its arrival.
//
// The question is always the same: is this an old value, or an old clock? A value that is taken for old is never told live; a clock
// that is taken for right though it is behind silences its device. So what speaks for "old" has to be known: the value comes
// from a store, the link may have kept it, or the device's clock was right a moment ago. Else it was measured now.

/// By which way something came to the hub, which says how old it may be.
@frozen public enum Arrival: Sendable, Hashable {
  /// The device sends it now, as far as the link knows.
  case live
  /// The link had been away, and this may have waited in the broker: published before `wall`, after `since`.
  case queued(since: WallTime)
  /// From the device's own store: measured earlier, whatever its clock says.
  case stored
}

/// What a claim is worth.
@frozen public struct TrustedTime: Sendable, Hashable {
  /// The time for the entry: the claim, or the claim corrected by a known lag. `.unknown`: the entry counts by its arrival.
  public var measuredAt: WallTime
  /// The device's clock is wrong, as this claim shows.
  public var clockIsWrong: Bool
  /// The value is an old one although no usable time says so. It must not count live.
  public var isLate: Bool

  @inlinable public init(measuredAt: WallTime, clockIsWrong: Bool = false, isLate: Bool = false) {
    self.measuredAt = measuredAt
    self.clockIsWrong = clockIsWrong
    self.isLate = isLate
  }
}

/// What is known of one device's clock. Fixed size. One owner.
@frozen public struct DeviceClock: Sendable, Hashable {
  /// 2025-01-01: before there was a hub. A claim before this date is of a clock that was never set. The date never changes: marks
  /// that are stored depend on it. Milliseconds since 1970.
  @inlinable public static var earliestMilliseconds: Int64 { 1_735_689_600_000 }
  /// A clock that is off by more than this is wrong. Less is drift, and the time from the measurement to the message.
  @inlinable public static var toleranceMilliseconds: Int64 { 300_000 }
  /// An unknown device's clock may be behind by this much at first sight: a wrong time zone with summer time, and some drift.
  @inlinable public static var strangerLagMilliseconds: Int64 { 3 * 3_600_000 }
  /// Once a clock has gone back more often than this without ever being right, its claim that a value is old is not believed.
  private static var jumpsMax: UInt8 { 2 }
  /// No link and no device keeps a value for longer than this without saying so. An older claim is of a clock that was reset to its
  /// maker's date.
  @inlinable public static var yearMilliseconds: Int64 { 366 * 86_400_000 }

  /// The largest lag that is remembered. It keeps sums of lags from overflowing.
  private static var lagMilliseconds: Int64 { 10_000 * yearMilliseconds }

  /// How far the clock is behind (below 0: ahead) when it is known to be wrong, or 0 when it is known to be right; nil: nothing
  /// is known.
  public private(set) var lag: Int64?
  /// Arrival and age of the newest claim that was old.
  private var suspect: Suspect?
  /// How often in a row an old claim lay before the old claim before it.
  private var jumps: UInt8 = 0

  @usableFromInline struct Suspect: Sendable, Hashable {
    var arrival: Int64
    var age: Int64
  }

  public init() {}

  /// A clock of which `lag` was found before, milliseconds as in `lag`.
  public init(lag: Int64) { self.lag = min(max(lag, -Self.lagMilliseconds), Self.lagMilliseconds) }

  /// Whether a claim can be true at all. One that cannot tells nothing, and many measurements may bear it.
  @inlinable public static func isPossible(_ claim: WallTime) -> Bool { claim.rawValue >= earliestMilliseconds }

  /// Judges one claim while the hub itself does not know the date: nobody's clock can be compared with anything. What is not from a store
  /// counts when it arrives; what is, is old, and keeps the device's word where that can be true.
  public static func judgeWithoutDate(_ claim: WallTime, by way: Arrival) -> TrustedTime {
    guard way == .stored else { return TrustedTime(measuredAt: .unknown) }
    return TrustedTime(measuredAt: claim != .unknown && isPossible(claim) ? claim : .unknown, isLate: true)
  }

  /// Judges one claim. `isCivil`: the claim came without a zone, so a clock that missed summer time is off by an hour.
  public mutating func judge(_ claim: WallTime, arrival: WallTime, by way: Arrival, isCivil: Bool) -> TrustedTime {
    // A claim of `.unknown` leaves nothing to judge: the value counts when it arrives.
    if claim == .unknown { return TrustedTime(measuredAt: .unknown) }
    let (age, overflow) = arrival.rawValue.subtractingReportingOverflow(claim.rawValue)
    // A hub that does not know the year itself cannot judge anybody's.
    let isUnset = !Self.isPossible(claim) && Self.isPossible(arrival)
    if way == .stored { return judgeStored(claim, isWrong: overflow || isUnset || age < -Self.toleranceMilliseconds) }
    if overflow || isUnset || age > Self.yearMilliseconds { return wrong(by: overflow ? Self.yearMilliseconds : age, at: arrival) }
    if age < -Self.toleranceMilliseconds { return wrong(by: age, at: arrival) }
    if age <= Self.toleranceMilliseconds {
      lag = 0
      suspect = nil
      jumps = 0
      return TrustedTime(measuredAt: claim)
    }
    return judgeOld(claim, age: age, arrival: arrival, way, isCivil: isCivil)
  }

  /// The hub's own clock was set forward by `step` milliseconds (below 0: back). The device's clock stands where it stood, so its
  /// lag changes by the same step; a lag that is not known counts as 0. Without this a device whose clock is right would seem to send old values, and be unheard,
  /// when the hub's clock goes wrong.
  public mutating func hubWasSet(by step: Int64) {
    let (moved, overflow) = (lag ?? 0).addingReportingOverflow(step)
    lag = overflow ? nil : moved
    suspect = nil
  }

  /// Judges a claim from the device's own store; the value never counts live. A clock that is known to be behind is allowed for. A
  /// claim that cannot be true leaves the time unknown.
  private func judgeStored(_ claim: WallTime, isWrong: Bool) -> TrustedTime {
    if isWrong { return TrustedTime(measuredAt: .unknown, clockIsWrong: true, isLate: true) }
    return TrustedTime(measuredAt: claim.adding(milliseconds: max(0, lag ?? 0)))
  }

  /// The claim is more than the tolerance behind: is it an old value, or an old clock?
  private mutating func judgeOld(
    _ claim: WallTime, age: Int64, arrival: WallTime, _ way: Arrival, isCivil: Bool
  ) -> TrustedTime {
    if !isCivil, lag ?? 0 >= 0, isOfBatch(age, at: arrival) {
      // A tracker that was out of reach sends the way it went. The first point may have been taken for a clock that is behind; the
      // batch shows that the clock was not.
      lag = lag == 0 ? 0 : nil
      suspect = Suspect(arrival: arrival.rawValue, age: age)
      return TrustedTime(measuredAt: claim)
    }
    // How old the value is when the clock is still as wrong as it was.
    let rest = age - (lag ?? 0)
    if let lag, lag > 0, rest.magnitude <= UInt64(Self.toleranceMilliseconds) { return wrong(by: age, at: arrival) }
    if case .queued(let since) = way {
      // The link was away since before the claimed time, or the clock is known to be right: nothing speaks against the claim.
      if claim >= since || lag == 0 { return TrustedTime(measuredAt: claim) }
      if let lag, lag > 0, rest > 0 { return TrustedTime(measuredAt: claim.adding(milliseconds: lag), clockIsWrong: true) }
    }
    if let lag, lag > 0, rest < 0 { return wrong(by: age, at: arrival) }  // Set, but not well.
    let isConstant = isSteady(age, at: arrival)
    if way == .live, wentBack(age, at: arrival) { jumps = min(jumps + 1, Self.jumpsMax) }
    suspect = Suspect(arrival: arrival.rawValue, age: age)
    if isConstant || way == .live && jumps == Self.jumpsMax { return wrong(by: age, at: arrival) }
    if isCivil, Self.isSummerTime(rest) { return wrong(by: age, at: arrival) }
    if lag ?? -1 < 0, age <= Self.strangerLagMilliseconds { return wrong(by: age, at: arrival) }
    return TrustedTime(measuredAt: claim.adding(milliseconds: max(0, lag ?? 0)), clockIsWrong: (lag ?? 0) > 0)
  }

  /// The claims advance as time does, so the clock is what is behind. Values that waited come all at once; a value that is sent
  /// twice claims the same moment again.
  private func isSteady(_ age: Int64, at arrival: WallTime) -> Bool {
    guard let suspect else { return false }
    let between = arrival.rawValue - suspect.arrival
    return between >= 10_000 && (age - suspect.age).magnitude <= UInt64(min(60_000, between / 2))
  }

  /// The claim lies before the one before it by more than drift, and does not belong to a batch.
  private func wentBack(_ age: Int64, at arrival: WallTime) -> Bool {
    guard let suspect else { return false }
    let between = arrival.rawValue - suspect.arrival
    return between >= 10_000 && age - suspect.age > between + Self.toleranceMilliseconds
  }

  /// Claims that advance much faster than time does: values that were kept, sent one after the other.
  private func isOfBatch(_ age: Int64, at arrival: WallTime) -> Bool {
    guard let suspect else { return false }
    let between = arrival.rawValue - suspect.arrival
    return between >= 0 && between < 10_000 && suspect.age - age > 30_000
  }

  /// The age is one or two hours, give or take the tolerance: what a clock that missed summer time is off by.
  private static func isSummerTime(_ age: Int64) -> Bool {
    (age - 3_600_000).magnitude <= UInt64(toleranceMilliseconds) || (age - 7_200_000).magnitude <= UInt64(toleranceMilliseconds)
  }

  private mutating func wrong(by age: Int64, at arrival: WallTime) -> TrustedTime {
    // Claims come from outside. A lag of thousands of years is held where no sum of it overflows.
    let bounded = min(max(age, -Self.lagMilliseconds), Self.lagMilliseconds)
    lag = bounded
    suspect = Suspect(arrival: arrival.rawValue, age: bounded)
    return TrustedTime(measuredAt: .unknown, clockIsWrong: true)
  }
}
