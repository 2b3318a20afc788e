// The sign of life that a role gives the core. It is given when the role's work has gone on, never by a timer alone: a process that is
// stopped, a runner that hangs, a board that takes no news give none, and the core tells that the role is gone.

import HubRuntime
import Synchronization
package import VitalSigns

/// Gives one role's sign of life. Any thread.
package final class RoleSignal: Sendable {
  /// Between two signs. Three of them fit into `EventHub.beatPatience`.
  package static let pause = Duration.seconds(3)
  /// Work that comes a little early counts for its sign all the same.
  private static let slackNanoseconds: Int64 = 500_000_000

  private let role: API.Role
  private let core: any CoreConnection
  private let now: @Sendable () -> MonotonicInstant

  private struct State {
    var given: MonotonicInstant?
    var isUnderWay = false
  }
  private let state = Mutex(State())

  package init(
    role: API.Role, core: any CoreConnection,
    now: @escaping @Sendable () -> MonotonicInstant = { MonotonicInstant(rawValue: SystemClock.boottime()) }
  ) {
    self.role = role
    self.core = core
    self.now = now
  }

  /// The role's work went on. Returns at once; the core hears of it when the last sign is old enough. A core that did not answer is told
  /// of the next piece of work.
  package func worked() {
    let now = now()
    let isDue = state.withLock { state in
      let due = state.given.map { $0.adding(Self.pause).rawValue &- Self.slackNanoseconds } ?? .min
      guard !state.isUnderWay, now.rawValue >= due else { return false }
      state.isUnderWay = true
      return true
    }
    guard isDue else { return }
    // Without a parent, because whoever works does not wait for it. One at a time, and it ends with the connection's own limit.
    Task {
      let isHeard = (try? await core.beat(role)) != nil
      state.withLock { state in
        state.isUnderWay = false
        if isHeard { state.given = now }
      }
    }
  }
}
