// A configuration smaller than what is registered: what is said, and how much room is made.

import Testing

@testable import HubConfiguration
@testable import HubRegistry

@Suite("Room for what is registered")
struct RegisteredRoomTests {
  private func settings(_ patients: Int, _ devices: Int, _ alerts: Int) -> KnutepunktConfiguration.RealtimeSettings {
    KnutepunktConfiguration.RealtimeSettings(
      patientsMax: patients, devicesMax: devices, alertsMax: alerts, scheduler: .ordinary, priority: 1, locksMemory: false,
      liveWindow: .seconds(60), intakeCapacity: 1_024)
  }

  @Test("Enough room is left as it is")
  func enough() {
    let room = RegisteredRoom(patients: 4, devices: 5, alertGroups: [1, 3])
    #expect(room.problems(settings(4, 5, 4)).isEmpty)
    #expect(room.grown(settings(4, 5, 16)) == settings(4, 5, 16))
  }

  @Test("Each size that is too small is named with the number that is needed, and grows beyond it")
  func tooSmall() {
    let room = RegisteredRoom(patients: 4, devices: 100, alertGroups: [1, 8, 8])
    let problems = room.problems(settings(2, 2, 16))
    #expect(problems.count == 3)
    #expect(problems[0] == "realtime.patientsMax is 2, and 4 people are registered; allowed: at least 4, and room for those to come")
    #expect(room.grown(settings(2, 2, 16)) == settings(12, 125, 25))
  }

  @Test("Fifty thousand presses of one button need a group's share of the room, no more")
  func flood() {
    let room = RegisteredRoom(patients: 1, devices: 1, alertGroups: [50_000, 3])
    #expect(room.problems(settings(4, 4, 1_024)).isEmpty)
    #expect(room.grown(settings(4, 4, 1_024)) == settings(4, 4, 1_024))
  }
}
