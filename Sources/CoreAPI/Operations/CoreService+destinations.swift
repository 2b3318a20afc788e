// How destinations do, as the forward role sees it, and the alert that says when one takes nothing. Nothing here waits for
// the disk: that a response centre is gone must be told while the store stands still, too.

import HubConfiguration
import HubCore
import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Synchronization
import VitalSigns

/// The last word of the forward role about each destination. Bound: the configuration's destinations. Any thread.
package final class DestinationStates: Sendable {
  /// The forward role speaks of each destination every 10 s. When it has not for this long, nobody works for the destination: the
  /// role hangs, or runs with another configuration. Nanoseconds.
  static let heardPatience: Int64 = 40_000_000_000

  private struct State {
    /// When each destination was last spoken of.
    var heard: [String: MonotonicInstant] = [:]
    var known: [String: API.DestinationState] = [:]
    /// What the core was told last, by number. Absent: nothing was told in this run.
    var told: [UInt32: Bool] = [:]
    var hasSweptStrangers = false
  }
  private let state = Mutex(State())
  private let since: MonotonicInstant

  /// - Parameter since: the start; nothing can have been heard before.
  init(since: MonotonicInstant) { self.since = since }

  /// The destinations of the configuration of which nothing was heard for too long, in its order.
  func unheard(_ configuration: KnutepunktConfiguration, at now: MonotonicInstant) -> [String] {
    state.withLock { state in
      configuration.destinations.map(\.name).filter {
        now >= (state.heard[$0] ?? since).adding(nanoseconds: Self.heardPatience)
      }
    }
  }

  func state(of name: String) -> API.DestinationState? { state.withLock { $0.known[name] } }

  /// The states in the order of the configuration. A destination of which nothing has been heard is `unknown`.
  func states(of configuration: KnutepunktConfiguration) -> [API.DestinationState] {
    state.withLock { state in
      configuration.destinations.map { state.known[$0.name] ?? API.DestinationState(name: $0.name, state: .unknown) }
    }
  }

  /// Whether anything changed that people see.
  func note(_ report: API.DestinationState, at now: MonotonicInstant) -> Bool {
    state.withLock { state in
      state.heard[report.name] = now
      let before = state.known.updateValue(report, forKey: report.name)
      return before?.state != report.state || before?.reason != report.reason
    }
  }

  func isTold(_ number: UInt32, holds: Bool) -> Bool { state.withLock { $0.told[number] == holds } }
  func setTold(_ number: UInt32, holds: Bool) { state.withLock { $0.told[number] = holds } }

  /// Whether the caller is to sweep: true once in a run.
  func claimSweep() -> Bool {
    state.withLock { state in
      defer { state.hasSweptStrangers = true }
      return !state.hasSweptStrangers
    }
  }
}

extension CoreService {
  /// Takes what the forward role tells. A destination that is down raises one alert, and one that is well again ends it. A
  /// destination that is merely failing, or not yet known, changes nothing.
  func destinationsReport(_ reports: [API.DestinationState]) throws(LocalAPIFailure) -> API.Done {
    let names = Set(parts.configuration.destinations.map(\.name))
    guard reports.allSatisfy({ names.contains($0.name) }) else {
      throw .bad("a destination that the core's configuration does not name", hint: "restart both roles after a change")
    }
    var changed = false
    for report in reports {
      if destinations.note(report, at: parts.clock.now()) { changed = true }
      switch report.state {
      case .known(.down): destinationCondition(stableNumber(of: report.name), holds: true)
      case .known(.well): destinationCondition(stableNumber(of: report.name), holds: false)
      // A word of a newer forward role changes nothing either: an alert stays as it is.
      case .known(.unknown), .known(.failing), .unknown: break
      }
    }
    if changed { hub.send(.destinations(destinations.states(of: parts.configuration))) }
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }

  /// Tells the core. Nobody waits for it: what a full intake refuses is taken at the next report, ten seconds later.
  private func destinationCondition(_ number: UInt32, holds: Bool) {
    if destinations.isTold(number, holds: holds) { return }
    let condition = HubCondition(rule: .destinationDown, holds: holds, subject: number)
    if parts.intake.submit(.hubCondition(condition)) != nil { destinations.setTold(number, holds: holds) }
  }

  /// Ends alerts about destinations that the configuration no longer names. They would stay for ever, because nobody is left to end
  /// them. Once in a run, beside the first receipts, which wait for the disk in any case.
  func endConditionsOfFormerDestinations() async throws(LocalAPIFailure) {
    guard destinations.claimSweep() else { return }
    let numbers = Set(parts.configuration.destinations.map { stableNumber(of: $0.name) })
    for rule in [AlertRule.destinationDown, .deadLetter] {
      let open = try await read { reader throws(JournalError) in try reader.alerts(AlertFilter(rule: rule, openOnly: true)) }
      for alert in open where !numbers.contains(alert.transition.subject) {
        _ = parts.intake.submit(.hubCondition(HubCondition(rule: rule, holds: false, subject: alert.transition.subject)))
      }
    }
  }
}
