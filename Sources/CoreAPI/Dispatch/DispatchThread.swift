// Tells people at once: takes alert changes from the core's alarm ring and sends them to every listener of the local API,
// before the disk has them. Formatting and allocation happen here, on a thread of its own, never on the core's. People take turns
// (FairLane.swift): a flood of one person's changes does not hold up another's.

import AlertTexts
import CLinux
import CoreRings
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import LocalAPI
import RealtimeCore
import Synchronization
import VitalSigns

/// The dispatcher.
///
/// @unchecked Sendable: `lane` and the ring's consumer side belong to the dispatch thread alone; everything else is constant, atomic or
/// Sendable itself.
package final class DispatchThread: @unchecked Sendable {
  private let thread = WorkerThread(name: "dispatch")
  private let alarms: AlarmWay
  private let hub: EventHub
  private let registry: Registry
  private let text: AlertSentences
  private let conditions: HubConditions
  private let clock: HubClock
  private var lane = FairLane()
  private let stopWanted = Atomic<Bool>(false)
  /// Alert changes told so far.
  let dispatched = Atomic<UInt64>(0)
  /// Alert changes that only the outbox tells, because too many of one person's or device's waited.
  let leftOut = Atomic<UInt64>(0)

  init(
    _ alarms: AlarmWay, hub: EventHub, registry: Registry, text: AlertSentences, conditions: HubConditions, clock: HubClock
  ) {
    self.alarms = alarms
    self.clock = clock
    self.hub = hub
    self.registry = registry
    self.text = text
    self.conditions = conditions
  }

  func start() {
    thread.start { [self] in
      while !stopWanted.load(ordering: .acquiring) {
        takeAll()
        while let outcome = lane.next(at: clock.now()) {
          tell(outcome)
          // A call that came in meanwhile gets its turn.
          takeAll()
        }
        alarms.wake.wait(until: lane.nextDue.map { $0.rawValue &- clock.offset })
      }
      takeAll()
      while let outcome = lane.next(at: clock.now()) { tell(outcome) }
    }
  }

  func stop() {
    stopWanted.store(true, ordering: .releasing)
    alarms.wake.ring()
  }

  private func takeAll() {
    while let outcome = alarms.ring.pop() {
      alarms.room.give(outcome)
      lane.append(outcome, at: clock.now())
    }
    leftOut.store(lane.leftOut, ordering: .relaxed)
  }

  private func tell(_ outcome: Outcome) {
    guard case .alert(let transition) = outcome.payload else { return }
    conditions.note(transition, at: outcome.wall)
    var alert = API.Alert(transition, outcome, registry: registry, text: text)
    if !clock.standing.isBelieved { alert.transition?.timeUncertain = true }
    hub.tell(alert, decidedAt: outcome.instant)
    dispatched.wrappingAdd(1, ordering: .relaxed)
  }
}
