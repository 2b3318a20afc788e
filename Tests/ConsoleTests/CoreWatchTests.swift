// Silence is not life: when the console calls the core lost, at the millisecond.

import Testing
import VitalSigns

@testable import Console

@Suite struct CoreWatchTests {
  let wall = WallTime(rawValue: 1_790_000_000_000)
  func at(_ milliseconds: Int64) -> MonotonicInstant { .zero.adding(nanoseconds: milliseconds * 1_000_000) }

  @Test func waitsAndThenGivesUp() {
    var watch = CoreWatch(at: at(0))
    #expect(watch.liveness == nil)
    #expect(watch.advance(to: at(2_999)) == false)
    #expect(watch.advance(to: at(3_000)) == true)
    #expect(watch.liveness == .lost(since: nil))
    #expect(watch.advance(to: at(4_000)) == false)
  }

  @Test func silenceLosesALiveCore() {
    var watch = CoreWatch(at: at(0))
    #expect(watch.event(.live, at: at(100), wall: wall) == true)
    #expect(watch.event(.live, at: at(1_100), wall: wall.adding(milliseconds: 1_000)) == false)
    #expect(watch.advance(to: at(4_099)) == false)
    #expect(watch.advance(to: at(4_100)) == true)
    #expect(watch.liveness == .lost(since: wall.adding(milliseconds: 1_000)))
  }

  @Test func saidLostIsLostAtOnceAndTheFirstMomentStands() {
    var watch = CoreWatch(at: at(0))
    _ = watch.event(.live, at: at(0), wall: wall)
    #expect(watch.event(.lost(since: nil), at: at(500), wall: wall.adding(milliseconds: 500)) == true)
    #expect(watch.liveness == .lost(since: wall))
    #expect(watch.event(.lost(since: wall.adding(milliseconds: 900)), at: at(900), wall: wall) == false)
    #expect(watch.liveness == .lost(since: wall))
    #expect(watch.event(.live, at: at(1_000), wall: wall) == true)
    #expect(watch.liveness == .live)
  }
}
