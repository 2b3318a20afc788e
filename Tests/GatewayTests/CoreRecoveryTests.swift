// Starts on virtual time: a core and a real journal that are cut off wherever a test wants, and what the next start makes of it.

import CoreState
import Foundation
import GRDB
import Journal
import JournalValues
import RealtimeCore
import Testing
import VitalSigns

@testable import HubCore

/// A hub without threads: what the core decides is committed at once, or never.
private final class RecoveryBench {
  static let person = PatientID(rawValue: 7)
  static let button = DeviceID(rawValue: 3)
  static let sizes = CoreConfiguration(patientsMax: 8, devicesMax: 8, alertsMax: 64, hubSalt: 99)

  private let folder = TemporaryFolder()
  private(set) var writer: JournalWriter
  private(set) var core: RealtimeCore
  private var outcomes = OutcomeBuffer(capacity: 512)
  private(set) var told: [AlertTransition] = []
  private var now = MonotonicInstant(rawValue: 1_000_000_000_000)

  init() throws {
    writer = try JournalWriter(JournalConfiguration(path: folder.path + "/journal.sqlite", controller: Street.controller, ballastBytes: 0))
    core = RealtimeCore(Self.sizes)
    try take(.clock(ClockAnchor(utcOffsetSeconds: 3_600)), device: .none)
    try take(.registry(.patientAdded), device: .none, patient: Self.person)
    try take(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))))
    try take(.registry(.deviceAssigned), patient: Self.person)
  }

  /// One entry and what it causes, in one transaction; without `isStored` the power goes before the commit.
  func take(
    _ payload: IntakePayload, device: DeviceID = RecoveryBench.button, patient: PatientID = .none, isStored: Bool = true,
    mode: CommitMode = .everything
  ) throws {
    now = now.adding(seconds: 1)
    var entry = IntakeEntry(instant: now, wall: wall, device: device, patient: patient, payload: payload)
    entry.sequence = core.lastSequence + 1
    var group = JournalGroup(wall: wall)
    while !core.advance(to: now, into: &outcomes) { drain(into: &group) }
    drain(into: &group)
    while !core.ingest(&entry, into: &outcomes) {}
    group.append(entry)
    drain(into: &group)
    if isStored { try writer.commit(group, mode: mode) }
  }

  /// Time alone.
  func pass(_ seconds: UInt32, isStored: Bool = true) throws {
    now = now.adding(seconds: seconds)
    var group = JournalGroup(wall: wall)
    var isDone = false
    while !isDone {
      isDone = core.advance(to: now, into: &outcomes)
      drain(into: &group)
    }
    if isStored { try writer.commit(group) }
  }

  func press() throws -> AlertID {
    try take(.event(DeviceEvent(kind: .sos)))
    return try #require(told.last { $0.rule == .sos && $0.kind == .raised }).id
  }

  func act(_ action: AlertAction, _ alert: AlertID) throws {
    try take(.command(AlertCommand(alert: alert, action: action, actor: ActorID(rawValue: 1))), device: .none)
  }

  func saveSnapshot() throws { try writer.saveSnapshot(try core.snapshot(), sequence: core.lastSequence, wall: wall) }

  private var wall: WallTime { Street.noon.adding(milliseconds: now.rawValue / 1_000_000) }

  private func drain(into group: inout JournalGroup) {
    outcomes.forEach { outcome in
      group.append(outcome)
      if case .alert(let transition) = outcome.payload { told.append(transition) }
    }
    outcomes.removeAll()
  }

  func change(_ sql: String, _ arguments: StatementArguments = []) throws {
    try DatabaseQueue(path: writer.path).write { try $0.execute(sql: sql, arguments: arguments) }
  }

  /// What a restore does to the numbers of the copy.
  func lift() throws { try writer.lift(reason: .restored, wall: wall, since: wall, keepsSnapshots: true) }

  /// The next start. The old core is gone.
  @discardableResult func restart(_ sizes: CoreConfiguration = RecoveryBench.sizes) throws -> CoreBuilder.Report {
    var report = CoreBuilder.Report()
    let (path, writer) = (writer.path, writer)
    core = try CoreBuilder.recover(
      sizes, writer: writer, recovery: try writer.recover(), report: &report,
      openAlerts: { () throws(JournalError) in try JournalReader(path: path).openAlerts() })
    return report
  }

  var episodes: [[Int64]] {
    get throws {
      try DatabaseQueue(path: writer.path).read { db in
        try Row.fetchAll(db, sql: "SELECT holder, number, counter, next FROM episode ORDER BY holder, number, counter").map {
          [$0["holder"], $0["number"], $0["counter"], $0["next"]]
        }
      }
    }
  }
}

