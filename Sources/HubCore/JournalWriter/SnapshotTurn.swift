// When the core's state is asked for and stored: one snapshot at a time, because the core writes into one buffer, and only when all
// that it saw is committed. That includes what deadlines decided after the last entry, which nobody would decide again after a restart.
// Sans-I/O; the journal writer's.

/// The writer's side of snapshots. A value.
struct SnapshotTurn {
  private enum State {
    case resting
    /// A snapshot was asked for. `again`: a newer one is wanted when this one is stored.
    case asked(again: Bool)
    /// The snapshot's mark came out of the core's ring. What the snapshot saw is in the group that is gathered, or on the disk.
    case arrived(again: Bool)
  }

  /// What to do now.
  enum Step: Equatable {
    case wait, ask, store
  }

  /// Entries that the last stored snapshot covers.
  private var last: UInt64
  /// Entries between two snapshots.
  private let every: UInt64
  private var state = State.resting

  init(last: UInt64, every: UInt64) {
    self.last = last
    self.every = every
  }

  /// The core's mark came.
  mutating func arrived() {
    switch state {
    case .resting: state = .arrived(again: false)
    case .asked(let again), .arrived(let again): state = .arrived(again: again)
    }
  }

  /// After a commit, and while nothing is gathered.
  ///
  /// - Parameters:
  ///   - durable: the last committed sequence.
  ///   - isGathering: entries wait for the next commit, among them what the snapshot saw.
  mutating func next(durable: UInt64, isGathering: Bool) -> Step {
    switch state {
    case .arrived: return isGathering ? .wait : .store
    case .asked: return .wait
    case .resting:
      guard durable >= last &+ every else { return .wait }
      state = .asked(again: false)
      return .ask
    }
  }

  /// A snapshot is wanted out of turn. True: the core is to be asked now. False: one is on its way, and another follows it.
  mutating func want() -> Bool {
    switch state {
    case .resting:
      state = .asked(again: false)
      return true
    case .asked: state = .asked(again: true)
    case .arrived: state = .arrived(again: true)
    }
    return false
  }

  /// The snapshot is stored, or could not be. True: the core is to be asked for another now.
  mutating func stored(_ sequence: UInt64) -> Bool {
    last = sequence
    guard case .arrived(again: true) = state else {
      state = .resting
      return false
    }
    state = .asked(again: false)
    return true
  }
}
