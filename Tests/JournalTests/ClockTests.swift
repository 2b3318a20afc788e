// What was written while the hub's clock was in doubt: kept as it was, read as it is now known to be, held back from delivery meanwhile,
// and never forgotten because it looks old.

import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct ClockTests {
  private let folder: JournalFolder
  private let writer: JournalWriter
  private var intake = Intake()

  init() throws {
    folder = try JournalFolder()
    writer = try folder.writer()
    try writer.setSharing(OutboxTests.rules)
    try writer.commit(intake.registration())
  }

  private func at(_ sequence: UInt64) -> MonotonicInstant { MonotonicInstant(rawValue: Int64(sequence) * 1_000_000_000) }
  private func believed(_ sequence: UInt64) -> ClockNote {
    .believed(BelievedTime(bootID: "A", instant: at(sequence), wall: WallTime(rawValue: Street.start + Int64(sequence) * 1_000)))
  }
  private func doubt(from sequence: UInt64, _ reason: ClockDoubtReason = .notSet) -> ClockDoubt {
    ClockDoubt(firstSequence: sequence, firstInstant: at(sequence), bootID: "A", reason: reason, recorded: 0)
  }

  private func isUncertain(_ reader: JournalReader, _ sequence: UInt64) throws -> Bool {
    try reader.read { db in try JournalReader.isTimeUncertain(db, at: at(sequence)) }
  }

  /// Entries 5 to 7 in 1970, 8 with the right time.
  private mutating func scene() throws {
    var batch = JournalGroup()
    for _ in 5...7 {
      var entry = intake.spo2(90)
      entry.wall = WallTime(rawValue: entry.instant.rawValue / 1_000_000)
      batch.append(entry)
      if entry.sequence == 6 {
        batch.append(outcome(entry, .scored(score(5, sources: 6))))
        batch.append(outcome(entry, .alert(transition(1, .raised, .raised, rule: .planRed, firstCause: 6))))
      }
    }
    batch.append(intake.spo2(91))
    try writer.keep([.doubted(doubt(from: 5))])
    try writer.commit(batch)
  }

  @Test mutating func whatIsKeptComesBack() throws {
    #expect(try writer.clockStanding().believed == nil)
    try writer.keep([believed(2), believed(3), .doubted(doubt(from: 4, .ahead))])
    let standing = try writer.clockStanding()
    #expect(standing.believed?.instant == at(3) && standing.doubt == doubt(from: 4, .ahead))
    try writer.keep([.ended(first: at(4), last: at(6), difference: 77)])
    #expect(try writer.clockStanding().doubt == nil)
    let placed = try #require(try folder.reader().read { db in try ClockDoubt.fetch(db, limit: 1) }.first)
    #expect(placed.difference == 77 && placed.lastInstant == at(6) && !placed.isHeld)
  }

  @Test mutating func timesArePlacedEverywhereAndTheRowsStay() throws {
    try scene()
    let reader = try folder.reader()
    let right = Street.start + 6_000
    #expect(try reader.observations(of: Street.kari).map(\.wall.rawValue) == [Street.start + 8_000, 7_000, 6_000, 5_000])
    #expect(try isUncertain(reader, 6))
    #expect(try !isUncertain(reader, 4))
    // The time is found between 7 and 8, half a second after the clock was set.
    try writer.keep([.ended(first: at(5), last: MonotonicInstant(rawValue: 8_500_000_000), difference: Street.start), believed(9)])
    #expect(
      try reader.observations(of: Street.kari).map(\.wall.rawValue)
        == [Street.start + 8_000, Street.start + 7_000, right, Street.start + 5_000])
    #expect(try !isUncertain(reader, 6))
    #expect(try reader.entry(6)?.wall.rawValue == right)
    let alert = try #require(try reader.openAlerts().first)
    #expect(alert.raisedWall?.rawValue == right && alert.firstWall.rawValue == right && alert.changedWall.rawValue == right)
    #expect(try reader.alertHistory(alert.id).map(\.wall.rawValue) == [right])
    #expect(try reader.explainAlert(alert.id)?.firstCause?.wall.rawValue == right)
    #expect(try reader.explainScore(patient: Street.kari)?.score.wall.rawValue == right)
    let board = try reader.board(closedSince: .unknown)
    #expect(board.open.first?.raisedWall?.rawValue == right && board.scores[Street.kari]?.wall.rawValue == right)
    #expect(try reader.waitingAlerts().oldest?.rawValue == right)
    #expect(try reader.alerts(AlertFilter(since: WallTime(rawValue: right))).count == 1)
    #expect(try reader.alerts(AlertFilter(since: WallTime(rawValue: right + 1))).isEmpty)
    // A replay decides by what was written.
    #expect(try writer.entries(after: 5).map(\.wall.rawValue) == [6_000, 7_000, Street.start + 8_000])
  }

  @Test mutating func routineRecordsWaitAndAlarmsDoNot() throws {
    try writer.commit(group([intake.spo2(88)]))
    try writer.keep([.doubted(doubt(from: intake.next))])
    let value = intake.spo2(89)
    var batch = group([value])
    batch.append(outcome(value, .alert(transition(1, .raised, .raised, rule: .planRed, firstCause: value.sequence))))
    try writer.commit(batch)
    let reader = try folder.reader()
    func page(_ lane: OutboxLane, _ scope: OutboxScope = .everybody) throws -> OutboxRows {
      try reader.outboxPage(destination: 1, lane: lane, after: 0, limit: 10, scope: scope)
    }
    let before = try reader.outboxPending(destination: 1, lane: .routine)
    #expect(before.count == 2 && before.map(\.isTimeUncertain) == [false, true])
    let held = try page(.routine)
    #expect(held.items.map(\.row) == [before[0].row] && held.reachedEnd && held.through == before[0].row)
    #expect(try page(.routine, .others([Street.ola])).items.count == 1)
    let alarms = try reader.outboxPending(destination: 1, lane: .alarm) + reader.outboxPending(destination: 9, lane: .alarm)
    #expect(alarms.map(\.isTimeUncertain) == [true, true])
    // After an hour they go, marked; once the time is known they go unmarked.
    try writer.keep([.released(first: at(6))])
    #expect(try page(.routine).items.map(\.isTimeUncertain) == [false, true])
    try writer.keep([.ended(first: at(6), last: at(9), difference: Street.start)])
    #expect(try page(.routine).items.map(\.isTimeUncertain) == [false, false])
    #expect(try page(.routine).through == before[1].row)
  }

  @Test mutating func nothingIsForgottenBecauseItLooksOld() throws {
    // What a destination still has to get is kept in any case.
    try writer.setSharing(SharingRules())
    try scene()
    while intake.next <= 40 { try writer.commit(group([intake.spo2(92)])) }
    try writer.saveSnapshot([1], sequence: 20, wall: .unknown)
    try writer.saveSnapshot([2], sequence: 30, wall: .unknown)
    func purged(before wall: Int64) throws -> Int {
      let limits = RetentionLimits(samplesBefore: WallTime(rawValue: wall), deliveriesBefore: .unknown)
      var entries = 0
      while true {
        let report = try writer.purge(limits, rowsMax: 7)
        entries += report.entries
        if report.isDone { return entries }
      }
    }
    // 1970 is long ago, and these three are not.
    #expect(try purged(before: Street.start) == 0)
    #expect(try purged(before: Street.start + 1_000_000) == 0, "in doubt they wait, and what follows them")
    try writer.keep([.ended(first: at(5), last: at(8), difference: nil)])
    #expect(try purged(before: Street.start + 1_000_000) == 0, "the machine was switched off, and nobody knows yet")
    try writer.keep([believed(40)])
    #expect(try purged(before: Street.start + 39_999) == 0, "they are no older than the next time that is known, nor is what follows")
    #expect(try purged(before: Street.start + 40_001) > 0)
  }

  @Test func oldDoubtsAreBounded() throws {
    try writer.keep(
      (1...UInt64(PlacedTime.doubtsMax + 3)).flatMap { sequence in
        [.doubted(doubt(from: sequence)), .ended(first: at(sequence), last: at(sequence + 1), difference: 0)]
      })
    #expect(try folder.reader().read { db in try ClockDoubt.fetch(db, limit: 100_000) }.count == PlacedTime.doubtsMax)
  }
}
