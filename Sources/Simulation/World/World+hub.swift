// The hub in its world: how it starts, what it does in a round, how it dies, how it ends.

import CoreAPI
import DeviceIntake
import Foundation
import HubConfiguration
import HubCore
import HubRuntime
import Journal
import LocalAPI
import MQTTLink
import Synchronization
import VitalSigns

extension World {
  /// Between two attempts to start: what the service's unit says. Seconds.
  static let restartPause: Int64 = 1
  /// So many attempts in a row fail, without a fault of the disk, and the hub counts as dead for good.
  static let startsMax = 20

  func startHub() {
    guard hub == nil, now >= bootedAt else { return }
    setClocks()
    // Another boot meets the disk anew.
    disk.failingSyncs = 0
    guard restoreIfDue() else { return agenda.add(.startHub, at: now + Self.restoreAgain * Self.second) }
    ageIfDue()
    if settings.mutant == .cutsAccessLog { disk.run("DELETE FROM access_log WHERE id = (SELECT max(id) FROM access_log)") }
    if settings.mutant == .losesJournal, counts.starts > 0 { disk.remove("journal.sqlite") }
    if settings.mutant == .countsWhatIsRemoved, counts.starts > 0 {
      disk.run(
        """
        DELETE FROM entry WHERE sequence IN (SELECT sequence FROM device_event);
        DELETE FROM device_event; DELETE FROM snapshot; DELETE FROM episode;
        UPDATE counter SET value = 0 WHERE name = 'alert'
        """)
      // Nor does chance help: epochs of ids come again with it.
      machine.chance.withLock { $0 = SeededRandom(seed: settings.seed) }
    }
    do {
      let made = try SimulatedHub(configuration, machine: machine, texts: texts, mutant: settings.mutant)
      if disk.isDead { return }
      hub = made
      if hubSince < bootedAt { ledger.cameBack(clockIsRight: !wallWasSet) }
      hubSince = now
      hubWake = now
      failedStarts = 0
      counts.starts += 1
      trace.note(.start, made.parts.pipeline.durable.sequence, made.parts.recoveryDoubt == nil ? 1 : 0)
      isInEmergency = hasNoRoom(made)
      if isInEmergency { return }
      ledger.started(made, at: now)
      if ledger.diskHasLied { for destination in destinations { destination.losesValues(after: made.parts.pipeline.durable.sequence) } }
      afterStart(made)
    } catch {
      if disk.isDead { return }
      failedStarts += 1
      trace.note(.start, UInt64(failedStarts), 99)
      if failedStarts > Self.startsMax { ledger.report(.hubStarts, "it does not start: \(error)", at: now) }
      agenda.add(.startHub, at: now + Self.restartPause * Self.second)
    }
  }

  /// What a full disk had in reserve is used up, so that a start cannot write its first row.
  private func hasNoRoom(_ hub: SimulatedHub) -> Bool {
    guard let loss = hub.parts.pipeline.writer.loss, loss.kind == .unusable, disk.capacity != .max else { return false }
    return !FileManager.default.fileExists(atPath: configuration.hub.journalPath + ".ballast")
  }

  private func afterStart(_ hub: SimulatedHub) {
    let isDown = now < linkDownUntil || now < brokerDownUntil
    if !isDown { agenda.add(.connect, at: now + 50_000_000) }
    ledger.check(afterStartOf: hub, broker: broker, at: now)
    registerMissing(hub)
  }

  func connect() {
    guard let hub, !hub.link.isConnected, now >= linkDownUntil, now >= brokerDownUntil else { return }
    let hasSession = broker.connect()
    let isSaidToBeThere = hasSession || settings.mutant == .keepsEpoch
    hub.parts.links.mqtt.first?.frames.sessionPresent = { isSaidToBeThere }
    hub.link.connect()
    trace.note(.connect, hasSession ? 1 : 0, 0)
  }

  /// The connection breaks. What was on its way to the broker is lost.
  func disconnect(for nanoseconds: Int64) {
    linkDownUntil = max(linkDownUntil, now + nanoseconds)
    hub?.link.disconnect()
    agenda.add(.connect, at: linkDownUntil)
  }

  /// What a round did becomes known to the world.
  func note(_ round: inout SimulatedHub.Round, of hub: SimulatedHub) {
    for (message, verdict) in round.link.taken {
      counts.frames += 1
      let sequence: UInt64
      switch verdict {
      case .accepted(let last): sequence = last
      case .refused, .ignored, .busy: sequence = 0
      }
      trace.note(.frame, message.number, sequence)
      if sequence > 0 { ledger.heard(devices[message.device].id, at: now) }
      ledger.took(message, sequence: sequence, hub.parts.intake.stamp(), isClockRight: wallError == 0 && !wallWasSet, at: now)
    }
    if losesAcknowledgements, !round.link.acknowledged.isEmpty {
      losesAcknowledgements = false
      round.link.acknowledged = []
      disconnect(for: 100_000_000)
    }
    for packet in round.link.acknowledged {
      guard let message = broker.acknowledged(packet) else { continue }
      counts.acknowledged += 1
      trace.note(.acknowledged, message.number, 0)
      ledger.acknowledged(message)
    }
    if let mutant = settings.mutant { round.told.removeAll { hides(mutant, $0) } }
    for outcome in round.told { tell(outcome, hub) }
  }

