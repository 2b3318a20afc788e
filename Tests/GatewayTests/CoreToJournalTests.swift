// The core role's parts on a real journal, without links: what is pushed in is decided, told and stored, in that
// order when the disk is slow.

import Journal
import JournalValues
import NIOCore
import Synchronization
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console
@testable import CoreAPI
@testable import HubConfiguration
@testable import HubCore
@testable import LocalAPI

@Suite(.timeLimit(.minutes(5))) struct CoreToJournalTests {
  private let folder = TemporaryFolder()
  private var journalPath: String { folder.path + "/state/journal.sqlite" }

  private func entries(after sequence: UInt64 = 0) throws -> [IntakeEntry] {
    let reader = try JournalReader(path: journalPath)
    let last = try reader.counts().lastSequence
    if last <= sequence { return [] }
    return try ((sequence + 1)...last).compactMap { try reader.entry($0) }
  }

  // MARK: The ordinary way

  @Test func whatIsPushedIsDecidedAndStored() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    let value = try hub.push(Street.spo2(97))
    let press = try hub.push(Street.sos)
    #expect(await hub.parts.pipeline.durable.wait(for: press))
    let reader = hub.parts.reader
    let stored = try reader.entry(value)
    let observation = try #require(stored)
    #expect(observation.payload == Street.spo2(97))
    #expect(observation.patient == Street.kari, "the core fills in whose the device is")
    let open = try reader.openAlerts()
    let alert = try #require(open.first)
    #expect(alert.transition.rule == .sos)
    #expect(alert.transition.firstCause == press)
    #expect(alert.patient == Street.kari)
    #expect(try reader.patient(Street.kari)?.name == "Kari Test")
    await hub.parts.stop()
  }

  @Test func theFirstEntryOfARunIsTheClock() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    await hub.parts.stop()
    guard case .clock(let anchor)? = try entries().first?.payload else {
      Issue.record("the run starts with its clock")
      return
    }
    #expect([3_600, 7_200].contains(anchor.utcOffsetSeconds))
  }

  @Test func routineValuesWaitForCompanyUntilSomebodyWaits() async throws {
    let hub = try await TestHub(folder) { $0.journal.groupWindow = .seconds(3_600) }
    try await hub.register()
    let before = hub.parts.pipeline.writer.commits.load(ordering: .relaxed)
    let durable = hub.parts.pipeline.durable.sequence
    var last: UInt64 = 0
    for _ in 0..<5 { last = try hub.push(Street.spo2(97)) }
    try await hub.decided(last)
    #expect(hub.parts.pipeline.durable.sequence == durable)
    #expect(await hub.parts.pipeline.durable.wait(for: last))
    #expect(hub.parts.pipeline.durable.sequence == last)
    #expect(hub.parts.pipeline.writer.commits.load(ordering: .relaxed) == before + 1, "five values, one flush")
    await hub.parts.stop()
  }

  @Test func anAlarmEndsTheWaitAtOnce() async throws {
    let hub = try await TestHub(folder) { $0.journal.groupWindow = .seconds(3_600) }
    try await hub.register()
    let value = try hub.push(Street.spo2(97))
    let press = try hub.push(Street.sos)
    try await eventually("the alarm is stored without anybody's asking") { hub.parts.pipeline.durable.sequence >= press }
    #expect(try hub.parts.reader.entry(value) != nil)
    await hub.parts.stop()
  }

  @Test func aFullGroupEndsTheWait() async throws {
    let hub = try await TestHub(folder) {
      $0.journal.groupWindow = .seconds(3_600)
      $0.journal.groupMax = 10
    }
    try await hub.register()
    let durable = hub.parts.pipeline.durable.sequence
    for _ in 0..<10 { _ = try hub.push(Street.spo2(97)) }
    try await eventually("ten are a group") { hub.parts.pipeline.durable.sequence >= durable + 10 }
    await hub.parts.stop()
  }

  @Test func requestsAreStoredWithTheNextGroup() async throws {
    let hub = try await TestHub(folder)
    let record = AccessRecord(wall: Street.noon, actor: .hub, action: "read", patient: Street.kari, purpose: "test", detail: "one")
    #expect(await hub.parts.pipeline.requests.submit { $0.access.append(record) })
    #expect(try hub.parts.reader.counts().accessRows == 1)
    await hub.parts.stop()
  }

  // MARK: A store that does not answer

  @Test func anAlarmIsToldWhileTheJournalIsHeldUp() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    var told = try #require(hub.parts.hub.subscribe()).makeAsyncIterator()
    let held = try HeldJournal(journalPath)
    let press = try hub.push(Street.sos)
    var text = ""
    while !text.contains("\"rule\":\"sos\""), let event = await told.next() { text = String(buffer: event.bytes) }
    #expect(text.hasPrefix("event: alert\n"))
    #expect(hub.parts.pipeline.durable.sequence < press, "it is told, and nobody has been told that it is stored")
    #expect(try hub.parts.reader.openAlerts().isEmpty)
    try held.letGo()
    #expect(await hub.parts.pipeline.durable.wait(for: press))
    // On a slow machine the store may have been told of as failing meanwhile: that is an alert of its own.
    #expect(try hub.parts.reader.openAlerts().map(\.transition.rule).contains(.sos))
    await hub.parts.stop()
  }

  @Test func callsForHelpAreDecidedHoweverLongTheJournalIsHeldUp() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    let held = try HeldJournal(journalPath)
    var presses: [UInt64] = []
    // Each is the entry, what the core decides about it, and two places or more: far more than the way to the disk holds.
    while presses.count < JournalWay.capacity / 2 + 1_000 {
      for _ in 0..<500 { presses.append(try hub.push(Street.sos)) }
      try await hub.decided(try #require(presses.last))
    }
    #expect(hub.parts.pipeline.writer.storeState.key == "emergency", "the way was made free: what comes in is in another journal")
    #expect(await hub.parts.pipeline.durable.wait(for: try #require(presses.last)))
    let problems = HubProblems(parts: hub.parts, sentences: try AlertSentences()).now(isLive: true)
    #expect(problems.contains { $0.kind == .known(.rule(.journalLost)) && $0.isGrave })
    #expect(!problems.contains { $0.kind == .known(.coreStill) })
    try held.letGo()
    await hub.parts.stop()
  }

  @Test func aCoreThatWaitsForTheDiskIsSaidToStandStill() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    let problems = HubProblems(parts: hub.parts, sentences: try AlertSentences())
    func kinds() -> [String] { problems.now(isLive: true).map(\.kind.key).filter { ["coreStill", "storeFailing"].contains($0) } }
    let held = try HeldJournal(journalPath)
    _ = try hub.push(Street.sos)
    try await eventually("it fails, and alarms go out") { kinds() == ["storeFailing"] }
    // As when a disk hangs until the way to it is full. The core's next turn takes it back here.
    try await eventually("nobody says that alarms go out") {
      hub.parts.pipeline.core.vitals.waitsForDisk.store(true, ordering: .relaxed)
      return kinds() == ["coreStill"]
        && problems.now(isLive: true).contains { $0.kind == .known(.coreStill) && $0.effect == .known(.deaf) && $0.next != nil }
    }
    try held.letGo()
    try await eventually("it goes on") { kinds().isEmpty }
    await hub.parts.stop()
  }

  @Test func aStoreThatFailsIsItselfAnAlertAndLosesNothing() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    let held = try HeldJournal(journalPath)
    var last: UInt64 = 0
    for _ in 0..<20 { last = try hub.push(Street.spo2(97)) }
    try await eventually("the writer gives up waiting for the lock") { hub.parts.pipeline.writer.storeState.key == "failing" }
    #expect(hub.parts.pipeline.durable.sequence < last)
    try held.letGo()
    #expect(await hub.parts.pipeline.durable.wait(for: last))
    try await eventually("it writes again") { hub.parts.pipeline.writer.storeState == .writing }
    try await eventually("the alert is stored and has ended") {
      try hub.parts.reader.alerts(AlertFilter(rule: .storeFailing)).map(\.transition.state) == [.cleared]
    }
    #expect(try hub.parts.reader.counts().observations == 20)
    #expect(try hub.parts.reader.counts().gaps.isEmpty)
    await hub.parts.stop()
  }
}
