// Resolved is not silent: a condition that a person has resolved while it holds speaks again when it gets worse, and after its time when
// it does not get better. For the person's own limits, for NEWS2, and for the hub's own conditions.

import CoreState
import Testing
import VitalSigns

@testable import RealtimeCore

/// Re-trigger times of the standard policy, seconds.
private let highAgain = 2_700.0
private let mediumAgain = 14_400.0

@Suite struct PlanSpeaksAgainTests {
  private func street(hysteresis: Int32 = 0, continuous: Bool = false) -> Street {
    var street = Street()
    street.moveIn(isContinuous: continuous)
    _ = street.plan(.news2Alerts(false))
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85, yellowLow: 88, hysteresis: hysteresis)))
    return street
  }

  private func saturation(_ street: inout Street, _ value: Int64) -> [AlertTransition] {
    street.measure(.oxygenSaturation, value, 0, .percent, device: 1).transitions
  }

  /// The trial's own course: 84, resolved, then 80 … 55. Each new alert is resolved at once, and the fall goes on.
  @Test func aResolvedRedValueThatFallsSpeaksAtEachStep() throws {
    var street = street(hysteresis: 2)
    var last = try #require(saturation(&street, 84).first)
    var ids: Set<AlertID> = [last.id]
    for value in [80, 75, 70, 65, 60, 55] as [Int64] {
      #expect(street.command(.resolve, last.id).story == ["planRed resolved"])
      last = try #require(saturation(&street, value).first, "\(value)")
      #expect(last.kind == .raised && last.rule == .planRed && last.value == Int32(value) && last.priority == .high)
      ids.insert(last.id)
    }
    #expect(ids.count == 7)
  }

  /// Value at resolution 84: silent above `84 − step`, at once from there on. The step is the hysteresis, or the signal's own.
  @Test(arguments: [(0, 83, false), (0, 82, true), (1, 83, true), (3, 82, false), (3, 81, true)] as [(Int32, Int64, Bool)])
  func theStepDecides(hysteresis: Int32, value: Int64, speaks: Bool) throws {
    var street = street(hysteresis: hysteresis)
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    #expect(saturation(&street, value).map(\.kind) == (speaks ? [.raised] : []))
  }

  @Test func anOpenAlertIsToldAnewAsTheValueFalls() {
    var street = street()
    #expect(saturation(&street, 84).map(\.kind) == [.raised])
    #expect(saturation(&street, 83).isEmpty)
    let worse = saturation(&street, 82)
    #expect(worse.map(\.kind) == [.upgraded] && worse[0].value == 82 && worse[0].limit == 85 && worse[0].revision == 1)
    #expect(saturation(&street, 84).isEmpty, "better: nothing to tell")
    #expect(street.pass(60).transitions.first?.value == 84, "but what is told next tells of now")
    #expect(saturation(&street, 82).isEmpty, "told before")
    #expect(saturation(&street, 80).map(\.kind) == [.upgraded])
  }

  @Test func unchangedItSpeaksAfterItsTime() throws {
    var street = street()
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    _ = street.pass(highAgain - 1)
    #expect(saturation(&street, 84).isEmpty)
    let again = street.pass(1)
    #expect(again.story == ["planRed raised"] && again.transitions[0].id != first.id && again.transitions[0].value == 84)
  }

  /// A value that is too old says nothing about now; the next one that is beyond the limit does, at once.
  @Test func withoutACurrentValueTheNextOneSpeaksAtOnce() throws {
    var street = street(continuous: true)
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    #expect(street.pass(highAgain).story.isEmpty)
    #expect(saturation(&street, 84).map(\.kind) == [.raised])
  }

  @Test func greenInBetweenForgetsTheResolution() throws {
    var street = street()
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    #expect(saturation(&street, 95).isEmpty)
    #expect(street.pass(10 * highAgain).story.isEmpty)
    #expect(saturation(&street, 88).map(\.rule) == [.planYellow])
  }

  @Test func betterByTwoStepsIsTheNewMeasure() throws {
    var street = street()
    let first = try #require(saturation(&street, 70).first)
    _ = street.command(.resolve, first.id)
    #expect(saturation(&street, 80).isEmpty)
    #expect(saturation(&street, 79).isEmpty)
    #expect(saturation(&street, 78).map(\.kind) == [.raised], "down again after it was helped")
  }

  @Test func theOtherSideIsAnotherCondition() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.news2Alerts(false))
    _ = street.plan(.limits(.pulse, PlanLimits(redLow: 40, yellowLow: 50, yellowHigh: 110, redHigh: 130)))
    func pulse(_ value: Int64) -> [AlertTransition] { street.measure(.heartRate, value, 0, .perMinute, device: 1).transitions }
    let low = try #require(pulse(38).first)
    #expect(low.limit == 40)
    _ = street.command(.resolve, low.id)
    let high = try #require(pulse(112).first)
    #expect(high.rule == .planYellow && high.limit == 110)
    _ = street.command(.resolve, high.id)
    #expect(pulse(48).map(\.rule) == [.planYellow])
  }

  @Test func whatWasResolvedWaitsForNoDelay() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.news2Alerts(false))
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85, yellowLow: 88, delaySeconds: 600)))
    #expect(saturation(&street, 84).map(\.kind) == [.suspected])
    let raised = try #require(street.pass(600).transitions.first)
    _ = street.command(.resolve, raised.id)
    #expect(saturation(&street, 80).map(\.kind) == [.raised])
  }

  @Test func newLimitsJudgeWhatIsKnown() throws {
    var street = street()
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    let stricter = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 86, yellowLow: 90)))
    #expect(stricter.story == ["planRed raised"] && stricter.transitions[0].limit == 86)
    #expect(street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 80, yellowLow: 82))).story.isEmpty)
    _ = street.pass(7_200)
    _ = street.command(.resolve, stricter.transitions[0].id)
    #expect(street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 86))).story.isEmpty, "two hours old: it judges nothing")
  }

  @Test func theTimeSurvivesASnapshot() throws {
    var street = street()
    let first = try #require(saturation(&street, 84).first)
    _ = street.command(.resolve, first.id)
    street.core = try RealtimeCore(CoreConfiguration(hubSalt: 7), snapshot: try street.core.snapshot())
    #expect(street.pass(highAgain).story == ["planRed raised"])
  }
}

