// The shell around one destination's lanes: it performs what the state machines ask for (send, cancel, fetch, wake,
// report) and tells them what happened. It decides nothing; Forwarding/ does. Each destination has a runner of its own,
// so nothing that one does can hold up another; and nothing in its loop waits: deliveries, reads of the outbox and
// receipts run beside it, because an alarm must not stand behind a core or a disk that does not answer.

import Forwarding
import Foundation
import Logging
import Synchronization
import VitalSigns

/// Where a runner reads rows and leaves receipts. Implemented by the forward role.
protocol DeliveryBook: Sendable {
  /// Unsettled rows above `row`, in order; nil when the outbox cannot be read now.
  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int) async -> OutboxPage?
  /// Journals receipts; true when that is done with: the core has them durably, or will never take them.
  func report(_ receipts: [API.Receipt]) async -> Bool
}

/// What one read of the outbox gave.
struct OutboxPage: Sendable {
  var items: [DeliveryItem] = []
  /// Rows that this kind of destination has no form for, or that no agreement covers any more.
  var unsendable: [API.Receipt] = []
  var reachedEnd = true
}

/// One destination. `run()` until its task is cancelled.
actor DestinationRunner {
  private enum News: Sendable {
    case lane(DeliveryLane.Kind, DeliveryLane.Event)
    case fetched(DeliveryLane.Kind, OutboxPage)
    case alarm(DeliveryItem)
    case outboxChanged
    case reconnected
  }

  /// Alarms that wait to be looked at; one more is left to its outbox row.
  private static let alarmsWaitingMax = 1_024
  /// Receipts in one request: far below what the local API takes.
  private static let receiptsPerReport = 200
  /// Keys remembered in each of two generations, as many as a lane remembers settled ones.
  private static let generationMax = 1_024

  /// Pause before receipts are offered again.
  static let reportPause = Duration.seconds(1)
  /// Receipts that wait for the core. With more the outbox is not read on: what is in it is safe there.
  static let unreportedMax = 1_024

  let name: String
  private let forwarder: any Forwarder
  private let book: any DeliveryBook
  private let now: @Sendable () -> MonotonicInstant
  private let logger: Logger
  private var lanes: DestinationLanes
  /// Bound: one report of each attempt, read and wake-up under way, `alarmsWaitingMax` alarms, and one piece of news each
  /// of the other kinds.
  private let news: AsyncStream<News>
  private let continuation: AsyncStream<News>.Continuation
  // Without a parent, because news is read while they work; `run` cancels and awaits each of them before it returns.
  private var attempts: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  private var wakes: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  private var fetches: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  /// Receipts that the core has not confirmed yet, in order. Bound: `unreportedMax` and what the lanes have in memory;
  /// beyond it the notes of failures go.
  private var unreported: [API.Receipt] = []
  private var reporting: Task<Void, Never>?
  /// Alarms delivered before their outbox row was known: should the row turn up after all, it is settled too.
  private var settledEarly = RecentKeys<API.Receipt>(generationMax: generationMax)
  /// Refused for good, with the row, 0 when it was not known. A higher row of the same key: a person wants it sent again.
  private var refusedRows = RecentKeys<UInt64>(generationMax: generationMax)
  private nonisolated let alarmsWaiting = Atomic<Int>(0)
  private nonisolated let outboxNews = Atomic<Bool>(false)
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
        take(item)
      }
    } onCancel: {
      continuation.finish()
    }
    // Every task that was started is held in one of these, at most one of a kind and lane: end them before returning.
    let held = Array(attempts.values) + Array(wakes.values) + Array(fetches.values) + (reporting.map { [$0] } ?? [])
    for task in held { task.cancel() }
    for task in held { await task.value }
  }

  /// New rows may be in the outbox.
  nonisolated func outboxChanged() {
    if !outboxNews.exchange(true, ordering: .acquiringAndReleasing) { continuation.yield(.outboxChanged) }
  }

  /// An alarm straight from the core, perhaps before the disk has it.
  nonisolated func alarm(_ item: DeliveryItem) {
    if alarmsWaiting.load(ordering: .relaxed) >= Self.alarmsWaitingMax { return outboxChanged() }
    alarmsWaiting.wrappingAdd(1, ordering: .relaxed)
    continuation.yield(.alarm(item))
  }

  /// Answers when the runner is not stuck; the watchdog asks.
  func beat() {}

  /// The core answers again: everything unsettled is tried at once.
  nonisolated func reconnected() { continuation.yield(.reconnected) }

  private func take(_ item: News) {
    switch item {
    case .lane(let kind, let event):
      perform(lanes.event(event, on: kind, at: now()))
    case .fetched(let kind, let page):
      unreported += page.unsendable
      settleLateRows(page.items)
      sendAgain(page.items, on: kind)
      perform(lanes.event(.fetched(page.items, reachedEnd: page.reachedEnd), on: kind, at: now()))
    case .alarm(let alarm):
      alarmsWaiting.wrappingSubtract(1, ordering: .relaxed)
      perform(lanes.event(.alarmArrived(alarm), on: .alarms, at: now()))
    case .outboxChanged:
      outboxNews.store(false, ordering: .releasing)
      lookIntoOutbox()
    case .reconnected:
      perform(lanes.connectivityRestored(at: now()))
      // What was committed while nobody listened has been announced to nobody.
      lookIntoOutbox()
    }
    flushReceipts()
  }

  private func lookIntoOutbox() {
    perform(lanes.event(.outboxChanged, on: .alarms, at: now()))
    perform(lanes.event(.outboxChanged, on: .routine, at: now()))
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
    guard let text = report.failure?.key else { return }
    if lastError != text { logger.warning("a delivery failed", metadata: ["destination": "\(name)", "reason": "\(text)"]) }
    lastError = text
    guard let first = attempt.items.first(where: { $0.row != nil }) else { return }
    unreported.append(API.Receipt(destination: name, kind, first.row, key: first.key, state: "failing", error: text))
  }

  private func fetch(after row: UInt64, limit: Int, on kind: DeliveryLane.Kind) {
    let book = book
    let continuation = continuation
    fetches[kind] = Task { [weak self] in
      while !Task.isCancelled {
        if await self?.reportsAreBehind == false, let page = await book.fetch(kind, after: row, limit: limit) {
          continuation.yield(.fetched(kind, page))
          return
        }
        // The lane waits for this answer alone: an outbox that cannot be read now is read in a second.
        try? await Task.sleep(for: Self.reportPause)
      }
    }
  }

  private func wake(at instant: MonotonicInstant, on kind: DeliveryLane.Kind) {
    wakes[kind]?.cancel()
    wakes[kind] = nil
    if instant == .never { return }
    let continuation = continuation
    let now = now
    wakes[kind] = Task {
      // Never early by a rounding: the lane asks for a wake-up once, and an early one tells it nothing.
      while !Task.isCancelled {
        let left = instant.rawValue &- now().rawValue
        if left <= 0 {
          continuation.yield(.lane(kind, .tick))
          return
        }
        try? await Task.sleep(for: .nanoseconds(left))
      }
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
      if receipt.row == nil { settledEarly.insert(report, for: receipt.key) }
      unreported.append(report)
    }
  }

  /// A receipt that reached the core before the row was committed matched nothing; now it can name the row.
  private func settleLateRows(_ items: [DeliveryItem]) {
    for item in items {
      guard let row = item.row, var receipt = settledEarly.remove(item.key) else { continue }
      receipt.row = row
      unreported.append(receipt)
    }
  }

  /// The lane passes over keys that it has settled; these are to be sent all the same.
  private func sendAgain(_ items: [DeliveryItem], on kind: DeliveryLane.Kind) {
    for item in items {
      guard let row = item.row, let refused = refusedRows[item.key], row > refused else { continue }
      _ = refusedRows.remove(item.key)
      perform(lanes.event(.requeued([item.key], fromRow: row), on: kind, at: now()))
    }
  }

  private func refused(_ letters: [DeliveryLane.DeadLetter], on kind: DeliveryLane.Kind) {
    for letter in letters {
      logger.error(
        "a destination refused a record for good",
        metadata: ["destination": "\(name)", "status": "\(letter.refusal.status)", "key": "\(letter.item.key)"])
      refusedRows.insert(letter.item.row ?? 0, for: letter.item.key)
      let reason = "HTTP \(letter.refusal.status): \(letter.refusal.diagnostics)"
      unreported.append(API.Receipt(destination: name, kind, letter.item.row, key: letter.item.key, state: "dead", error: reason))
    }
  }

  /// Receipts travel beside the deliveries and never hold one up: while the store is stuck the core answers none, and the
  /// next alarm must go out all the same. They stay here until the core has them; after a restart of this role the rows
  /// would be sent again under the same keys, which destinations bear.
  private func flushReceipts() {
    guard reporting == nil, !unreported.isEmpty else { return }
    let batch = Array(unreported.prefix(Self.receiptsPerReport))
    unreported.removeFirst(batch.count)
    let book = book
    reporting = Task { [weak self] in
      let stored = await book.report(batch)
      if !stored { try? await Task.sleep(for: Self.reportPause) }
      await self?.reported(batch, stored: stored)
    }
  }

  private func reported(_ batch: [API.Receipt], stored: Bool) {
    reporting = nil
    if !stored { unreported = batch + unreported }
    // Failures are notes for people; what is settled must be told.
    if unreported.count > Self.unreportedMax { unreported.removeAll { $0.state == "failing" } }
    if !Task.isCancelled { flushReceipts() }
  }

  private var reportsAreBehind: Bool { unreported.count >= Self.unreportedMax }
}

/// Values by key, the newest of them: when a generation is full the one before it is forgotten.
private struct RecentKeys<Value> {
  let generationMax: Int
  private var newer: [DeliveryKey: Value] = [:]
  private var older: [DeliveryKey: Value] = [:]

  init(generationMax: Int) { self.generationMax = generationMax }

  subscript(key: DeliveryKey) -> Value? { newer[key] ?? older[key] }

  mutating func insert(_ value: Value, for key: DeliveryKey) {
    if newer.count >= generationMax { (older, newer) = (newer, [:]) }
    newer[key] = value
  }

  mutating func remove(_ key: DeliveryKey) -> Value? {
    let old = older.removeValue(forKey: key)
    return newer.removeValue(forKey: key) ?? old
  }
}

extension DeliveryReport {
  /// Why something is to be sent again, if anything is.
  fileprivate var failure: RetryReason? {
    switch outcome {
    case .failed(let reason, _): return reason
    case .refusedTogether: return nil
    case .each(let results):
      for case .retry(let reason, _) in results { return reason }
      return nil
    }
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
