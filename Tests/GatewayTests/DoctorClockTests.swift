// What the doctor says of the wall clock and of the zone's rules.

import Testing
import VitalSigns

@testable import Doctor
@testable import HubRuntime

@Suite struct DoctorClockTests {
  private let now = WallTime(rawValue: 1_780_315_200_000)

  @Test(arguments: MachineClock.Keeper.allCases, [(true, true), (false, true), (false, false)])
  func theClock(keeper: MachineClock.Keeper, synchronised: (is: Bool, was: Bool)) {
    let machine = MachineClock(isSynchronised: synchronised.is, wasSynchronised: synchronised.was, keeper: keeper)
    let line = ClockCheck.clock(machine, at: now)
    let expected: DoctorLine.State = synchronised.is ? .ok : keeper == .nobody && !synchronised.was ? .problem : .note
    #expect(line.state == expected)
    #expect((line.next == nil) == (expected == .ok))
    #expect(line.text.contains(keeper == .nobody ? "no battery clock" : keeper == .host ? "host's time" : "battery clock holds it"))
    let unset = ClockCheck.clock(machine, at: WallTime(rawValue: 12_000))
    #expect(unset.state == .problem && unset.text.contains("1970"))
  }

  @Test func aBatteryClockOfAnotherTimeIsNamed() {
    let machine = MachineClock(isSynchronised: false, wasSynchronised: false, keeper: .nobody, batteryClockOff: 26 * 366 * 86_400_000)
    let line = ClockCheck.clock(machine, at: now)
    #expect(line.state == .problem && line.text.contains("9516 d") && line.text.contains("battery empty"))
  }

  @Test func theRulesOfTheZone() {
    let oslo = ClockCheck.Zone(name: "Europe/Oslo", winter: 3_600, summer: 7_200, hasSystemRules: true, ofMachine: "Europe/Oslo")
    func states(_ change: (inout ClockCheck.Zone) -> Void) -> [DoctorLine.State] {
      var zone = oslo
      change(&zone)
      return ClockCheck.zone(zone).map(\.state)
    }
    #expect(states { _ in } == [.ok])
    #expect(states { $0.winter = nil } == [.problem])
    #expect(states { ($0.winter, $0.summer) = (0, 0) } == [.problem])
    #expect(states { $0.summer = 3_600 } == [.problem])
    #expect(states { ($0.name, $0.summer) = ("Atlantic/Reykjavik", 0) } == [.ok, .note])
    #expect(states { $0.hasSystemRules = false } == [.ok, .note])
    #expect(states { $0.ofMachine = "Etc/UTC" } == [.ok, .note])
    #expect(states { $0.ofMachine = nil } == [.ok])
  }
}
