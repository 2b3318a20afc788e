// The sign of life that a role sends to the core. It is sent while the role's work goes on, never by a timer alone: a process
// that is stopped, a runner that hangs, a board that takes no news send none, and the core tells that the role is gone.

import HubRuntime
import Synchronization

/// Sends one role's sign of life.
package struct RoleSignal: Sendable {
  /// The pause between two signs of life. Three of them fit into `EventHub.beatPatience`.
  package static let pause = Duration.seconds(3)

  package let role: API.Role
  package let core: any CoreConnection
  /// Turns of the role's work so far.
  package let progress: @Sendable () -> UInt64

  package init(role: API.Role, core: any CoreConnection, progress: @escaping @Sendable () -> UInt64) {
    self.role = role
    self.core = core
    self.progress = progress
  }

  /// Sends signs of life until cancelled. A core that does not answer is asked again. A core of an earlier version does not wait
  /// for them.
  package func run() async {
    var told = progress()
    while !Task.isCancelled {
      await Beat.rest(Self.pause)
      let turns = progress()
      guard turns != told else { continue }
      if (try? await core.beat(role)) != nil { told = turns }
    }
  }
}
