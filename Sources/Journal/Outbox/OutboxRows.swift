// One read of a destination's lane: whose rows are wanted, and what was found.

public import VitalSigns

/// Whose rows of a lane are read: people take turns, so that one person's flood leaves room for others.
public enum OutboxScope: Sendable, Hashable {
  case everybody
  case others([PatientID])
  case one(PatientID)
}

/// One read of a lane.
public struct OutboxRows: Sendable {
  public var items: [OutboxItem]
  /// Whether no more rows of the scope follow.
  public var reachedEnd: Bool
  /// The highest row that was read, with or without a record; nil when none was.
  public var lastRow: UInt64?
  /// The highest row of the lane, anybody's; 0 when it is empty.
  public var through: UInt64
}
