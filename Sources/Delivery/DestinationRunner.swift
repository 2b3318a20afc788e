// The shell around one destination's lanes: it performs what the state machines ask for (send, cancel, fetch, wake,
// report) and tells them what happened. It decides nothing; Forwarding/ does. Each destination has a runner of its own,
// so nothing that one does can hold up another; and nothing in its loop waits: deliveries, reads of the outbox and
// receipts run beside it, because an alarm must not stand behind a core or a disk that does not answer.

import Forwarding
import Foundation
import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Logging
import Synchronization
import VitalSigns

/// One destination. `run()` until its task is cancelled.
actor DestinationRunner {
  private enum News: Sendable {
    case lane(DeliveryLane.Kind, DeliveryLane.Event)
    case fetched(DeliveryLane.Kind, OutboxPage)
    case attemptEnded(DeliveryLane.Kind, DeliveryLane.Attempt, DeliveryReport)
    case probed(RetryReason?)
    case urgent([PatientID])
    case alarm(DeliveryItem)
    case outboxChanged
    case reconnected
  }

  /// Alarms that wait to be looked at. One more is left to its outbox row.
  private static let alarmsWaitingMax = 1_024
  /// Alarms of one person that wait, so that a flood leaves room for others' alarms. One more is left to its outbox row.
  private static let alarmsOfOneWaitingMax = 64
  /// Receipts in one request: some 100 kB, a tenth of what the local API takes.
  static let receiptsPerReport = 500
  /// The rest between two reports of routine receipts: each report is a commit, and a row of the access log for each person. An
  /// alarm's receipt goes at once.
  static let reportGathering = Duration.milliseconds(500)
  /// The core is told how the destination does at each change. It is told this often although nothing changed, because the core may
  /// be new.
  private static let tellEvery = Duration.seconds(10)

  /// Pause before receipts are offered again.
  static let reportPause = Duration.seconds(1)
  /// Receipts that wait for the core. With more of them the outbox is not read on: its rows are safe where they are.
  static let unreportedMax = 1_024

  let name: String
  private let forwarder: any Forwarder
  let book: any DeliveryBook
  let now: @Sendable () -> MonotonicInstant
  let logger: Logger
  private var lanes: DestinationLanes
  /// Bound: one report of each attempt, probe, read and wake-up under way, `alarmsWaitingMax` alarms, and one piece of news
  /// each of the other kinds.
  private let news: AsyncStream<News>
  private let continuation: AsyncStream<News>.Continuation
  // Tasks without a parent, because news is read while they work. `run` cancels and awaits each of them before it returns. Attempts
  // are held by number: one that was cancelled may still be leaving while the lane's next one is under way.
  private var attempts: [DeliveryLane.Kind: [UInt64: Task<Void, Never>]] = [:]
  private var wakes: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  private var fetches: [DeliveryLane.Kind: Task<Void, Never>] = [:]
  /// Receipts that the core has not confirmed yet, in order. Bound: `unreportedMax`, and what the lanes have in memory. Beyond it
  /// the notes of failures are dropped.
  var unreported: [API.Receipt] = []
  var reporting: Task<Void, Never>?
  /// The task that ends when receipts have gathered for long enough.
  var gathering: Task<Void, Never>?
  var reportedAt: MonotonicInstant?
  private var watch: DestinationWatch
  private var probing: Task<Void, Never>?
  private var telling: Task<Void, Never>?
  private var seeking: Task<Void, Never>?
  private var toldState: API.DestinationState?
  private var toldAt: MonotonicInstant?
  private nonisolated let alarmsWaiting = Mutex<[PatientID: Int]>([:])
  private nonisolated let outboxNews = Atomic<Bool>(false)
  var lastError: String?

  init(
    name: String, forwarder: any Forwarder, book: any DeliveryBook, lanes: DestinationLanes,
    watch: DestinationWatch = DestinationWatch(.records), now: @escaping @Sendable () -> MonotonicInstant, logger: Logger
  ) {
    self.name = name
    self.forwarder = forwarder
    self.book = book
    self.lanes = lanes
    self.watch = watch
    self.now = now
    self.logger = logger
    (news, continuation) = AsyncStream.makeStream(of: News.self)
  }

  /// Works until cancelled. What is under way then is sent again later under the same keys.
  func run() async {
    seekUrgent()
    perform(lanes.connectivityRestored(at: now()))
    await withTaskCancellationHandler {
      for await item in news {
        if Task.isCancelled { break }
        take(item)
      }
    } onCancel: {
      continuation.finish()
    }
    // Every task that was started is in one of these until it has ended. End them.
    let held =
      attempts.values.flatMap(\.values) + Array(wakes.values) + Array(fetches.values)
      + [reporting, gathering, probing, telling, seeking].compactMap(\.self)
    for task in held { task.cancel() }
    for task in held { await task.value }
  }

  /// New rows may be in the outbox.
  nonisolated func outboxChanged() {
    if !outboxNews.exchange(true, ordering: .acquiringAndReleasing) { continuation.yield(.outboxChanged) }
  }

  /// Whether one more alarm of this person would be looked at now.
  nonisolated func hasRoom(for person: PatientID) -> Bool {
    alarmsWaiting.withLock { $0[person, default: 0] < Self.alarmsOfOneWaitingMax }
  }

  /// An alarm straight from the core, perhaps before the disk has it.
  nonisolated func alarm(_ item: DeliveryItem) {
    let person = item.person
    let isTaken = alarmsWaiting.withLock { waiting in
      let own = waiting[person, default: 0]
      if own >= Self.alarmsOfOneWaitingMax || waiting.values.reduce(0, +) >= Self.alarmsWaitingMax { return false }
      waiting[person] = own + 1
      return true
    }
    if isTaken { continuation.yield(.alarm(item)) } else { outboxChanged() }
  }

  /// Returns when the runner is not stuck, for the watchdog, and looks at how the destination does. True: it is well and nothing waits,
  /// so that the next look may come later.
  func beat() -> Bool {
    look()
    return watch.state == .well && !somethingWaits
  }

  /// The core answers again: everything unsettled is tried at once.
  nonisolated func reconnected() { continuation.yield(.reconnected) }

  private func take(_ item: News) {
    switch item {
    case .lane(let kind, let event):
      perform(lanes.event(event, on: kind, at: now()))
    case .fetched(let kind, let page):
      unreported += page.unsendable
      perform(lanes.event(.fetched(page.items, reachedEnd: page.reachedEnd, through: page.through), on: kind, at: now()))
    case .attemptEnded(let kind, let attempt, let report):
      ended(attempt, report, on: kind)
    case .probed(let failure):
      probing = nil
      watch.probed(failure: failure, somethingWaits: somethingWaits, at: now())
      look()
    case .urgent(let people):
      seeking = nil
      if !people.isEmpty { perform(lanes.event(.urgent(people), on: .alarms, at: now())) }
    case .alarm(let alarm):
      alarmsWaiting.withLock { waiting in
        let left = waiting[alarm.person, default: 1] - 1
        waiting[alarm.person] = left > 0 ? left : nil
      }
      perform(lanes.event(.alarmArrived(alarm), on: .alarms, at: now()))
    case .outboxChanged:
      outboxNews.store(false, ordering: .releasing)
      lookIntoOutbox()
    case .reconnected:
      seekUrgent()
      perform(lanes.connectivityRestored(at: now()))
      // Nobody has announced what was committed while nobody listened.
      lookIntoOutbox()
    }
    flushReceipts()
  }

  /// Looks for the most urgent calls first after a time in which nobody told us of alarms, because the backlog may be long.
  private func seekUrgent() {
    guard seeking == nil else { return }
    let (book, continuation) = (book, continuation)
    // The task is held in `seeking`, one at a time; `run` ends it.
    seeking = Task { continuation.yield(.urgent(await book.urgent())) }
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
    case .cancel(let number):
      attempts[kind]?[number]?.cancel()
      // The cancelled attempt's own report will come too late to count. An attempt that is given up counts as one that the
      // destination did not answer.
      watch.attempted(failure: .timedOut, at: now())
    case .fetch(let row, let limit): fetch(after: row, limit: limit, .everybody, on: kind)
    case .fetchOthers(let row, let limit, let except): fetch(after: row, limit: limit, .others(except), on: kind)
    case .fetchOf(let person, let row, let limit): fetch(after: row, limit: limit, .one(person), on: kind)
    case .wake(let instant): wake(at: instant, on: kind)
    case .delivered(let receipts): delivered(receipts, on: kind)
    case .deadLetter(let letters): refused(letters, on: kind)
    case .destinationDead(let reason):
      logger.error("a destination does not answer", metadata: ["destination": "\(name)", "reason": "\(reason)"])
    case .destinationRecovered:
      logger.notice("a destination answers again", metadata: ["destination": "\(name)"])
    case .drainSiblings:
      break  // Carried out by `DestinationLanes`.
    }
  }

  private func send(_ attempt: DeliveryLane.Attempt, on kind: DeliveryLane.Kind) {
    let forwarder = forwarder
    let continuation = continuation
    // The task is held by the attempt's number until it reports, also when it was cancelled; `run` ends what is left.
    attempts[kind, default: [:]][attempt.number] = Task {
      let report = await forwarder.deliver(attempt.items)
      continuation.yield(.attemptEnded(kind, attempt, report))
    }
  }

  private func ended(_ attempt: DeliveryLane.Attempt, _ report: DeliveryReport, on kind: DeliveryLane.Kind) {
    attempts[kind]?[attempt.number] = nil
    let state = kind == .alarms ? lanes.alarms.state : lanes.routine.state
    // The report of an attempt that was given up says nothing about the destination now.
    if state == .sending(attempt: attempt.number) {
      noteFailure(report, of: attempt, on: kind)
      watch.attempted(failure: report.silence, at: now())
    }
    perform(lanes.event(.attemptEnded(attempt: attempt.number, report), on: kind, at: now()))
    look()
  }

  /// Counts a failing attempt at its first item, so that `outbox list` shows what stands in the way.
  private func noteFailure(_ report: DeliveryReport, of attempt: DeliveryLane.Attempt, on kind: DeliveryLane.Kind) {
    guard let failure = report.failure else { return }
    let text = failure.key
    if lastError != text { logger.warning("a delivery failed", metadata: ["destination": "\(name)", "reason": "\(failure)"]) }
    lastError = text
    guard let first = attempt.items.first(where: { $0.row != nil }) else { return }
    unreported.append(
      API.Receipt(destination: name, lane: .init(kind), row: first.row, key: first.key.rawValue, result: .failing(error: text)))
  }

  // MARK: How the destination does

  private var somethingWaits: Bool { lanes.alarms.count > 0 || lanes.routine.count > 0 }

  private func look() {
    let now = now()
    // A lane has a deadline for each attempt, so a destination that hangs is one that fails.
    if let change = watch.look(stuckSince: lanes.alarms.stuckSince, at: now) {
      switch change {
      case .down(let reason):
        logger.error("a destination takes nothing", metadata: ["destination": "\(name)", "reason": "\(reason.key)"])
      case .up: logger.notice("a destination is well again", metadata: ["destination": "\(name)"])
      }
    }
    if probing == nil, watch.wantsProbe(at: now) {
      let (forwarder, continuation) = (forwarder, continuation)
      probing = Task { continuation.yield(.probed(await forwarder.probe())) }
    }
    tell(at: now)
  }

  private func tell(at now: MonotonicInstant) {
    guard telling == nil else { return }
    let state = described(at: now)
    let isNews = state.state != toldState?.state || state.reason != toldState?.reason
    let isDue = toldAt.map { $0.adding(Self.tellEvery) <= now } ?? true
    guard isNews || isDue else { return }
    let book = book
    toldAt = now
    telling = Task { [weak self] in
      let heard = await book.tell(state)
      if !heard { try? await Task.sleep(for: Self.reportPause) }
      await self?.told(heard ? state : nil)
    }
  }

  func told(_ state: API.DestinationState?) {
    telling = nil
    if let state { toldState = state } else { toldState = nil }
  }

  /// What the core is told: the runner's instants as wall-clock text.
  private func described(at now: MonotonicInstant) -> API.DestinationState {
    let wall = SystemClock.wall()
    func text(_ instant: MonotonicInstant) -> String { wall.moved(from: now, to: instant).description }
    var state = API.DestinationState(name: name, state: .unknown)
    state.lastSuccess = watch.lastSuccess.map(text)
    state.alarmWaitingSince = lanes.alarms.waitingSince.map(text)
    switch watch.state {
    case .unknown: break
    case .well: state.state = .known(.well)
    case .failing(let since, let reason):
      (state.state, state.reason, state.text, state.since) = (.known(.failing), reason.key, reason.advice, text(since))
    case .down(let since, let reason, _):
      (state.state, state.reason, state.text, state.since) = (.known(.down), reason.key, reason.advice, text(since))
    }
    return state
  }

  // MARK: The outbox

  private func fetch(after row: UInt64, limit: Int, _ scope: OutboxScope, on kind: DeliveryLane.Kind) {
    let book = book
    let continuation = continuation
    fetches[kind] = Task { [weak self] in
      while !Task.isCancelled {
        if await self?.reportsAreBehind == false, let page = await book.fetch(kind, after: row, limit: limit, scope: scope) {
          continuation.yield(.fetched(kind, page))
          return
        }
        // The lane waits for this answer alone, so an outbox that cannot be read now is read again in a second.
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
      // The wake-up is never early by a rounding: the lane asks for it once, and an early one tells it nothing.
      while !Task.isCancelled {
        let left = instant.rawValue &- now().rawValue
        if left <= 0 {
          continuation.yield(.lane(kind, .tick))
          return
        }
        // A sleep stands still while the machine does, and the instant does not: a second at a time. Few lanes wait so: they have failed.
        try? await Task.sleep(for: min(.nanoseconds(left), Self.reportPause))
      }
    }
  }
}
