// The forward role: the product's lanes, its reading of the outbox and its records, carried out on the world's time. It stands for
// `ForwardRole` and `DestinationRunner`, which hold the tasks; what is decided is decided by `DestinationLanes`.

import AlertTexts
import CoreAPI
import Delivery
import Forwarding
import HubConfiguration
import HubCore
import HubRegistry
import Journal
import JournalValues
import LocalAPI
import Synchronization
import VitalSigns

/// One run of the forward role. One thread.
final class SimulatedForwarder {
  /// What the world plans for it.
  enum Planned {
    case answer(runner: Int, DeliveryLane.Kind, attempt: UInt64, DeliveryReport)
    case fetch(runner: Int, DeliveryLane.Kind, DeliveryLane.Action)
  }

  /// Receipts on their way to the journal. Atomic because the writer's word comes through a `Sendable` closure.
  final class Ticket: Sendable {
    enum State: Int { case waiting, stored, lost }
    let state = Atomic<Int>(State.waiting.rawValue)
  }

  private struct Runner {
    let settings: KnutepunktConfiguration.DestinationSettings
    let pages: OutboxPages
    let levelMin: UInt8
    var lanes: DestinationLanes
    var wakes: [DeliveryLane.Kind: MonotonicInstant] = [:]
    var unreported: [API.Receipt] = []
    var report: (ticket: Ticket, batch: [API.Receipt])?
  }

  /// Nanoseconds until the outbox is read again that could not be read.
  private static let pause: Int64 = 1_000_000_000
  private static let receiptsPerReport = 500

  private var runners: [Runner] = []
  private let destinations: [SimulatedDestination]
  private let records: RecordBuilder
  private let reader: JournalReader
  private var random: SeededRandom
  private let mutant: Mutant?
  /// Alerts of which the core was told that somebody has them.
  private var noted: Set<AlertID> = []
  /// Where the lanes end at this instant, while all of them look for what is new: most have read that far, and need no page.
  private var ends: OutboxEnds?
  var plan: (Planned, _ after: Int64) -> Void = { _, _ in }
  /// Whether any other destination than this one is away now: for a mutant.
  var isSomebodyAway: () -> Bool = { false }
  var worldNow: () -> Int64 = { 0 }

  init(
    _ configuration: KnutepunktConfiguration, _ destinations: [SimulatedDestination], texts: AlertSentences, seed: UInt64, mutant: Mutant?
  ) throws {
    self.destinations = destinations
    self.mutant = mutant
    random = SeededRandom(seed: seed)
    reader = try JournalReader(path: configuration.hub.journalPath, pointer: configuration.hub.journalPointer)
    records = RecordBuilder(configuration: configuration, reader: reader, sentences: texts)
    for settings in configuration.destinations {
      guard let rules = configuration.sharingRules.destinations.first(where: { $0.name == settings.name }) else { continue }
      runners.append(
        Runner(
          settings: settings, pages: OutboxPages(rules: rules, reader: reader, records: records), levelMin: rules.alertLevelMin,
          lanes: DestinationLanes(seed: random.next())))
    }
  }

  /// When it wants its next turn, on its own clock.
  var nextWake: MonotonicInstant {
    var first = MonotonicInstant.never
    for runner in runners { for wake in runner.wakes.values { first = min(first, wake) } }
    return first
  }

  func begin(at now: MonotonicInstant) {
    for index in runners.indices {
      if let people = try? reader.outboxUrgent(destination: runners[index].pages.number, limit: 256), !people.isEmpty {
        event(.urgent(people), .alarms, of: index, at: now)
      }
      perform(runners[index].lanes.connectivityRestored(at: now), of: index, at: now)
    }
    outboxChanged(at: now)
  }

  func outboxChanged(at now: MonotonicInstant) {
    ends = (try? reader.outboxEnds(of: runners.map(\.pages.number))) ?? nil
    defer { ends = nil }
    for index in runners.indices {
      event(.outboxChanged, .alarms, of: index, at: now)
      event(.outboxChanged, .routine, of: index, at: now)
    }
  }

