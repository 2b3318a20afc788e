// "Somebody waits": ends the journal writer's wait for company early. A flag and a doorbell, set from any thread.

package import HubRuntime
import Synchronization

/// A request for a commit now.
package final class CommitRequest: Sendable {
  private let wanted = Atomic<Bool>(false)
  private let wake: Wake

  package init(wake: Wake) { self.wake = wake }

  package func raise() {
    if !wanted.exchange(true, ordering: .acquiringAndReleasing) { wake.ring() }
  }

  /// Whether a commit is wanted. The writer asks once a turn.
  var isRaised: Bool { wanted.load(ordering: .acquiring) }

  /// The commit that comes now serves the request.
  package func lower() { wanted.store(false, ordering: .releasing) }
}
