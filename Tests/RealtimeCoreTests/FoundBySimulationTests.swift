// What simulated worlds found in the core, as the smallest story that shows it (Sources/Simulation/Found.md).

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct FoundBySimulationTests {
  /// The journal keeps one number of a value that is exact. Told with another upper one, a start took its own replay for another decision.
  @Test func whatIsCountedIsExact() throws {
    var street = Street()
    street.moveIn(isSafetyAlarm: true)
    let first = try #require(street.event(.notUnderstood, device: 1).transitions.first)
    _ = street.command(.acknowledge, first.id)
    for count in Int32(2)...4 {
      _ = street.pass(301)
      let again = try #require(street.event(.notUnderstood, device: 1).transitions.last)
      #expect(again.id == first.id && again.kind == .retriggered)
      #expect(again.value == count && again.upper == count && !again.isLowerBound)
    }
  }

  /// A hub tells an alert anew by itself and dies; its last entry came long before. The next run decides that again, and it must be the
  /// same: told as missed it would have another deadline under the same revision.
  @Test(arguments: [true, false]) func whatWasToldBeforeACrashIsDecidedAgainTheSame(isKnown: Bool) throws {
    var before = Street()
    var after = Street()
    before.moveIn()
    after.moveIn()
    let raised = try #require(before.event(.sos, device: 1).transitions.first)
    _ = before.command(.acknowledge, raised.id)
    _ = after.event(.sos, device: 1)
    _ = after.command(.acknowledge, raised.id)
    let told = try #require(before.pass(3_600).transitions.first { $0.kind == .retriggered })
    let decidedUntil = before.lastInstant
    // The other core has seen the same entries, and nothing of what was decided after the last.
    let again = after.comeBack(afterSeconds: 5_000, decidedUntil: isKnown ? decidedUntil : .zero).transitions
    let same = try #require(again.first { $0.id == told.id && $0.revision == told.revision })
    #expect((same == told) == isKnown)
  }

  /// A full table is told again by two timers, its own and the hub's, and each puts the other off. While the hub was away each did so from
  /// an instant long past: weeks were told in steps of five minutes.
  @Test(arguments: [AlertAction.delivered, .acknowledge]) func aFullTableIsToldOnceAfterWeeksAway(_ taken: AlertAction) throws {
    var street = Street(CoreConfiguration(patientsMax: 8, devicesMax: 8, alertsMax: 16, hubSalt: 7))
    street.moveIn()
    var told: [AlertTransition] = []
    for _ in 0..<16 { told += street.event(.sos, device: 1).transitions }
    let full = try #require(told.last { $0.rule == .alertRoomFull })
    _ = street.pass(1_000)
    _ = street.command(taken, full.id)
    let again = street.comeBack(afterDays: 55).transitions.filter { $0.id == full.id }
    #expect(again.map(\.kind) == [.retriggered])
    let next = street.pass(301).transitions.filter { $0.id == full.id }
    #expect(next.map(\.kind) == [.retriggered], "and goes on from there")
  }

  /// There was no place for the loss of a device, so it is told again and again, each time as another alert. Weeks away were thousands of alerts
  /// of one device, each open.
  @Test func whatHasNoPlaceIsToldTwiceAtMostAfterWeeksAway() {
    var street = Street(CoreConfiguration(patientsMax: 8, devicesMax: 8, alertsMax: 16, hubSalt: 7))
    for person in UInt32(1)...2 { street.moveIn(patient: person, device: person) }
    street.moveIn(patient: 3, device: 3, interval: 600)
    for person in UInt32(1)...2 { for _ in 0..<8 { _ = street.event(.sos, device: person) } }
    _ = street.event(.heartbeat, device: 3)
    func losses(_ outcomes: [Outcome]) -> Int { outcomes.transitions.count { $0.rule == .signalLoss && $0.kind == .raised } }
    #expect(losses(street.comeBack(afterDays: 55)) == 2, "its loss, and that it was told again")
    #expect(losses(street.pass(15_000)) == 1, "and goes on from there")
  }
}
