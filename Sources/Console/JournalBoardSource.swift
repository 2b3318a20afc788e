// The board from the journal (read-only) and the core's event stream; actions through the core. The journal is slow or away when
// things are worst, so it is never waited for longer than `patience`: then the last board that could be read is shown, with all that
// the core has told since, and the console says that it is old.

import AlertTexts
import Foundation
import HubConfiguration
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Logging
import NIOPosix
import People
import Synchronization
import VitalSigns

/// What the console shows and does.
final class JournalBoardSource: ConsoleSource {
  /// Closed alerts stay on the board for this long.
  static let closedMilliseconds: Int64 = 3_600_000
  /// Longest wait for the journal. A board of five thousand alerts takes some hundred milliseconds.
  static let patience: Duration = .seconds(2)
  /// Longest wait for the core when a nurse presses: the core answers within `CoreService.actionPatience`, the page asks no longer than 8 s.
  static let actionPatience = Duration.seconds(6)

  private struct Last {
    var snapshot: BoardSnapshot?
    var stored: [AlertID: HeardAlerts.Mark] = [:]
    /// Of everybody with an open alert at the last read; an empty one of who has none.
    var records: [PatientID: ShownRecord] = [:]
    var turns = ReadTurns()
    /// Why the last read failed; nil: it did not, or has not ended yet.
    var failure: String?
    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
  }

  private struct Read {
    var snapshot: BoardSnapshot
    var stored: [AlertID: HeardAlerts.Mark]
    var records: [PatientID: ShownRecord]
  }

  private struct Waiter {
    /// The read that answers.
    var turn: UInt64
    var wake: AsyncStream<Void>.Continuation
  }

  let core: any CoreConnection
  let journal: JournalOnDemand
  private let names: SubjectNames
  /// Receivers that are called, by number: whom an alert was sent to. A record system that has it has told nobody.
  private let called: [UInt32: String]
  private let configuration: KnutepunktConfiguration
  private let heard = Mutex(HeardAlerts())
  private let last = Mutex(Last())
  let personReads = PersonReads()
  private let health = Mutex<BoardHealth?>(nil)
  /// CLOCK_BOOTTIME of the last sign of life in the event stream, nanoseconds; 0 before the first.
  private let lastPulse = Atomic<Int64>(0)
  let logger: Logger

  init(configuration: KnutepunktConfiguration, core: any CoreConnection, logger: Logger) {
    self.core = core
    journal = JournalOnDemand(path: configuration.hub.journalPath, pointer: configuration.hub.journalPointer)
    self.configuration = configuration
    names = SubjectNames(configuration)
    called = Dictionary(
      configuration.destinations.filter(\.isCalled).map { (stableNumber(of: $0.name), $0.name) }, uniquingKeysWith: { first, _ in first })
    self.logger = logger
  }

  // MARK: Reading

  func board() async throws(BoardReadError) -> BoardSnapshot {
    let live = await isCoreLive()
    let isCurrent = await readNow()
    let (known, stored, records, failure) = last.withLock { ($0.snapshot, $0.stored, $0.records, $0.failure) }
    var snapshot =
      known ?? BoardSnapshot(open: [], takenAt: SystemClock.wall(), core: .lost(since: nil))
    if !isCurrent && failure != nil { logger.debug("the journal cannot be read", metadata: ["reason": "\(failure ?? "")"]) }
    snapshot.core = live ? .live : .lost(since: nil)
    snapshot.isCurrent = isCurrent
    snapshot.health = health.withLock { $0 }
    heard.withLock { $0.merge(into: &snapshot, stored: stored) }
    for index in snapshot.open.indices {
      guard let person = snapshot.open[index].person?.id else { continue }
      snapshot.open[index].person?.record = records[person]
    }
    return snapshot
  }

  /// Reads the journal, and waits no longer than `patience`. Whether the board is as the journal is now. One read at a time: what
  /// hangs holds one thread, not one for each attempt.
  private func readNow() async -> Bool {
    let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let (turn, waiter, begins) = last.withLock { last in
      let (turn, begins) = last.turns.ask()
      last.nextWaiter += 1
      last.waiters[last.nextWaiter] = Waiter(turn: turn, wake: wake)
      return (turn, last.nextWaiter, begins)
    }
    if begins { begin() }
    _ = await within(Self.patience) { for await _ in wakes { return } }
    return last.withLock { last in
      last.waiters[waiter] = nil
      return last.turns.ended >= turn && last.failure == nil
    }
  }

