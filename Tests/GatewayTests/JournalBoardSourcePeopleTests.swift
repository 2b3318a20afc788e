// One person through the console's source: what the journal has of them, without anything restricted, and what the core's answers mean to
// whoever asked for a code or saved a change.

import Foundation
import JournalValues
import People
import Testing
import VitalSigns

@testable import Console
@testable import HubConfiguration
@testable import LocalAPI

/// One at a time: each has a server of its own.
@Suite(.serialized, .timeLimit(.minutes(5))) struct JournalBoardSourcePeopleTests {
  private let folder = TemporaryFolder()
  private let configuration: KnutepunktConfiguration
  private let core: FakeCore
  private let source: JournalBoardSource
  private let alert = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)

  init() throws {
    configuration = try Street.configuration(in: folder)
    core = FakeCore(socketPath: configuration.hub.socketPath)
    source = JournalBoardSource(
      configuration: configuration, core: LocalAPIClient(socketPath: configuration.hub.socketPath), logger: Street.logger)
  }

  private func write(_ fields: [String: String], _ journal: SmallJournal) {
    let record = PersonRecord(stored: fields)
    journal.take(
      .registry(.recordChanged(record.eligibility)), device: .none, .init(actor: .hub, reason: "flyttet", .record(record)))
  }

  @Test func aPersonHasVersionsAndNoCodes() async throws {
    let journal = try SmallJournal(configuration)
    write(["street": "Storgata 1", "doorCode": "1234-hemmelig"], journal)
    write(["street": "Storgata 2", "doorCode": "9999-hemmelig"], journal)
    try journal.commit()
    let file = try #require(try await source.person(Street.kari, version: nil))
    #expect(file.displayName == "Kari Test" && file.current == 2 && !file.hasLeft)
    #expect(file.versions.map(\.number) == [2, 1] && file.versions.map(\.reason) == ["flyttet", "flyttet"])
    #expect(file.versions.map(\.changed) == [[.street, .doorCode], [.street, .doorCode]])
    #expect(file.record.record[.street] == "Storgata 2" && file.record.withheld == [.doorCode])
    #expect(!"\(file)".contains("hemmelig"))
    let ola = try #require(try await source.person(Street.ola, version: nil))
    #expect(ola.current == 0 && ola.record.record.isEmpty)
    #expect(try await source.person(PatientID(rawValue: 77), version: nil) == nil)
  }

  @Test func aJournalThatCannotBeReadIsSaid() async {
    await #expect(throws: PersonReadError.self) { try await source.person(Street.kari, version: nil) }
  }

  /// The card of an alarm has its address, also of one that the core has told and the journal has not.
  @Test func theBoardHasTheRecordOfWhoIsOnlyHeardOf() async throws {
    let journal = try SmallJournal(configuration)
    write(["street": "Storgata 1", "doorCode": "1234-hemmelig"], journal)
    try journal.commit()
    try await core.open()
    var updates = source.updates().makeAsyncIterator()
    try await eventually("it listens") { core.roles == ["console"] }
    try core.send(changed(id: alert))
    #expect(await updates.next() == .alert(alert))
    let board = try await source.board()
    #expect(board.open.map(\.id) == [alert] && board.open.first?.person?.record?.record.address == "Storgata 1")
    #expect(board.open.first?.person?.record?.withheld == [.doorCode] && !"\(board)".contains("hemmelig"))
    await core.close()
  }

  private func changed(id: AlertID) -> AlertTransition {
    AlertTransition(
      id: id, rule: .sos, priority: .high, state: .raised, previous: .suspected, kind: .raised, level: 0, deadline: .never, firstCause: 1,
      raisedAt: .zero, value: 0, limit: 0, subject: 0, actor: .hub)
  }

  // MARK: Through the core

  @Test func aCodeIsAskedForInHerName() async throws {
    try await core.open()
    let path = "/v1/patients/P1/record/restricted"
    let fields = ["keyBox": "7", "doorCode": "1234", "later": "x"]
    let answer = API.RestrictedFields(patient: "P1", version: 1, fields: fields, isLogged: false)
    core.setAnswer(path, .json(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)))
    let shown = try await source.access(to: Street.kari, for: .alert(alert), by: "Nina")
    #expect(shown.fields == [.init(field: .doorCode, text: "1234"), .init(field: .keyBox, text: "7")] && !shown.isLogged)
    _ = try await source.access(to: Street.kari, for: .reason("tilsyn"), by: "Nina")
    let sent = try core.bodies(path).map { try LocalAPIJSON.decode(API.ShowRestricted.self, from: Data($0.utf8)) }
    #expect(sent.map(\.alert) == [alert.description, nil] && sent.map(\.reason) == [nil, "tilsyn"])
    #expect(sent.allSatisfy { $0.actor == "Nina" })
    await core.close()
  }

  @Test func whatTheCoreAnswersIsNeverSaidToBeMoreCertain() async throws {
    let edit = PersonEdit(changes: [.city: "Oslo", .floor: ""], basedOn: 3, reason: "flyttet")
    await #expect(throws: PersonActionError.coreUnavailable) { try await source.edit(Street.kari, edit, by: "Nina") }
    try await core.open()
    let path = "/v1/patients/P1/record"
    let answers: [(FakeCore.Answer, PersonActionError)] = [
      (.refused(409, "first"), .conflict), (.refused(404, "who"), .unknownPerson), (.refused(503, "full"), .storeStands),
      (.refused(400, "bad"), .notAllowed), (.json("not what was promised"), .outcomeUnknown),
    ]
    for (answer, expected) in answers {
      core.setAnswer(path, answer)
      await #expect(throws: expected) { try await source.edit(Street.kari, edit, by: "Nina") }
    }
    let sent = try LocalAPIJSON.decode(API.EditRecord.self, from: Data(try #require(core.bodies(path).first).utf8))
    #expect(sent.fields == ["city": "Oslo", "floor": ""] && sent.basedOn == 3 && sent.actor == "Nina" && sent.reason == "flyttet")
    await core.close()
  }

  @Test func readsThatHangTakeNoMoreThanTheirRoom() {
    let reads = PersonReads()
    #expect((0..<PersonReads.atOnceMax).allSatisfy { _ in reads.begin() } && !reads.begin())
    reads.end()
    #expect(reads.begin())
  }
}
