// The watchdog is fed only when everything that this process has did something since the last time.

import Testing

@testable import Observability

@Suite struct ProgressWatchdogTests {
  /// Every subset of the parts that moved, for every subset that the process has.
  @Test func isFedExactlyWhenAllOfItsPartsMoved() {
    for has in UInt8(1)...7 {
      for moved in UInt8(0)...7 {
        let parts = ProgressWatchdog.Parts(rawValue: has)
        let start = RoleProgress(core: 5, journal: 6, outbox: 7)
        var watchdog = ProgressWatchdog(parts: parts, progress: start)
        let now = RoleProgress(core: 5 + UInt64(moved & 1), journal: 6 + UInt64(moved >> 1 & 1), outbox: 7 + UInt64(moved >> 2 & 1))
        let stuck = parts.subtracting(.init(rawValue: moved))
        #expect(watchdog.look(at: now) == (stuck.isEmpty ? .feed : .wait(stuck: stuck)), "has \(has), moved \(moved)")
      }
    }
  }

  @Test func standingStillFromTheStartIsStuck() {
    var watchdog = ProgressWatchdog(parts: .all, progress: RoleProgress())
    #expect(watchdog.look(at: RoleProgress()) == .wait(stuck: .all))
  }

  @Test func progressCountsFromTheLastFeedNotFromTheLastLook() {
    var watchdog = ProgressWatchdog(parts: .all, progress: RoleProgress())
    #expect(watchdog.look(at: RoleProgress(core: 1)) == .wait(stuck: [.journal, .outbox]))
    #expect(watchdog.look(at: RoleProgress(core: 1, journal: 1)) == .wait(stuck: .outbox))
    #expect(watchdog.look(at: RoleProgress(core: 1, journal: 1, outbox: 1)) == .feed)
    #expect(watchdog.look(at: RoleProgress(core: 1, journal: 1, outbox: 1)) == .wait(stuck: .all))
    #expect(watchdog.look(at: RoleProgress(core: 900, journal: 900, outbox: 1)) == .wait(stuck: .outbox), "two busy parts hide no dead one")
  }

  @Test func looksFourTimesWithinTheTimeout() {
    #expect(ProgressWatchdog.interval(timeout: .seconds(8)) == .seconds(2))
    #expect(ProgressWatchdog.interval(timeout: .seconds(60)) == .seconds(5))
    #expect(ProgressWatchdog.interval(timeout: .milliseconds(1)) == .milliseconds(10))
  }

  @Test func namesTheStuckParts() {
    #expect(ProgressWatchdog.Parts.all.names == "core, journal, outbox")
    #expect(ProgressWatchdog.Parts([.outbox]).names == "outbox")
  }
}
