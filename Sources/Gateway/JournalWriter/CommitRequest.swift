// "Somebody waits": ends the journal writer's wait for company early. A flag and a doorbell, set from any thread.

import Synchronization

/// A request for a commit now.
final class CommitRequest: Sendable {
  private let wanted = Atomic<Bool>(false)
  private let wake: Wake

  init(wake: Wake) { self.wake = wake }

  func raise() {
    if !wanted.exchange(true, ordering: .acquiringAndReleasing) { wake.ring() }
  }

  /// Whether one is wanted. Asked once per turn by the writer.
  var isRaised: Bool { wanted.load(ordering: .acquiring) }

  /// The commit that comes now serves it.
  func lower() { wanted.store(false, ordering: .releasing) }
}
