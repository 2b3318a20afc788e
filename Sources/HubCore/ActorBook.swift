// Who acts, by number: the core and the journal carry a number, people see a name. A name that is met for the first time
// gets the next number, and a row in the journal with the change that it acts in.

import Journal
import JournalValues
import Synchronization
package import VitalSigns

/// Names and numbers of those who act. Any thread.
package final class ActorBook: Sendable {
  private struct State {
    var numbers: [String: ActorID] = [:]
    var names: [ActorID: String] = [:]
    var next: UInt32
  }
  private let state: Mutex<State>
  private let requests: JournalRequests

  package init(known: [(ActorID, String)], highest: UInt32, requests: JournalRequests) {
    var state = State(next: highest + 1)
    for (id, account) in known {
      state.numbers[account] = id
      state.names[id] = account
    }
    self.state = Mutex(state)
    self.requests = requests
  }

  /// The number of this account, whose name is cut at `EntryLimits.actorCharacters`; a new one is journaled with the next group, which comes no later than its first act. Nil
  /// when it cannot be journaled now: a number without a name must not act, and would be given to somebody else later.
  package func number(of account: String, role: String) -> ActorID? {
    let account = String(account.prefix(EntryLimits.actorCharacters.upperBound))
    return state.withLock { state in
      if let known = state.numbers[account] { return known }
      let id = ActorID(rawValue: state.next)
      let record = ActorRecord(id: id, account: account, displayName: account, role: role)
      guard requests.enqueue({ $0.actors.append(record) }) else { return nil }
      state.next += 1
      state.numbers[account] = id
      state.names[id] = account
      return id
    }
  }

  /// The name of a number; nil for the hub itself.
  package func name(of id: ActorID) -> String? { state.withLock { $0.names[id] } }
}
