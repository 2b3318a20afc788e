// What is said of times after the hub's clock was set: no minute becomes years, and nobody seems silent for decades.

import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubCore
@testable import HubRegistry

@Suite struct ClockStepTests {
  private static let years: Int64 = 56 * 366 * 86_400_000

  @Test(arguments: [years, -86_400_000, 3_600_000]) func aTroubleKeepsItsAge(step: Int64) {
    let link = HubWatch.Subject(rule: .linkDown, number: 7)
    let earlier = HubWatch.Subject(rule: .roleDown, number: 8)
    let noon = Street.noon
    func at(_ second: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: second * 1_000_000_000) }
    var watch = HubWatch(told: [(earlier, noon)], at: at(0))
    let down = [
      HubWatch.Sample(subject: link, name: nil, isWell: false, detail: nil),
      HubWatch.Sample(subject: earlier, name: nil, isWell: true, detail: nil),
    ]
    for second in 1...40 as ClosedRange<Int64> { watch.look(down, at: at(second), wall: noon.adding(milliseconds: second * 1_000)) }
    for second in 41...45 as ClosedRange<Int64> {
      watch.look(down, at: at(second), wall: noon.adding(milliseconds: second * 1_000 + step))
    }
    let shown = watch.shown
    #expect(shown.first { $0.subject == link }?.since == noon.adding(milliseconds: 1_000 + step), "44 s ago by the clock as it is now")
    #expect(shown.first { $0.subject == earlier }?.since == noon, "what an earlier run says stays")
  }

  @Test func whenDevicesWereHeardMovesWithTheClock() throws {
    let (old, new) = (Street.button, Street.cuff)
    let registry = Registry(
      profiles: try Street.profiles(), patients: [],
      devices: [
        Street.registered(old, "zigbee2mqtt/sos-button", "sos-1"), Street.registered(new, "zigbee2mqtt/sos-button", "sos-2"),
      ])
    let before = WallTime(rawValue: 60_000)
    let now = before.adding(milliseconds: Self.years)
    registry.seen(old, at: before.adding(milliseconds: -30_000))
    registry.seen(new, at: now)
    registry.clockWasSet(by: Self.years, now: now)
    #expect(registry.device(old)?.lastSeen == now.adding(milliseconds: -30_000))
    #expect(registry.device(new)?.lastSeen == now, "heard since the clock was set")
    registry.clockWasSet(by: -Self.years, now: before.adding(milliseconds: 60_000))
    #expect(registry.device(old)?.lastSeen == before.adding(milliseconds: -30_000))
  }
}
