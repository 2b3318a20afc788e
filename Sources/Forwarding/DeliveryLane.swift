// One lane: what waits for one destination in one urgency, what is under way, and how the destination is doing.
//
// Vocabulary: an *atom* is what must travel in one request, an item or all parts of a blood-pressure panel; an item is
// *settled* when the destination has it or has refused it for good; *solo* is an attempt with a single atom.
// The behaviour stands in DeliveryLane+stateMachine.swift, the choice of a batch in DeliveryLane+batch.swift. No clock,
// task or logger in here: the shell performs the actions and reports events.

public import VitalSigns

/// The delivery of one destination's alarms, or of its routine data. A value; one owner, any thread.
public struct DeliveryLane: Sendable {
  public enum Kind: Sendable, Hashable, CaseIterable {
    /// Alerts.
    case alarms
    /// Observations, scores, doses.
    case routine
  }

  /// What the shell does, in the order given.
  public enum Action: Sendable, Hashable {
    /// Start this attempt, and report `attemptEnded` with its number. There is never another one under way.
    case send(Attempt)
    /// Cancel the attempt: it took too long. Its report is no longer wanted.
    case cancel(attempt: UInt64)
    /// Read at most `limit` unsettled outbox rows of this lane above `row`, in order, and report `fetched`.
    case fetch(after: UInt64, limit: Int)
    /// Likewise, without the rows of these people: their share of the window is taken, their rows are read later.
    case fetchOthers(after: UInt64, limit: Int, except: [PatientID])
    /// Likewise, this person's rows only.
    case fetchOf(PatientID, after: UInt64, limit: Int)
    /// Report `tick` at this instant; replaces the wake asked for before. `.never`: none needed.
    case wake(at: MonotonicInstant)
    /// Have these receipts journaled.
    case delivered([Receipt])
    /// Have these journaled as dead letters, and one alert raised for the destination.
    case deadLetter([DeadLetter])
    /// The destination counts as dead from now on (given once): raise its technical alert.
    case destinationDead(RetryReason)
    /// It answered again (given once, only after `destinationDead`).
    case destinationRecovered
    /// Tell the destination's other lanes `connectivityRestored`.
    case drainSiblings
  }

  /// What happened.
  public enum Event: Sendable {
    /// The outbox has, or may have, new rows for this lane.
    case outboxChanged
    /// The answer to a fetch: rows in rising order; `reachedEnd` when there are no more. `through`: the highest row of the
    /// lane, anybody's, when it was read; 0 when that is not known.
    case fetched([DeliveryItem], reachedEnd: Bool, through: UInt64 = 0)
    /// An alarm straight from the core, perhaps before its outbox row is on disk.
    case alarmArrived(DeliveryItem)
    /// People for whom calls of high priority wait in the outbox, behind others perhaps: their rows are read first.
    case urgent([PatientID])
    /// A person wants dead letters tried again: their outbox rows are unsettled anew, the lowest is `fromRow`.
    case requeued([DeliveryKey], fromRow: UInt64)
    case attemptEnded(attempt: UInt64, DeliveryReport)
    /// Another lane of the destination got an answer, or the network came back.
    case connectivityRestored
    case tick
  }

  /// One request to the destination.
  public struct Attempt: Sendable, Hashable {
    /// Rises by one for each attempt of this lane; ties a report to its attempt.
    public var number: UInt64
    public var items: [DeliveryItem]
    public var deadline: MonotonicInstant
    var atoms: Int
  }

  public struct Receipt: Sendable, Hashable {
    public var key: DeliveryKey
    public var row: UInt64?
    public var remoteID: String?
    public var note: RepairNote?
  }

  public struct DeadLetter: Sendable, Hashable {
    public var item: DeliveryItem
    public var refusal: Refusal
  }

  /// For screens and metrics.
  public enum State: Sendable, Hashable {
    case idle
    case sending(attempt: UInt64)
    case backingOff(until: MonotonicInstant)
    /// The destination is dead; it is probed with one item at a time.
    case suspended(until: MonotonicInstant, RetryReason)
  }

  enum Phase: Sendable, Hashable {
    case idle
    case sending(Attempt)
    /// Waits until `until`. News that the destination is back, or a new alarm, may cut it to `earliest`.
    case waiting(until: MonotonicInstant, earliest: MonotonicInstant)
  }

  enum Health: Sendable, Hashable {
    case alive
    case failing(failures: Int)
    case dead(failures: Int, RetryReason)

    var failures: Int {
      switch self {
      case .alive: 0
      case .failing(let failures), .dead(let failures, _): failures
      }
    }
  }

  enum Outbox: Sendable, Hashable {
    /// Everything up to the cursor is known, nothing newer has been announced.
    case drained
    /// There may be more.
    case moreWaiting
    /// A read is under way; `again` when news came meanwhile, `rewind` when rows below the cursor wait anew.
    case fetching(again: Bool, rewind: UInt64?)
  }

