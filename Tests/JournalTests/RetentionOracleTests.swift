// Retention against an oracle: what the rules say must stay, found by reading everything that waits, as retention itself did before it
// knew by reference. Seeded streets of values, scores, alerts, receipts, refusals and restarts; a failure names its seed.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal
@testable import JournalFiles

/// What must stay, by a scan.
private struct Oracle {
  var entries: Set<Int64>
  var scores: Set<Int64>

  init(_ db: Database) throws {
    scores = Set(
      try Int64.fetchAll(
        db,
        sql: """
          SELECT outcome FROM score_current UNION SELECT outcome FROM outbox WHERE outcome <> 0
          UNION SELECT outcome FROM dead_letter WHERE outcome <> 0
          UNION SELECT o.id FROM alert a JOIN outcome f ON f.id = a.first_outcome JOIN outcome o ON o.cause = f.cause WHERE a.is_open = 1
          """))
    entries = Set(
      try Int64.fetchAll(
        db,
        sql: """
          SELECT sequence FROM outbox UNION SELECT sequence FROM dead_letter
          UNION SELECT t.first_cause FROM alert a JOIN alert_transition t ON t.outcome = a.first_outcome WHERE a.is_open = 1
          UNION SELECT o.cause FROM alert a JOIN outcome o ON o.id = a.first_outcome WHERE a.is_open = 1
          """))
    for row in try Row.fetchAll(db, sql: "SELECT * FROM score") where scores.contains(row["outcome"]) {
      for source in ScoreColumn.sources { entries.insert(row[source.name]) }
    }
    // What is there at all.
    entries.formIntersection(try Int64.fetchAll(db, sql: "SELECT sequence FROM entry"))
    scores.formIntersection(try Int64.fetchAll(db, sql: "SELECT outcome FROM score"))
  }
}

@Suite struct RetentionOracleTests {
  private final class World {
    let folder: JournalFolder
    var writer: JournalWriter?
    var random: SeededRandom
    var intake = Intake()
    var alerts: [(number: UInt64, first: UInt64, patient: PatientID)] = []
    var nextAlert: UInt64 = 1
    var revisions: [UInt64: UInt16] = [:]
    /// Each person's latest values: what a score rests on.
    var latest: [UInt32: [UInt64]] = [:]

    init(seed: UInt64) throws {
      folder = try JournalFolder()
      random = SeededRandom(seed: seed)
      try open()
      try writer?.commit(intake.registration())
    }

    func open() throws {
      writer = nil
      writer = try folder.writer()
      try writer?.setSharing(Sharing.everything)
    }

    func roll(_ sides: UInt64) -> UInt64 { random.next() % sides }

    func commitSome() throws {
      var batch = JournalGroup()
      for _ in 0...roll(30) { add(to: &batch) }
      try writer?.commit(batch)
    }

    private func add(to batch: inout JournalGroup) {
      let patient = PatientID(rawValue: UInt32(1 + roll(6)))
      var entry = intake.spo2(Int64(80 + roll(20)), patient: patient)
      if roll(9) == 0 { entry.payload = .event(DeviceEvent(kind: .heartbeat)) }
      if roll(40) == 0 { entry.payload = .clock(ClockAnchor(utcOffsetSeconds: 0)) }
      batch.append(entry)
      latest[patient.rawValue, default: []].append(entry.sequence)
      if roll(8) == 0 { batch.append(outcome(entry, .remark(.late))) }
      if roll(4) == 0 { batch.append(outcome(entry, .scored(score(of: patient)))) }
      if roll(12) == 0 {
        // Raised by this entry, or by a deadline whose measurement came long before.
        let known = latest[patient.rawValue] ?? []
        let first = roll(3) == 0 ? known[Int(roll(UInt64(known.count)))] : entry.sequence
        alerts.append((nextAlert, first, patient))
        batch.append(change(nextAlert, .raised, .raised, first, entry))
        nextAlert += 1
        if roll(3) == 0 { batch.append(outcome(entry, .scored(score(of: patient)), after: 2)) }
      } else if roll(10) == 0, !alerts.isEmpty {
        let alert = alerts.remove(at: Int(roll(UInt64(alerts.count))))
        batch.append(change(alert.number, .resolved, .resolved, alert.first, entry))
      }
    }

