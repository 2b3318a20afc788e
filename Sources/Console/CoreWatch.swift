// Whether the core can be trusted to be running, as a sans-I/O state machine. Silence is not life: the source must say
// `.live` again and again, or the board says aloud that it may be blind.

import VitalSigns

/// Watches the core's signs of life.
struct CoreWatch: Sendable {
  /// Longest silence before the core counts as lost. With the page's own 4 s patience for heartbeats, which are
  /// sent at once on a change, the banner stands within 5 s of the core's last sign of life.
  static let patience: Int64 = 3_000_000_000

  private enum State: Sendable {
    /// Nothing heard yet; counts as lost when patience runs out.
    case waiting(since: MonotonicInstant)
    case live(last: MonotonicInstant, wall: WallTime)
    case lost(since: WallTime?)
  }
  private var state: State

  init(at now: MonotonicInstant) { state = .waiting(since: now) }

  /// What is known now; nil while nothing has been heard and patience lasts.
  var liveness: CoreLiveness? {
    switch state {
    case .waiting: nil
    case .live: .live
    case .lost(let since): .lost(since: since)
    }
  }

  /// A sign from the source. Returns whether the screens must hear of it at once.
  mutating func event(_ liveness: CoreLiveness, at now: MonotonicInstant, wall: WallTime) -> Bool {
    let before = self.liveness
    switch (liveness, state) {
    case (.live, _): state = .live(last: now, wall: wall)
    case (.lost, .lost): break  // The first moment stands.
    case (.lost(let since), .live(_, let last)): state = .lost(since: since ?? last)
    case (.lost(let since), .waiting): state = .lost(since: since)
    }
    return self.liveness != before
  }

  /// Time has passed. Returns whether the screens must hear of it at once.
  mutating func advance(to now: MonotonicInstant) -> Bool {
    switch state {
    case .waiting(let since) where since.adding(nanoseconds: Self.patience) <= now: state = .lost(since: nil)
    case .live(let last, let wall) where last.adding(nanoseconds: Self.patience) <= now: state = .lost(since: wall)
    default: return false
    }
    return true
  }
}
