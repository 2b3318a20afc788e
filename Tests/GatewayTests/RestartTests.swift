// Stop and start: nothing that was taken in is lost, and a restart knows again what was open and due, from a snapshot and
// from the whole journal alike.

import Foundation
import GRDB
import Journal
import JournalValues
import RealtimeCore
import Synchronization
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubConfiguration
@testable import HubCore
@testable import HubRegistry

@Suite(.timeLimit(.minutes(1))) struct RestartTests {
  private let folder = TemporaryFolder()
  private var journalPath: String { folder.path + "/state/journal.sqlite" }

  private func entries(after sequence: UInt64 = 0) throws -> [IntakeEntry] {
    let reader = try JournalReader(path: journalPath)
    let last = try reader.counts().lastSequence
    if last <= sequence { return [] }
    return try ((sequence + 1)...last).compactMap { try reader.entry($0) }
  }

  @Test func stopStoresEverythingThatIsIn() async throws {
    let hub = try await TestHub(folder) { $0.journal.groupWindow = .seconds(3_600) }
    try await hub.register()
    var last: UInt64 = 0
    for _ in 0..<500 { last = try hub.push(Street.spo2(97)) }
    await hub.parts.stop()
    #expect(hub.parts.pipeline.durable.sequence == last)
    #expect(try entries().count == Int(last))
    #expect(await !hub.parts.pipeline.requests.submit { _ in })
    #expect(await !hub.parts.pipeline.durable.wait(for: last + 1))
  }

  /// A run with alerts in several states; gives what the journal says is open.
  private func eventfulRun(snapshotEvery: Int) async throws -> [AlertRow] {
    let hub = try await TestHub(folder) { $0.journal.snapshotEvery = snapshotEvery }
    try await hub.register()
    let press = try hub.push(Street.sos)
    _ = try hub.push(.event(DeviceEvent(kind: .fall)))
    #expect(await hub.parts.pipeline.durable.wait(for: press))
    let raised = try hub.parts.reader.openAlerts()
    let sos = try #require(raised.first { $0.transition.rule == .sos })
    _ = try hub.push(.command(AlertCommand(alert: sos.id, action: .acknowledge, actor: ActorID(rawValue: 1))), device: .none)
    for value in 0..<150 { _ = try hub.push(Street.spo2(95 + Int64(value % 3))) }
    let last = try hub.push(Street.spo2(80))
    #expect(await hub.parts.pipeline.durable.wait(for: last))
    if snapshotEvery < 150 {
      let raw = try DatabaseQueue(path: journalPath)
      try await eventually("a snapshot is stored") {
        try await raw.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM snapshot") } ?? 0 > 0
      }
    }
    // One more after the snapshot.
    #expect(await hub.parts.pipeline.durable.wait(for: try hub.push(Street.spo2(96))))
    let open = try hub.parts.reader.openAlerts()
    await hub.parts.stop()
    return open
  }

  @Test func aSnapshotAndAReplayGiveTheSameCore() async throws {
    let open = try await eventfulRun(snapshotEvery: 100)
    #expect(Set(open.map(\.transition.rule)).isSuperset(of: [.sos, .fall]))
    var writer: JournalWriter?
    try await eventually("the journal is free") {
      writer = try? JournalWriter(JournalConfiguration(path: journalPath, controller: Street.controller, ballastBytes: 0))
      return writer != nil
    }
    let journal = try #require(writer)
    let recovery = try journal.recover()
    let settings = CoreBuilder.configuration(try Street.configuration(in: folder), salt: recovery.hubSalt)
    var short = CoreBuilder.Report()
    let fromSnapshot = try CoreBuilder.recover(settings, writer: journal, recovery: recovery, report: &short)
    #expect(short.fromSnapshot > 0)
    #expect(short.replayed < recovery.lastSequence)
    #expect(short.fromSnapshot + short.replayed == recovery.lastSequence)

    var bare = recovery
    bare.snapshots = []
    var whole = CoreBuilder.Report()
    let replayed = try CoreBuilder.recover(settings, writer: journal, recovery: bare, report: &whole)
    #expect(whole.fromSnapshot == 0 && whole.isExact && short.isExact)
    #expect(whole.replayed == recovery.lastSequence)

    // A core cannot be copied, and a macro captures what it looks at.
    let (sequences, counters) = ([fromSnapshot.lastSequence, replayed.lastSequence], [fromSnapshot.counters, replayed.counters])
    let deadlines = [fromSnapshot.nextDeadline, replayed.nextDeadline]
    #expect(sequences == [recovery.lastSequence, recovery.lastSequence])
    #expect(counters[0] == counters[1])
    #expect(counters[0].openAlerts == open.count)
    #expect(deadlines[0] == deadlines[1])
    #expect(deadlines[1] <= open.map(\.transition.deadline).min() ?? .never)

    // From here on both decide the same, up to the last deadline.
    let (short24, whole24) = (decisions(fromSnapshot), decisions(replayed))
    #expect(short24 == whole24)
    #expect(!whole24.isEmpty)
  }

  /// What a core decides by itself during the next day.
  private func decisions(_ core: consuming RealtimeCore) -> [String] {
    var core = core
    var outcomes = OutcomeBuffer(capacity: 512)
    var decided: [String] = []
    var isDone = false
    let end = core.now.adding(seconds: 86_400)
    while !isDone {
      isDone = core.advance(to: end, into: &outcomes)
      outcomes.forEach { decided.append("\($0.instant.rawValue) \($0.cause) \($0.payload)") }
      outcomes.removeAll()
    }
    return decided
  }

  /// One run: when the button was last heard as the start knew it, and the arrival of each event that it took then.
  private func run(_ events: [DeviceEvent]) async throws -> (known: WallTime?, arrivals: [WallTime]) {
    let hub = try await TestHub(folder)
    let known = hub.parts.registry.device(Street.button)?.lastSeen
    if known == nil { try await hub.register() }
    var arrivals: [WallTime] = []
    for event in events {
      let sequence = try hub.push(.event(event))
      #expect(await hub.parts.pipeline.durable.wait(for: sequence))
      arrivals.append(try #require(try hub.parts.reader.entry(sequence)).wall)
    }
    await hub.parts.stop()
    return (known, arrivals)
  }

  /// What the broker had kept is no sign of life, before a restart and after it.
  @Test func aRestartKnowsWhenADeviceWasHeard() async throws {
    var kept = DeviceEvent(kind: .lowBattery)
    kept.isRetained = true
    _ = try await run([kept])
    let second = try await run([DeviceEvent(kind: .heartbeat), kept])
    #expect(second.known == .unknown)
    let third = try await run([])
    // By the timeline and its last anchor: a wall clock that is being set right moves it by milliseconds.
    #expect(abs(try #require(third.known).rawValue - second.arrivals[0].rawValue) < 1_000)
  }

  @Test func aDamagedSnapshotIsPassedOver() async throws {
    let open = try await eventfulRun(snapshotEvery: 100)
    var writer: JournalWriter?
    try await eventually("the journal is free") {
      writer = try? JournalWriter(JournalConfiguration(path: journalPath, controller: Street.controller, ballastBytes: 0))
      return writer != nil
    }
    let journal = try #require(writer)
    var recovery = try journal.recover()
    let sound = try #require(recovery.snapshots.first)
    recovery.snapshots.insert(sound, at: 0)
    recovery.snapshots[0].state = [1, 2, 3]
    let settings = CoreBuilder.configuration(try Street.configuration(in: folder), salt: recovery.hubSalt)
    var report = CoreBuilder.Report()
    let core = try CoreBuilder.recover(settings, writer: journal, recovery: recovery, report: &report)
    #expect(report.refusals.count == 1)
    #expect(report.fromSnapshot > 0)
    let known = core.counters.openAlerts
    #expect(known == open.count)
  }

  @Test func aRestartKnowsTheOpenAlertsAgainAndGoesOn() async throws {
    let open = try await eventfulRun(snapshotEvery: 10_000)
    let before = try entries()
    let lastInstant = try #require(before.last).instant
    let hub = try await TestHub(folder)
    #expect(hub.parts.registry.patient(Street.kari)?.name == "Kari Test")
    #expect(hub.parts.registry.device(onTopic: "zigbee2mqtt/sos-1")?.0.patient == Street.kari)
    let sequence = try hub.push(Street.spo2(97))
    #expect(await hub.parts.pipeline.durable.wait(for: sequence))
    #expect(hub.parts.pipeline.core.vitals.openAlerts.load(ordering: .relaxed) == open.count)
    let again = try hub.parts.reader.openAlerts()
    #expect(again.map(\.transition) == open.map(\.transition), "nothing was raised, told or moved by the restart")
    let stored = try hub.parts.reader.entry(sequence)
    let entry = try #require(stored)
    #expect(entry.instant > lastInstant)
    await hub.parts.stop()
  }

  /// What retention does to an old press.
  private func purge(_ press: UInt64, keepsSnapshots: Bool) throws {
    let raw = try DatabaseQueue(path: journalPath)
    try raw.write { db in
      try db.execute(sql: "DELETE FROM device_event WHERE sequence = ?", arguments: [Int64(press)])
      try db.execute(sql: "DELETE FROM entry WHERE sequence = ?", arguments: [Int64(press)])
      try db.execute(sql: "UPDATE meta SET value = ? WHERE key = 'purged_through'", arguments: [Int64(press)])
      if !keepsSnapshots { try db.execute(sql: "DELETE FROM snapshot") }
    }
  }

  /// A run in which a press was resolved and another is open; gives the press, and both alerts.
  private func twoPresses() async throws -> (old: UInt64, resolved: AlertID, open: AlertID) {
    let hub = try await TestHub(folder)
    try await hub.register()
    let old = try hub.push(Street.sos)
    #expect(await hub.parts.pipeline.durable.wait(for: old))
    let resolved = try #require(try presses(hub).first).id
    _ = try hub.push(.command(AlertCommand(alert: resolved, action: .resolve, actor: ActorID(rawValue: 1))), device: .none)
    let second = try hub.push(Street.sos)
    #expect(await hub.parts.pipeline.durable.wait(for: second))
    let open = try #require(try presses(hub).first).id
    await hub.parts.stop()
    return (old, resolved, open)
  }

  /// The open SOS alerts. Beside them stands that nobody receives alerts of this hub.
  private func presses(_ hub: TestHub) throws -> [AlertRow] {
    try hub.parts.reader.openAlerts().filter { $0.transition.rule == .sos }
  }

  /// The run after retention and a change of sizes: a new press, and the one from before is closed.
  private func laterRun(_ before: (old: UInt64, resolved: AlertID, open: AlertID), isExact: Bool) async throws {
    let hub = try await TestHub(folder) { $0.realtime.patientsMax = 77 }
    #expect((hub.parts.recoveryDoubt == nil) == isExact, "a replay after purging is never taken as exact")
    let press = try hub.push(Street.sos)
    #expect(await hub.parts.pipeline.durable.wait(for: press))
    let now = try presses(hub)
    #expect(now.count == 2 && now.contains { $0.id == before.open }, "what was open is open, under its id")
    let new = try #require(now.first { $0.id != before.open })
    #expect(new.id != before.resolved && new.transition.firstCause == press)
    // It is followed: a person can close it without the journal's help.
    let close = try hub.push(.command(AlertCommand(alert: before.open, action: .resolve, actor: ActorID(rawValue: 1))), device: .none)
    #expect(await hub.parts.pipeline.durable.wait(for: close))
    #expect(try presses(hub).map(\.id) == [new.id])
    await hub.parts.stop()
  }

  /// Faults E1 and E2. With the snapshot of a clean stop, which another size reads; and without any, when the state is rebuilt.
  @Test(arguments: [true, false]) func anIDIsNeverGivenTwiceWhateverWasPurged(keepsSnapshots: Bool) async throws {
    let before = try await twoPresses()
    try await eventually("the journal is free") { (try? purge(before.old, keepsSnapshots: keepsSnapshots)) != nil }
    try await laterRun(before, isExact: keepsSnapshots)
    // The rebuilt state was kept: the next start is exact, and gives no id again either.
    let third = try await TestHub(folder) { $0.realtime.patientsMax = 77 }
    #expect(third.parts.recoveryDoubt == nil)
    let last = try third.push(Street.sos)
    #expect(await third.parts.pipeline.durable.wait(for: last))
    #expect(Set(try third.parts.reader.alerts(AlertFilter(rule: .sos, limit: 100)).map(\.id)).count == 4)
    await third.parts.stop()
  }

  /// After a clean stop nothing remains to be decided again, so an upgrade is exact. After a crash it is not.
  @Test(arguments: [true, false]) func anotherVersionsDecisionsAreNotReplayedAsOurs(endedCleanly: Bool) async throws {
    let open = try await eventfulRun(snapshotEvery: 10_000)
    try await eventually("the journal is free") {
      (try? DatabaseQueue(path: journalPath).write { db -> Void in
        try db.execute(sql: "UPDATE run SET version = '0.0.0-before'")
        if !endedCleanly { try db.execute(sql: "DELETE FROM snapshot") }
      }) != nil
    }
    let hub = try await TestHub(folder)
    #expect((hub.parts.recoveryDoubt == nil) == endedCleanly)
    #expect(try hub.parts.reader.openAlerts().map(\.id) == open.map(\.id))
    await hub.parts.stop()
  }

  private func twoPeople() async throws {
    let hub = try await TestHub(folder)
    try await hub.register()
    let more = try hub.push(
      .registry(.patientAdded), device: .none, patient: PatientID(rawValue: 9),
      JournalValues.Attachment(.patient(PatientDetails(name: "Per Test", nationalID: nil))))
    #expect(await hub.parts.pipeline.durable.wait(for: more))
    await hub.parts.stop()
  }

  /// One run with this size; gives its notes. Both people are watched over.
  private func run(patientsMax: Int) async throws -> [String] {
    let hub = try await TestHub(folder) { $0.realtime.patientsMax = patientsMax }
    #expect(hub.parts.recoveryDoubt == nil)
    let value = try hub.push(Street.spo2(80), patient: PatientID(rawValue: 9))
    #expect(await hub.parts.pipeline.durable.wait(for: value))
    #expect(try !hub.parts.reader.openAlerts().contains { $0.transition.rule == .registryFull })
    await hub.parts.stop()
    return hub.parts.notes
  }

  /// Nobody is dropped because a number in a file is too small: the run has the room, and says so where people look.
  @Test func moreRegisteredThanThereIsRoomForAreWatchedOverAndTheFileIsNamed() async throws {
    try await twoPeople()
    let notes = try await run(patientsMax: 1)
    #expect(notes.count == 1 && notes[0].hasPrefix("realtime.patientsMax is 1, and what is here needs 2"))
    #expect(try await run(patientsMax: 4).isEmpty)
  }
}
