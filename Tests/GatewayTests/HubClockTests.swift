// The hub's timeline across restarts: exact within one boot whatever the wall clock does, bridged by the wall clock
// across boots, never backwards.

import Journal
import Testing
import VitalSigns

@testable import HubCore
@testable import HubRuntime

@Suite struct HubClockTests {
  private static let second: Int64 = 1_000_000_000
  private static let wall = Street.noon

  /// The last run began at 100 s of boot A's clock and 5 s of the hub's timeline.
  private static let lastRun = RunRecord(
    bootID: "A", boottimeNanoseconds: 100 * second, instant: MonotonicInstant(rawValue: 5 * second), wall: wall, version: "1")

  /// Where the timeline stands at the moment of `now`.
  private func start(
    _ lastRun: RunRecord?, lastInstant: Int64 = 5, lastWall: WallTime = wall, boot: String, boottime: Int64, wall: WallTime
  ) -> Int64 {
    let now = ClockReading(bootID: boot, boottime: boottime * Self.second, wall: wall)
    let clock = HubClock(
      continuing: lastRun, lastInstant: MonotonicInstant(rawValue: lastInstant * Self.second), lastWall: lastWall, now: now)
    return clock.offset + now.boottime
  }

  @Test func theFirstRunStartsAtAWholeSecond() {
    #expect(start(nil, lastInstant: 0, lastWall: .unknown, boot: "A", boottime: 12_345, wall: Self.wall) == Self.second)
  }

  @Test(arguments: [0, 60_000, -86_400_000, 10 * 365 * 86_400_000, -Street.noon.rawValue] as [Int64])
  func withinABootTheWallClockHasNoInfluence(step: Int64) {
    let wall = Self.wall.adding(milliseconds: step)
    #expect(start(Self.lastRun, lastInstant: 40, boot: "A", boottime: 160, wall: wall) == 65 * Self.second)
  }

  @Test func withinABootItNeverStartsBelowTheLastInstant() {
    #expect(start(Self.lastRun, lastInstant: 70, boot: "A", boottime: 160, wall: Self.wall) == 70 * Self.second)
  }

  @Test func afterANewBootTheWallClockTellsHowLongTheHubWasOff() {
    let wall = Self.wall.adding(milliseconds: 3_600_000)
    #expect(start(Self.lastRun, lastInstant: 500, boot: "B", boottime: 7, wall: wall) == 4_100 * Self.second)
  }

  @Test func aWallClockIn1970StopsTheTimelineInsteadOfTurningItBack() {
    let wall = WallTime(rawValue: 12_000)
    #expect(start(Self.lastRun, lastInstant: 500, boot: "B", boottime: 7, wall: wall) == 500 * Self.second)
  }

  @Test(arguments: [Street.noon.adding(milliseconds: 500 * 366 * 86_400_000), WallTime(rawValue: .max)])
  func anAbsurdFutureIsHeldAtTenYears(wall: WallTime) {
    let tenYears: Int64 = 10 * 366 * 86_400 * Self.second
    #expect(start(Self.lastRun, lastInstant: 500, boot: "B", boottime: 7, wall: wall) == 500 * Self.second + tenYears)
  }

  /// A clock that leaps to and fro at each start: ten years each time, and never past the end of the numbers.
  @Test func leapsAtEachStartEndBeforeTheNumbersDo() {
    var instant = 5 * Self.second
    for boot in 0..<100 {
      let now = ClockReading(bootID: "B\(boot)", boottime: Self.second, wall: WallTime(rawValue: .max))
      let clock = HubClock(
        continuing: Self.lastRun, lastInstant: MonotonicInstant(rawValue: instant), lastWall: Self.wall, now: now)
      #expect(clock.offset + now.boottime >= instant)
      instant = clock.offset + now.boottime
    }
    #expect(instant > 0 && instant / 1_000_000 <= HubClock.timelineMillisecondsMax + 5_000)
  }

  @Test func theSteadyWallClockStandsWhereItStoodAtTheStart() {
    let reading = ClockReading(bootID: "A", boottime: ClockReading.current().boottime, wall: WallTime(rawValue: 12_000))
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: reading)
    #expect((12_000...60_000).contains(clock.steadyWall().rawValue))
  }

  @Test func anUnknownLastWallBridgesNothing() {
    #expect(start(Self.lastRun, lastInstant: 500, lastWall: .unknown, boot: "B", boottime: 7, wall: Self.wall) == 500 * Self.second)
  }

  @Test func theTimelineRunsWithTheMachine() {
    let reading = ClockReading.current()
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: reading)
    let first = clock.now()
    let second = clock.now()
    #expect(first.rawValue >= Self.second)
    #expect(second >= first)
    #expect(!reading.bootID.isEmpty)
    #expect(ClockReading.current().bootID == reading.bootID)
  }
}
