// The person's own limits: colours, delay, hysteresis, upgrade, latching.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct PlanLimitTests {
  private func street(delay: UInt32 = 0, hysteresis: Int32 = 0) -> Street {
    var street = Street()
    street.moveIn()
    _ = street.plan(.news2Alerts(false))
    let limits = PlanLimits(redLow: 85, yellowLow: 88, yellowHigh: .max, redHigh: .max, delaySeconds: delay, hysteresis: hysteresis)
    _ = street.plan(.limits(.oxygenSaturation, limits))
    return street
  }

  @Test func aValueOnALimitIsInsideItsColour() {
    for (value, story) in [(89, []), (88, ["planYellow raised"]), (86, ["planYellow raised"]), (85, ["planRed raised"])]
      as [(Int64, [String])]
    {
      var street = street()
      #expect(street.measure(.oxygenSaturation, value, 0, .percent, device: 1).story == story)
    }
  }

  @Test func highLimitsAndOtherSignals() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.limits(.weight, PlanLimits(yellowHigh: 820, redHigh: 840)))
    #expect(street.measure(.bodyWeight, 81_949, -3, .kilogram, device: 1).story.isEmpty)
    let yellow = try #require(street.measure(.bodyWeight, 8_195, -2, .kilogram, device: 1).transitions.first)
    #expect(yellow.rule == .planYellow && yellow.value == 820 && yellow.limit == 820 && yellow.subject == 6)
    #expect(yellow.priority == .medium)
    let red = try #require(street.measure(.bodyWeight, 1_852, -1, .pound, device: 1).transitions.first)
    #expect(red.kind == .upgraded && red.rule == .planRed && red.value == 840 && red.limit == 840 && red.id == yellow.id)
    #expect(red.priority == .high)
  }

  /// Both sides of one signal: the transition tells which limit it was, also when the value is on it or back inside.
  @Test func theSideOfALimitIsTold() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.news2Alerts(false))
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 84, yellowLow: 87, yellowHigh: 93, redHigh: 96)))
    let high = try #require(street.measure(.oxygenSaturation, 93, 0, .percent, device: 1).transitions.first)
    #expect(high.rule == .planYellow && high.limit == 93 && high.upper == AlertReason.unbounded)
    let red = try #require(street.measure(.oxygenSaturation, 96, 0, .percent, device: 1).transitions.first)
    #expect(red.rule == .planRed && red.limit == 96 && red.upper == AlertReason.unbounded)
    _ = street.measure(.oxygenSaturation, 90, 0, .percent, device: 1)
    let inside = try #require(street.command(.acknowledge, red.id).transitions.first)
    #expect(inside.value == 90 && inside.limit == 96 && inside.upper == AlertReason.unbounded)
    let low = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    #expect(low.value == 84 && low.limit == 84 && low.upper == 84)
  }

  @Test func aDelayIsASuspicionFirst() {
    var street = street(delay: 600)
    let begin = street.now
    #expect(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story == ["planRed suspected"])
    #expect(street.pass(599).isEmpty)
    let raised = street.pass(5)
    #expect(raised.story == ["planRed raised"])
    #expect(raised[0].instant == begin.adding(seconds: 600))
    #expect(raised.transitions[0].raisedAt == begin.adding(seconds: 600) && raised.transitions[0].previous == .suspected)
  }

  @Test func aSuspicionThatDoesNotLastIsCleared() {
    var street = street(delay: 600)
    _ = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    _ = street.pass(300)
    #expect(street.measure(.oxygenSaturation, 89, 0, .percent, device: 1).story == ["planRed cleared"])
    #expect(street.pass(10_000).story.isEmpty)
    #expect(street.core.counters.openAlerts == 0)
  }

  @Test func aSuspicionFollowsItsColourQuietly() {
    var street = street(delay: 600)
    #expect(street.measure(.oxygenSaturation, 87, 0, .percent, device: 1).story == ["planYellow suspected"])
    #expect(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story.isEmpty)
    #expect(street.pass(600).story == ["planRed raised"])
  }

  @Test func hysteresisHoldsTheColour() {
    var street = street(delay: 600, hysteresis: 2)
    _ = street.measure(.oxygenSaturation, 88, 0, .percent, device: 1)
    #expect(street.measure(.oxygenSaturation, 90, 0, .percent, device: 1).story.isEmpty, "2 steps inside is not more than 2")
    #expect(street.measure(.oxygenSaturation, 91, 0, .percent, device: 1).story == ["planYellow cleared"])
  }

  @Test func resolvedItRisesWhenWorseOrAfterGreen() throws {
    var street = street()
    let first = try #require(street.measure(.oxygenSaturation, 88, 0, .percent, device: 1).transitions.first)
    _ = street.command(.resolve, first.id)
    #expect(street.measure(.oxygenSaturation, 87, 0, .percent, device: 1).story.isEmpty)
    #expect(street.measure(.oxygenSaturation, 85, 0, .percent, device: 1).story == ["planRed raised"])
    var other = self.street()
    let second = try #require(other.measure(.oxygenSaturation, 88, 0, .percent, device: 1).transitions.first)
    _ = other.command(.resolve, second.id)
    _ = other.measure(.oxygenSaturation, 92, 0, .percent, device: 1)
    #expect(other.measure(.oxygenSaturation, 88, 0, .percent, device: 1).story == ["planYellow raised"])
  }

  @Test func raisedAlertsLatchAndStayOne() {
    var street = street()
    #expect(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story == ["planRed raised"])
    for value in [95, 84, 87, 95, 83] as [Int64] {
      #expect(street.measure(.oxygenSaturation, value, 0, .percent, device: 1).story.isEmpty)
    }
    let worse = street.measure(.oxygenSaturation, 80, 0, .percent, device: 1)
    #expect(worse.story == ["planRed upgraded"] && worse.transitions[0].value == 80, "further down by the step: told anew")
  }

  @Test func newLimitsEndASuspicionAndStartGreen() {
    var street = street(delay: 600)
    _ = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    #expect(street.plan(.limits(.oxygenSaturation, .none)).story == ["planRed cleared"])
    #expect(street.measure(.oxygenSaturation, 70, 0, .percent, device: 1).story.isEmpty)
  }

  @Test func olderValuesWithinTheLiveWindowDoNotJudge() {
    var street = street()
    _ = street.measure(.oxygenSaturation, 95, 0, .percent, device: 1)
    let before = street.wall.adding(milliseconds: -120_000)
    #expect(street.measure(.oxygenSaturation, 80, 0, .percent, device: 1, measuredAt: before).story.isEmpty)
  }

  @Test func aValueOfTheSameTimeIsJudged() {
    var street = street()
    _ = street.pass(1.000_7)
    let second = street.wall
    #expect(street.measure(.oxygenSaturation, 95, 0, .percent, device: 1, measuredAt: second).story.isEmpty)
    _ = street.pass(0.199_6)
    #expect(!street.measure(.oxygenSaturation, 80, 0, .percent, device: 1, measuredAt: second).story.isEmpty)
  }
}
