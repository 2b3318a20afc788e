// When ids begin a new epoch: as soon as no broker can repeat what the run before was told, and once.

import Testing
import VitalSigns

@testable import DeviceIntake

@Suite struct EpochWatchTests {
  private func at(_ seconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: 5_000_000_000 + seconds * 1_000_000_000) }
  private func watch(_ links: String..., bluetooth: Bool = false) -> EpochWatch {
    EpochWatch(links: links, bluetooth: bluetooth, at: at(0))
  }

  @Test func aBrokerWithoutOurSessionRepeatsNothing() {
    var watch = watch("street")
    #expect(watch.passes(at: at(100)) == false, "it is not connected yet")
    watch.connected("street", hasSession: false, at: at(100))
    #expect(watch.passes(at: at(100)) == true)
    #expect(watch.passes(at: at(100)) == false, "once in a run")
    watch.connected("street", hasSession: false, at: at(200))
    #expect(watch.passes(at: at(10_000)) == false)
  }

  @Test func aBrokerWithOurSessionRepeatsFirst() {
    var watch = watch("street")
    watch.connected("street", hasSession: true, at: at(10))
    #expect(watch.passes(at: at(39)) == false)
    #expect(watch.passes(at: at(40)) == true)
  }

  @Test func aConnectionThatBreaksBeginsAnew() {
    var watch = watch("street")
    watch.connected("street", hasSession: true, at: at(10))
    watch.lost("street")
    #expect(watch.passes(at: at(60)) == false)
    watch.connected("street", hasSession: true, at: at(70))
    #expect(watch.passes(at: at(99)) == false)
    #expect(watch.passes(at: at(100)) == true)
  }

  @Test func everyLinkIsWaitedForButNotForEver() {
    var some = watch("street", "tower")
    some.connected("street", hasSession: false, at: at(1))
    #expect(some.passes(at: at(119)) == false)
    some.connected("a stranger", hasSession: true, at: at(119))
    #expect(some.passes(at: at(120)) == true)
  }

  @Test func bluetoothAloneWaitsForItsDevices() {
    var watch = watch(bluetooth: true)
    #expect(watch.passes(at: at(29)) == false)
    #expect(watch.passes(at: at(30)) == true)
    var none = self.watch()
    #expect(none.passes(at: at(0)) == true)
  }

  @Test func whatFoundNoRoomIsOfferedAgain() {
    var watch = watch()
    #expect(watch.passes(at: at(0)) == true)
    watch.notBegun()
    #expect(watch.passes(at: at(1)) == true)
  }
}