@Suite struct NEWS2SpeaksAgainTests {
  @Test func aHighScoreThatRisesSpeaksAtOnce() throws {
    var street = Street()
    street.moveIn()
    let high = try #require(street.fullSet(respiration: 25, oxygen: 1, pulse: 120).transitions.last)
    #expect(high.rule == .news2High && high.value == 7 && high.upper == 13, "consciousness and temperature were still missing")
    _ = street.command(.resolve, high.id)
    let worse = try #require(street.measure(.bodyTemperature, 385, -1, .degreeCelsius, patient: 1).transitions.first)
    #expect(worse.kind == .raised && worse.rule == .news2High && worse.value == 8 && worse.upper == 8 && worse.id != high.id)
  }

  @Test func anOpenHighScoreIsToldAnewByTwoPoints() {
    var street = Street()
    street.moveIn()
    #expect(street.fullSet(respiration: 25, oxygen: 1, pulse: 120).story.last == "news2High upgraded")
    #expect(street.measure(.bodyTemperature, 385, -1, .degreeCelsius, patient: 1).story.isEmpty)
    let worse = street.measure(.bodyTemperature, 395, -1, .degreeCelsius, patient: 1)
    #expect(worse.story == ["news2High upgraded"] && worse.transitions[0].value == 9)
  }

  @Test func unchangedItSpeaksAfterItsTime() throws {
    var street = Street()
    street.moveIn()
    let high = try #require(street.fullSet(respiration: 25, oxygen: 1, pulse: 120).transitions.last)
    _ = street.command(.resolve, high.id)
    #expect(street.pass(highAgain - 1).story.isEmpty)
    #expect(street.pass(1).story == ["news2High raised"])
  }

  /// The inputs have gone stale by then: nothing is known, so nothing is told; the next measurement tells at once.
  @Test func whatIsLostDoesNotResolve() throws {
    var street = Street()
    street.moveIn()
    let medium = try #require(street.fullSet(respiration: 25, oxygen: 1).transitions.last)
    #expect(medium.rule == .news2Medium)
    _ = street.command(.resolve, medium.id)
    #expect(street.pass(mediumAgain).story.isEmpty)
    #expect(street.fullSet(respiration: 25, oxygen: 1).story == ["news2SingleThree raised", "news2Medium upgraded"])
  }