    private func change(_ number: UInt64, _ kind: AlertTransitionKind, _ state: AlertState, _ first: UInt64, _ entry: IntakeEntry)
      -> Outcome
    {
      var change = transition(number, kind, state, rule: .planRed, firstCause: first)
      change.revision = revisions[number, default: 0]
      revisions[number, default: 0] += 1
      return outcome(entry, .alert(change), after: 1)
    }

    private func score(of patient: PatientID) -> NEWS2Score {
      var score = JournalTests.score(UInt8(roll(9)))
      let known = latest[patient.rawValue] ?? []
      for index in 0..<NEWS2Parameter.count where roll(3) > 0 && !known.isEmpty {
        // Mostly new values, now and then one that is very old.
        let back = roll(12) == 0 ? roll(UInt64(known.count)) : min(roll(6), UInt64(known.count - 1))
        score.sources[index] = known[known.count - 1 - Int(back)]
      }
      return score
    }

    /// Destinations answer some of what waits; dead letters are sent again.
    func answer() throws {
      guard let writer else { return }
      let rows = try writer.queue.writeWithoutTransaction { try Row.fetchAll($0, sql: "SELECT destination, lane, row FROM outbox") }
      var batch = JournalGroup()
      batch.wall = WallTime(rawValue: Street.start)
      // A destination that is well gets nearly all; else most waits for long.
      let isWell = roll(3) > 0
      for row in rows where isWell ? roll(10) > 0 : roll(20) == 0 {
        let lane: OutboxLane = row["lane"] as Int64 == 0 ? .alarm : .routine
        let result: DeliveryReceipt.Result =
          switch roll(12) {
          case 0: .refused(reason: "no")
          case 1: .failed(error: "later")
          default: .delivered(remoteID: roll(2) == 0 ? "r" : nil)
          }
        batch.receipts.append(
          DeliveryReceipt(destination: row["destination"], lane: lane, item: .row(UInt64(row["row"] as Int64)), result: result))
      }
      if roll(5) == 0 { batch.retries.append(OutboxRetry(destination: 1, row: nil, actor: .hub, reason: "again")) }
      try writer.commit(batch)
    }

    func snapshot() throws {
      guard let writer else { return }
      try writer.saveSnapshot([1], sequence: writer.durableSequence - roll(min(writer.durableSequence, 20)), wall: .unknown)
    }
  }

  @Test(arguments: UInt64(1)...12) func whatIsNeededStaysAndTheRestGoes(seed: UInt64) throws {
    let world = try World(seed: seed)
    var oldest = Street.start
    for turn in 0..<60 {
      try world.commitSome()
      if world.roll(2) == 0 { try world.answer() }
      if world.roll(2) == 0 { try world.snapshot() }
      if world.roll(15) == 0 { try world.open() }
      guard world.roll(3) > 0, let writer = world.writer else { continue }
      // From "all is young" to "all is old".
      oldest = max(oldest, Street.start + Int64(world.roll(UInt64(world.intake.next))) * 1_000)
      let limits = RetentionLimits(samplesBefore: WallTime(rawValue: oldest), deliveriesBefore: WallTime(rawValue: oldest))
      for _ in 0...world.roll(4) { try step(writer, limits, rows: 1 + Int(world.roll(90)), "seed \(seed), turn \(turn)") }
    }
    try finish(world, seed)
  }

  private func step(_ writer: JournalWriter, _ limits: RetentionLimits, rows: Int, _ place: Comment) throws {
    let before = try writer.queue.writeWithoutTransaction { try Oracle($0) }
    _ = try writer.purge(limits, rowsMax: rows)
    let after = try writer.queue.writeWithoutTransaction { try Oracle($0) }
    #expect(before.entries.subtracting(after.entries).isEmpty, place)
    #expect(before.scores.subtracting(after.scores).isEmpty, place)
  }

