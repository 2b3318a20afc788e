// The hub was off: over a weekend, or for years by a clock that was wrong. Whatever fell due meanwhile is told once when it returns.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct ReturnTests {
  /// Days off that the wall clock tells of.
  static let away: [Int64] = [1, 3, 365, 3_650]

  @Test("A call that nobody took is told once more at each level, not once for each time it was missed", arguments: away)
  func aCallIsToldOnce(days: Int64) {
    var street = Street()
    street.moveIn()
    #expect(street.event(.sos, device: 1).story == ["sos raised"])
    let told = street.comeBack(afterDays: days).story
    #expect(told == ["sos escalated", "sos escalated", "sos escalated"])
    // From the return on it repeats as ever: five minutes.
    #expect(street.pass(299).isEmpty)
    #expect(street.pass(1).story == ["sos retriggered"])
    #expect(street.pass(300).story == ["sos retriggered"])
  }

  @Test("Who has it is reminded once", arguments: away)
  func whoHasItIsRemindedOnce(days: Int64) throws {
    var street = Street()
    street.moveIn()
    let id = try #require(street.event(.sos, device: 1).transitions.first?.id)
    _ = street.command(.acknowledge, id)
    #expect(street.comeBack(afterDays: days).story == ["sos retriggered"])
    #expect(street.pass(2_699).isEmpty)
    #expect(street.pass(1).story == ["sos retriggered"])
  }

  @Test("Of the doses meanwhile, yesterday's and today's are judged", arguments: away)
  func dosesAreThoseOfTwoDays(days: Int64) {
    var street = Street()
    street.moveIn()
    _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 8 * 60, graceSeconds: 600)))
    let missed = street.comeBack(afterDays: days).story.filter { $0 == "doseMissed raised" }.count
    #expect((1...2).contains(missed))
    #expect(street.pass(86_400).story.filter { $0 == "doseMissed raised" }.count == 1, "the days go on")
  }

  @Test("A device that may not be silent is missed once", arguments: away)
  func silenceIsToldOnce(days: Int64) {
    var street = Street()
    street.moveIn(interval: 60)
    let told = street.comeBack(afterDays: days).story
    #expect(told.filter { $0 == "signalLoss raised" }.count == 1)
    #expect(told.count <= 6)
  }

  /// Two threads may notice one absence in the same moment, and stamps need not be in the order of the intake.
  @Test("An absence that is ended twice is told as one", arguments: [-2, 0, 3] as [Int64])
  func endedTwice(milliseconds: Int64) {
    func story(isEndedTwice: Bool) -> [String] {
      var street = Street()
      street.moveIn(interval: 60)
      _ = street.plan(.dose(slot: 0, PlannedDose(minuteOfDay: 14 * 60, graceSeconds: 600)))
      _ = street.event(.sos, device: 1)
      let left = street.lastInstant
      var told = street.comeBack(afterSeconds: 7_200, decidedUntil: left).story
      if isEndedTwice {
        var second = street.lastEntry
        second.instant = second.instant.adding(nanoseconds: milliseconds * 1_000_000)
        told += street.hand(&second).story
      }
      return told + street.event(.heartbeat, device: 1).story + street.pass(4_000).story
    }
    #expect(story(isEndedTwice: true) == story(isEndedTwice: false))
  }

  @Test("A replay tells the same")
  func aReplayTellsTheSame() {
    func story() -> [String] {
      var street = Street()
      street.moveIn(interval: 60)
      _ = street.event(.sos, device: 1)
      return street.comeBack(afterDays: 30).story + street.pass(4_000).story
    }
    #expect(story() == story())
  }
}
