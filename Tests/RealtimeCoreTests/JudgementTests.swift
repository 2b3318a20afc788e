// One frame is one judgement, and one measurement that breaks two rules is one alert with two reasons that both owners follow.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct JudgementTests {
  private func street(_ limits: PlanLimits = PlanLimits(redLow: 85, yellowLow: 88)) -> Street {
    var street = Street()
    street.moveIn()
    _ = street.plan(.limits(.oxygenSaturation, limits))
    return street
  }

  // MARK: Frames

  /// Sum 3, then one oximeter frame that adds 2 for SpO₂ and 2 for the pulse: told once, as high.
  @Test func oneFrameFromThreeToSevenIsToldOnce() {
    var street = Street()
    street.moveIn()
    #expect(street.fullSet(respiration: 25).story == ["news2SingleThree raised"])
    let outcomes = street.frame([(.oxygenSaturation, 92, .percent), (.pulseRateOximeter, 125, .perMinute)], device: 1)
    #expect(outcomes.story == ["news2High upgraded"] && outcomes.transitions[0].value == 7 && outcomes.scores.count == 1)
  }

  @Test func thePersonsOwnSetIsOneScore() throws {
    var street = Street()
    street.moveIn()
    let outcomes = street.frame(
      [(.respirationRate, 25, .perMinute), (.oxygenSaturation, 92, .percent), (.supplementalOxygen, 0, .one), (.consciousness, 0, .one)],
      patient: 1)
    let score = try #require(outcomes.scores.first)
    #expect(outcomes.scores.count == 1 && score.low == 5 && outcomes.story == ["news2Medium raised"])
  }

  /// The rest never comes (a full intake, a shed reading): judged within half a second.
  @Test func anUnfinishedFrameIsJudgedAllTheSame() {
    var street = street()
    var entry = IntakeEntry(
      instant: street.now, wall: street.wall, device: DeviceID(rawValue: 1), moreFollows: true,
      payload: .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 84), unit: .percent)))
    #expect(street.hand(&entry).isEmpty)
    #expect(street.pass(0.499).isEmpty)
    let judged = street.pass(0.001).filter { $0.transition != nil }
    #expect(judged.story == ["planRed raised"] && judged[0].device == DeviceID(rawValue: 1))
    #expect(street.pass(10).story.isEmpty)
  }

  /// The last reading of the frame is no value that counts: a battery, an event, nonsense.
  @Test(arguments: [0, 1, 2]) func whateverComesLastEndsTheFrame(kind: Int) {
    var street = street()
    func entry(_ payload: IntakePayload, more: Bool) -> IntakeEntry {
      IntakeEntry(instant: street.now, wall: street.wall, device: DeviceID(rawValue: 1), moreFollows: more, payload: payload)
    }
    var first = entry(.observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 84), unit: .percent)), more: true)
    #expect(street.hand(&first).isEmpty)
    let last: IntakePayload =
      [
        .observation(Observation(code: .batteryLevel, value: Quantity(mantissa: 90), unit: .percent)),
        .event(DeviceEvent(kind: .heartbeat)),
        .observation(Observation(code: .pulseRateOximeter, value: Quantity(mantissa: 9_999), unit: .perMinute)),
      ][kind]
    var second = entry(last, more: false)
    #expect(street.hand(&second).story == ["planRed raised"])
  }

  @Test func twoFramesOfOnePersonAtOnceAreBothJudged() {
    var street = street()
    _ = street.send(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), device: 2)
    _ = street.send(.registry(.deviceAssigned), device: 2, patient: 1)
    func entry(_ code: ObservationCode, _ value: Int64, _ unit: UCUMUnit, _ device: UInt32, more: Bool) -> [String] {
      var entry = IntakeEntry(
        instant: street.now, wall: street.wall, device: DeviceID(rawValue: device), moreFollows: more,
        payload: .observation(Observation(code: code, value: Quantity(mantissa: value), unit: unit)))
      return street.hand(&entry).story
    }
    #expect(entry(.oxygenSaturation, 92, .percent, 1, more: true).isEmpty)
    #expect(entry(.systolic, 85, .millimetreOfMercury, 2, more: false).isEmpty, "the first frame is still coming in")
    #expect(entry(.pulseRateOximeter, 125, .perMinute, 1, more: false) == ["news2High raised"])
  }

  @Test func whoLeavesInTheMiddleOfAFrameLeavesNothing() {
    var street = street()
    var entry = IntakeEntry(
      instant: street.now, wall: street.wall, device: DeviceID(rawValue: 1), moreFollows: true,
      payload: .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 84), unit: .percent)))
    _ = street.hand(&entry)
    _ = street.send(.registry(.patientEnded), patient: 1)
    #expect(street.pass(10).isEmpty && street.core.counters.openAlerts == 0)
  }

  /// 84 and 55 are 3 points both: the score behind the alert that speaks again rests on the 55.
  @Test func theScoreBehindAnAlertRestsOnWhatIsSaid() throws {
    var street = street()
    let first = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    _ = street.command(.resolve, first.id)
    let again = street.measure(.oxygenSaturation, 55, 0, .percent, device: 1)
    #expect(again.story == ["planRed raised"])
    #expect(again.scores.map { $0.sources[1] } == [street.lastEntry.sequence])
  }

  // MARK: Two reasons

  @Test func oneMeasurementThatBreaksTwoRulesIsOneAlert() throws {
    var street = street()
    let outcomes = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    let alert = try #require(outcomes.transitions.first)
    #expect(outcomes.story == ["planRed raised"] && street.core.counters.openAlerts == 1)
    #expect(alert.value == 84 && alert.limit == 85 && alert.priority == .high)
    #expect(alert.also == AlertReason(rule: .news2SingleThree, value: 3, limit: 3, upper: 3, subject: 1))
  }

  /// Both conditions hear of the end: neither rises for the same, both do for worse.
  @Test func bothHearOfTheEnd() throws {
    var street = street()
    let first = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    #expect(street.command(.resolve, first.id).story == ["planRed resolved"])
    #expect(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story.isEmpty)
    let second = street.frame([(.oxygenSaturation, 80, .percent), (.pulseRateOximeter, 125, .perMinute)], device: 1)
    #expect(
      second.story == ["planRed raised"] && second.transitions[0].also?.rule == .news2Medium && second.transitions[0].also?.value == 5)
    _ = street.command(.resolve, second.transitions[0].id)
    let again = street.pass(2_700)
    #expect(again.story == ["planRed raised"], "the graver reason's time")
  }

  @Test func theGraverReasonStandsFirst() throws {
    var street = street()
    let alert = try #require(street.measure(.oxygenSaturation, 87, 0, .percent, device: 1).transitions.first)
    #expect(alert.rule == .news2SingleThree && alert.also?.rule == .planYellow && alert.priority == .medium)
    let red = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    #expect(red.kind == .upgraded && red.id == alert.id && red.rule == .planRed && red.priority == .high)
    #expect(red.value == 84 && red.also?.rule == .news2SingleThree)
    _ = street.measure(.respirationRate, 25, 0, .perMinute, patient: 1)
    let high = try #require(street.measure(.pulseRateCuff, 120, 0, .perMinute, patient: 1).transitions.first)
    #expect(high.rule == .news2High && high.value == 8 && high.also?.rule == .planRed && high.also?.value == 84 && high.id == alert.id)
  }

  @Test func aLimitJoinsTheScoresAlertWhenTheSameMeasurementRaisesBoth() throws {
    var street = street()
    let medium = try #require(street.fullSet(respiration: 25, oxygen: 1).transitions.last)
    #expect(medium.rule == .news2Medium)
    let outcomes = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    #expect(outcomes.story == ["news2High upgraded"] && outcomes.transitions[0].id == medium.id)
    #expect(outcomes.transitions[0].also?.rule == .planRed && street.core.counters.openAlerts == 1)
  }

  @Test func aScoreJoinsTheLimitsAlertWhenTheSameMeasurementWorsensBoth() throws {
    var street = street(PlanLimits(redLow: 85, yellowLow: 93))
    let yellow = try #require(street.measure(.oxygenSaturation, 93, 0, .percent, device: 1).transitions.first)
    #expect(yellow.rule == .planYellow && yellow.also == nil, "2 points are no alert")
    let outcomes = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    #expect(outcomes.story == ["planRed upgraded"] && outcomes.transitions[0].id == yellow.id)
    #expect(outcomes.transitions[0].also?.rule == .news2SingleThree && street.core.counters.openAlerts == 1)
  }

  @Test func aLimitWithADelayStaysItsOwn() {
    var street = street(PlanLimits(redLow: 85, yellowLow: 88, delaySeconds: 600))
    let outcomes = street.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    #expect(outcomes.story == ["news2SingleThree raised", "planRed suspected"])
    #expect(outcomes.transitions.allSatisfy { $0.also == nil })
  }

  @Test func leavingDropsBothOwners() throws {
    var street = street()
    let alert = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    _ = street.send(.registry(.patientEnded), patient: 1)
    street.moveIn()
    #expect(street.command(.resolve, alert.id).story == ["planRed resolved"])
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85)))
    #expect(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story == ["planRed raised"])
  }
}
