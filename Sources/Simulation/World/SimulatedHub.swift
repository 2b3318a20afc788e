// One run of the hub's core role, from opening the journal to its end or death: the product's own parts, turned by hand where the
// product has threads. Whoever owns it says when it is turned; it says when it wants to be turned again.

import AlertTexts
import CoreAPI
import CoreRings
import DeviceIntake
import Foundation
import HubConfiguration
import HubCore
import HubRuntime
import Journal
import Logging
import MQTTLink
import ProfileCatalogue
import Synchronization
import VitalSigns

/// The core role of one run. One thread.
final class SimulatedHub {
  /// What one round did, for the world.
  struct Round {
    var link = SimulatedLink.Done()
    /// Alert changes that people hear of now.
    var told: [Outcome] = []
    /// When the hub wants its next round, on its own timeline.
    var again = MonotonicInstant.never
  }

  /// Looks of the store's watcher. Nanoseconds.
  private static let watchInterval: Int64 = 1_000_000_000

  let parts: CoreParts
  let link: SimulatedLink
  private let watch: StoreWatch
  private var lane = FairLane()
  private var nextWatch = MonotonicInstant.zero
  /// The disk rests until then: the writer has asked for it.
  private var restsUntil = MonotonicInstant.zero
  private let mutant: Mutant?
  private let endless: EndlessLook?
  private(set) var hasEnded = false
  private var isStopping = false

  /// Opens the journal and recovers. Blocks on the simulated disk only.
  init(_ configuration: KnutepunktConfiguration, machine: VirtualMachine, texts: AlertSentences, mutant: Mutant?) throws {
    let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
    parts = try CoreParts(
      configuration, catalogue: try SimulatedProfiles.catalogue(), alertText: texts, logger: logger, machine: .virtual(machine))
    guard let running = parts.links.mqtt.first else { throw SimulationError.setup("the configuration has no link") }
    // Until it is connected. The link's own answer would hold the link for ever.
    running.frames.sessionPresent = { false }
    link = SimulatedLink(running.frames, watermark: parts.pipeline.durable, mutant: mutant)
    link.decided = { [vitals = parts.pipeline.core.vitals] in vitals.lastSequence.load(ordering: .relaxed) }
    watch = StoreWatch(parts.pipeline.writer, told: parts.pipeline.writer.told)
    self.mutant = mutant
    endless = mutant == .holdsLog ? EndlessLook(into: configuration.hub.journalPath) : nil
    _ = parts.anchorClock(beginsRun: true)
    parts.tellCore()
    parts.renewAbilities()
  }

  var now: MonotonicInstant { parts.clock.now() }

  /// Something that changes with everything that a round does.
  var activity: UInt64 {
    let pipeline = parts.pipeline
    return pipeline.core.vitals.processed.load(ordering: .relaxed) &+ pipeline.writer.commits.load(ordering: .relaxed) &* 1_000_003
      &+ pipeline.durable.sequence &* 7
  }

  /// The disk stands still from now on, or again answers: whoever watches the writer sees it.
  func standsStill(_ stands: Bool) { parts.pipeline.writer.busySince.store(stands ? max(1, now.rawValue) : 0, ordering: .releasing) }

  /// Turns everything once.
  ///
  /// - Parameter diskAnswers: else the writer hangs in a call, and is not turned.
  func round(_ broker: inout SimulatedBroker, diskAnswers: Bool) -> Round {
    var round = Round()
    round.link = link.turn(&broker, at: now)
    round.again = round.link.again
    if mutant != .forgetsDeadlines || isStopping || parts.intake.depth > 0 { turnCore(&round) }
    takeAlarms(&round)
    if diskAnswers { turnWriter(&round) }
    if now >= nextWatch {
      watch.look()
      let last = parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed)
      parts.clock.standing.look(wall: parts.clock.wall(), at: now, nextSequence: last + 1)
      if mutant != .keepsEpoch { parts.links.beginEpochIfDue() }
      nextWatch = now.adding(nanoseconds: Self.watchInterval)
    }
    round.again = min(round.again, nextWatch, lane.nextDue ?? .never)
    return round
  }

  private func turnCore(_ round: inout Round) {
    switch parts.pipeline.core.turn() {
    case .again: round.again = now
    case .wait(let until): round.again = min(round.again, until)
    case .ended: parts.pipeline.core.vitals.stopped.store(true, ordering: .releasing)
    }
  }

  private func turnWriter(_ round: inout Round) {
    if now < restsUntil {
      round.again = min(round.again, restsUntil)
      return
    }
    var turns = 0
    while turns < 64 {
      turns += 1
      switch parts.pipeline.writer.turn() {
      case .again: continue
      case .rest(let milliseconds): restsUntil = now.adding(.milliseconds(milliseconds))
      case .wait(let until, _):
        round.again = min(round.again, until)
        return
      case .ended:
        if !hasEnded { parts.pipeline.writer.closed() }
        hasEnded = true
        return
      }
      round.again = min(round.again, restsUntil)
      return
    }
    round.again = now
  }

  /// As the dispatch thread does it.
  private func takeAlarms(_ round: inout Round) {
    let alarms = parts.pipeline.alarms
    while let outcome = alarms.ring.pop() {
      alarms.room.give(outcome)
      lane.append(outcome, at: now)
    }
    while let outcome = lane.next(at: now) {
      if case .alert(let transition) = outcome.payload { parts.intake.conditions.note(transition, at: outcome.wall) }
      round.told.append(outcome)
    }
  }

  /// Asks it to end in good order.
  func stop() {
    isStopping = true
    link.disconnect()
    parts.pipeline.core.stop()
    parts.pipeline.writer.stop()
  }
}

/// Why a world could not be made. Nothing that the product does.
package enum SimulationError: Error, Sendable, CustomStringConvertible {
  case setup(String)

  package var description: String {
    switch self {
    case .setup(let reason): "the simulation cannot begin: \(reason)"
    }
  }
}
