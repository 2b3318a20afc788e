// The hub's own clock: when it is in doubt, and when it is believed again.

import Testing
import VitalSigns

@testable import DeviceIntake

@Suite struct WallClockWatchTests {
  private let noon: Int64 = 1_780_315_200_000

  private func at(_ seconds: UInt32) -> MonotonicInstant { MonotonicInstant(rawValue: 1_000_000_000).adding(seconds: seconds) }
  private func wall(_ seconds: UInt32, off: Int64 = 0) -> WallTime { WallTime(rawValue: noon + (Int64(seconds) + off) * 1_000) }

  @Test(arguments: [86_400, -86_400, 301] as [Int64])
  func aStepIsDoubtedUntilItIsTakenBackOrAnHourOld(off: Int64) {
    var clock = WallClockWatch()
    clock.look(wall: wall(0), at: at(0))
    clock.look(wall: wall(1), at: at(1))
    #expect(clock.isWell)
    clock.look(wall: wall(2, off: off), at: at(2))
    #expect(!clock.isWell && clock.step == off * 1_000)
    var back = clock
    back.look(wall: wall(3), at: at(3))
    #expect(back.isWell && back.step == 0)
    clock.look(wall: wall(3_601, off: off), at: at(3_601))
    #expect(!clock.isWell)
    clock.look(wall: wall(3_602, off: off), at: at(3_602))
    #expect(clock.isWell)
    clock.look(wall: wall(3_603), at: at(3_603))
    #expect(!clock.isWell)
  }

  @Test func aDateThatIsLearnedAndAFewSecondsAreNoDoubt() {
    var clock = WallClockWatch()
    clock.look(wall: WallTime(rawValue: 5_000), at: at(0))
    clock.look(wall: wall(1), at: at(1))
    #expect(clock.isWell)
    clock.look(wall: wall(2, off: 290), at: at(2))
    #expect(clock.isWell)
  }
}
