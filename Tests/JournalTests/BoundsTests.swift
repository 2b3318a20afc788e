// What must not grow: quarantine, frame marks, snapshots. What may be forgotten, and what not.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct BoundsTests {
  @Test func quarantineKeepsTheNewestAndCountsAll() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.quarantineMax = 10 }
    for index in 0..<50 {
      var batch = JournalGroup()
      batch.quarantined = [
        QuarantinedFrame(
          link: 1, topic: "t/\(index)", reason: index % 2 == 0 ? "notJSON" : "tooLarge", payload: [UInt8](repeating: 7, count: 1_000_000),
          wall: WallTime(rawValue: Int64(index)))
      ]
      try writer.commit(batch)
    }
    let reader = try folder.reader()
    let rows = try reader.quarantine()
    #expect(rows.map(\.frame.topic) == (40..<50).reversed().map { "t/\($0)" })
    #expect(rows.allSatisfy { $0.frame.prefix.count == 256 && $0.frame.payloadBytes == 1_000_000 })
    #expect(try reader.counts().quarantined == ["notJSON": 25, "tooLarge": 25])
  }

  @Test func frameMarksAreARingPerLink() throws {
    let folder = try JournalFolder()
    func batch(_ link: UInt32, _ range: Range<UInt32>) -> JournalGroup {
      var batch = JournalGroup()
      batch.deliveryMarks = range.map { DeliveryMark(link: link, message: $0, hash: UInt64.max - UInt64($0)) }
      return batch
    }
    do {
      let writer = try folder.writer { $0.deliveryMarksPerLink = 8 }
      try writer.commit(batch(1, 0..<20))
      try writer.commit(batch(2, 0..<3))
    }
    // The ring goes on where the last run left it.
    let writer = try folder.writer { $0.deliveryMarksPerLink = 8 }
    try writer.commit(batch(1, 20..<23))
    let marks = try writer.recover().deliveryMarks
    #expect(marks.filter { $0.link == 1 }.map(\.message) == Array(15..<23))
    #expect(marks.filter { $0.link == 2 }.map(\.message) == [0, 1, 2])
    #expect(marks.last?.hash == UInt64.max - 2)
  }

  @Test func aFramesMarkSaysHowManyOfItsReadingsAreInAndTakesOneRow() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    func mark(_ message: UInt32, _ taken: UInt16) -> DeliveryMark {
      DeliveryMark(link: 1, message: message, hash: 77, taken: taken, wall: WallTime(rawValue: 1_790_000_000_000))
    }
    do {
      let writer = try folder.writer()
      // The alarm is committed alone, as it is when it comes; its frame's other reading follows.
      var first = JournalGroup()
      first.append(intake.sos(), mark: mark(5, 1))
      try writer.commit(first)
      #expect(try writer.recover().deliveryMarks == [mark(5, 1)])
      var second = JournalGroup()
      second.append(intake.spo2(95), mark: mark(5, 2))
      second.append(intake.spo2(96), mark: mark(6, 1))
      try writer.commit(second)
      #expect(try writer.recover().deliveryMarks == [mark(5, 2), mark(6, 1)])
      // The same number and content again, from its first reading: another frame.
      var third = JournalGroup()
      third.append(intake.spo2(96), mark: mark(6, 1))
      third.deliveryMarks = [mark(7, DeliveryMark.refused)]
      try writer.commit(third)
    }
    let writer = try folder.writer()
    #expect(try writer.recover().deliveryMarks == [mark(5, 2), mark(6, 1), mark(6, 1), mark(7, DeliveryMark.refused)])
  }

  @Test func lastTwoSnapshotsAreKeptAndChecked() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group((0..<5).map { _ in intake.spo2(95) }))
    for sequence in UInt64(1)...4 { try writer.saveSnapshot([UInt8(sequence), 2, 3], sequence: sequence, wall: .unknown) }
    #expect(
      try writer.recover().snapshots == [JournalSnapshot(sequence: 4, state: [4, 2, 3]), JournalSnapshot(sequence: 3, state: [3, 2, 3])])
    #expect(throws: JournalError.self) { try writer.saveSnapshot([], sequence: 6, wall: .unknown) }
    try writer.queue.writeWithoutTransaction { try $0.execute(sql: "UPDATE snapshot SET state = x'00' WHERE sequence = 4") }
    #expect(try writer.recover().snapshots.map(\.sequence) == [3])
  }
}

@Suite struct RetentionTests {
  /// The writer's thread is never away for long: a step takes what fits into its time.
  @Test func aStepOfRetentionAdaptsToTheDisk() {
    var pace = PurgePace()
    for _ in 0..<50 { pace.took(.milliseconds(1), wasFull: true) }
    #expect(pace.rows == PurgePace.rowsRange.upperBound)
    pace.took(.milliseconds(1), wasFull: false)
    #expect(pace.rows == PurgePace.rowsRange.upperBound)
    pace.took(.milliseconds(PurgePace.millisecondsMax + 1), wasFull: true)
    #expect(pace.rows == PurgePace.rowsRange.upperBound / 2)
    for _ in 0..<50 { pace.took(.seconds(3), wasFull: true) }
    #expect(pace.rows == PurgePace.rowsRange.lowerBound)
    pace.took(.milliseconds(15), wasFull: true)
    #expect(pace.rows == PurgePace.rowsRange.lowerBound, "between the two it stays")
  }