@Suite struct CoreRecoveryTests {
  private static let larger = CoreConfiguration(patientsMax: 77, devicesMax: 80, alertsMax: 500, hubSalt: 99)

  /// A press that was resolved and that retention has purged; gives its alert.
  private func purgedPress(_ bench: RecoveryBench) throws -> AlertID {
    let old = try bench.press()
    try bench.act(.resolve, old)
    try bench.saveSnapshot()
    try bench.take(.event(DeviceEvent(kind: .heartbeat)))
    try bench.saveSnapshot()
    let limits = RetentionLimits(samplesBefore: WallTime(rawValue: .max), deliveriesBefore: WallTime(rawValue: .max))
    while try !bench.writer.purge(limits).isDone {}
    #expect(try bench.writer.recover().purgedThrough > 0)
    return old
  }

  /// Fault E1.
  @Test func aNewPressNeverGetsAPurgedOnesID() throws {
    let bench = try RecoveryBench()
    let old = try purgedPress(bench)
    let report = try bench.restart(Self.larger)
    #expect(report.isExact && report.refusals.isEmpty && report.sizes.patientsMax == 77)
    #expect(try bench.press() != old)
  }

  /// The same without any snapshot that can be read.
  @Test func norWhenTheStateHasToBeRebuilt() throws {
    let bench = try RecoveryBench()
    let old = try purgedPress(bench)
    try bench.change("UPDATE snapshot SET state = x'00'")
    let report = try bench.restart(Self.larger)
    #expect(!report.isExact)
    if case .purged = report.doubt {} else { Issue.record("\(String(describing: report.doubt))") }
    let new = try bench.press()
    #expect(new != old)
    // The rebuilt state is kept, its counters are on the disk, and what follows is exact again.
    let again = try bench.restart(Self.larger)
    #expect(again.isExact && again.replayed == 1)
    #expect(try ![old, new].contains(bench.press()))
  }

  /// A start that is exact knows the counters, and a later one that is not begins above them even where no alert is left to count.
  @Test func countersStandInATableOfTheirOwn() throws {
    let bench = try RecoveryBench()
    let old = try bench.press()
    #expect(try bench.episodes.contains([2, 3, 0, 1]), "the first call of the button, in the transaction that told it")
    try bench.act(.resolve, old)
    try bench.change("UPDATE counter SET value = 0 WHERE name = 'alert'")
    try bench.change("DELETE FROM snapshot")
    try bench.change("INSERT OR REPLACE INTO meta VALUES ('decider', 'somebody else')")
    #expect(try !bench.restart().isExact)
    #expect(try bench.press() != old)
  }

  /// A journal of an older version has no such table: the first start fills it from the core.
  @Test func theFirstStartFillsTheTable() throws {
    let bench = try RecoveryBench()
    _ = try bench.press()
    let before = try bench.episodes
    try bench.change("DELETE FROM episode")
    #expect(try bench.restart().isExact)
    #expect(try bench.episodes == before && !before.isEmpty)
  }