  /// An alert's change straight from the core, as `ForwardRole` takes it. Answers the key, if the response centre is to have it.
  func hear(_ alert: API.Alert, at now: MonotonicInstant) -> DeliveryKey? {
    guard let change = alert.transition, let transition = alert.alertTransition, transition.mustBeSent else { return nil }
    if !records.isKnown(change) { records.learn(change) }
    var key: DeliveryKey?
    for index in runners.indices where isToldAtOnce(transition, index) {
      guard let record = records.alert(transition, change, for: runners[index].settings) else { continue }
      let item = DeliveryItem(row: nil, record: .alert(record))
      if runners[index].settings.name == World.centre { key = item.key }
      event(.alarmArrived(item), .alarms, of: index, at: now)
    }
    return key
  }

  private func isToldAtOnce(_ transition: AlertTransition, _ index: Int) -> Bool {
    guard case .webhook = runners[index].settings.kind else { return false }
    // What a person did says more in its row.
    let waitsForRow = [.acknowledged, .responding, .resolved].contains(transition.kind)
    return !waitsForRow && transition.level >= runners[index].levelMin
  }

  func turn(at now: MonotonicInstant) {
    for index in runners.indices {
      for kind in DeliveryLane.Kind.allCases {
        guard let wake = runners[index].wakes[kind], wake <= now else { continue }
        runners[index].wakes[kind] = nil
        event(.tick, kind, of: index, at: now)
      }
    }
  }

  func take(_ planned: Planned, at now: MonotonicInstant) {
    switch planned {
    case .answer(let runner, let kind, let attempt, let report):
      event(.attemptEnded(attempt: attempt, report), kind, of: runner, at: now)
    case .fetch(let runner, let kind, let action): perform(action, kind, of: runner, at: now)
    }
  }

  private func event(_ event: DeliveryLane.Event, _ kind: DeliveryLane.Kind, of index: Int, at now: MonotonicInstant) {
    perform(runners[index].lanes.event(event, on: kind, at: now), of: index, at: now)
  }

  private func perform(_ actions: [DestinationLanes.LaneAction], of index: Int, at now: MonotonicInstant) {
    for action in actions { perform(action.action, action.lane, of: index, at: now) }
  }

  private func perform(_ action: DeliveryLane.Action, _ kind: DeliveryLane.Kind, of index: Int, at now: MonotonicInstant) {
    switch action {
    case .send(let attempt): send(attempt, kind, of: index)
    case .fetch(let row, let limit): fetch(action, after: row, limit, .everybody, kind, of: index, at: now)
    case .fetchOthers(let row, let limit, let except): fetch(action, after: row, limit, .others(except), kind, of: index, at: now)
    case .fetchOf(let person, let row, let limit): fetch(action, after: row, limit, .one(person), kind, of: index, at: now)
    case .wake(let instant): runners[index].wakes[kind] = instant == .never ? nil : instant
    case .delivered(let receipts):
      for receipt in receipts {
        runners[index].unreported.append(
          API.Receipt(
            destination: runners[index].settings.name, lane: .known(kind == .alarms ? .alarm : .routine), row: receipt.row,
            key: receipt.key.rawValue, result: .delivered(remoteID: receipt.remoteID)))
      }
    case .deadLetter(let letters):
      for letter in letters {
        runners[index].unreported.append(
          API.Receipt(
            destination: runners[index].settings.name, lane: .known(kind == .alarms ? .alarm : .routine), row: letter.item.row,
            key: letter.item.key.rawValue, result: .refused(reason: "HTTP \(letter.refusal.status)")))
      }
    case .cancel, .destinationDead, .destinationRecovered, .drainSiblings: break
    }
  }

