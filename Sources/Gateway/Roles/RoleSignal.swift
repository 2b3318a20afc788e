// The sign of life that a role sends to the core. It is sent while the role's work goes on, never by a timer alone: a process
// that is stopped, a runner that hangs, a board that takes no news send none, and the core tells that the role is gone.

import Synchronization

/// Sends one role's sign of life.
struct RoleSignal: Sendable {
  /// Three of them fit into `EventHub.beatPatience`.
  static let pause = Duration.seconds(3)

  let role: String
  let client: LocalAPIClient
  /// Turns of the role's work so far.
  let progress: @Sendable () -> UInt64

  /// Until cancelled. A core that does not answer is asked again; one of an earlier version does not wait for it.
  func run() async {
    var told = progress()
    while !Task.isCancelled {
      await Beat.rest(Self.pause)
      let turns = progress()
      guard turns != told else { continue }
      if let _: API.Done = try? await client.post("/v1/roles", API.RoleBeat(role: role)) { told = turns }
    }
  }
}
