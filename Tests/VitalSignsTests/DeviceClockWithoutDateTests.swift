// Whose time counts while the hub itself does not know the date: nobody's clock is compared with a hub's that may be wrong by years.

import Testing
import VitalSigns

@Suite struct DeviceClockWithoutDateTests {
  private static let ways: [Arrival] = [.live, .queued(since: .unknown), .queued(since: WallTime(rawValue: 1_780_315_200_000)), .stored]
  private static let claims: [Int64] = [
    0, 1, DeviceClock.earliestMilliseconds - 1, DeviceClock.earliestMilliseconds, 1_780_315_200_000, .max, .min,
  ]

  @Test(arguments: ways, claims) func nobodyIsBlamedAndNothingOldIsNew(way: Arrival, claim: Int64) {
    let trusted = DeviceClock.judgeWithoutDate(WallTime(rawValue: claim), by: way)
    #expect(!trusted.clockIsWrong)
    #expect(trusted.isLate == (way == .stored))
    let isKept = way == .stored && claim >= DeviceClock.earliestMilliseconds && WallTime(rawValue: claim) != .unknown
    #expect(trusted.measuredAt == (isKept ? WallTime(rawValue: claim) : .unknown))
  }
}
