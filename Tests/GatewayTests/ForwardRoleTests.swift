// The forward role between a journal that a test wrote, a core that a test speaks for, and a receiver that notes what it gets: an alarm
// goes out once whichever way it comes, and neither a missing core nor a destination that cannot work holds up another.

import Forwarding
import Foundation
import Journal
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import Delivery
@testable import HubConfiguration
@testable import LocalAPI

/// One at a time: each has a core or a role of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ForwardRoleTests {
  private let folder = TemporaryFolder()

  /// What a test has in hand while the role runs.
  private struct Scene {
    let core: FakeCore
    let receiver: FakeReceiver
    let configuration: KnutepunktConfiguration
    let role: ForwardRole
  }

  /// - Parameter more: further destinations, each a line of YAML.
  private func running(
    escalation: String = "", more: [String] = [], coreIsThere: Bool = true,
    before: (KnutepunktConfiguration) throws -> Void = { _ = try SmallJournal($0) }, _ body: (Scene) async throws -> Void
  ) async throws {
    let receiver = try await FakeReceiver()
    let secret = folder.write("0123456789abcdef", to: "secret")
    let names = ["nurses"] + more.compactMap { $0.firstMatch(of: #/name: (\w+)/#).map { String($0.1) } }
    let configuration = try Street.configuration(
      in: folder,
      """
      destinations:
        - { name: nurses, kind: webhook, url: "\(receiver.url)", secretFile: \(secret) }
      \(more.map { "  - \($0)\n" }.joined())
      sharing:
      \(names.map { "  - { destination: \($0), controller: \"\(Street.controller)\", share: [alerts], patients: all, basis: a }\n" }.joined())
      \(escalation)
      """)
    try before(configuration)
    let core = FakeCore(socketPath: configuration.hub.socketPath)
    if coreIsThere { try await core.open() }
    let role = ForwardRole(
      configuration, core: LocalAPIClient(socketPath: configuration.hub.socketPath), sentences: try Street.sentences(),
      logger: Street.logger)
    let work = Task { try await role.run() }
    let result: Result<Void, any Error>
    do {
      if coreIsThere { try await eventually("it listens to the core") { core.roles == ["forward"] } }
      result = .success(try await body(Scene(core: core, receiver: receiver, configuration: configuration, role: role)))
    } catch {
      result = .failure(error)
    }
    work.cancel()
    try await work.value
    await core.close()
    await receiver.close()
    try result.get()
  }

  private func receipts(_ core: FakeCore) throws -> [API.Receipt] {
    try core.bodies("/v1/receipts").flatMap { try LocalAPIJSON.decode([API.Receipt].self, from: Data($0.utf8)) }
  }

  // MARK: Alarms

  @Test func anAlarmThatIsToldTwiceGoesOutOnce() async throws {
    try await running { scene in
      try scene.core.send(transition(.raised))
      try scene.core.send(transition(.raised))
      try scene.core.send(transition(.raised, number: 2))
      try await eventually("both alarms are there") { scene.receiver.taken.count >= 2 }
      try await eventually("both deliveries are reported") { try receipts(scene.core).count >= 2 }
      // Whatever came twice would have come with the others.
      #expect(scene.receiver.taken.count == 2)
      let reported = try receipts(scene.core)
      #expect(Set(reported.map(\.key)).count == 2 && reported.allSatisfy { $0.row == nil && $0.destination == "nurses" })
      #expect(reported.compactMap(\.alertID?.low).sorted() == [1, 2])
      #expect(scene.receiver.taken.allSatisfy { $0.contains("\"P1\"") })
    }
  }

  /// The person was registered a moment ago by somebody else's journal: better a call from "P9" than none.
  @Test func anAlarmAboutAStrangerGoesOutWithoutAName() async throws {
    try await running { scene in
      try scene.core.send(transition(.raised), patient: PatientID(rawValue: 9), device: DeviceID(rawValue: 9))
      try await eventually("it goes out") { scene.receiver.taken.count == 1 }
      #expect(scene.receiver.taken.first?.contains("\"P9\"") == true)
    }
  }

  @Test func aReceiverOfAHigherLevelHearsWhenItIsItsTurn() async throws {
    try await running(escalation: "escalation: { receivers: [{ level: 1, destinations: [nurses] }] }") { scene in
      try scene.core.send(transition(.raised))
      var escalated = transition(.escalated, number: 2)
      escalated.level = 1
      try scene.core.send(escalated)
      try await eventually("the escalation goes out") { !scene.receiver.taken.isEmpty }
      #expect(scene.receiver.taken.count == 1)
      #expect(try await eventualReceipts(scene.core, 1).first?.alertID?.low == 2)
    }
  }

  private func eventualReceipts(_ core: FakeCore, _ count: Int) async throws -> [API.Receipt] {
    try await eventually("\(count) deliveries are reported") { try receipts(core).count >= count }
    return try receipts(core)
  }

  // MARK: The core and the journal

  /// A core that died leaves its outbox behind: alarms go out from there, and the receipts wait for it.
  @Test func withoutACoreTheOutboxGoesOut() async throws {
    try await running(
      coreIsThere: false,
      before: { configuration in
        let journal = try SmallJournal(configuration)
        journal.takeAlert(transition(.raised, firstCause: 7))
        try journal.commit()
      },
      { scene in
        try await eventually("the row goes out") { scene.receiver.taken.count == 1 }
        try await scene.core.open()
        let reported = try await eventualReceipts(scene.core, 1)
        #expect(reported.first?.row != nil && reported.first?.alertID?.low == 1)
        #expect(scene.receiver.taken.count == 1)
      })
  }

  @Test func aBrokenStreamIsOpenedAgain() async throws {
    try await running { scene in
      scene.core.drop()
      try await eventually("it listens again") { scene.core.roles == ["forward", "forward"] }
      try scene.core.send(transition(.raised))
      try await eventually("an alarm goes out") { scene.receiver.taken.count == 1 }
    }
  }

  /// The role is started before the core has ever run: it waits, works, and needs no restart.
  @Test func itWaitsForTheFirstJournal() async throws {
    try await running(coreIsThere: false, before: { _ in }) { scene in
      let before = scene.role.beat()
      try await eventually("it is alive while it waits") { scene.role.beat() > before + 1 }
      try await scene.core.open()
      #expect(scene.core.roles.isEmpty)
      let journal = try SmallJournal(scene.configuration)
      journal.takeAlert(transition(.raised, firstCause: 7))
      try journal.commit()
      try await eventually("the row goes out") { scene.receiver.taken.count == 1 }
    }
  }

  @Test func theRoleShowsThatItWorks() async throws {
    try await running { scene in
      try await eventually("a sign of life") { scene.core.bodies("/v1/roles").contains { $0.contains("forward") } }
      let before = scene.role.beat()
      try await eventually("its beat goes on") { scene.role.beat() > before }
    }
  }

  // MARK: Destinations

  /// A credential without a place is told as a failure of that destination; everybody else is told of alarms as ever.
  @Test func aDestinationWithoutItsCredentialHoldsUpNoOther() async throws {
    try #require(ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] == nil)
    let other = #"{ name: centre, kind: webhook, url: "http://127.0.0.1:9/alarms", credential: centre }"#
    try await running(more: [other]) { scene in
      try scene.core.send(transition(.raised))
      try await eventually("the other has it") { scene.receiver.taken.count == 1 }
      try await eventually("the core is told") {
        scene.core.bodies("/v1/destinations").contains { $0.contains("centre") && $0.contains(RetryReason.unauthorised(status: 0).key) }
      }
      #expect(try await eventualReceipts(scene.core, 1).contains { $0.destination == "nurses" && $0.isDelivered })
    }
  }

  @Test func aReceiverThatFailsGetsItAgain() async throws {
    try await running { scene in
      scene.receiver.setStatus(503)
      try scene.core.send(transition(.raised))
      try await eventually("it was tried") { !scene.receiver.taken.isEmpty }
      scene.receiver.setStatus(200)
      try await eventually("it is delivered") { try receipts(scene.core).contains { $0.isDelivered } }
      #expect(Set(scene.receiver.taken).count == 1, "each attempt is the same event")
    }
  }
}

extension API.Receipt {
  fileprivate var isDelivered: Bool { if case .delivered = result { true } else { false } }
}
