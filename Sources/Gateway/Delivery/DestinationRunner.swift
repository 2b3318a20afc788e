// The shell around one destination's lanes: it performs what the state machines ask for (send, cancel, fetch, wake,
// report) and tells them what happened. It decides nothing; Forwarding/ does. Each destination has a runner of its own,
// so nothing that one does can hold up another.

import Forwarding
import Foundation
import Logging
import VitalSigns

/// Where a runner reads rows and leaves receipts. Implemented by the forward role.
protocol DeliveryBook: Sendable {
  /// Unsettled rows above `row`, in order; `reachedEnd` when there are no more.
  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int) async -> (items: [DeliveryItem], reachedEnd: Bool)
  /// Journals receipts; true when the core has them durably.
  func report(_ receipts: [API.Receipt]) async -> Bool
}

/// One destination. `run()` until its task is cancelled.
actor DestinationRunner {
  private enum News: Sendable {
    case lane(DeliveryLane.Kind, DeliveryLane.Event)
    case reconnected
  }

  let name: String
  private let forwarder: any Forwarder
  private let book: any DeliveryBook
  private let now: @Sendable () -> MonotonicInstant
  private let logger: Logger
  private var lanes: DestinationLanes
  private let news: AsyncStream<News>
  private let continuation: AsyncStream<News>.Continuation
  private var attempts: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  private var wakes: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  private var fetches: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  /// Receipts that the core has not confirmed yet, in order. Bound: one window of each lane; the lanes' own windows hold.
  private var unreported: [API.Receipt] = []
  /// Alarms settled before their outbox row was known: should the row turn up after all, it is settled too. Bound: 1024.
  private var settledEarly: [DeliveryKey: API.Receipt] = [:]
  private var lastError: String?

  init(
    name: String, forwarder: any Forwarder, book: any DeliveryBook, lanes: DestinationLanes,
    now: @escaping @Sendable () -> MonotonicInstant, logger: Logger
  ) {
    self.name = name
    self.forwarder = forwarder
    self.book = book
    self.lanes = lanes
    self.now = now
    self.logger = logger
    (news, continuation) = AsyncStream.makeStream(of: News.self)
  }

  /// Works until cancelled. Whatever is under way then is resent later under the same keys.
  func run() async {
    perform(lanes.connectivityRestored(at: now()))
    await withTaskCancellationHandler {
      for await item in news {
        if Task.isCancelled { break }
        await take(item)
      }
    } onCancel: {
      continuation.finish()
    }
    // Every task that was started is held in one of these, at most one of a kind and lane: end them before returning.
    let held = Array(attempts.values) + Array(wakes.values) + Array(fetches.values)
    for task in held { task.cancel() }
    for task in held { await task.value }
  }

  /// New rows may be in the outbox.
  nonisolated func outboxChanged() {
    continuation.yield(.lane(.alarms, .outboxChanged))
    continuation.yield(.lane(.routine, .outboxChanged))
  }

  /// An alarm straight from the core, perhaps before the disk has it.
  nonisolated func alarm(_ item: DeliveryItem) { continuation.yield(.lane(.alarms, .alarmArrived(item))) }

  /// The core answers again: everything unsettled is tried at once.
  nonisolated func reconnected() { continuation.yield(.reconnected) }

  private func take(_ item: News) async {
    switch item {
    case .lane(let kind, let event):
      if case .fetched(let items, _) = event { settleLateRows(items) }
      perform(lanes.event(event, on: kind, at: now()))
    case .reconnected: perform(lanes.connectivityRestored(at: now()))
    }
    await flushReceipts()
  }

  // MARK: Actions

  private func perform(_ actions: [DestinationLanes.LaneAction]) {
    for action in actions { perform(action.action, on: action.lane) }
  }

  private func perform(_ action: DeliveryLane.Action, on kind: DeliveryLane.Kind) {
    switch action {
    case .send(let attempt): send(attempt, on: kind)
    case .cancel: attempts[kind]?.cancel()
    case .fetch(let row, let limit): fetch(after: row, limit: limit, on: kind)
    case .wake(let instant): wake(at: instant, on: kind)
    case .delivered(let receipts): delivered(receipts, on: kind)
    case .deadLetter(let letters): refused(letters, on: kind)
    case .destinationDead(let reason):
      logger.error("a destination does not answer", metadata: ["destination": "\(name)", "reason": "\(reason.key)"])
    case .destinationRecovered:
      logger.notice("a destination answers again", metadata: ["destination": "\(name)"])
    case .drainSiblings:
      break  // Carried out by `DestinationLanes`.
    }
  }

  private func send(_ attempt: DeliveryLane.Attempt, on kind: DeliveryLane.Kind) {
    let forwarder = forwarder
    let continuation = continuation
    attempts[kind] = Task { [weak self] in
      let report = await forwarder.deliver(attempt.items)
      await self?.noteFailure(report, of: attempt, on: kind)
      continuation.yield(.lane(kind, .attemptEnded(attempt: attempt.number, report)))
    }
  }

  /// One failing attempt is counted at its first item, so that `outbox list` shows what stands in the way.
  private func noteFailure(_ report: DeliveryReport, of attempt: DeliveryLane.Attempt, on kind: DeliveryLane.Kind) {
    guard case .failed(let reason, _) = report.outcome else { return }
    let text = reason.key
    if lastError != text { logger.warning("a delivery failed", metadata: ["destination": "\(name)", "reason": "\(text)"]) }
    lastError = text
    guard let first = attempt.items.first(where: { $0.row != nil }) else { return }
    unreported.append(API.Receipt(destination: name, kind, first.row, key: first.key, state: "failing", error: text))
  }

  private func fetch(after row: UInt64, limit: Int, on kind: DeliveryLane.Kind) {
    let book = book
    let continuation = continuation
    fetches[kind] = Task {
      let (items, reachedEnd) = await book.fetch(kind, after: row, limit: limit)
      continuation.yield(.lane(kind, .fetched(items, reachedEnd: reachedEnd)))
    }
  }

  private func wake(at instant: MonotonicInstant, on kind: DeliveryLane.Kind) {
    wakes[kind]?.cancel()
    wakes[kind] = nil
    if instant == .never { return }
    let nanoseconds = max(0, instant.rawValue &- now().rawValue)
    let continuation = continuation
    wakes[kind] = Task {
      try? await Task.sleep(for: .nanoseconds(nanoseconds))
      if !Task.isCancelled { continuation.yield(.lane(kind, .tick)) }
    }
  }

  private func delivered(_ receipts: [DeliveryLane.Receipt], on kind: DeliveryLane.Kind) {
    lastError = nil
    for receipt in receipts {
      if case .severalMatches(let key) = receipt.note {
        logger.warning(
          "the destination holds several records with one identifier", metadata: ["destination": "\(name)", "key": "\(key)"])
      }
      let report = API.Receipt(destination: name, kind, receipt.row, key: receipt.key, state: "delivered", remoteID: receipt.remoteID)
      if receipt.row == nil {
        if settledEarly.count >= 1_024 { settledEarly.removeAll() }
        settledEarly[receipt.key] = report
      }
      unreported.append(report)
    }
  }

  /// A receipt that reached the core before the row was committed matched nothing; now it can name the row.
  private func settleLateRows(_ items: [DeliveryItem]) {
    for item in items {
      guard var receipt = settledEarly.removeValue(forKey: item.key), let row = item.row else { continue }
      receipt.row = row
      unreported.append(receipt)
    }
  }

  private func refused(_ letters: [DeliveryLane.DeadLetter], on kind: DeliveryLane.Kind) {
    for letter in letters {
      logger.error(
        "a destination refused a record for good",
        metadata: ["destination": "\(name)", "status": "\(letter.refusal.status)", "key": "\(letter.item.key)"])
      let reason = "HTTP \(letter.refusal.status): \(letter.refusal.diagnostics)"
      unreported.append(API.Receipt(destination: name, kind, letter.item.row, key: letter.item.key, state: "dead", error: reason))
    }
  }

  /// Receipts stay here until the core has them; without the core there is nobody to keep them, and a restart of this
  /// role would send the rows again under the same keys, which destinations bear.
  private func flushReceipts() async {
    if unreported.isEmpty { return }
    let batch = unreported
    unreported = []
    if await !book.report(batch) { unreported = batch + unreported }
  }
}

extension API.Receipt {
  init(
    destination: String, _ lane: DeliveryLane.Kind, _ row: UInt64?, key: DeliveryKey, state: String, error: String? = nil,
    remoteID: String? = nil
  ) {
    self.init(
      destination: destination, lane: lane == .alarms ? "alarm" : "routine", row: row, key: key.rawValue, state: state, error: error,
      remoteID: remoteID)
  }
}
