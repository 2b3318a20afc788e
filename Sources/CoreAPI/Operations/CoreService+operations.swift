// How the hub is doing, what waits in the outbox, what was rejected, and what the forward role reports.

import BluetoothLink
import DeviceIntake
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
package import LocalAPI
import Logging
import MQTTLink
import Synchronization
import VitalSigns

extension API.Status.Store {
  fileprivate init(_ state: StoreState) {
    self =
      switch state {
      case .writing: .writing
      case .shedding: .shedding
      case .emergency: .emergency
      case .failing: .failing
      }
  }
}

extension CoreService {
  // MARK: Status

  package func status() async throws(LocalAPIFailure) -> API.Status {
    let outbox = try await read { reader throws(JournalError) in try reader.outboxStatus() }
    let counters = parts.pipeline.core.vitals
    let configuration = parts.configuration
    let store = parts.pipeline.writer.storeState
    return API.Status(
      version: KnutepunktVersion.current, hub: configuration.hub.name, controller: configuration.hub.controller,
      summary: health.summary(of: self),
      live: health.isLive, startedAt: parts.startedAt.description, now: parts.clock.wall().description,
      sequence: counters.lastSequence.load(ordering: .relaxed), durable: parts.pipeline.durable.sequence,
      patients: registry.counts.patients, devices: registry.counts.devices,
      openAlerts: counters.openAlerts.load(ordering: .relaxed), observations: counters.observations.load(ordering: .relaxed),
      intakeDepth: parts.intake.depth, store: .known(.init(store)), storeError: store.reason,
      shed: parts.pipeline.writer.shed.load(ordering: .relaxed),
      scheduling: counters.isRealtime.load(ordering: .relaxed) ? .known(.fifo) : .known(.ordinary),
      memoryLocked: counters.memoryLocked.load(ordering: .relaxed), links: parts.links.mqtt.map(linkStatus) + bluetoothLink,
      destinations: configuration.destinations.map { destinationStatus($0, outbox) }, roles: health.roles(of: self),
      notes: health.notes(of: self), problems: health.problems, ready: health.isReady, lastHeard: lastHeard,
      clock: health.clockLine)
  }

  private var bluetoothLink: [API.Status.Link] {
    guard let running = parts.links.bluetooth else { return [] }
    let snapshot = running.link.snapshot
    var refused: [String: UInt64] = [:]
    for reasons in running.frames.refused.values { for (reason, count) in reasons { refused[reason, default: 0] &+= count } }
    return [
      API.Status.Link(
        name: BluetoothFrameIntake.linkName,
        state: snapshot.problem == nil && snapshot.adapter?.isPowered == true ? .known(.connected) : .known(.waiting),
        since: nil, received: running.frames.received, refused: refused,
        reconnects: snapshot.devices.reduce(0) { $0 &+ $1.reconnects }, lastError: snapshot.problem?.rawValue)
    ]
  }

  private func linkStatus(_ running: RunningLink) -> API.Status.Link {
    let statistics = running.link.statistics
    let state: API.Status.Link.State
    switch statistics.state {
    case .live: state = .connected
    case .connecting, .subscribing: state = .connecting
    case .backingOff: state = .waiting
    case .stopped, .draining: state = .stopped
    }
    return API.Status.Link(
      name: running.name, state: .known(state), since: running.frames.since == .unknown ? nil : running.frames.since.description,
      received: statistics.framesReceived, refused: running.frames.refused, reconnects: statistics.reconnects,
      lastError: statistics.state == .live ? nil : statistics.lastError.map { "\($0)" })
  }

  private func destinationStatus(
    _ settings: KnutepunktConfiguration.DestinationSettings, _ outbox: [OutboxStatus]
  ) -> API.Status.Destination {
    let row = outbox.first { $0.destination == stableNumber(of: settings.name) }
    let kind: API.Status.Destination.Kind =
      switch settings.kind {
      case .fhir: .fhir
      case .webhook: .webhook
      }
    let told = destinations.state(of: settings.name)
    return API.Status.Destination(
      name: settings.name, kind: .known(kind), pendingAlarms: row?.pendingAlarms ?? 0, pendingRoutine: row?.pendingRoutine ?? 0,
      delivered: row?.counts.values.reduce(0) { $0 + $1.delivered } ?? 0, dead: row?.deadLetters ?? 0,
      lastError: told?.reason ?? row?.lastError, health: told,
      oldestPending: row?.oldestPending?.description,
      lastDelivered: row?.lastDelivered?.description)
  }