  /// Without a number of rows all is purged in the end.
  @Test func retentionByItsOwnPaceComesToAnEnd() throws {
    let (_, writer, _) = try scene()
    try writer.saveSnapshot([1], sequence: 60, wall: .unknown)
    try writer.saveSnapshot([2], sequence: 80, wall: .unknown)
    var purged = 0
    while true {
      let report = try writer.purge(everything)
      purged += report.entries
      if report.isDone { break }
    }
    #expect(purged == 53)
  }

  /// 100 samples, an alert that stays open, an outbox row, a current score; snapshots at 60 and 80; everything is old.
  private func scene() throws -> (JournalFolder, JournalWriter, Intake) {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    try writer.setSharing(OutboxTests.rules)
    var intake = Intake()
    try writer.commit(intake.registration())
    var batch = JournalGroup()
    let cause = intake.spo2(84, patient: Street.ola)
    batch.append(cause)
    batch.append(outcome(cause, .alert(transition(1, .raised, .raised, rule: .planRed, firstCause: cause.sequence))))
    let source = intake.spo2(90, patient: Street.ola)
    batch.append(source)
    batch.append(outcome(source, .scored(score(1))))
    batch.append(outcome(source, .scored(score(3, sources: source.sequence)), after: 1))
    batch.append(intake.spo2(91))
    while intake.next <= 100 { batch.append(intake.spo2(95, patient: Street.ola)) }
    batch.append(intake.entry(.clock(ClockAnchor(utcOffsetSeconds: 0)), patient: .none, device: .none))
    try writer.commit(batch)
    return (folder, writer, intake)
  }

  private let everything = RetentionLimits(samplesBefore: WallTime(rawValue: .max), deliveriesBefore: WallTime(rawValue: .max))

  @Test func withoutSnapshotsNothingGoes() throws {
    let (_, writer, _) = try scene()
    #expect(try writer.purge(everything) == PurgeReport())
    try writer.saveSnapshot([1], sequence: 60, wall: .unknown)
    #expect(try writer.purge(everything).entries == 0)
  }

  @Test func whatIsNeededStays() throws {
    let (folder, writer, intake) = try scene()
    try writer.saveSnapshot([1], sequence: 60, wall: .unknown)
    try writer.saveSnapshot([2], sequence: 80, wall: .unknown)
    var steps = 0
    var purged = 0
    while true {
      let report = try writer.purge(everything, rowsMax: 10)
      #expect(report.entries <= 10)
      steps += 1
      purged += report.entries
      if report.isDone { break }
    }
    #expect(steps >= 6)
    // Kept up to 60: four registry changes, the alert's cause, the score's source, the record that 1 still has to get.
    let kept = try writer.entries().map(\.sequence)
    #expect(Array(kept.prefix { $0 <= 60 }) == [1, 2, 3, 4, 5, 6, 7])
    #expect(Array(kept.drop { $0 <= 60 }) == Array(61..<intake.next))
    #expect(purged == 53)
    // A start from either snapshot has all that it needs, exactly.
    #expect(try writer.entries(after: 60).map(\.sequence) == Array(61..<intake.next))
    let recovery = try writer.recover()
    #expect(recovery.purgedThrough == 60 && recovery.snapshots.count == 2 && recovery.lastSequence == 101)
    let reader = try folder.reader()
    #expect(try reader.openAlerts().count == 1)
    #expect(try reader.explainAlert(AlertID(high: 0xABCD_EF01_2345_6789, low: 1))?.firstCause?.sequence == 5)
    #expect(try reader.explainScore(patient: Street.ola)?.sources[1]?.sequence == 6)
    #expect(try reader.counts().scores == 1)
    #expect(try reader.outboxPending(destination: 1, lane: .routine).count == 1)
    #expect(try reader.verifyAccessLog().isIntact)
    #expect(try reader.counts().observations == 3 + 40)
  }

  @Test func youngSamplesStay() throws {
    let (_, writer, _) = try scene()
    try writer.saveSnapshot([1], sequence: 60, wall: .unknown)
    try writer.saveSnapshot([2], sequence: 80, wall: .unknown)
    let limits = RetentionLimits(samplesBefore: WallTime(rawValue: Street.start + 20_000), deliveriesBefore: .unknown)
    while !(try writer.purge(limits).isDone) {}
    #expect(try writer.entries().map(\.sequence).contains(20))
    #expect(!(try writer.entries().map(\.sequence).contains(19)))
    #expect(try writer.recover().purgedThrough == 19)
  }

  /// Numbers of outcomes and rows are not given again, even when the highest has been purged.
  @Test func numbersGoOn() throws {
    let (folder, first, intake) = try scene()
    var next = intake
    let before = try folder.reader().read { try Int64.fetchOne($0, sql: "SELECT max(id) FROM outcome") ?? 0 }
    try first.queue.writeWithoutTransaction { try $0.execute(sql: "DELETE FROM outcome") }
    first.stateIsStale = true
    var batch = JournalGroup()
    let entry = next.spo2(80)
    batch.append(entry)
    batch.append(outcome(entry, .remark(.late)))
    try first.commit(batch)
    #expect(try folder.reader().read { try Int64.fetchOne($0, sql: "SELECT min(id) FROM outcome") } == before + 1)
  }
}