  /// Whose rows the read under way asked for.
  enum FetchScope: Sendable, Hashable {
    case everybody
    case others
    case one(PatientID)
  }

  struct Entry: Sendable {
    var item: DeliveryItem
    /// When the item was taken into the window.
    let since: MonotonicInstant
    /// Further rows with the item's key: settled with it.
    var moreRows: [UInt64] = []
    /// Solo attempts that failed although the destination was not dead: the item itself may be the cause.
    var soloFailures = 0
    /// Number of the last solo attempt; orders the turns of items that were tried alone.
    var lastSolo: UInt64 = 0
    /// Not before this instant: the item has its own back-off and does not hold up others.
    var notBefore: MonotonicInstant = .zero
  }

  public let kind: Kind
  public let policy: RetryPolicy
  var random: SeededRandom
  var phase: Phase = .idle
  var health: Health = .alive
  var outbox: Outbox = .moreWaiting
  /// Unsettled items in memory, those under way included. Bound: `policy.windowItemsMax`; what does not fit stays in the
  /// outbox and is fetched later.
  var queue: [Entry] = []
  /// The keys in `queue`.
  var held: Set<DeliveryKey> = []
  /// How many items of each person are in `queue`. Bound: `policy.windowItemsMax` people.
  var shares: [PatientID: Int] = [:]
  /// People whose rows above this one are left in the outbox, because their share of the window was taken. Every unsettled
  /// row that is not in the window is above `cursor`, or is such a person's. Bound: people whose share was full and who
  /// have been served less than half of it since.
  var deferred: [PatientID: UInt64] = [:]
  /// Alerts of which a change straight from the core found no room, up to the latest of these: until its row is met, each later change
  /// comes by its row, too. Bound: `policy.windowItemsMax`; the oldest is let go, and its later changes may come first.
  var leftOut: [AlertID: ChangeMark] = [:]
  var fetchScope: FetchScope = .everybody
  /// After which row the read under way asked.
  var fetchAfter: UInt64 = 0
  /// Rows that turned up with a key that has been delivered: to be reported with the next actions.
  var settledRows: [Receipt] = []
  /// The highest outbox row taken into the window.
  var cursor: UInt64 = 0
  var settled = SettledKeys()
  var attempts: UInt64 = 0
  /// Atoms per request now: halves to find a bad item, doubles back with each success.
  var atomLimit: Int
  var announcedWake: MonotonicInstant = .never

  public init(_ kind: Kind, policy: RetryPolicy, seed: UInt64) {
    self.kind = kind
    self.policy = policy
    random = SeededRandom(seed: seed)
    atomLimit = policy.batchItemsMax
  }

  /// How many items are held in memory, those under way included.
  public var count: Int { queue.count }

  public var state: State {
    switch (phase, health) {
    case (.idle, _): .idle
    case (.sending(let attempt), _): .sending(attempt: attempt.number)
    case (.waiting(let until, _), .dead(_, let reason)): .suspended(until: until, reason)
    case (.waiting(let until, _), _): .backingOff(until: until)
    }
  }
}

extension DeliveryLane {
  /// Since when the longest waiting item is in the window; nil when nothing waits.
  public var waitingSince: MonotonicInstant? { queue.lazy.map(\.since).min() }

  /// Since when an item waits that was tried alone in vain, although the destination takes others; nil when there is none.
  public var stuckSince: MonotonicInstant? { queue.lazy.filter { $0.soloFailures > 0 }.map(\.since).min() }
}

/// The keys settled last, and how. An alarm that was delivered before its outbox row existed is not sent again when its row is read.
/// Bound: 2048; the oldest is forgotten. The row of a forgotten key is sent again under the same key, and receivers drop what they know.
struct SettledKeys: Sendable {
  enum Result: Sendable, Hashable {
    case delivered(remoteID: String?)
    /// With the row, 0 when it was not known. A higher row of the same key: a person wants it sent again.
    case refused(row: UInt64)
  }
  static let countMax = 2048
  private var ring: [DeliveryKey] = []
  private var next = 0
  private var members: [DeliveryKey: Result] = [:]

  subscript(key: DeliveryKey) -> Result? { members[key] }
  func contains(_ key: DeliveryKey) -> Bool { members[key] != nil }

  mutating func insert(_ key: DeliveryKey, _ result: Result = .delivered(remoteID: nil)) {
    guard members.updateValue(result, forKey: key) == nil else { return }
    if ring.count < Self.countMax {
      ring.append(key)
    } else {
      members[ring[next]] = nil
      ring[next] = key
      next = (next + 1) % Self.countMax
    }
  }

  mutating func remove(_ key: DeliveryKey) {
    guard members.removeValue(forKey: key) != nil else { return }
    // In order of age, so that `next` is right whether or not the ring is full.
    ring = (ring[next...] + ring[..<next]).filter { $0 != key }
    next = 0
  }
}