  // MARK: Outbox

  /// What of the outbox is asked for.
  package enum OutboxSelection: String { case pending, dead, all }

  package func outbox(_ selection: OutboxSelection) async throws(LocalAPIFailure) -> [API.OutboxRow] {
    var rows: [API.OutboxRow] = []
    for settings in parts.configuration.destinations {
      let number = stableNumber(of: settings.name)
      if selection != .dead {
        for lane in OutboxLane.allCases {
          let items = try await read { reader throws(JournalError) in try reader.outboxPending(destination: number, lane: lane, limit: 200)
          }
          rows += items.map { API.OutboxRow($0, destination: settings.name) }
        }
      }
      if selection != .pending {
        let letters = try await read { reader throws(JournalError) in try reader.deadLetters(destination: number) }
        rows += letters.map { API.OutboxRow($0, destination: settings.name) }
      }
    }
    return rows
  }

  package func retry(_ request: API.RetryOutbox) async throws(LocalAPIFailure) -> API.Done {
    let actor = try actor(request.actor, role: "operations")
    let reason = try text(request.reason, "reason")
    let letters = try await read { reader throws(JournalError) in try reader.deadLetters(limit: 100_000) }
    let wanted = letters.filter { letter in
      if let id = request.id, letter.row != UInt64(clamping: id) { return false }
      if let name = request.destination, letter.destination != stableNumber(of: name) { return false }
      return request.id != nil || request.destination != nil
    }
    guard let first = wanted.first else {
      throw .notFound("no dead letter fits", hint: "knutepunkt outbox list --state dead shows them")
    }
    let retry = OutboxRetry(
      destination: first.destination, row: request.id == nil ? nil : first.row, actor: actor, reason: reason)
    guard await parts.pipeline.requests.submit({ $0.retries.append(retry) }) else {
      throw .unavailable("the core is stopping; nothing was sent again")
    }
    try await endDeadLetterCondition(first.destination)
    try await readRefusedCalls()
    hub.send(.committed(API.Committed(sequence: parts.pipeline.durable.sequence)))
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }

  /// Journals what destinations answered. A refusal for good raises one alert per destination, which ends when no dead
  /// letter of it is left.
  package func receipts(_ receipts: [API.Receipt]) async throws(LocalAPIFailure) -> API.Done {
    var rows: [DeliveryReceipt] = []
    var destinationsWithRefusals: Set<UInt32> = []
    var delivered: [AlertID] = []
    let called = Set(parts.configuration.destinations.filter { if case .webhook = $0.kind { true } else { false } }.map(\.name))
    for receipt in receipts {
      guard let row = DeliveryReceipt(receipt) else {
        throw .bad("receipt for \(receipt.key.debugDescription) names neither a row nor an alert's change, or an unknown state or lane")
      }
      if case .refused = row.result { destinationsWithRefusals.insert(row.destination) }
      // A record system that has the alert has told nobody of it, so its receipt does not count.
      if case .delivered = row.result, called.contains(receipt.destination), let alert = receipt.alertID { delivered.append(alert) }
      rows.append(row)
    }
    // The condition goes before the receipt: a crash between the two must not leave a dead letter that nobody hears of.
    for destination in destinationsWithRefusals.sorted() { try await raiseDeadLetterCondition(destination) }
    let stored = rows
    guard await parts.pipeline.requests.submit({ $0.receipts += stored }) else {
      throw .unavailable("the core is stopping; the receipts are not stored")
    }
    for alert in delivered { noteDelivery(of: alert) }
    try await endConditionsOfFormerDestinations()
    // The refused row may have been settled before; then the condition ends at once.
    for destination in destinationsWithRefusals.sorted() { try await endDeadLetterCondition(destination) }
    let refusedCalls = parts.intake.conditions.refusedCalls
    if !destinationsWithRefusals.isEmpty || delivered.contains(where: refusedCalls.contains) { try await readRefusedCalls() }
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }

