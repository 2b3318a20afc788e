// The core's operations on alerts, receipts and destinations, on a running core: somebody is first and everybody else is told so, what a
// destination says twice is one alert, and a store that stands still holds nobody up for long.

import Foundation
import HTTPTypes
import HubCore
import Journal
import JournalValues
import NIOCore
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import HubRuntime
@testable import LocalAPI

/// One at a time: each has a core or a role of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CoreServiceAlertTests {
  private let folder = TemporaryFolder()

  /// A core with Kari, her button and two destinations, until `body` returns.
  private func running(_ body: (TestHub, CoreService) async throws -> Void) async throws {
    let secret = folder.write("0123456789abcdef", to: "secret")
    let configuration = try Street.configuration(
      in: folder,
      """
      journal: { ballast: 0B }
      destinations:
        - { name: nurses, kind: webhook, url: "http://127.0.0.1:1/alarms", secretFile: \(secret) }
        - { name: record, kind: fhir, url: "http://127.0.0.1:1/fhir" }
      sharing:
        - { destination: nurses, controller: "\(Street.controller)", share: [alerts], patients: all, basis: a }
        - { destination: record, controller: "\(Street.controller)", share: [alerts], patients: all, basis: a }
      """)
    let hub = try await TestHub(folder) { $0 = configuration }
    let result: Result<Void, any Error>
    do {
      try await hub.register()
      result = .success(try await body(hub, try hub.service()))
    } catch {
      result = .failure(error)
    }
    await hub.parts.stop()
    try result.get()
  }

  /// The HTTP status that a call is refused with; nil: it was not refused.
  private func refusal(_ call: () async throws(LocalAPIFailure) -> some Any) async -> Int? {
    do {
      _ = try await call()
      return nil
    } catch {
      #expect(!error.failure.error.isEmpty)
      return error.status.code
    }
  }

  // MARK: Acting

  @Test func anAlertIsTakenOnceAndClosedWithWords() async throws {
    try await running { hub, service in
      let alert = try await hub.alarm()
      let text = alert.id.description
      let taken = try await service.act(on: String(text.prefix(13)), .acknowledge, API.ActOnAlert(actor: "Nina"))
      #expect(taken.id == text && taken.actor == "Nina" && taken.state == .known(.acknowledged))
      let second = API.ActOnAlert(actor: "Ola")
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.act(on: text, .acknowledge, second) } == 409)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.act(on: text, .resolve, second) } == 400)
      #expect(try await service.alert(text).state == .known(.acknowledged), "without words it is not closed")
      let closed = try await service.act(on: text, .resolve, API.ActOnAlert(actor: "Ola", comment: "Fine."))
      #expect(closed.state == .known(.resolved) && closed.comment == "Fine.")
      for action in [API.AlertAction.acknowledge, .respond, .resolve] {
        let again = API.ActOnAlert(actor: "Nina", comment: "again")
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.act(on: text, action, again) } == 409)
      }
      // The hub may have alerts of its own meanwhile.
      #expect(try await !service.alerts(onlyOpen: true, limit: 10).contains { $0.id == text })
      #expect(try await service.alerts(onlyOpen: false, limit: 10).contains { $0.id == text })
    }
  }

  @Test func ofThoseWhoTakeItAtOnceOneHasIt() async throws {
    try await running { hub, service in
      let text = try await hub.alarm().id.description
      let answers = await withTaskGroup(of: Int?.self) { group in
        for number in 0..<6 {
          group.addTask {
            do throws(LocalAPIFailure) {
              _ = try await service.act(on: text, .acknowledge, API.ActOnAlert(actor: "Nurse \(number)"))
              return nil
            } catch {
              return error.status.code
            }
          }
        }
        return await group.reduce(into: [Int?]()) { $0.append($1) }
      }
      #expect(answers.count { $0 == nil } == 1 && answers.count { $0 == 409 } == 5, "\(answers)")
    }
  }

  @Test func whatNamesNoAlertIsRefused() async throws {
    try await running { _, service in
      let request = API.ActOnAlert(actor: "Nina")
      for (text, status) in [("", 400), ("abc", 400), ("xyzw", 400), ("ffff", 404), ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", 404)] {
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.act(on: text, .acknowledge, request) } == status, "\(text)")
      }
    }
  }

  /// What the core has taken is done; whether it is kept is not known yet, and that is what the nurse is told.
  @Test func aStoreThatStandsStillIsNotWaitedForLongerThanAScreenWaits() async throws {
    try await running { hub, service in
      let text = try await hub.alarm().id.description
      let held = try HeldJournal(folder.path + "/state/journal.sqlite")
      let clock = ContinuousClock()
      let start = clock.now
      let request = API.ActOnAlert(actor: "Nina")
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.act(on: text, .acknowledge, request) } == 503)
      #expect(clock.now - start >= CoreService.actionPatience)
      try held.letGo()
      try await eventually("it is done when the store is well") {
        try hub.parts.reader.openAlerts().first { $0.id.description == text }?.transition.state == .acknowledged
      }
    }
  }

  // MARK: Receipts

  private func rows(_ name: String, _ hub: TestHub) throws -> [OutboxItem] {
    try hub.parts.reader.outboxPending(destination: stableNumber(of: name), lane: .alarm)
  }

  private func receipt(_ name: String, _ row: OutboxItem, _ result: API.Receipt.Result) throws -> API.Receipt {
    guard case .alert(let change, _, _) = row.content else { throw CancellationError() }
    let key = "a/\(change.transition.id)/\(change.transition.kind.key)/\(change.instant.rawValue)"
    return API.Receipt(destination: name, lane: .known(.alarm), row: row.row, key: key, result: result)
  }

  private func notified(_ hub: TestHub, _ alert: AlertID) throws -> Int {
    try hub.parts.reader.alertHistory(alert).count { $0.transition.state == .notified && $0.transition.previous == .raised }
  }

  @Test func whoeverIsCalledMakesAnAlertNotifiedAndOnlyOnce() async throws {
    try await running { hub, service in
      let alert = try await hub.alarm()
      let filed = try receipt("record", try #require(try rows("record", hub).first), .delivered(remoteID: nil))
      _ = try await service.receipts([filed])
      var later = try hub.push(Street.spo2(97))
      #expect(await hub.parts.pipeline.durable.wait(for: later))
      #expect(try notified(hub, alert.id) == 0, "a record system has told nobody")
      let row = try #require(try rows("nurses", hub).first)
      let called = try receipt("nurses", row, .delivered(remoteID: nil))
      _ = try await service.receipts([called, called])
      _ = try await service.receipts([called])
      try await eventually("somebody is told of it") { try notified(hub, alert.id) == 1 }
      later = try hub.push(Street.spo2(96))
      #expect(await hub.parts.pipeline.durable.wait(for: later))
      #expect(try notified(hub, alert.id) == 1)
      #expect(try !rows("nurses", hub).contains { $0.row == row.row })
    }
  }

  @Test func aReceiptThatCannotBeReadRefusesAllThatCameWithIt() async throws {
    try await running { hub, service in
      _ = try await hub.alarm()
      let row = try #require(try rows("nurses", hub).first)
      let good = try receipt("nurses", row, .delivered(remoteID: nil))
      var wrong = [good, good, good]
      wrong[0].lane = .unknown("express")
      wrong[1].row = nil
      wrong[1].key = "a/nothing"
      for bad in wrong.prefix(2) {
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.receipts([good, bad]) } == 400)
      }
      #expect(try rows("nurses", hub).contains { $0.row == row.row }, "nothing of it was settled")
    }
  }

  /// A dead letter raises one alert however often it is told, and sending it again ends the alert.
  @Test func aRefusalForGoodIsOneAlertUntilItIsSentAgain() async throws {
    try await running { hub, service in
      func alerts() throws -> [AlertState] {
        try hub.parts.reader.alerts(AlertFilter(rule: .deadLetter)).map(\.transition.state)
      }
      _ = try await hub.alarm()
      let row = try #require(try rows("nurses", hub).first)
      let dead = try receipt("nurses", row, .refused(reason: "no"))
      _ = try await service.receipts([dead])
      _ = try await service.receipts([dead])
      #expect(try alerts().count == 1 && alerts().allSatisfy(\.isOpen))
      let listed = try await service.outbox(.dead)
      #expect(listed.map(\.id) == [Int64(row.row)] && listed.first?.destination == "nurses" && listed.first?.lastError == "no")
      let stranger = API.RetryOutbox(id: 99_999, destination: nil, actor: "Nina", reason: "mended")
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.retry(stranger) } == 404)
      let nothing = API.RetryOutbox(id: nil, destination: nil, actor: "Nina", reason: "mended")
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.retry(nothing) } == 404)
      _ = try await service.retry(API.RetryOutbox(id: nil, destination: "nurses", actor: "Nina", reason: "mended"))
      #expect(try await service.outbox(.dead).isEmpty)
      try await eventually("the alert ends") { try alerts() == [.cleared] }
      #expect(try await service.outbox(.pending).contains { $0.destination == "nurses" })
    }
  }

  // MARK: Destinations

  @Test func aDestinationThatIsDownIsOneAlertUntilItIsWell() async throws {
    try await running { hub, service in
      func alerts() throws -> [AlertState] {
        try hub.parts.reader.alerts(AlertFilter(rule: .destinationDown)).map(\.transition.state)
      }
      func tell(_ state: API.DestinationState.State) throws { _ = try service.destinationsReport([.init(name: "nurses", state: state)]) }
      var listener = try #require(hub.parts.hub.subscribe()).makeAsyncIterator()
      try tell(.failing)
      try tell(.down)
      try tell(.down)
      try tell(.failing)
      try await eventually("one alert") { try alerts().count == 1 }
      try tell(.well)
      try tell(.well)
      try await eventually("it has ended") { try alerts() == [.cleared] }
      hub.parts.hub.close()
      var changes = 0
      while let event = await listener.next() { changes += String(buffer: event.bytes).hasPrefix("event: destinations\n") ? 1 : 0 }
      #expect(changes == 4, "failing, down, failing, well; the same again is no news")
    }
  }

  @Test func aDestinationThatTheConfigurationDoesNotNameIsRefused() async throws {
    try await running { _, service in
      let reports = [API.DestinationState(name: "nurses", state: .down), API.DestinationState(name: "strangers", state: .down)]
      #expect(await refusal { () throws(LocalAPIFailure) in try service.destinationsReport(reports) } == 400)
      #expect(service.destinations.state(of: "nurses") == nil, "nothing of it counts")
      let status = try await service.status()
      #expect(status.destinations.map(\.name) == ["nurses", "record"])
    }
  }
}