  private func begin() {
    let (journal, context) = (journal, (names, called, configuration))
    // Also of who is only heard of: an alarm that is not stored yet has its address on the card.
    let heardOf = heard.withLock { $0.people }
    NIOThreadPool.singleton.submit { [weak self] state in
      guard case .active = state else { self?.ended(nil, failure: "the console stops"); return }
      do throws(JournalError) {
        let now = SystemClock.wall()
        let reader = try journal.reader()
        let rows = try reader.board(closedSince: now.adding(milliseconds: -Self.closedMilliseconds))
        let records = reader.shownRecords(of: heardOf.union(rows.open.map(\.patient)).subtracting([.none]))
        let board = BoardContext(rows: rows, subjects: context.0, called: context.1, configuration: context.2)
        self?.ended(Read(snapshot: board.snapshot(takenAt: now), stored: rows.marks, records: records), failure: nil)
      } catch {
        self?.ended(nil, failure: "\(error)")
      }
    }
  }

  private func ended(_ read: Read?, failure: String?) {
    let (answered, begins) = last.withLock { last in
      last.failure = failure
      if let read { (last.snapshot, last.stored, last.records) = (read.snapshot, read.stored, read.records) }
      let begins = last.turns.end(stillWanted: last.waiters.values.map(\.turn))
      return (last.waiters.values.filter { $0.turn <= last.turns.ended }, begins)
    }
    for waiter in answered { waiter.wake.yield() }
    if begins { begin() }
  }

  /// From the pulses, one a second. Asking would make every page wait for a core that hangs; so only before the first.
  private func isCoreLive() async -> Bool {
    let last = lastPulse.load(ordering: .relaxed)
    if last > 0 { return SystemClock.boottime() - last < 3_000_000_000 }
    return await core.isLive()
  }

  // MARK: Hearing

  func updates() -> AsyncStream<BoardUpdate> {
    let core = core
    let (stream, continuation) = AsyncStream.makeStream(of: BoardUpdate.self, bufferingPolicy: .bufferingNewest(64))
    let signal = RoleSignal(role: .console, core: core)
    // The console takes one stream at a time and drops it when it ends: the task ends with it, at `onTermination`.
    let task = Task { [weak self] in
      while !Task.isCancelled {
        do {
          for try await event in core.hear(as: .console) {
            switch event {
            case .alert(let alert):
              self?.hear(alert)
              if let id = AlertID(text: alert.id) { continuation.yield(.alert(id)) }
            case .committed: continuation.yield(.score(.none))
            case .core(let pulse):
              if pulse.live { self?.lastPulse.store(SystemClock.boottime(), ordering: .relaxed) }
              if let health = self?.health(of: pulse) { continuation.yield(.health(health)) }
              // A pulse that pushes another out shows a board that takes none.
              if case .enqueued = continuation.yield(.core(pulse.live ? .live : .lost(since: nil))) { signal.worked() }
            case .destinations, .other: break
            }
          }
        } catch {
          if !Task.isCancelled { continuation.yield(.core(.lost(since: nil))) }
        }
        try? await Task.sleep(for: .milliseconds(300))
      }
      continuation.finish()
    }
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }

  /// What the pulse says of the hub; nil from a core of an earlier version, which does not say.
  private func health(of pulse: API.CorePulse) -> BoardHealth? {
    guard let problems = pulse.problems else { return nil }
    let health = BoardHealth(
      problems: problems.map { BoardProblem(text: $0.text, isGrave: $0.isGrave) },
      lastHeard: pulse.lastHeard.flatMap { WallTime(text: $0) })
    self.health.withLock { $0 = health }
    return health
  }

