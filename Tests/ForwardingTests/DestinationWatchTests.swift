// When somebody is told that a destination takes nothing, and when that is taken back. A virtual clock.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct DestinationWatchTests {
  private let bounds = DestinationWatch.Bounds.alarms

  @Test func aDestinationThatIsGoneIsToldWithin90SecondsAlthoughNothingWaits() {
    var watch = DestinationWatch(bounds)
    var told: Double?
    for second in 0..<200 where told == nil {
      let now = Fixture.at(Double(second))
      if watch.wantsProbe(at: now) { watch.probed(failure: .unreachable, somethingWaits: false, at: now) }
      if watch.look(at: now) == .down(.unreachable) { told = Double(second) }
    }
    #expect(told ?? .infinity <= 90)
    #expect(told ?? 0 >= 60)
  }

  @Test func aShortAbsenceIsNobodysNews() {
    var watch = DestinationWatch(bounds)
    watch.attempted(failure: .timedOut, at: Fixture.at(0))
    #expect(watch.look(at: Fixture.at(59)) == nil)
    watch.attempted(failure: nil, at: Fixture.at(59))
    #expect(watch.look(at: Fixture.at(120)) == nil)
    #expect(watch.state == .well)
  }

  @Test func oneThatComesAndGoesIsOneAlert() {
    var watch = DestinationWatch(bounds)
    watch.attempted(failure: .unreachable, at: Fixture.at(0))
    #expect(watch.look(at: Fixture.at(60)) == .down(.unreachable))
    for second in stride(from: 70.0, to: 600, by: 20) {
      watch.attempted(failure: nil, at: Fixture.at(second))
      #expect(watch.look(at: Fixture.at(second + 9)) == nil)
      watch.attempted(failure: .timedOut, at: Fixture.at(second + 10))
      #expect(watch.look(at: Fixture.at(second + 11)) == nil)
    }
    watch.attempted(failure: nil, at: Fixture.at(700))
    #expect(watch.look(at: Fixture.at(729)) == nil)
    #expect(watch.look(at: Fixture.at(730)) == .up)
    #expect(watch.look(at: Fixture.at(731)) == nil)
  }

  @Test func aConnectionIsNoDelivery() {
    var watch = DestinationWatch(bounds)
    watch.attempted(failure: .serverError(status: 500), at: Fixture.at(0))
    for second in 1...61 { watch.probed(failure: nil, somethingWaits: true, at: Fixture.at(Double(second))) }
    #expect(watch.look(at: Fixture.at(61)) == .down(.serverError(status: 500)))
    // Nothing waits any more: being reached is the best there is to know.
    watch.probed(failure: nil, somethingWaits: false, at: Fixture.at(62))
    #expect(watch.look(at: Fixture.at(92)) == .up)
  }

  @Test func oneItemThatNeverArrivesIsToldAlthoughOthersDo() {
    var watch = DestinationWatch(bounds)
    watch.attempted(failure: nil, at: Fixture.at(100))
    #expect(watch.look(stuckSince: Fixture.at(50), at: Fixture.at(109)) == nil)
    #expect(watch.look(stuckSince: Fixture.at(50), at: Fixture.at(110)) == .down(.conflictAtDestination))
    watch.attempted(failure: nil, at: Fixture.at(120))
    #expect(watch.look(stuckSince: Fixture.at(50), at: Fixture.at(200)) == nil, "it is still stuck")
    #expect(watch.look(at: Fixture.at(200)) == .up)
  }
}
