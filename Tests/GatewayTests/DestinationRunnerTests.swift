// One destination's shell with a scripted forwarder and a scripted outbox: one delivery an alarm whichever way it comes
// first, receipts that outlive the core's absence, and rows that are fetched when a commit is announced.

import Forwarding
import Foundation
import Journal
import Synchronization
import Testing
import VitalSigns

@testable import Delivery
@testable import HubRuntime
@testable import LocalAPI

/// Answers each attempt with the next line of its script, and with "delivered" after the last.
private final class ScriptedForwarder: Forwarder {
  private let script: Mutex<[DeliveryReport.Outcome]>
  private let sent = Mutex<[[DeliveryKey]]>([])

  init(_ script: [DeliveryReport.Outcome] = []) { self.script = Mutex(script) }

  var attempts: [[DeliveryKey]] { sent.withLock { $0 } }

  func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport {
    sent.withLock { $0.append(batch.map(\.key)) }
    let line = script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    return DeliveryReport(line ?? .each(batch.map { _ in .delivered(remoteID: "there") }))
  }

  func shutdown() async {}
}

/// Takes everything and never answers.
private struct SilentForwarder: Forwarder {
  func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport {
    try? await Task.sleep(for: .seconds(60))
    return DeliveryReport(.failed(.timedOut, retryAfter: nil))
  }
  func shutdown() async {}
}

/// An outbox in memory, and a core that can be away.
private final class ScriptedBook: DeliveryBook {
  private struct State {
    var rows: [DeliveryLane.Kind: [DeliveryItem]] = [:]
    var unsendable: [API.Receipt] = []
    var reported: [API.Receipt] = []
    var refusedReports = 0
    var coreIsAway = false
    var fetches = 0
    var told: [API.DestinationState] = []
  }
  private let state = Mutex(State())

  var reported: [API.Receipt] { state.withLock { $0.reported } }
  var refusedReports: Int { state.withLock { $0.refusedReports } }
  var fetches: Int { state.withLock { $0.fetches } }
  var told: [API.DestinationState] { state.withLock { $0.told } }
  func tell(_ report: API.DestinationState) async -> Bool {
    state.withLock { $0.told.append(report) }
    return true
  }
  /// Nothing waits that would have to be sought first.
  func urgent() async -> [PatientID] { [] }
  func setCoreAway(_ away: Bool) { state.withLock { $0.coreIsAway = away } }
  func setUnsendable(_ receipts: [API.Receipt]) { state.withLock { $0.unsendable = receipts } }
  func add(_ item: DeliveryItem, to lane: DeliveryLane.Kind) { state.withLock { $0.rows[lane, default: []].append(item) } }

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) async -> OutboxPage? {
    state.withLock { state in
      state.fetches += 1
      let above = (state.rows[lane] ?? []).filter { ($0.row ?? 0) > row && scope.holds($0.person) }
      let unsendable = lane == .routine ? state.unsendable : []
      return OutboxPage(items: Array(above.prefix(limit)), unsendable: unsendable, reachedEnd: above.count <= limit)
    }
  }

  func report(_ receipts: [API.Receipt]) async -> Bool {
    state.withLock { state in
      if state.coreIsAway {
        state.refusedReports += 1
        return false
      }
      state.reported += receipts
      let settled = Set(receipts.filter { !$0.isFailing }.compactMap(\.row))
      for lane in DeliveryLane.Kind.allCases { state.rows[lane]?.removeAll { settled.contains($0.row ?? 0) } }
      return true
    }
  }
}

