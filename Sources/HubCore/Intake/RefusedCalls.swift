// Calls for help that a destination refused for good and that nobody has taken: silence where somebody should have been told. They
// are read from the journal at the start and whenever a destination refuses or is tried again. A call ends at once when somebody
// takes the alert. Not here: what is said of them (CoreAPI, HubProblems.swift).

package import Journal
import JournalValues
import Synchronization
package import VitalSigns

/// The refused calls that still wait for somebody. Any thread.
package final class RefusedCalls: Sendable {
  /// Calls that are held at once. More of them would be no worse.
  package static let callsMax = 1_024
  /// Alerts that were taken a moment ago, which the journal may not say yet. Beyond this the oldest go.
  static let takenMax = 1_024

  private struct State {
    var calls: [RefusedCallRow] = []
    var taken: [AlertID] = []
  }
  private let state = Mutex(State())

  /// Takes what the journal has. An alert that was taken while the journal was read stays taken.
  package func replace(with rows: [RefusedCallRow]) {
    state.withLock { state in state.calls = rows.filter { !state.taken.contains($0.alert) } }
  }

  /// Hears of a change of an alert from the core.
  package func hear(_ transition: AlertTransition) {
    if transition.state == .suspected { return }
    let waits = transition.state == .raised || transition.state == .notified
    state.withLock { state in
      if waits {
        if !state.taken.isEmpty { state.taken.removeAll { $0 == transition.id } }
        return
      }
      state.calls.removeAll { $0.alert == transition.id }
      state.taken.append(transition.id)
      if state.taken.count > Self.takenMax { state.taken.removeFirst() }
    }
  }

  package func contains(_ alert: AlertID) -> Bool { state.withLock { $0.calls.contains { $0.alert == alert } } }

  /// How many wait, and since when, by destination, in the order of their numbers.
  package var waiting: [(destination: UInt32, calls: Int, since: WallTime)] {
    var found: [(destination: UInt32, calls: Int, since: WallTime)] = []
    for call in state.withLock({ $0.calls }) {
      if let index = found.firstIndex(where: { $0.destination == call.destination }) {
        found[index].calls += 1
        found[index].since = min(found[index].since, call.refused)
      } else {
        found.append((call.destination, 1, call.refused))
      }
    }
    return found.sorted { $0.destination < $1.destination }
  }
}