  @Test func aCounterBelowWhatWasGivenIsNotExact() throws {
    let bench = try RecoveryBench()
    _ = try bench.press()
    try bench.saveSnapshot()
    try bench.change("UPDATE episode SET next = 9 WHERE holder = 2")
    let report = try bench.restart()
    if case .counter = report.doubt {} else { Issue.record("\(String(describing: report.doubt))") }
    _ = try bench.press()
    #expect(try bench.episodes.contains([2, 3, 0, 10]))
  }

  @Test func aReplayThatDecidesOtherwiseIsRefused() throws {
    let bench = try RecoveryBench()
    let alert = try bench.press()
    try bench.change("UPDATE alert_transition SET level = 2")
    let report = try bench.restart()
    #expect(report.doubt == .differs(at: 5) && report.adopted == 1)
    // The journal's word counts: the alert goes on under its id.
    try bench.act(.acknowledge, alert)
    #expect(bench.told.last?.id == alert && bench.told.last?.kind == .acknowledged)
  }

  @Test func whatWasShedOrDecidedByOthersIsNotExact() throws {
    let bench = try RecoveryBench()
    _ = try bench.press()
    try bench.saveSnapshot()
    try bench.change("INSERT OR REPLACE INTO meta VALUES ('decider', '0.1 8 8 64')")
    #expect(try bench.restart().isExact, "nothing remains to be decided")
    try bench.take(.event(DeviceEvent(kind: .heartbeat)))
    #expect(try bench.restart().isExact)
    #expect(try bench.restart(Self.larger).doubt != nil, "another size decided the heartbeat")
    try bench.change(
      "INSERT INTO gap (reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open) VALUES ('full', 6, 99, 3, 0, 0, 0)")
    #expect(try bench.restart(Self.larger).doubt == .shed(entries: 3))
  }

