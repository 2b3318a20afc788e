// The outbox of one destination between a real journal and a core that a test speaks for: pages in the journal's order, rows without a
// form, and what becomes of receipts when the core takes them, refuses them or is away.

import Forwarding
import Foundation
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import Delivery
@testable import HubConfiguration
@testable import HubRegistry
@testable import LocalAPI

/// One at a time: each has a journal and a server of its own.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OutboxBookTests {
  private let folder = TemporaryFolder()
  private let configuration: KnutepunktConfiguration
  private let journal: SmallJournal
  private let core: FakeCore

  init() throws {
    configuration = try Street.configuration(
      in: folder,
      """
      destinations: [{ name: record, kind: fhir, url: "http://127.0.0.1:1/fhir" }]
      sharing: [{ destination: record, controller: "\(Street.controller)", share: [observations, alerts], patients: all, basis: a }]
      """)
    journal = try SmallJournal(configuration)
    core = FakeCore(socketPath: configuration.hub.socketPath)
  }

  private func book(_ narrow: (inout SharingDestination) -> Void = { _ in }) throws -> OutboxBook {
    var rules = try #require(configuration.sharingRules.destinations.first)
    narrow(&rules)
    let reader = try JournalReader(path: configuration.hub.journalPath)
    return OutboxBook(
      rules: rules, reader: reader,
      records: RecordBuilder(configuration: configuration, reader: reader, sentences: try Street.sentences()),
      core: LocalAPIClient(socketPath: core.socketPath), logger: Street.logger)
  }

  private func receipt(_ row: UInt64) -> API.Receipt {
    API.Receipt(destination: "record", lane: .known(.routine), row: row, key: "o/\(row)", result: .delivered(remoteID: nil))
  }

  private func people(_ page: OutboxPage?) -> [PatientID?] {
    (page?.items ?? []).map { item in
      switch item.record {
      case .observation(let record): record.patient.hubPatient
      case .alert(let record): record.patient?.hubPatient
      default: nil
      }
    }
  }

  // MARK: Rows

  @Test func pagesFollowEachOtherWithoutGapOrRepeat() async throws {
    for value in 90...94 as ClosedRange<Int64> { journal.take(Street.spo2(value)) }
    try journal.commit()
    let book = try book()
    var values: [Int64] = []
    var (after, pages) = (UInt64(0), 0)
    while true {
      let page = try #require(await book.fetch(.routine, after: after, limit: 2, scope: .everybody))
      #expect(page.items.count <= 2 && page.unsendable.isEmpty)
      for item in page.items {
        if case .observation(let record) = item.record { values.append(record.observation.value.mantissa) }
        let row = try #require(item.row)
        #expect(row > after && row <= page.through)
        after = row
      }
      pages += 1
      if page.reachedEnd { break }
    }
    #expect(values == [90, 91, 92, 93, 94])
    #expect(pages == 3)
    #expect(await book.fetch(.alarms, after: 0, limit: 10, scope: .everybody)?.items.isEmpty == true, "the other lane has its own")
  }

  /// They would wait for ever, and nobody would know.
  @Test func rowsThatNoAgreementCoversAnyMoreAreRefusedByName() async throws {
    for value in 90...92 as ClosedRange<Int64> { journal.take(Street.spo2(value)) }
    try journal.commit()
    let page = try #require(await book { $0.agreements = [] }.fetch(.routine, after: 0, limit: 10, scope: .everybody))
    #expect(page.items.isEmpty && page.reachedEnd)
    #expect(page.unsendable.count == 3 && Set(page.unsendable.map(\.row)).count == 3)
    for receipt in page.unsendable {
      #expect(receipt.destination == "record" && receipt.row != nil)
      guard case .refused(let reason) = DeliveryReceipt(receipt)?.result, reason.contains("agreement") else {
        Issue.record("it must be a refusal: \(receipt)")
        continue
      }
    }
  }

  /// A lane goes on by its items: a page that gave none would stop it.
  @Test func whatStandsBehindRowsWithoutAFormIsFoundInOneFetch() async throws {
    for value in 90...94 as ClosedRange<Int64> { journal.take(Street.spo2(value), patient: Street.ola, device: Street.cuff) }
    journal.take(Street.spo2(99))
    try journal.commit()
    let onlyKari = SharingPermission(
      controllers: [Street.controller], kinds: [.observation], patients: .listed([Street.kari]))
    let page = try #require(await book { $0.agreements = [onlyKari] }.fetch(.routine, after: 0, limit: 2, scope: .everybody))
    #expect(page.items.count == 1 && page.unsendable.count == 5)
    #expect(people(page) == [Street.kari])
  }

  @Test func onePersonsRowsCanBeReadBeforeTheOthers() async throws {
    journal.takeAlert(transition(.raised, number: 1, firstCause: 7), patient: Street.ola)
    journal.takeAlert(transition(.raised, number: 2, firstCause: 8))
    try journal.commit()
    let book = try book()
    #expect(await book.urgent() == [Street.ola, Street.kari], "who waits longest first")
    let first = try #require(await book.fetch(.alarms, after: 0, limit: 10, scope: .one(Street.kari)))
    let others = try #require(await book.fetch(.alarms, after: 0, limit: 10, scope: .others([Street.kari])))
    #expect(people(first) == [Street.kari] && people(others) == [Street.ola])
    #expect(people(await book.fetch(.alarms, after: 0, limit: 10, scope: .everybody)) == [Street.ola, Street.kari])
  }

  // MARK: Receipts

  @Test func aReceiptThatTheCoreTakesIsSettled() async throws {
    try await core.open()
    #expect(try await book().report([receipt(7), receipt(8)]))
    let sent = try LocalAPIJSON.decode([API.Receipt].self, from: Data(try #require(core.bodies("/v1/receipts").first).utf8))
    #expect(sent.map(\.row) == [7, 8] && sent.map(\.key) == ["o/7", "o/8"])
    await core.close()
  }

  /// Sent again it would be refused again, and all that stands behind it would wait for ever.
  @Test(arguments: [(400, true), (413, true), (503, false), (500, false), (403, false)])
  func aReceiptThatTheCoreRefusesForGoodIsLetGo(status: Int, isSettled: Bool) async throws {
    try await core.open()
    core.setAnswer("/v1/receipts", .refused(status, "no"))
    #expect(try await book().report([receipt(7)]) == isSettled)
    await core.close()
  }

  @Test func whileTheCoreIsAwayNothingIsSettled() async throws {
    let book = try book()
    #expect(await !book.report([receipt(7)]))
    #expect(await !book.tell(API.DestinationState(name: "record", state: .well)))
    try await core.open()
    #expect(await book.report([receipt(7)]), "late, and not lost")
    await core.close()
  }

  @Test(arguments: [(0, true), (400, true), (503, true)])
  func aStateThatTheCoreAnswersIsTold(status: Int, isTold: Bool) async throws {
    try await core.open()
    if status != 0 { core.setAnswer("/v1/destinations", .refused(status, "no")) }
    #expect(try await book().tell(API.DestinationState(name: "record", state: .down, reason: "unreachable")) == isTold)
    #expect(core.bodies("/v1/destinations").first?.contains("\"down\"") == true)
    await core.close()
  }
}