extension OutboxScope {
  fileprivate func holds(_ person: PatientID) -> Bool {
    switch self {
    case .everybody: true
    case .others(let people): !people.contains(person)
    case .one(let one): one == person
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct DestinationRunnerTests {
  private let book = ScriptedBook()

  private func alarm(row: UInt64? = nil, number: UInt64 = 1) -> DeliveryItem {
    DeliveryItem(
      row: row,
      record: .alert(
        AlertRecord(
          transition: transition(.raised, number: number), instant: MonotonicInstant(rawValue: 40_000_000_000), occurredAt: Street.noon,
          raisedAt: Street.noon, patient: nil, device: nil, controller: Street.controller, evidence: [],
          text: .init(nb: "nb", nn: "nn", en: "en"))))
  }

  private func observation(row: UInt64) -> DeliveryItem {
    DeliveryItem(
      row: row,
      record: .observation(
        ObservationRecord(
          sequence: row, observation: Observation(code: .oxygenSaturation, value: Quantity(mantissa: 97), unit: .percent),
          patient: PatientIdentity(hubPatient: Street.kari), device: nil, controller: Street.controller, measuredAt: .unknown,
          receivedAt: Street.noon)))
  }

  /// Lets a runner work while `body` runs, and ends it.
  private func running(
    _ forwarder: any Forwarder, attemptTimeout: Duration = .seconds(10), watch: DestinationWatch = DestinationWatch(.records),
    _ body: @escaping (DestinationRunner) async throws -> Void
  ) async throws {
    var alarms = RetryPolicy.alarms
    alarms.backoffMin = .milliseconds(1)
    alarms.backoffMax = .milliseconds(2)
    alarms.attemptTimeout = attemptTimeout
    let runner = DestinationRunner(
      name: "nurses", forwarder: forwarder, book: book, lanes: DestinationLanes(alarms: alarms, seed: 1), watch: watch,
      now: { MonotonicInstant(rawValue: SystemClock.boottime()) }, logger: Street.logger)
    let work = Task { await runner.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(runner)) } catch { result = .failure(error) }
    work.cancel()
    await work.value
    try result.get()
  }

  @Test func anAlarmByEventAndByRowIsDeliveredOnce() async throws {
    let (forwarder, book, live, stored) = (ScriptedForwarder(), book, alarm(), alarm(row: 7))
    try await running(forwarder) { runner in
      runner.alarm(live)
      try await eventually("the delivery is reported") { book.reported.count == 1 }
      // The core could not settle a row that was not yet committed: it turns up, and is settled without a second delivery.
      book.add(stored, to: .alarms)
      runner.outboxChanged()
      try await eventually("the late row is settled") { book.reported.count == 2 }
    }
    #expect(forwarder.attempts == [[live.key]])
    #expect(book.reported.map(\.row) == [nil, 7])
    #expect(
      book.reported.allSatisfy { $0.result == .delivered(remoteID: "there") && $0.lane == .known(.alarm) && $0.key == live.key.rawValue })
    #expect(book.reported.allSatisfy { $0.destination == "nurses" })
  }

  @Test func anAlarmWhoseRowComesFirstIsDeliveredOnce() async throws {
    let (forwarder, book, live, stored) = (ScriptedForwarder(), book, alarm(), alarm(row: 7))
    book.add(stored, to: .alarms)
    try await running(forwarder) { runner in
      try await eventually("the delivery is reported") { book.reported.count == 1 }
      runner.alarm(live)
      let fetches = book.fetches
      runner.outboxChanged()
      try await eventually("everything was looked at") { book.fetches > fetches }
    }
    #expect(forwarder.attempts == [[live.key]])
    #expect(book.reported.map(\.row) == [7])
  }

  @Test func receiptsAreKeptWhileTheCoreIsAway() async throws {
    let (forwarder, book) = (ScriptedForwarder(), book)
    book.setCoreAway(true)
    let items = [alarm(row: 1, number: 1), alarm(row: 2, number: 2)]
    book.add(items[0], to: .alarms)
    try await running(forwarder) { runner in
      try await eventually("a report was tried in vain") { book.refusedReports > 0 }
      book.add(items[1], to: .alarms)
      runner.outboxChanged()
      try await eventually("both are delivered") { forwarder.attempts.count == 2 }
      #expect(book.reported.isEmpty)
      book.setCoreAway(false)
      runner.reconnected()
      try await eventually("both are reported") { book.reported.count == 2 }
    }
    #expect(book.reported.map(\.row) == [1, 2])
    #expect(forwarder.attempts == [[items[0].key], [items[1].key]])
  }

  @Test func aCommitBringsTheNewRows() async throws {
    let (forwarder, book) = (ScriptedForwarder(), book)
    let items = [observation(row: 3), observation(row: 4)]
    try await running(forwarder) { runner in
      try await eventually("the empty outbox was read") { book.fetches >= 2 }
      for item in items { book.add(item, to: .routine) }
      #expect(forwarder.attempts.isEmpty)
      runner.outboxChanged()
      try await eventually("both are reported") { book.reported.count == 2 }
    }
    #expect(forwarder.attempts.flatMap { $0 } == items.map(\.key))
    #expect(book.reported.map(\.lane) == [.known(.routine), .known(.routine)])
  }

  @Test func aFailureIsCountedAtTheFirstItemAndTheItemGoesOutAgain() async throws {
    let forwarder = ScriptedForwarder([.failed(.unreachable, retryAfter: nil)])
    let (book, item) = (book, alarm(row: 5))
    book.add(item, to: .alarms)
    try await running(forwarder) { _ in
      try await eventually("both attempts are reported") { book.reported.count == 2 }
    }
    #expect(forwarder.attempts == [[item.key], [item.key]])
    #expect(book.reported.map(\.result) == [.failing(error: "unreachable"), .delivered(remoteID: "there")])
  }

  /// A connector of several requests, each within its own limit, is given up by the lane alone. Probes get through meanwhile.
  @Test func aDestinationThatNeverAnswersIsDown() async throws {
    let book = book
    let bounds = DestinationWatch.Bounds(silentMax: .milliseconds(100), calm: .seconds(1), probeEvery: .milliseconds(20))
    book.add(alarm(row: 5), to: .alarms)
    try await running(SilentForwarder(), attemptTimeout: .milliseconds(20), watch: DestinationWatch(bounds)) { runner in
      // Many attempts in a row, each on a turn of its own, beside a thousand tests that start at once.
      try await eventually("it is told that nothing is taken") {
        _ = await runner.beat()
        return book.told.contains { $0.state == .known(.down) && $0.reason == RetryReason.timedOut.key }
      }
    }
  }

  @Test func rowsWithoutAFormAreRefusedVisibly() async throws {
    let (forwarder, book) = (ScriptedForwarder(), book)
    let formless = API.Receipt(destination: "nurses", lane: .known(.routine), row: 9, key: "", result: .refused(reason: "no form"))
    book.setUnsendable([formless])
    try await running(forwarder) { _ in
      try await eventually("the row is reported") { book.reported.contains { $0.row == 9 && $0.result == .refused(reason: "no form") } }
    }
    #expect(forwarder.attempts.isEmpty)
  }

  @Test func aRefusalForGoodIsADeadLetter() async throws {
    let forwarder = ScriptedForwarder([.each([.refused(Refusal(status: 422, diagnostics: "no such code"))])])
    let (book, item) = (book, alarm(row: 5))
    book.add(item, to: .alarms)
    try await running(forwarder) { _ in
      try await eventually("the refusal is reported") { book.reported.count == 1 }
    }
    #expect(book.reported.map(\.result) == [.refused(reason: "HTTP 422: no such code")])
    #expect(book.reported.first?.row == 5)
  }
}

extension API.Receipt {
  fileprivate var isFailing: Bool { if case .failing = result { true } else { false } }
}