  /// A receiver has the alert: raised → notified. Told once for each alert. The core refuses what does not fit the alert's state.
  private func noteDelivery(of alert: AlertID) {
    if !health.isFirstDelivery(of: alert) { return }
    // What the intake did not take has not been noted. The alert's next delivery notes it.
    if parts.intake.submit(.command(AlertCommand(alert: alert, action: .delivered, actor: .hub))) == nil {
      health.forgetDelivery(of: alert)
    }
  }

  private func raiseDeadLetterCondition(_ destination: UInt32) async throws(LocalAPIFailure) {
    let open = try await read { reader throws(JournalError) in try reader.alerts(AlertFilter(rule: .deadLetter, openOnly: true)) }
    if !open.contains(where: { $0.transition.subject == destination }) { try await deadLetterCondition(destination, holds: true) }
  }

  private func endDeadLetterCondition(_ destination: UInt32) async throws(LocalAPIFailure) {
    let letters = try await read { reader throws(JournalError) in try reader.deadLetters(destination: destination, limit: 1) }
    if letters.isEmpty { try await deadLetterCondition(destination, holds: false) }
  }

  /// Reads what status, readiness and the board say of calls that were refused.
  private func readRefusedCalls() async throws(LocalAPIFailure) {
    let rows = try await read { reader throws(JournalError) in try reader.refusedCalls(limit: RefusedCalls.callsMax) }
    parts.intake.conditions.refusedCalls.replace(with: rows)
  }

  private func deadLetterCondition(_ destination: UInt32, holds: Bool) async throws(LocalAPIFailure) {
    let condition = HubCondition(rule: .deadLetter, holds: holds, subject: destination)
    guard let sequence = parts.intake.submit(.hubCondition(condition)) else {
      throw .unavailable("the intake is full", hint: "try again in a moment")
    }
    try await durable(sequence)
  }

  // MARK: Quarantine and access log

  package func quarantine() async throws(LocalAPIFailure) -> API.Quarantine {
    let frames = try await read { reader throws(JournalError) in try reader.quarantine(limit: 100) }
    var counts: [String: UInt64] = [:]
    for link in parts.links.mqtt { for (reason, count) in link.frames.refused { counts[reason, default: 0] += count } }
    let names = Dictionary(parts.links.mqtt.map { (stableNumber(of: $0.name), $0.name) }, uniquingKeysWith: { first, _ in first })
    return API.Quarantine(
      counts: counts,
      frames: frames.map { row in
        API.Quarantine.Frame(
          at: row.frame.wall.description, link: names[row.frame.link] ?? "\(row.frame.link)", topic: row.frame.topic,
          reason: row.frame.reason, bytes: row.frame.payloadBytes, prefix: Hexadecimal.text(row.frame.prefix))
      })
  }

  /// - Parameter head: where the log once ended, as the system's log has it: `ROWS:HASH`.
  func verifyAudit(head: String? = nil) async throws(LocalAPIFailure) -> API.AuditResult {
    let known = head.flatMap(AccessHead.init(text:))
    if head != nil, known == nil { throw .bad("head must be ROWS:HASH, as journalctl shows it: a number and 64 hexadecimal digits") }
    return API.AuditResult(try await read { reader throws(JournalError) in try reader.verifyAccessLog(expecting: known) })
  }

  // MARK: Console

  func consoleLink(_ request: API.IssueConsoleLink) async throws(LocalAPIFailure) -> API.ConsoleLinkAnswer {
    let configuration = parts.configuration
    guard configuration.console.listen != nil else {
      throw .conflict("this hub has no console", hint: "set console.listen in the configuration and start the console role")
    }
    let actor = try actor(request.actor)
    let now = parts.clock.wall()
    let url: String
    do {
      url = try SignInLink.issueURL(
        publicURL: configuration.console.publicURL, key: try await SignInKey.readOrMake(in: configuration.hub.statePath),
        actor: request.actor.trimmingCharacters(in: .whitespaces), now: now)
    } catch {
      throw .unavailable("no link can be made: \(error)")
    }
    let record = AccessRecord(wall: now, actor: actor, action: "consoleLink", purpose: "sign-in link issued", detail: "valid 10 minutes")
    guard await parts.pipeline.requests.submit({ $0.access.append(record) }) else { throw .unavailable("the core is stopping") }
    return API.ConsoleLinkAnswer(
      url: url, expiresAt: now.adding(milliseconds: Int64(SignInLink.validitySecondsMax) * 1_000).description)
  }
}