  /// With another start a round begins anew; then exactly what somebody needs is left of all that is old.
  private func finish(_ world: World, _ seed: UInt64) throws {
    try world.open()
    try world.snapshot()
    try world.snapshot()
    let writer = try #require(world.writer)
    let all = RetentionLimits(samplesBefore: WallTime(rawValue: .max), deliveriesBefore: WallTime(rawValue: .max))
    while try !writer.purge(all, rowsMax: 50).isDone {}
    try writer.queue.writeWithoutTransaction { db in
      let oracle = try Oracle(db)
      let through = try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'purged_through'") ?? 0
      let left = try Int64.fetchAll(
        db, sql: "SELECT sequence FROM entry WHERE sequence <= ? AND kind IN \(EntryKind.samples)", arguments: [through])
      #expect(through > 0 && Set(left) == oracle.entries.filter { $0 <= through && left.contains($0) }, "seed \(seed)")
      let scores = try Int64.fetchAll(db, sql: "SELECT id FROM outcome WHERE cause <= ? AND kind = 1", arguments: [through])
      #expect(Set(scores).subtracting(oracle.scores).isEmpty, "seed \(seed)")
      for table in ["observation", "device_event"] {
        #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE sequence NOT IN (SELECT sequence FROM entry)") == 0)
      }
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM score WHERE outcome NOT IN (SELECT id FROM outcome)") == 0)
      try noReferenceIsLeft(db, seed)
    }
    #expect(try world.folder.reader().verifyAccessLog().isIntact)
  }

  /// Who is gone holds nothing.
  private func noReferenceIsLeft(_ db: Database, _ seed: UInt64) throws {
    for table in ["needed_entry", "needed_score"] {
      let stray = try Int64.fetchAll(
        db,
        sql: """
          SELECT holder FROM \(table) WHERE holder NOT IN (SELECT row FROM outbox UNION SELECT row FROM dead_letter)
            AND holder NOT IN (SELECT -first_outcome FROM alert WHERE is_open = 1)
          """)
      #expect(stray.isEmpty, "seed \(seed): \(table)")
    }
  }
}

@Suite struct RetentionCostTests {
  private static let all = RetentionLimits(samplesBefore: WallTime(rawValue: .max), deliveriesBefore: WallTime(rawValue: .max))

  /// Values of `people` in groups, each queued for a destination that takes nothing or all.
  private func street(_ entries: Int, waiting: Bool) throws -> (JournalFolder, JournalWriter) {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    try writer.setSharing(Sharing.everything)
    var intake = Intake()
    try writer.commit(intake.registration())
    while intake.next <= entries {
      var batch = group((0..<250).map { _ in intake.spo2(95) })
      batch.wall = WallTime(rawValue: Street.start)
      let first = try writer.queue.writeWithoutTransaction {
        try Int64.fetchOne($0, sql: "SELECT value FROM counter WHERE name = 'outboxRow'") ?? 0
      }
      try writer.commit(batch)
      if waiting { continue }
      var receipts = JournalGroup()
      receipts.wall = WallTime(rawValue: Street.start)
      receipts.receipts = (first + 1...first + 250).map {
        DeliveryReceipt(destination: 1, lane: .routine, item: .row(UInt64($0)), result: .delivered(remoteID: nil))
      }
      try writer.commit(receipts)
    }
    for back in [UInt64(20), 10] { try writer.saveSnapshot([1], sequence: writer.durableSequence - back, wall: .unknown) }
    return (folder, writer)
  }

  /// A destination that has taken nothing for long makes each step no dearer: what waits is looked at once, in pieces.
  @Test func theCostOfAStepDoesNotGrowWithWhatWaits() throws {
    let (_, writer) = try street(6_000, waiting: true)
    var (steps, looked) = (0, 0)
    while true {
      let report = try writer.purge(Self.all, rowsMax: 200)
      #expect(report.looked <= 200 + 4, "a change of the lane counts as a row")
      (steps, looked) = (steps + 1, looked + report.looked)
      if report.isDone { break }
    }
    // Once as a holder, once as an entry, once in the round over what was passed by.
    #expect(looked <= 3 * 6_100 + steps, "\(looked)")
    let changes = try writer.queue.writeWithoutTransaction { try Int.fetchOne($0, sql: "SELECT count(*) FROM entry") }
    #expect(changes ?? 0 >= 6_000, "all is needed")
    // The next day: a round, and nobody is looked at as a holder again.
    writer.purgeMemory.roundBegan = 0
    var again = 0
    while true {
      let report = try writer.purge(Self.all, rowsMax: 200)
      again += report.looked
      if report.isDone { break }
    }
    #expect(again <= 6_100, "\(again)")
  }