  @Test func aSingleThreeThatMovesIsAnother() throws {
    var street = Street()
    street.moveIn()
    let pulse = try #require(street.fullSet(pulse: 140).transitions.last)
    #expect(pulse.rule == .news2SingleThree && pulse.subject == 4 && pulse.value == 3)
    _ = street.command(.resolve, pulse.id)
    let moved = street.frame([(.pulseRateCuff, 70, .perMinute), (.respirationRate, 26, .perMinute)], patient: 1)
    #expect(moved.story == ["news2SingleThree raised"] && moved.transitions[0].subject == 0)
  }

  @Test func switchedOffAndOnItIsNotSilent() throws {
    var street = Street()
    street.moveIn()
    let high = try #require(street.fullSet(respiration: 25, oxygen: 1, pulse: 120).transitions.last)
    _ = street.plan(.news2Alerts(false))
    _ = street.command(.resolve, high.id)
    #expect(street.pass(highAgain).story.isEmpty)
    #expect(street.plan(.news2Alerts(true)).story == ["news2High raised"])
  }

  @Test func anotherScaleIsNoSilence() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.oxygen(.oxygen))
    _ = street.plan(.spo2Scale(.scale2))
    // Scale 2: 88–92 is 0 points; oxygen 2, respiration 3: medium.
    _ = street.measure(.oxygenSaturation, 90, .percent, patient: 1)
    let medium = try #require(street.measure(.respirationRate, 26, .perMinute, patient: 1).transitions.last)
    #expect(medium.rule == .news2Medium)
    _ = street.command(.resolve, medium.id)
    #expect(street.plan(.spo2Scale(.scale1)).story == ["news2High raised"], "90 % on scale 1 is 3 points more")
  }

  @Test func aClinicalOwnersPriorityCounts() {
    for priority in [AlertPriority.low, .medium, .high] {
      var street = Street(CoreConfiguration(hubSalt: 7, singleThreePriority: priority))
      street.moveIn()
      #expect(street.fullSet(pulse: 140).transitions.map(\.priority) == [priority])
    }
  }

  @Test func onlySumsOfTheSameInputsAreACourse() {
    var street = Street()
    street.moveIn()
    let scores = street.fullSet(pulse: 100).scores
    #expect(scores.map(\.changeSinceLast) == Array(repeating: Int8.min, count: 7), "each knows one input more")
    #expect(street.measure(.pulseRateCuff, 120, .perMinute, patient: 1).scores.first?.changeSinceLast == 1)
    _ = street.pass(30 * 3_600)
    let alone = street.measure(.pulseRateCuff, 70, .perMinute, patient: 1).scores.last
    #expect(alone?.changeSinceLast == .min && alone?.changeOver24Hours == .min, "2 with all inputs, 0 with one: no improvement")
  }
}

@Suite struct HubSpeaksAgainTests {
  @Test func aConditionOfTheHubThatWasResolvedAndHoldsIsToldAgain() throws {
    var street = Street()
    let down = try #require(street.send(.hubCondition(HubCondition(rule: .linkDown, holds: true, subject: 7))).transitions.first)
    #expect(street.command(.resolve, down.id).story == ["linkDown resolved"])
    #expect(street.pass(highAgain - 1).story.isEmpty)
    let again = try #require(street.pass(1).transitions.first)
    #expect(again.rule == .linkDown && again.subject == 7 && again.id != down.id)
    #expect(street.send(.hubCondition(HubCondition(rule: .linkDown, holds: false, subject: 7))).story == ["linkDown cleared"])
    #expect(street.pass(100_000).isEmpty && street.core.nextDeadline == .never)
  }

  @Test func aRepeatAfterTheResolutionIsANewOccurrence() throws {
    var street = Street()
    let letter = HubCondition(rule: .deadLetter, holds: true, subject: 1)
    let first = try #require(street.send(.hubCondition(letter)).transitions.first)
    _ = street.command(.resolve, first.id)
    #expect(street.send(.hubCondition(letter)).story == ["deadLetter raised"])
  }

  /// More conditions than the table holds: told all the same.
  @Test func moreConditionsThanPlacesAreStillTold() {
    var street = Street()
    for subject in UInt32(0)..<300 {
      #expect(
        street.send(.hubCondition(HubCondition(rule: .destinationDown, holds: true, subject: subject))).story.first
          == "destinationDown raised")
    }
  }
}
