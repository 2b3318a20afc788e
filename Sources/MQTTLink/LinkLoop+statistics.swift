// What the loop counts and what it tells of: held-up messages, a store that does not confirm, and the worst problem now. The loop calls
// these once a turn; they decide nothing about the connection.

import HubRuntime
import Logging
import Synchronization
import VitalSigns

extension LinkLoop {
  /// Looks whether messages are held up, and tells the handler of a change.
  func notePressure() {
    if contest.isContested(at: SystemClock.monotonic()) { pressure.messagesMayBeTaken(at: SystemClock.monotonic()) }
    guard pressure.look(owes: gate.owed > 0 || !waiting.isEmpty, at: SystemClock.monotonic()) else { return }
    statistics.isHeldUp = pressure.isHeldUp
    link.handler.heldUp(pressure.isHeldUp)
  }

  /// Looks whether the store stands still while acknowledgements wait, and logs the beginning of it.
  func noteStall() {
    let stalls = gate.storeStalls(at: SystemClock.monotonic())
    if stalls, !wasStalling {
      statistics.storeStalls += 1
      link.logger.error("The store does not confirm; MQTT messages are read but not acknowledged", metadata: ["owed": "\(gate.owed)"])
    }
    wasStalling = stalls
  }

  /// The worst of what is wrong now.
  private var problem: MQTTLinkProblem? {
    let now = SystemClock.monotonic()
    if contest.isContested(at: now) { return .contested(times: contest.closings(at: now), link.configuration) }
    switch session.state {
    case .subscribing where book.missing > 0: return .subscriptions(missing: book.missing, link.configuration)
    case .subscribing, .live: return book.refused.isEmpty ? nil : .subscriptions(refused: book.refused.count, link.configuration)
    default: return trouble
    }
  }

  func publishStatistics() {
    statistics.state = session.publicState
    statistics.acknowledgementsOwed = gate.owed
    statistics.subscriptionsRefused = book.refused.count
    statistics.problem = problem
    if session.publicState == .live {
      notLiveSince = nil
    } else if notLiveSince == nil {
      notLiveSince = SystemClock.monotonic()
    }
    link.shared.withLock {
      $0.statistics = statistics
      $0.connectedSince = connectedSince
      $0.notLiveSince = notLiveSince
      $0.lastFrameAt = lastFrameAt
    }
  }
}
