// What the journal keeps of the hub's own wall clock: when it was last believed, and the times at which it was in doubt. The rows that
// were written meanwhile keep what the clock said; who reads them sees them placed on the wall clock by the line that held afterwards.

public import VitalSigns

/// Why the hub's wall clock is in doubt. Stored: append, never renumber.
@frozen public enum ClockDoubtReason: UInt8, Sendable, Hashable, CaseIterable {
  /// The machine has no clock that runs without power, and nobody has set it since it started.
  case notSet = 0
  /// It stands before a time that was believed already, or before there was a hub.
  case behind = 1
  /// It has leapt so far ahead while the hub was off that only a time from the network is believed.
  case ahead = 2
  /// It was set by more than a device's clock may be wrong.
  case set = 3
}

/// A reading of the wall clock that was believed.
public struct BelievedTime: Sendable, Hashable {
  public var bootID: String
  public var instant: MonotonicInstant
  public var wall: WallTime

  public init(bootID: String, instant: MonotonicInstant, wall: WallTime) {
    self.bootID = bootID
    self.instant = instant
    self.wall = wall
  }
}

/// A stretch of the hub's timeline in which the wall clock was in doubt.
public struct ClockDoubt: Sendable, Hashable {
  /// The first entry that may have been written in it.
  public var firstSequence: UInt64
  public var firstInstant: MonotonicInstant
  /// Nil while it lasts.
  public var lastInstant: MonotonicInstant?
  public var bootID: String
  public var reason: ClockDoubtReason
  /// Wall clock minus timeline as the clock had it at the beginning, milliseconds.
  public var recorded: Int64
  /// Wall clock minus timeline as it was found to be afterwards, milliseconds; nil: not known, and never known when the machine was
  /// switched off before.
  public var difference: Int64?
  /// Whether routine records of it wait for the right time before they are delivered.
  public var isHeld: Bool

  public init(
    firstSequence: UInt64, firstInstant: MonotonicInstant, lastInstant: MonotonicInstant? = nil, bootID: String, reason: ClockDoubtReason,
    recorded: Int64, difference: Int64? = nil, isHeld: Bool = true
  ) {
    self.firstSequence = firstSequence
    self.firstInstant = firstInstant
    self.lastInstant = lastInstant
    self.bootID = bootID
    self.reason = reason
    self.recorded = recorded
    self.difference = difference
    self.isHeld = isHeld
  }
}

/// What the journal is to keep of the clock, in the order in which it happened.
public enum ClockNote: Sendable, Hashable {
  case believed(BelievedTime)
  case doubted(ClockDoubt)
  /// The doubt that began at `first` waits no longer with its routine records.
  case released(first: MonotonicInstant)
  /// The doubt that began at `first` is over. `difference`: see `ClockDoubt`; nil when the machine was switched off.
  case ended(first: MonotonicInstant, last: MonotonicInstant, difference: Int64?)
}
