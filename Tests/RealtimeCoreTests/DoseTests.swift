// Planned doses: one alert per slot and day, whoever says so; the day that an event belongs to; clocks that leap.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct DoseTests {
  /// Slot 0 at 20:00 with an hour's grace. The street begins at 13:00 local time.
  private func street() -> Street {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_200, graceSeconds: 3_600)))
    return street
  }
  private let untilDeadline = 8.0 * 3_600

  @Test func missedAtTheEndOfTheGraceExactly() throws {
    var street = street()
    #expect(street.pass(untilDeadline - 0.001).isEmpty)
    let missed = street.pass(1)
    #expect(missed.story == ["doseMissed raised"])
    #expect(missed[0].wall == streetBegins.adding(milliseconds: 8 * 3_600_000))
    #expect(missed.transitions[0].subject == 0 && missed.transitions[0].value == 1_200 && missed.transitions[0].limit == 3_600)
    #expect(street.pass(86_400).story.contains("doseMissed raised"), "and the next day again")
  }

  @Test(arguments: [DeviceEventKind.doseTaken, .doseAssisted])
  func takenInTime(kind: DeviceEventKind) {
    var street = street()
    _ = street.pass(7.5 * 3_600)
    #expect(street.event(kind, device: 1).isEmpty)
    #expect(street.pass(3_600).isEmpty)
  }

  @Test func handedOutIsNotTaken() {
    var street = street()
    _ = street.pass(7.5 * 3_600)
    #expect(street.event(.doseDispensed, device: 1).isEmpty)
    #expect(street.event(.doseDispensed, patient: 1).isEmpty)
    #expect(street.event(.doseDispensed, device: 1, measuredAt: street.wall.adding(milliseconds: -1_000_000)).remarks == [.late])
    #expect(street.pass(1_800).story == ["doseMissed raised"])
  }

  @Test func whatCanOnlyHandOutDoesNotAlarmEveryDay() {
    var street = Street()
    street.moveIn(abilities: .dispensingIsTaking)
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_200, graceSeconds: 3_600)))
    _ = street.pass(7.5 * 3_600)
    #expect(street.event(.doseDispensed, device: 1).isEmpty)
    #expect(street.pass(3_600).isEmpty)
  }

  @Test func theEventAndTheClockAreOneAlert() {
    var street = street()
    _ = street.pass(7.9 * 3_600)
    #expect(street.event(.doseMissed, device: 1).story == ["doseMissed raised"])
    #expect(street.event(.doseMissed, device: 1).isEmpty, "sent twice")
    #expect(street.pass(800).story.isEmpty, "the clock has nothing to add")
    var other = self.street()
    #expect(other.pass(untilDeadline).story == ["doseMissed raised"])
    #expect(other.event(.doseMissed, device: 1).isEmpty)
  }

  @Test func anotherSlotIsAnotherDose() {
    var street = street()
    _ = street.plan(.dose(slot: 3, PlannedDose(minuteOfDay: 1_200, graceSeconds: 3_600)))
    _ = street.pass(7.5 * 3_600)
    _ = street.event(.doseTaken, detail: 3, device: 1)
    let missed = street.pass(1_800)
    #expect(missed.story == ["doseMissed raised"] && missed.transitions[0].subject == 0)
    #expect(street.event(.doseMissed, detail: 12, device: 1).story == ["doseMissed raised"], "unknown slots are told each time")
  }

  @Test func refusedIsItsOwnAlertAndNoMissedDose() {
    var street = street()
    _ = street.pass(7.5 * 3_600)
    #expect(street.event(.doseRefused, device: 1).story == ["doseRefused raised"])
    #expect(street.pass(1_800).story.filter { $0.hasSuffix("raised") }.isEmpty)
  }

  @Test func lateProofPreventsAFalseAlarmAndLateAbsenceRaisesNone() {
    var street = street()
    _ = street.pass(7.8 * 3_600)
    let earlier = street.wall.adding(milliseconds: -40 * 60_000)
    #expect(street.event(.doseMissed, device: 1, measuredAt: earlier).remarks == [.late])
    #expect(street.event(.doseTaken, device: 1, measuredAt: earlier).remarks == [.late])
    #expect(street.pass(3_600).isEmpty)
  }

  @Test func aDoseTakenAfterMidnightCountsForTheEvening() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 1, PlannedDose(minuteOfDay: 1_430, graceSeconds: 3_600)))
    _ = street.pass(11.25 * 3_600)  // 00:15
    _ = street.event(.doseTaken, detail: 1, device: 1)
    #expect(street.pass(3_600).isEmpty)
    #expect(street.pass(24 * 3_600).story.first == "doseMissed raised")
  }

  /// The morning's dose at last, thirteen hours late: nearer to the next morning's, and not that one.
  @Test func aDoseTakenVeryLateIsNotTomorrows() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 480, graceSeconds: 3_600)))
    #expect(street.pass(20 * 3_600).story == ["doseMissed raised"])  // 09:00
    _ = street.pass(12 * 3_600)
    #expect(street.event(.doseMissed, device: 1).isEmpty, "it was told this morning")
    _ = street.event(.doseTaken, device: 1)
    #expect(street.pass(12 * 3_600).story.contains("doseMissed raised"))
    // Four hours before its time it is the next one.
    _ = street.pass(19.5 * 3_600)  // 04:30
    _ = street.event(.doseTaken, device: 1)
    #expect(!street.pass(6 * 3_600).story.contains("doseMissed raised"))
  }

  @Test func aChangedPlanStillWaitsForTheDoseWhoseTimeHasCome() {
    var street = street()
    _ = street.pass(7.5 * 3_600)  // 20:30
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_200, graceSeconds: 5_400)))
    #expect(street.pass(3_599).isEmpty)
    #expect(street.pass(1).story == ["doseMissed raised"])
    var earlier = self.street()
    _ = earlier.pass(7.5 * 3_600)
    #expect(earlier.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_140, graceSeconds: 3_600))).isEmpty)
    #expect(earlier.pass(1).story == ["doseMissed raised"], "moved to before now: its grace is over")
    var taken = self.street()
    _ = taken.pass(7.5 * 3_600)
    _ = taken.event(.doseTaken, device: 1)
    _ = taken.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_200, graceSeconds: 5_400)))
    #expect(taken.pass(2 * 3_600).isEmpty)
  }

  /// Slot 0 was the morning's and is now the evening's: that the morning's was taken, or told, says nothing of it.
  @Test func aDoseThatIsMovedFarIsAnotherOne() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 840, graceSeconds: 3_600)))
    _ = street.pass(3_600)
    _ = street.event(.doseTaken, device: 1)
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_200, graceSeconds: 3_600)))
    #expect(street.pass(7 * 3_600).story == ["doseMissed raised"])
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 1_380, graceSeconds: 600)))  // 23:00, three hours later: the same dose
    #expect(!street.pass(3 * 3_600).story.contains("doseMissed raised"))
  }

  /// No plan of ours knows it, so no grace will tell it.
  @Test func aLateMissOfAnUnplannedDoseIsTold() {
    var street = street()
    _ = street.pass(3_600)
    let earlier = street.wall.adding(milliseconds: -40 * 60_000)
    let missed = street.event(.doseMissed, detail: 3, device: 1, measuredAt: earlier)
    #expect(missed.story == ["doseMissed raised"] && missed.remarks == [.late])
    #expect(street.event(.doseMissed, detail: 3, device: 1, measuredAt: earlier).story.isEmpty, "sent twice")
    #expect(street.event(.doseRefused, detail: 4, device: 1, measuredAt: earlier).story == ["doseRefused raised"])
    _ = street.pass(2 * 86_400)
    let yesterday = street.wall.adding(milliseconds: -90_000_000)
    #expect(street.event(.doseMissed, detail: 5, device: 1, measuredAt: yesterday).story.isEmpty)
  }

  @Test func aNewPlanDoesNotJudgeThePast() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 480, graceSeconds: 3_600)))
    #expect(street.pass(19 * 3_600).isEmpty)
    #expect(street.pass(3_600).story == ["doseMissed raised"])
    _ = street.plan(.dose(slot: 0, nil))
    #expect(street.pass(3 * 86_400).story.filter { $0 == "doseMissed raised" }.isEmpty)
    #expect(street.plan(.dose(slot: 8, nil)).remarks == [.outOfRange])
  }

  /// A hub that started with its clock in 1970, and one that was far ahead.
  @Test func aClockThatLeapsJudgesNeitherTheYearsNorNothing() {
    var street = street()
    _ = street.pass(3_600)
    func anchor(_ years: Int64) -> [Outcome] {
      var entry = IntakeEntry(
        instant: street.now, wall: street.wall.adding(milliseconds: years * 31_536_000_000),
        payload: .clock(ClockAnchor(utcOffsetSeconds: 3_600)))
      _ = street.hand(&entry)
      return street.pass(0)
    }
    #expect(anchor(40).story.filter { $0 == "doseMissed raised" }.count <= 2)
    #expect(anchor(0).story.filter { $0 == "doseMissed raised" }.count <= 1)
    #expect(street.pass(2 * 86_400).story.filter { $0 == "doseMissed raised" }.count == 2, "the days go on")
  }

  @Test func theOffsetMovesTheDose() {
    var street = street()
    _ = street.send(.clock(ClockAnchor(utcOffsetSeconds: 7_200)))
    #expect(street.pass(7 * 3_600 - 1).isEmpty)
    #expect(street.pass(1).story == ["doseMissed raised"])
  }
}
