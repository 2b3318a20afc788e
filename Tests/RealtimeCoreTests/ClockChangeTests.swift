// The nights on which the clock changes: days of 23 and 25 hours. Oslo: 01:00 UTC, from +1 h to +2 h in spring and back in autumn.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct ClockChangeTests {
  /// A street of which the wall clock says `wall` at its beginning.
  private struct Night: ~Copyable {
    var street: Street
    /// Added to the street's own wall clock, milliseconds.
    let shift: Int64

    init(_ wall: Int64, offset: Int32) {
      street = Street(utcOffsetSeconds: offset)
      shift = wall - streetBegins.rawValue
      anchor(offset)
      street.moveIn()
    }

    mutating func anchor(_ offset: Int32) {
      var entry = IntakeEntry(
        instant: street.now, wall: street.wall.adding(milliseconds: shift), payload: .clock(ClockAnchor(utcOffsetSeconds: offset)))
      _ = street.hand(&entry)
    }

    var wall: Int64 { street.wall.rawValue + shift }
  }

  private static let spring: Int64 = 1_806_195_600_000  // 2027-03-28T01:00:00Z
  private static let autumn: Int64 = 1_824_944_400_000  // 2027-10-31T01:00:00Z

  /// The faults' case: planned 01:59, the clock goes to 03:00 at 02:00. Ten minutes are ten minutes.
  @Test func theGraceIsRealTimeInSpring() {
    var night = Night(Self.spring - 80_000, offset: 3_600)  // 01:58:40
    _ = night.street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 119, graceSeconds: 600)))
    _ = night.street.pass(80)
    night.anchor(7_200)
    #expect(night.street.pass(539.999).isEmpty)
    #expect(night.street.pass(0.001).story == ["doseMissed raised"])
    #expect(night.wall == Self.spring + 540_000)
  }

  @Test func theGraceIsRealTimeInAutumn() {
    var night = Night(Self.autumn - 80_000, offset: 7_200)  // 02:58:40, the first time
    _ = night.street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 179, graceSeconds: 600)))
    _ = night.street.pass(80)
    night.anchor(3_600)
    #expect(night.street.pass(539.999).isEmpty)
    #expect(night.street.pass(0.001).story == ["doseMissed raised"])
    let second = night.street.pass(7_200).story.filter { $0.hasSuffix("raised") }
    #expect(second.isEmpty, "02:59 comes a second time, the dose does not")
    #expect(night.street.pass(86_400).story.filter { $0.hasSuffix("raised") } == ["doseMissed raised"], "the next day it does")
  }

  /// 02:30 does not come in spring: the dose is due when the clock changes.
  @Test func aTimeThatDoesNotCome() {
    var night = Night(Self.spring - 3_600_000, offset: 3_600)
    _ = night.street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 150, graceSeconds: 600)))
    _ = night.street.pass(3_600)
    night.anchor(7_200)
    #expect(night.street.pass(599.999).isEmpty)
    #expect(night.street.pass(0.001).story == ["doseMissed raised"])
  }

  @Test(arguments: [(spring, Int32(3_600), Int32(7_200)), (autumn, 7_200, 3_600)])
  func theMorningAfterIsByTheNewClock(change: Int64, before: Int32, after: Int32) {
    var night = Night(change - 3_600_000, offset: before)
    _ = night.street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 480, graceSeconds: 600)))
    _ = night.street.pass(3_600)
    night.anchor(after)
    // 08:10 by the new clock.
    let local = change + Int64(after) * 1_000
    let untilDue = Double((480 * 60_000 + 600_000) - local % 86_400_000) / 1_000
    #expect(night.street.pass(untilDue - 0.001).isEmpty)
    #expect(night.street.pass(0.001).story == ["doseMissed raised"])
  }

  /// Taken before the change, reported after it: the same evening's dose.
  @Test func aDoseTakenBeforeTheChangeIsThatDays() {
    var night = Night(Self.autumn - 1_800_000, offset: 7_200)  // 02:30, the first time
    _ = night.street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 165, graceSeconds: 3_600)))
    _ = night.street.pass(1_000)
    let taken = WallTime(rawValue: night.wall)
    _ = night.street.pass(800)
    night.anchor(3_600)
    var entry = IntakeEntry(
      instant: night.street.now, wall: WallTime(rawValue: night.wall), measuredAt: taken, device: DeviceID(rawValue: 1),
      payload: .event(DeviceEvent(kind: .doseTaken)))
    _ = night.street.hand(&entry)
    #expect(night.street.pass(7_200).isEmpty)
  }

  /// A door that stands open from 01:30 until 03:30: the window of 23:00–06:00 is one night, of seven, six or eight hours.
  @Test(arguments: [(spring, Int32(3_600), Int32(7_200)), (autumn, 7_200, 3_600)])
  func oneNightIsOneNight(change: Int64, before: Int32, after: Int32) {
    var night = Night(change - 5_400_000, offset: before)
    _ = night.street.plan(.nightWatch(NightWatch(fromMinute: 1_380, toMinute: 360, openDelaySeconds: 600)))
    _ = night.street.event(.doorOpened, device: 1)
    var story = night.street.pass(5_400).story
    night.anchor(after)
    story += night.street.pass(7_200).story
    #expect(story.filter { $0 == "doorOpenAtNight raised" }.count == 1)
    _ = night.street.event(.doorClosed, device: 1)
    // 05:55 by the new clock: too short before the night ends; the day begins at 06:00.
    let local = (change + Int64(after) * 1_000) % 86_400_000
    _ = night.street.pass(Double(355 * 60_000 - local) / 1_000 - 7_200)
    #expect(night.street.event(.doorOpened, device: 1).isEmpty)
    #expect(night.street.pass(3_600).story.filter { $0.hasSuffix("raised") }.isEmpty)
  }
}
