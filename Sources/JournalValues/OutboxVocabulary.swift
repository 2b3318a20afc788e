// The outbox in words: lanes, kinds, what a destination answered, and how a person sends a dead letter again.
//
// `outbox` holds only what is still to be delivered, one row per record and destination, in the order of commits. A
// delivered routine row leaves and is counted; a delivered alarm moves to `delivery`; a refused row moves to
// `dead_letter`. So a look for work never wades through history, and no row can be in two states.
//
// A row per observation and destination costs a microsecond; a cursor per destination would cost none, but could neither
// hold single dead letters nor settle out of order nor survive a change of the sharing agreements without a history of
// them. Rows are the simpler truth.

public import VitalSigns

/// A destination's two queues: alarms never stand behind observations. Stored.
@frozen public enum OutboxLane: UInt8, Sendable, Hashable, CaseIterable {
  case alarm = 0
  case routine = 1

  public var key: String { self == .alarm ? "alarm" : "routine" }
}

/// What can be shared. Stored: append, never renumber.
@frozen public enum RecordKind: UInt8, Sendable, Hashable, KeyedVocabulary {
  case observation = 0
  case score = 1
  case alert = 2
  case dose = 3
  case location = 4

  public var lane: OutboxLane { self == .alert ? .alarm : .routine }

  public var key: String {
    switch self {
    case .observation: "observation"
    case .score: "score"
    case .alert: "alert"
    case .dose: "dose"
    case .location: "location"
    }
  }
}

/// What a destination answered about one record.
public struct DeliveryReceipt: Sendable, Hashable {
  /// Which record.
  public enum Item: Sendable, Hashable {
    /// The outbox row.
    case row(UInt64)
    /// An alert's transition that left before its row was known. `revision`: its number within the alert, nil when not told.
    case transition(AlertID, AlertTransitionKind, at: MonotonicInstant, revision: UInt16? = nil)
  }
  public enum Result: Sendable, Hashable {
    /// Stored there; its own id for it, where it told.
    case delivered(remoteID: String?)
    /// Never: a dead letter. The text is bounded and without personal data.
    case refused(reason: String)
    /// Not now: one more attempt is counted, the row stays.
    case failed(error: String)
  }
  public var destination: UInt32
  public var lane: OutboxLane
  public var item: Item
  public var result: Result

  public init(destination: UInt32, lane: OutboxLane, item: Item, result: Result) {
    self.destination = destination
    self.lane = lane
    self.item = item
    self.result = result
  }
}

/// Sends dead letters again. Each gets a new, higher row, so that a lane that reads onward meets it; its delivery key,
/// made of the record, stays the same.
public struct OutboxRetry: Sendable, Hashable {
  public var destination: UInt32
  /// The dead letter's row, or nil for all of the destination.
  public var row: UInt64?
  public var actor: ActorID
  public var reason: String

  public init(destination: UInt32, row: UInt64?, actor: ActorID, reason: String) {
    self.destination = destination
    self.row = row
    self.actor = actor
    self.reason = reason
  }
}