  /// Whether a mutant keeps this from people.
  private func hides(_ mutant: Mutant, _ outcome: Outcome) -> Bool {
    guard case .alert(let transition) = outcome.payload else { return false }
    if mutant.drops(transition.id) { return true }
    switch mutant {
    case .hidesFullTable: return transition.rule == .alertRoomFull
    case .forgetsDeadlinesAtStart:
      return counts.starts > 1 && transition.rule == .signalLoss && ledger.heard[outcome.device, default: 0] < hubSince
    default: return false
    }
  }

  private func tell(_ outcome: Outcome, _ hub: SimulatedHub) {
    var outcome = outcome
    guard case .alert(var transition) = outcome.payload else { return }
    if settings.mutant == .raisesOld, let old = ledger.old.min(by: { $0.key < $1.key }) {
      (outcome.cause, outcome.instant) = (old.key, old.value)
    }
    if settings.mutant == .repeatsIdentity, transition.rule == .sos { transition.id = AlertID(high: 1, low: 1) }
    counts.told += 1
    trace.note(.told, transition.id.low, UInt64(transition.kind.rawValue) << 32 | UInt64(transition.revision))
    ledger.told(transition, outcome, at: now)
    let alert = API.Alert(transition, outcome, registry: hub.parts.registry, text: texts)
    hub.parts.hub.tell(alert, decidedAt: outcome.instant)
    if let key = forwarder?.hear(alert, at: bootInstant) { ledger.owes(key, at: now) }
    nurseHears(transition)
    cutOffCall(transition, outcome)
  }

  /// Commits are announced to the forward role.
  func tellForwarder(_ hub: SimulatedHub) {
    let durable = hub.parts.pipeline.writer.commits.load(ordering: .relaxed)
    guard durable != counts.lastCommits else { return }
    counts.lastCommits = durable
    trace.note(.durable, hub.parts.pipeline.durable.sequence, 0)
    forwarder?.outboxChanged(at: bootInstant)
  }

  func startForwarder() {
    guard forwarder == nil, now >= bootedAt else { return }
    forwarderRun += 1
    let run = forwarderRun
    guard let made = try? SimulatedForwarder(configuration, destinations, texts: texts, seed: settings.seed &+ run, mutant: settings.mutant)
    else {
      return agenda.add(.startForwarder, at: now + Self.second)
    }
    made.plan = { [unowned self] planned, after in agenda.add(.forwarder(planned, run: run), at: now + after) }
    made.worldNow = { [unowned self] in now }
    made.isSomebodyAway = { [unowned self] in destinations.contains { now < $0.awayUntil } }
    forwarder = made
    made.begin(at: bootInstant)
    // As a role hears them that connects.
    for alert in hub?.parts.hub.unstored ?? [] { if let key = made.hear(alert, at: bootInstant) { ledger.owes(key, at: now) } }
  }

  /// The forward role's process is gone. What it was about to do is void.
  func stopForwarder() {
    forwarder = nil
    forwarderRun += 1
  }

  /// The core's process is gone, with all that it had not written.
  func dies() {
    hub = nil
    hubWake = .max
    forwarder?.coreIsGone()
    counts.deaths += 1
    trace.note(.death, disk.operations, 0)
    ledger.died(at: now)
    if isPowerCut {
      isPowerCut = false
      stopForwarder()
      // A lie that no cut has met has taken nothing.
      if disk.lies || disk.hasLied { ledger.diskHasLied = true }
      disk.revive()
      disk.cut(&diskChance)
      let away = diskChance.next(in: FaultKind.powerCut.seconds) * Self.second
      bootedAt = now + away
      machine.boot.wrappingAdd(1, ordering: .relaxed)
      ledger.powerWasCut(clockIsRight: !wallWasSet)
      agenda.add(.startHub, at: now + away)
      agenda.add(.startForwarder, at: now + away + Self.second)
    } else {
      disk.revive()
      agenda.add(.startHub, at: now + diskChance.next(in: FaultKind.kill.seconds) * Self.second)
    }
  }

  /// The world's end: the hub stops in good order, and everything is looked at once more.
  func finish() {
    guard let hub else { return ledger.report(.hubStarts, "the hub does not run at the end", at: now) }
    ledger.check(beforeEndOf: hub, destinations, at: now)
    guard ledger.violation == nil else { return }
    hub.stop()
    var rounds = 0
    while !hub.hasEnded, rounds < 1_000 {
      now += 10_000_000
      setClocks()
      var round = hub.round(&broker, diskAnswers: true)
      note(&round, of: hub)
      rounds += 1
    }
    if !hub.hasEnded { return ledger.report(.hubStarts, "the hub does not end", at: now) }
    if settings.mutant == .losesAlertsAtEnd { disk.run("DELETE FROM alert") }
    ledger.check(afterEndOf: hub, configuration, broker: broker, at: now)
  }
}
