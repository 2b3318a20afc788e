// Groups, order, repetition, and the decisions that the core makes again after a crash.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct CommitTests {
  @Test func sameGroupTwiceIsOnce() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    try writer.setSharing(Sharing.everything)
    var intake = Intake()
    try writer.commit(intake.registration())
    let alarm = intake.sos()
    var batch = group([intake.spo2(91)])
    let last = batch.entries[0].entry
    batch = JournalGroup()
    batch.append(alarm)
    batch.append(outcome(alarm, .alert(transition(1, .raised, .raised, firstCause: alarm.sequence))))
    batch.append(last)
    batch.append(outcome(last, .scored(score(5))))
    let first = try writer.commit(batch)
    #expect(first.entriesWritten == 2 && first.durableSequence == 6 && first.queued == 3)
    let second = try writer.commit(batch)
    #expect(second.entriesRepeated == 2 && second.entriesWritten == 0 && second.queued == 0)
    let counts = try folder.reader().counts()
    #expect(counts.alerts == 1 && counts.scores == 1 && counts.lastSequence == 6 && counts.gaps.isEmpty)
  }

  /// A deadline's outcome alone: committed, decided again after a crash, and still one.
  @Test func deadlineOutcomeIsRecognisedAfterACrash() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    let entry = intake.sos()
    let raised = outcome(entry, .alert(transition(1, .raised, .raised, firstCause: 1)))
    let escalated = outcome(entry, .alert(transition(1, .escalated, .raised, firstCause: 1)), after: 30)
    let late = outcome(entry, .alert(transition(1, .escalated, .raised, firstCause: 1)), after: 60)
    do {
      let writer = try folder.writer()
      try writer.setSharing(Sharing.everything)
      var batch = group([entry])
      batch.append(raised)
      try writer.commit(batch)
      var alone = JournalGroup()
      alone.append(escalated)
      try writer.commit(alone)
      #expect(try writer.commit(alone).queued == 0)
    }
    let writer = try folder.writer()
    try writer.setSharing(Sharing.everything)
    // The core replays and decides all three; two are known.
    var again = JournalGroup()
    for decided in [raised, escalated, late] { again.append(decided) }
    #expect(try writer.commit(again).queued == 1)
    #expect(
      try folder.reader().alertHistory(AlertID(high: 0xABCD_EF01_2345_6789, low: 1)).map(\.instant.rawValue) == [
        entry.instant.rawValue, entry.instant.rawValue + 30, entry.instant.rawValue + 60,
      ])
    // An outcome of an older cause was on disk with its entry.
    try writer.commit(group([intake.spo2(95)]))
    var old = JournalGroup()
    old.append(late)
    #expect(try writer.commit(old).queued == 0)
    #expect(try folder.reader().counts().alerts == 1)
  }

  @Test func jumpInTheSequenceIsWrittenAndTold() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group([intake.spo2(95)]))
    intake.next = 10
    let report = try writer.commit(group([intake.sos()]))
    #expect(report.sequenceJumped && report.durableSequence == 10)
    let gap = try #require(try folder.reader().counts().gaps.first)
    #expect(gap.reason == .unexplained && gap.first == 2 && gap.last == 9 && gap.entries == 8 && !gap.isOpen)
  }

  @Test func failedCommitLeavesNothingAndCanBeRepeated() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group([intake.spo2(95)]))
    let batch = group([intake.spo2(96), intake.sos()])
    // The second table of the group refuses: the first has been written by then.
    try writer.queue.writeWithoutTransaction {
      try $0.execute(sql: "CREATE TRIGGER fail BEFORE INSERT ON device_event BEGIN SELECT RAISE(ABORT, 'cut'); END")
    }
    #expect(throws: JournalError.self) { try writer.commit(batch) }
    #expect(try writer.entries().count == 1)
    #expect(writer.durableSequence == 1)
    try writer.queue.writeWithoutTransaction { try $0.execute(sql: "DROP TRIGGER fail") }
    #expect(try writer.commit(batch).entriesWritten == 2)
    #expect(try writer.entries().map(\.sequence) == [1, 2, 3])
  }

  /// Another hand holds the write lock: an error that says "later", and later it works.
  @Test func lockedFileIsToldAndTriedAgain() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    let batch = group([intake.sos()])
    let other = try folder.rawConnection()
    try other.writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE")
      #expect { try writer.commit(batch) } throws: { error in
        guard case .busy = error as? JournalError else { return false }
        return (error as? JournalError)?.retry == .later
      }
      try db.execute(sql: "ROLLBACK")
    }
    #expect(try writer.commit(batch).durableSequence == 1)
  }

  @Test func replayIsInOrderWhateverTheKinds() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var entries: [IntakeEntry] = []
    for round in 0..<200 {
      var batch = JournalGroup()
      for index in 0..<7 {
        let payloads = RoundTripTests.payloads
        let entry = intake.entry(payloads[(round * 7 + index * 5) % payloads.count])
        entries.append(entry)
        batch.append(entry)
      }
      try writer.commit(batch)
    }
    #expect(try writer.entries() == entries)
    #expect(try writer.entries(after: 700) == Array(entries[700...]))
  }

  @Test func idleCheckpointEmptiesTheLog() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(group((0..<500).map { _ in intake.spo2(95) }))
    #expect(writer.pagesInLog > 0)
    writer.checkpointIfIdle()
    let size = try (folder.url.appendingPathComponent("knutepunkt.db-wal").resourceValues(forKeys: [.fileSizeKey]).fileSize)
    #expect(size == 0)
    try writer.commit(group([intake.spo2(96)]))
    #expect(try folder.reader().lastSequence() == 501)
  }

  @Test func logStaysBoundedWithoutAnyCare() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.checkpointPages = 20 }
    var intake = Intake()
    for _ in 0..<200 { try writer.commit(group((0..<20).map { _ in intake.spo2(95) })) }
    #expect(writer.pagesInLog < 200)
  }
}

enum Sharing {
  static let everything = SharingRules(destinations: [
    SharingDestination(
      number: 1, name: "journalsystem", wants: Set(RecordKind.allCases),
      agreements: [SharingPermission(controllers: [Street.controller, Street.otherController], kinds: Set(RecordKind.allCases))])
  ])
}