  private func send(_ attempt: DeliveryLane.Attempt, _ kind: DeliveryLane.Kind, of index: Int) {
    guard let destination = destinations.first(where: { $0.name == runners[index].settings.name }) else { return }
    if mutant == .laneBlocks, isSomebodyAway() {
      destination.fails(at: worldNow())
      plan(.answer(runner: index, kind, attempt: attempt.number, DeliveryReport(.failed(.unreachable, retryAfter: nil))), 1_000_000)
      return
    }
    var items = attempt.items
    if mutant == .reordersRecords { items.reverse() }
    if let mutant { items.removeAll { item in item.key.parsedTransition.map { mutant.drops($0.alert) } ?? false } }
    let name: (DeliveryItem) -> DeliveryKey
    if mutant == .deliversWithoutName {
      name = { DeliveryKey(rawValue: "\($0.key)#\(attempt.number)") }
    } else {
      name = \.key
    }
    guard let answer = destination.take(items, named: name, at: worldNow(), &random) else { return }
    var report = answer.report
    if items.count != attempt.items.count, case .each = report.outcome {
      report = DeliveryReport(.each(attempt.items.map { _ in .delivered(remoteID: nil) }))
    }
    plan(.answer(runner: index, kind, attempt: attempt.number, report), answer.after)
  }

  private func fetch(
    _ action: DeliveryLane.Action, after row: UInt64, _ limit: Int, _ scope: OutboxScope, _ kind: DeliveryLane.Kind, of index: Int,
    at now: MonotonicInstant
  ) {
    if scope == .everybody, limit > 0, let end = ends?[runners[index].pages.number, kind == .alarms ? .alarm : .routine], end <= row {
      return event(.fetched([], reachedEnd: true, through: end), kind, of: index, at: now)
    }
    guard let page = try? runners[index].pages.page(kind, after: row, limit: limit, scope: scope) else {
      return plan(.fetch(runner: index, kind, action), Self.pause)
    }
    runners[index].unreported += page.unsendable
    event(.fetched(page.items, reachedEnd: page.reachedEnd, through: page.through), kind, of: index, at: now)
  }

  // MARK: Receipts

  /// Brings receipts to the core, and hears what became of those before. True: something was done.
  func report(to hub: SimulatedHub) -> Bool {
    var hasWorked = false
    for index in runners.indices {
      if let report = runners[index].report {
        switch Ticket.State(rawValue: report.ticket.state.load(ordering: .acquiring)) {
        case .stored: noteDeliveries(report.batch, of: index, hub)
        case .lost: runners[index].unreported = report.batch + runners[index].unreported
        case .waiting, nil: continue
        }
        runners[index].report = nil
        hasWorked = true
      }
      guard !runners[index].unreported.isEmpty else { continue }
      let batch = Array(runners[index].unreported.prefix(Self.receiptsPerReport))
      runners[index].unreported.removeFirst(batch.count)
      let ticket = Ticket()
      let rows = batch.compactMap(DeliveryReceipt.init)
      for row in rows {
        if case .refused = row.result {
          _ = hub.parts.intake.submit(.hubCondition(HubCondition(rule: .deadLetter, holds: true, subject: row.destination)))
          break
        }
      }
      hub.parts.pipeline.requests.submit({ $0.receipts += rows }) { isStored in
        ticket.state.store((isStored ? Ticket.State.stored : .lost).rawValue, ordering: .releasing)
      }
      runners[index].report = (ticket, batch)
      hasWorked = true
    }
    return hasWorked
  }

  /// The core is gone: what it has not confirmed is reported again.
  func coreIsGone() {
    for index in runners.indices {
      guard let report = runners[index].report else { continue }
      runners[index].unreported = report.batch + runners[index].unreported
      runners[index].report = nil
    }
  }

  /// A receiver has the alert: raised → notified, as `CoreService` notes it.
  private func noteDeliveries(_ batch: [API.Receipt], of index: Int, _ hub: SimulatedHub) {
    guard case .webhook = runners[index].settings.kind else { return }
    for receipt in batch {
      guard case .delivered = receipt.result, let alert = DeliveryKey(rawValue: receipt.key).parsedTransition?.alert,
        noted.insert(alert).inserted
      else { continue }
      if hub.parts.intake.submit(.command(AlertCommand(alert: alert, action: .delivered, actor: .hub))) == nil { noted.remove(alert) }
    }
  }
}