  /// Keeps an alert's change until the journal shows it.
  private func hear(_ alert: API.Alert) {
    guard let transition = alert.alertTransition, let change = alert.transition, transition.state != .suspected else { return }
    var card = BoardAlert(
      id: transition.id, rule: transition.rule, priority: transition.priority, state: transition.state,
      person: change.patient == .none ? nil : BoardPerson(id: change.patient, displayName: alert.patientName ?? ""),
      raisedAt: change.raisedWall, level: transition.level,
      escalatesAt: transition.state.isOpen ? transition.escalation(changedAt: change.wall, change.instant) : nil, value: transition.value,
      limit: transition.limit, subject: transition.subject, upper: transition.upper, also: transition.also,
      subjectName: names.name(transition.rule, transition.subject), valueAt: change.wall)
    card.subjectFiles = names.files(transition.rule, transition.subject)
    if let person = card.person, configuration.isMeantToCall {
      // The journal knows whose data controller is another one.
      card.isBoardOnly = !configuration.callsSomebody(for: person.id, controller: configuration.hub.controller)
    }
    let mark = HeardAlerts.Mark(instant: change.instant, revision: transition.revision)
    heard.withLock { $0.hear(card, mark) }
  }

  // MARK: Doing

  func act(on alert: AlertID, _ action: BoardAction, by actor: String) async throws(BoardActionError) {
    var request = API.ActOnAlert(actor: actor)
    let step: API.AlertAction
    switch action {
    case .acknowledge: step = .acknowledge
    case .respond: step = .respond
    case .resolve(let resolution):
      step = .resolve
      request.comment = resolution.comment
      request.cause = resolution.cause.rawValue
      request.measure = resolution.measure.rawValue
      request.useful = resolution.usefulness == .notStated ? nil : resolution.usefulness == .actionable
    }
    let body = request
    do throws(LocalAPIError) {
      try await asked { core throws(LocalAPIError) in try await core.act(on: alert, step, body) }
    } catch {
      throw await reason(error, alert)
    }
  }

  /// Asks the core, and waits no longer than `actionPatience`.
  func asked<Answer: Sendable>(
    _ ask: @escaping @Sendable (any CoreConnection) async throws(LocalAPIError) -> Answer
  ) async throws(LocalAPIError) -> Answer {
    let core = core
    let (answers, answer) = AsyncStream<Result<Answer, LocalAPIError>>.makeStream(bufferingPolicy: .bufferingOldest(1))
    // Without a parent: what was asked of a core that stands still is done when it goes on, as if the nurse had waited. It ends with
    // the connection's own limit.
    Task {
      do throws(LocalAPIError) { answer.yield(.success(try await ask(core))) } catch { answer.yield(.failure(error)) }
    }
    // Without a parent, because it races with the task above: cancelled as soon as either has answered.
    let clock = Task {
      try? await Task.sleep(for: Self.actionPatience)
      answer.yield(.failure(.noAnswer(socket: core.place, reason: "not within \(Self.actionPatience)")))
    }
    defer { clock.cancel() }
    for await first in answers { return try first.get() }
    throw .noAnswer(socket: core.place, reason: "cancelled")
  }

  func look(at people: [PatientID], at place: LookPlace, by actor: String) async -> Bool {
    let looks = API.Looks(actor: actor, patients: people.map(\.description), what: place.rawValue)
    do {
      try await core.look(looks)
      return true
    } catch .refused(let status, _) where status < 500 {
      // Asking again would not help: a name that the hub does not take, or a core of another version.
      logger.error("a look at people is not in the access log", metadata: ["status": "\(status)", "people": "\(people.count)"])
      return true
    } catch {
      return false
    }
  }

  /// "Not recorded" is said only where that is certain: nobody took the request.
  private func reason(_ error: LocalAPIError, _ alert: AlertID) async -> BoardActionError {
    switch error {
    case .notRunning, .notPermitted: return .coreUnavailable
    case .noAnswer, .unexpectedAnswer: return .outcomeUnknown
    case .refused(404, _): return .unknownAlert
    case .refused(409, _):
      guard let now = try? await core.alert(alert) else { return .notOpen }
      // A state of a newer core is not taken for an open one: the board is read anew either way.
      guard case .known(let state) = now.state, state.isOpen else { return .notOpen }
      return now.actor.map { .alreadyTaken(by: $0, state: state) } ?? .notAllowed
    case .refused(503, _): return .outcomeUnknown
    case .refused: return .notAllowed
    }
  }
}
