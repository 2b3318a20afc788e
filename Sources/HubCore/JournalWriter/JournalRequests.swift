// Writes that are no entries of the intake: receipts of deliveries, reads for the access log, quarantined frames, new actors. They
// join the next group. Whoever needs to know waits for its commit.

package import HubRuntime
import Journal
package import JournalValues
import Synchronization

/// Requests to the journal writer. Any thread.
package final class JournalRequests: Sendable {
  package typealias Change = @Sendable (inout JournalGroup) -> Void
  /// Hears, on the writer's thread, whether a change was committed.
  package typealias Waiter = @Sendable (_ isStored: Bool) -> Void

  /// Changes that wait. Beyond this `enqueue` drops and counts, and `submit` answers false, so that no caller is told "stored".
  package static let waitingMax = 4_096
  /// The last places are for what people did and saw, and for receipts. A flood of frames that nobody understands must not take the
  /// access log's place.
  package static let reserved = 1_024

  /// What a change is about, where there is no room for all.
  package enum Kind: Sendable {
    /// Frames that nothing could be made of. They are dropped first.
    case quarantine
    case record
  }

  private struct State {
    var changes: [Change] = []
    var waiters: [Waiter] = []
    var dropped: UInt64 = 0
    var isClosed = false
  }
  private let state = Mutex(State())
  private let wake: Wake

  package init(wake: Wake) { self.wake = wake }

  package var dropped: UInt64 { state.withLock { $0.dropped } }

  /// Adds a change that nobody waits for. False: it was dropped and counted, and the hub raises `recordsDropped` for it.
  @discardableResult package func enqueue(_ change: @escaping Change) -> Bool { enqueue(.record, change) }

  @discardableResult package func enqueue(_ kind: Kind, _ change: @escaping Change) -> Bool {
    let most = kind == .quarantine ? Self.waitingMax - Self.reserved : Self.waitingMax
    let taken = state.withLock { state in
      if state.changes.count >= most || state.isClosed {
        state.dropped += 1
        return false
      }
      state.changes.append(change)
      return true
    }
    if taken { wake.ring() }
    return taken
  }

  /// Adds a change and waits until it is committed. False: it was not committed, and will not be.
  package func submit(_ change: @escaping Change) async -> Bool {
    await withCheckedContinuation { continuation in submit(change) { continuation.resume(returning: $0) } }
  }

  /// Adds a change whose end `waiter` hears of, exactly once.
  package func submit(_ change: @escaping Change, then waiter: @escaping Waiter) {
    let taken = state.withLock { state in
      if state.changes.count >= Self.waitingMax || state.isClosed { return false }
      state.changes.append(change)
      state.waiters.append(waiter)
      return true
    }
    if taken { wake.ring() } else { waiter(false) }
  }

  /// For the writer: everything that waits, and who waits for it.
  package func take() -> (changes: [Change], waiters: [Waiter]) {
    state.withLock { state in
      defer {
        state.changes = []
        state.waiters = []
      }
      return (state.changes, state.waiters)
    }
  }

  package var isEmpty: Bool { state.withLock { $0.changes.isEmpty } }

  /// No commit will follow.
  package func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter(false) }
  }
}
