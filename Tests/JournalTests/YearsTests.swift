// After years nothing that a start or an ordinary minute does goes through all that is there. What is counted are the steps of SQLite's own
// machine, statement by statement: a journal eight times as long must not need more of them. Times would tell the same, on a quiet machine.

import Foundation
import GRDB
import GRDBSQLite
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct YearsTests {
  /// Rounds of entries after the last change of the registry; see `write`.
  private static let (few, many) = (100, 800)

  @Test func startingTakesNoLongerAfterYears() throws {
    let (short, long) = (try steps(Self.few, Self.start), try steps(Self.many, Self.start))
    expectNoGrowth(short, long)
    #expect(long.keys.contains { $0.contains("INTO copy.patient") }, "the copies of the registry were made")
  }

  @Test func aMinuteCostsNoMoreAfterYears() throws {
    let (short, long) = (try steps(Self.few, Self.minute), try steps(Self.many, Self.minute))
    expectNoGrowth(short, long)
  }

  @Test func whatReadersAskAtStartTakesNoLongerAfterYears() throws {
    let (short, long) = (try steps(Self.few, Self.read), try steps(Self.many, Self.read))
    expectNoGrowth(short, long)
  }

  @Test func theCountFindsAStatementThatReadsEverything() throws {
    func scan(_ at: At) throws { _ = try at.writer.queue.write { try Int.fetchOne($0, sql: "SELECT sum(wall) FROM entry") } }
    let (short, long) = (try steps(Self.few, scan), try steps(Self.many, scan))
    #expect(grown(short, long) == ["SELECT sum(wall) FROM entry"])
  }

  // MARK: What is counted

  private struct At {
    let writer: JournalWriter
    let reader: JournalReader
    let last: UInt64
    var wall: WallTime { WallTime(rawValue: Street.start + Int64(last) * 1_000) }
    var instant: MonotonicInstant { MonotonicInstant(rawValue: Int64(last) * 1_000_000_000) }
  }

  /// What `JournalOpening` asks of the writer.
  private static func start(_ at: At) throws {
    let writer = at.writer
    writer.stateIsStale = true
    try writer.refreshState()
    let recovery = try writer.recover()
    #expect(recovery.lastSequence == at.last && recovery.snapshots.count == 2)
    try writer.setSharing(sharing)
    _ = try writer.passOnCalls()
    try writer.beginRun(RunRecord(bootID: "b", boottimeNanoseconds: 0, instant: at.instant, wall: at.wall, version: "1"))
    _ = try writer.clockStanding()
    _ = try writer.transitions(after: at.last, at.instant)
    try writer.replay(after: at.last) { _ in }
    try writer.noteEpisodes([])
    try writer.noteDecider("test")
    _ = try writer.begunAnew()
    try writer.checkAccessLog(against: writer.accessHead)
    #expect(writer.refreshCopies().isEmpty)
  }

  /// A press, its answers, the copies after it, a snapshot, and a look for what is too old.
  private static func minute(_ at: At) throws {
    let writer = at.writer
    try writer.setSharing(sharing)
    #expect(writer.refreshCopies().isEmpty)
    var intake = Intake(next: at.last + 1)
    var call = JournalGroup()
    let press = intake.sos()
    call.append(press)
    call.append(outcome(press, .alert(transition(900_000, .raised, .raised, firstCause: press.sequence))))
    try writer.commit(call)
    var answer = JournalGroup(wall: at.wall)
    answer.receipts = [
      DeliveryReceipt(
        destination: 1, lane: .alarm, item: .transition(AlertID(high: 0xABCD_EF01_2345_6789, low: 900_000), .raised, at: press.instant),
        result: .delivered(remoteID: nil))
    ]
    #expect(try writer.commit(answer).settled == 1)
    #expect(writer.refreshCopies().isEmpty)
    try writer.saveSnapshot([1], sequence: press.sequence, wall: at.wall)
    let never = WallTime(rawValue: Street.start - 1)
    _ = try writer.purge(RetentionLimits(samplesBefore: never, deliveriesBefore: never), rowsMax: 1_024)
  }

  /// What roles ask when they begin, and the board at each change.
  private static func read(_ at: At) throws {
    let reader = at.reader
    _ = try (reader.patients(), reader.devices(), reader.assignments(), reader.actors(), reader.hub())
    _ = try (reader.openAlerts(), reader.openAlertGroups(), reader.openCalls(), reader.waitingAlerts())
    _ = try reader.alerts(AlertFilter(rule: .storeFailing, openOnly: true, limit: 1))
    _ = try reader.alerts(AlertFilter(patient: PatientID.none, rule: .registryFull, limit: 1))
    _ = try (reader.refusedCalls(limit: 8), reader.newestClaims(limit: 8), reader.outboxStatus(), reader.deadLetters())
    _ = try (reader.currentScores(), reader.currentScore(of: Street.kari), reader.lastSequence(), reader.accessLog(limit: 10))
    _ = try reader.board(closedSince: at.wall.adding(milliseconds: -10_000))
    _ = try reader.alert(AlertID(high: 0xABCD_EF01_2345_6789, low: 3))
    _ = try reader.alertHistory(AlertID(high: 0xABCD_EF01_2345_6789, low: 3))
    for lane in OutboxLane.allCases { _ = try reader.outboxPage(destination: 1, lane: lane, after: 0, limit: 10, scope: .everybody) }
  }

  private static let sharing = SharingRules(destinations: [
    SharingDestination(
      number: 1, name: "nurses", wants: [.alert], agreements: [SharingPermission(controllers: [Street.controller], kinds: [.alert])])
  ])

  // MARK: A journal

  /// People who moved in once; then so many times: values, scores that nobody needs any more, and a call that was told, taken and closed.
  private func write(_ rounds: Int, _ writer: JournalWriter) throws -> UInt64 {
    try writer.setSharing(Self.sharing)
    var intake = Intake()
    try writer.commit(intake.registration())
    var number: UInt64 = 0
    for round in 0..<rounds {
      var batch = JournalGroup()
      for value in 0..<8 {
        let entry = intake.spo2(Int64(90 + value))
        batch.append(entry, mark: DeliveryMark(link: 1, message: UInt32(round % 50), hash: UInt64(round)))
        batch.append(outcome(entry, .scored(score(UInt8(value), sources: entry.sequence))))
      }
      number += 1
      let press = intake.sos()
      batch.append(press)
      for (kind, state) in [(AlertTransitionKind.raised, AlertState.raised), (.acknowledged, .acknowledged), (.resolved, .resolved)] {
        batch.append(outcome(press, .alert(transition(number, kind, state, firstCause: press.sequence)), after: Int64(state.rawValue)))
      }
      batch.access = [AccessRecord(wall: press.wall, actor: Street.nurse, action: "read", patient: Street.kari)]
      try writer.commit(batch)
      var answers = JournalGroup(wall: press.wall)
      answers.receipts = try writer.queue.read { try Int64.fetchAll($0, sql: "SELECT row FROM outbox") }.map {
        DeliveryReceipt(destination: 1, lane: .alarm, item: .row(UInt64($0)), result: .delivered(remoteID: nil))
      }
      #expect(answers.receipts.count == 3)
      try writer.commit(answers)
    }
    let last = intake.next - 1
    for sequence in [last - 1, last] { try writer.saveSnapshot([7], sequence: sequence, wall: .unknown) }
    return last
  }

  /// Steps of SQLite's machine, by statement, in `body` on a journal of that length that was opened anew.
  private func steps(_ rounds: Int, _ body: (At) throws -> Void) throws -> [String: Int] {
    let (folder, copies) = (try JournalFolder(), try JournalFolder())
    let last = try write(rounds, try folder.writer { $0.deliveryMarksPerLink = 64 })
    let writer = try folder.writer { ($0.deliveryMarksPerLink, $0.copyFolders) = (64, [copies.url.path]) }
    let reader = try folder.reader()
    let counter = StepCounter()
    writer.queue.inDatabase { counter.count(on: $0) }
    // The copy of the registry has a connection of its own.
    let copy = copies.url.path + "/" + RegistryCopy.fileName
    try RegistryCopy.make(at: copy)
    let connection = try RegistryCopyConnection(journal: folder.path, copy: copy)
    writer.copiesMade.insert(copy)
    writer.copyConnections[copy] = connection
    connection.queue.inDatabase { counter.count(on: $0) }
    try reader.read { counter.count(on: $0) }
    try body(At(writer: writer, reader: reader, last: last))
    return counter.steps
  }

  private func grown(_ short: [String: Int], _ long: [String: Int]) -> [String] {
    long.filter { sql, steps in steps > short[sql, default: 0] * 3 / 2 + 150 }.keys.sorted()
  }

  private func expectNoGrowth(_ short: [String: Int], _ long: [String: Int], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(long.count > 8, "statements were counted", sourceLocation: sourceLocation)
    for sql in grown(short, long) {
      Issue.record("\(short[sql, default: 0]) steps became \(long[sql, default: 0]): \(sql)", sourceLocation: sourceLocation)
    }
  }
}

/// Sums SQLite's count of what each statement did. One thread at a time, and for as long as the connections are open.
private final class StepCounter {
  private(set) var steps: [String: Int] = [:]

  func count(on db: Database) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    sqlite3_trace_v2(
      db.sqliteConnection, UInt32(SQLITE_TRACE_PROFILE),
      { _, context, statement, _ in
        guard let context, let statement = OpaquePointer(statement), let text = sqlite3_sql(statement) else { return 0 }
        // Counted anew for each run.
        let steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1)
        // Some have a number in their text.
        let sql = String(cString: text).replacing(/[0-9]+/, with: "N")
        Unmanaged<StepCounter>.fromOpaque(context).takeUnretainedValue().steps[sql, default: 0] += Int(steps)
        return 0
      }, context)
  }
}
