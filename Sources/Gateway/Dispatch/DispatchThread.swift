// Tells people at once: takes alert changes from the core's alarm ring and sends them to every listener of the local API,
// before the disk has them. Formatting and allocation happen here, on a thread of its own, never on the core's.

import CLinux
import Console
import Foundation
import RealtimeCore
import Synchronization
import VitalSigns

/// The dispatcher.
///
/// @unchecked Sendable: the ring's consumer side belongs to the dispatch thread alone; everything else is constant, atomic or
/// Sendable itself.
final class DispatchThread: @unchecked Sendable {
  private let ring: SingleProducerRing<Outcome>
  private let wake: Wake
  private let hub: EventHub
  private let registry: Registry
  private let text: AlertSentences
  private let conditions: HubConditions
  private let stopWanted = Atomic<Bool>(false)
  /// Alert changes told so far.
  let dispatched = Atomic<UInt64>(0)

  init(ring: SingleProducerRing<Outcome>, wake: Wake, hub: EventHub, registry: Registry, text: AlertSentences, conditions: HubConditions) {
    self.ring = ring
    self.wake = wake
    self.hub = hub
    self.registry = registry
    self.text = text
    self.conditions = conditions
  }

  func start() {
    let thread = Thread { [self] in
      clinux_thread_name("dispatch")
      while !stopWanted.load(ordering: .acquiring) {
        while let outcome = ring.pop() { tell(outcome) }
        wake.wait(until: nil)
      }
      while let outcome = ring.pop() { tell(outcome) }
    }
    thread.start()
  }

  func stop() {
    stopWanted.store(true, ordering: .releasing)
    wake.ring()
  }

  private func tell(_ outcome: Outcome) {
    guard case .alert(let transition) = outcome.payload else { return }
    conditions.note(transition, at: outcome.wall)
    let alert = API.Alert(transition, outcome, registry: registry, text: text)
    hub.send(ServerEvent("alert", alert))
    dispatched.wrappingAdd(1, ordering: .relaxed)
  }
}