  /// In ordinary times nothing is written for retention with a value, a score or an alert.
  @Test func whoIsServedInTimeHasNoReference() throws {
    let (_, writer) = try street(3_000, waiting: false)
    while try !writer.purge(Self.all).isDone {}
    let counts = try writer.queue.writeWithoutTransaction { db in
      try ["needed_entry", "needed_score", "passed"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? -1 }
    }
    #expect(counts == [0, 0, 0])
  }

  @Test func aStepEndsAtOnceWhenSomebodyWaits() throws {
    let (_, writer) = try street(3_000, waiting: false)
    // The first step draws the line.
    _ = try writer.purge(Self.all, rowsMax: 16)
    var asked = 0
    let report = try writer.purge(Self.all, rowsMax: 3_000) {
      asked += 1
      return asked == 2
    }
    #expect(report.looked <= 2 * RetentionStep.chunkRows + 4 && report.entries > 0 && !report.isDone)
    let none = try writer.purge(Self.all, rowsMax: 3_000) { true }
    #expect(none.entries <= RetentionStep.chunkRows && none.entries > 0, "it comes forward all the same")
  }

  /// A step is not flushed by itself, and the commit after it is.
  @Test func everyCommitAfterAStepIsFlushed() throws {
    let (_, writer) = try street(1_000, waiting: false)
    while try !writer.purge(Self.all, rowsMax: 100).isDone {
      let synchronous = try writer.queue.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
      #expect(synchronous == 2)
    }
  }

  /// The file stays as large as a window of time: what comes takes the pages of what went.
  @Test func freedPagesAreUsedAgain() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    func pages() throws -> Int { try writer.queue.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 } }
    var sizes: [Int] = []
    for _ in 0..<8 {
      for _ in 0..<20 { try writer.commit(group((0..<250).map { _ in intake.spo2(95) })) }
      for back in [UInt64(2), 1] { try writer.saveSnapshot([1], sequence: writer.durableSequence - back, wall: .unknown) }
      while try !writer.purge(Self.all).isDone {}
      sizes.append(try pages())
    }
    #expect(sizes.count == 8 && (sizes.last ?? 0) <= sizes[1] + sizes[1] / 20, "\(sizes)")
  }

  /// The budget of docs/operation.md, "What it writes".
  @Test func bytesOfAValueStayWithinTheBudget() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.checkpointPages = 1_000_000 }
    var intake = Intake()
    try writer.commit(intake.registration())
    func pages() throws -> Int { try writer.queue.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 } }
    let (before, log) = (try pages(), writer.pagesInLog)
    for _ in 0..<200 { try writer.commit(group((0..<100).map { _ in intake.spo2(95) })) }
    let kept = (try pages() - before) * 4_096 / 20_000
    let written = (writer.pagesInLog - log) * 4_096 / 20_000
    #expect(kept <= 80, "\(kept) bytes a value on the disk")
    #expect(written <= 240, "\(written) bytes a value written to the log, in groups of a hundred")
    let alone = writer.pagesInLog
    for _ in 0..<200 { try writer.commit(group([intake.spo2(95)])) }
    #expect(writer.pagesInLog - alone <= 3 * 200, "\(writer.pagesInLog - alone) pages for 200 values, each alone")
    for back in [UInt64(2), 1] { try writer.saveSnapshot([1], sequence: writer.durableSequence - back, wall: .unknown) }
    let start = writer.pagesInLog
    while try !writer.purge(Self.all, rowsMax: 2_000).isDone {}
    let purged = (writer.pagesInLog - start) * 4_096 / 20_000
    #expect(purged <= 80, "\(purged) bytes a value written when it goes")
  }
}