  /// What deadlines decided after the last entry is on the disk and not in a replay: the core decides it again, under the same ids.
  @Test(arguments: [true, false]) func whatDeadlinesDecidedLastIsNotDoubled(isStored: Bool) throws {
    let bench = try RecoveryBench()
    _ = try bench.press()
    try bench.saveSnapshot()
    let before = bench.told.count
    try bench.pass(86_400, isStored: isStored)
    let told = Array(bench.told[before...])
    #expect(told.contains { $0.kind == .escalated || $0.kind == .retriggered })
    let outcomes = try DatabaseQueue(path: bench.writer.path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM outcome") }
    let report = try bench.restart()
    #expect(report.isExact && report.replayed == 0)
    try bench.pass(0)
    #expect(Array(bench.told[(before + told.count)...]).map(\.id) == told.map(\.id))
    let after = try DatabaseQueue(path: bench.writer.path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM outcome") }
    #expect((after == outcomes) == isStored)
  }

  /// After a restore numbers go on from far above the last entry. What fell due while the hub was away is decided before its first entry, and
  /// the journal must keep it: else it is on no board, and reaches nobody who was away when it was told.
  @Test(arguments: [true, false]) func whatFellDueBeforeARestoreIsStored(hasSnapshot: Bool) throws {
    let bench = try RecoveryBench()
    let alert = try bench.press()
    if hasSnapshot { try bench.saveSnapshot() }
    try bench.lift()
    let report = try bench.restart()
    #expect(!report.isExact && report.adopted == 1)
    try bench.pass(3_600)
    let told = try #require(bench.told.last { $0.id == alert })
    #expect(told.kind == .escalated || told.kind == .retriggered)
    let stored = try #require(try JournalReader(path: bench.writer.path).alert(alert)).transition
    #expect(stored.revision == told.revision && stored.level == told.level)
    try bench.take(.event(DeviceEvent(kind: .heartbeat)))
    #expect(try bench.restart().isExact, "and the next start decides the same")
  }

  /// The same where the last entries were shed by a full disk.
  @Test func whatFellDueAfterShedEntriesIsStored() throws {
    let bench = try RecoveryBench()
    let alert = try bench.press()
    for _ in 0..<3 { try bench.take(.event(DeviceEvent(kind: .heartbeat)), mode: .withoutRoutineSamples) }
    #expect(try bench.restart().doubt == .shed(entries: 3))
    try bench.pass(3_600)
    let told = try #require(bench.told.last { $0.id == alert })
    #expect(try JournalReader(path: bench.writer.path).alert(alert)?.transition.revision == told.revision)
    #expect(try bench.restart().doubt != .shed(entries: 3), "the rebuilt state stands above what was shed")
  }

  /// Calls that were told and never stored come again after a start that another size rebuilds, where the counters stand elsewhere. None may bear
  /// the id that another of them was told under: whoever knows it drops the call.
  @Test func aRebuiltStateGivesNoIDThatWasToldForAnotherCall() throws {
    let bench = try RecoveryBench()
    // So the journal knows who decides.
    #expect(try bench.restart().isExact)
    // Another rule's alert lifts the floor above the person's own counter of calls.
    try bench.take(.event(DeviceEvent(kind: .fall)))
    _ = try bench.press()
    var told: [AlertID] = []
    for _ in 0..<4 {
      try bench.take(.event(DeviceEvent(kind: .sos)), isStored: false)
      told.append(try #require(bench.told.last { $0.kind == .raised }).id)
    }
    #expect(Set(told).count == 4)
    #expect(try !bench.restart(Self.larger).isExact)
    for _ in 0..<4 { #expect(try !told.contains(bench.press())) }
  }

  @Test func sizesThatAreTooSmallAreMadeLargeEnoughAndNamed() throws {
    let bench = try RecoveryBench()
    for number in UInt32(20)..<24 {
      try bench.take(.registry(.patientAdded), device: .none, patient: PatientID(rawValue: number))
      try bench.take(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), device: DeviceID(rawValue: number))
    }
    try bench.saveSnapshot()
    let report = try bench.restart(CoreConfiguration(patientsMax: 2, devicesMax: 3, alertsMax: 16, hubSalt: 99))
    #expect(report.isExact)
    #expect(
      report.grown.map(\.sentence) == [
        "realtime.patientsMax is 2, and what is here needs 5: this run has the room all the same; allowed: at least 5, and room for those to come",
        "realtime.devicesMax is 3, and what is here needs 5: this run has the room all the same; allowed: at least 5, and room for those to come",
      ])
    let counters = bench.core.counters
    #expect(counters.patients == 5 && counters.devices == 5)
    #expect(report.sizes.patientsMax == 13 && report.sizes.devicesMax == 13 && report.sizes.alertsMax == 16)
  }

  /// Crashes at random places, with and without snapshots, into the same sizes: the core goes on as if nothing had been.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aCrashAnywhereIsExact(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let bench = try RecoveryBench()
    var alerts: [AlertID] = []
    for step in 0..<120 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3: alerts.append(try bench.press())
      case 3..<6:
        let action: AlertAction = [.acknowledge, .respond, .resolve][Int.random(in: 0..<3, using: &random)]
        if let alert = alerts.randomElement(using: &random) { try bench.act(action, alert) }
      case 6: try bench.pass(UInt32.random(in: 1...4_000, using: &random))
      case 7: try bench.saveSnapshot()
      case 8: try bench.take(.event(DeviceEvent(kind: .fall, phase: Bool.random(using: &random) ? .raised : .cleared)))
      default:
        let before = try bench.core.snapshot()
        let report = try bench.restart()
        #expect(report.isExact, "seed \(seed), step \(step): \(String(describing: report.doubt))")
        // Deadlines up to now are decided again.
        try bench.pass(0)
        #expect(try bench.core.snapshot() == before, "seed \(seed), step \(step)")
      }
    }
    #expect(Set(alerts).count == alerts.count, "seed \(seed)")
  }
}
