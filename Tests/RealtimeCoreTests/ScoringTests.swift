// NEWS2 of one person over time: what is told when, staleness as a deadline, validity that follows the score, trend,
// provenance, prescribed oxygen, and the alert that follows.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct ScoringTests {
  @Test func aCompleteSetGivesACompleteScoreWithItsSources() throws {
    var street = Street()
    street.moveIn()
    let scores = street.fullSet().scores
    #expect(scores.count == 7, "each input changes what is missing")
    let last = try #require(scores.last)
    #expect(last.isComplete && last.low == 0 && last.band == .none)
    // Entries 1–4 are the clock and the registry.
    #expect((0..<7).map { last.sources[$0] } == [5, 6, 7, 8, 9, 10, 11])
    #expect(scores[0].missing == 0b111_1110 && scores[0].low == 0 && scores[0].high == 17)
  }

  @Test func roundsHalfUpOnceAndConverts() throws {
    var street = Street()
    street.moveIn()
    _ = street.fullSet()
    #expect(street.measure(.bodyTemperature, 3_805, -2, .degreeCelsius, patient: 1).scores.first?.points[6] == 1)
    #expect(street.measure(.bodyTemperature, 38_049, -3, .degreeCelsius, patient: 1).scores.first?.points[6] == 0)
    // 102.4 °F is 39.1 °C.
    #expect(street.measure(.bodyTemperature, 1_024, -1, .degreeFahrenheit, patient: 1).scores.first?.points[6] == 2)
    // 12.0 kPa is 90.007 mmHg.
    #expect(street.measure(.systolic, 120, -1, .kilopascal, patient: 1).scores.first?.points[3] == 3)
    // A quarter of a litre is oxygen.
    #expect(street.measure(.supplementalOxygen, 25, -2, .litrePerMinute, patient: 1).scores.first?.points[2] == 2)
  }

  @Test func whatCannotBeAMeasurementIsRemarkedAndMarked() {
    var street = Street()
    street.moveIn()
    #expect(street.measure(.oxygenSaturation, 101, .percent, patient: 1).remarks == [.outOfRange])
    #expect(street.measure(.oxygenSaturation, -1, .percent, patient: 1).remarks == [.outOfRange])
    #expect(street.measure(.pulseRateCuff, 70, .kilogram, patient: 1).remarks == [.outOfRange])
    #expect(street.measure(.consciousness, 5, .one, patient: 1).remarks == [.outOfRange])
    #expect(street.measure(.bodyTemperature, Int64.max, 120, .degreeCelsius, patient: 1).remarks == [.outOfRange])
    guard case .observation(let observation) = street.lastEntry.payload else { return }
    #expect(observation.quality.contains(.invalid))
    #expect(street.core.counters.openAlerts == 0)
  }

  @Test(arguments: [ObservationQuality.questionable, .invalid, .demo, .test])
  func doubtfulValuesNeverScore(quality: ObservationQuality) {
    var street = Street()
    street.moveIn()
    #expect(street.measure(.pulseRateCuff, 140, 0, .perMinute, patient: 1, quality: quality).isEmpty)
  }

  @Test func aSteadyPersonIsToldAtTheRefreshIntervalOnly() {
    var street = Street()
    street.moveIn(isContinuous: true)
    #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1).scores.count == 1)
    var told: [Int] = []
    for second in 1...1_900 {
      _ = street.pass(1)
      if !street.measure(.pulseRateOximeter, 71, 0, .perMinute, device: 1).scores.isEmpty { told.append(second) }
    }
    #expect(told == [900, 1_800])
  }

  @Test func aContinuousValueGoesStaleAfterFiveMinutesExactly() throws {
    var street = Street()
    street.moveIn(isContinuous: true)
    _ = street.measure(.pulseRateOximeter, 140, 0, .perMinute, device: 1)
    let measured = street.now
    #expect(street.pass(299.999_999_999).isEmpty)
    let outcomes = street.pass(60)
    let score = try #require(outcomes.scores.first)
    #expect(outcomes[0].instant == measured.adding(seconds: 300), "stamped with the deadline, not with the look")
    #expect(score.low == 0 && score.high == 20 && score.missing == 0b111_1111)
    #expect(score.changeSinceLast == .min, "what is lost is no improvement")
  }

  @Test func freshValuesKeepTheDeadlineAway() {
    var street = Street()
    street.moveIn(isContinuous: true)
    for _ in 0..<20 {
      _ = street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1)
      #expect(street.pass(250).isEmpty)
    }
    #expect(street.pass(60).scores.count == 1)
  }

  @Test func aSpotCheckLivesTwelveHoursAtNought() {
    var street = Street()
    street.moveIn()
    _ = street.fullSet()
    #expect(street.pass(43_199).isEmpty)
    let scores = street.pass(1).scores
    // Seven inputs of one instant go stale together.
    #expect(scores.count == 1 && scores[0].missing == 0b111_1111)
  }

  /// After the score has risen the older inputs have the RCP's interval from then, not from their measurement.
  @Test func aRisenScoreShortensValidityWithoutDroppingAnythingAtOnce() {
    var street = Street()
    street.moveIn()
    _ = street.fullSet()
    _ = street.pass(3 * 3_600)
    let rise = street.measure(.respirationRate, 26, 0, .perMinute, patient: 1).scores
    #expect(rise.count == 1 && rise[0].low == 3 && rise[0].missing == 0, "nothing evaporates when the score rises")
    #expect(street.pass(3_599).scores.isEmpty)
    let hour = street.pass(1).scores
    #expect(hour.count == 1 && hour[0].missing == 0b111_1111, "an hour later everything waits to be measured anew")
    // Measured again: within an hour of each other.
    _ = street.fullSet(respiration: 26)
    _ = street.pass(1_800)
    #expect(street.measure(.respirationRate, 16, 0, .perMinute, patient: 1).scores.last?.missing == 0)
    // Back to 0: twelve hours again, but never longer than configured from the measurement.
    #expect(street.pass(12 * 3_600 - 1_801).scores.isEmpty)
    #expect(street.pass(1).scores.last?.missing == 0b111_1110)
  }

  @Test func aPersonsOwnWindowCounts() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.validity(.temperature, seconds: 600))
    _ = street.fullSet()
    #expect(street.pass(599).isEmpty)
    #expect(street.pass(1).scores.first?.missing == 0b100_0000)
    _ = street.plan(.validity(.pulse, seconds: 60))
    #expect(street.pass(0).scores.first?.missing == 0b101_0000, "a shorter window counts for what is there already")
  }

  @Test func theNewestMeasurementWinsWhicheverDeviceGaveIt() {
    var street = Street()
    street.moveIn()
    _ = street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1)
    let older = street.wall.adding(milliseconds: -60_000)
    #expect(street.measure(.pulseRateCuff, 140, 0, .perMinute, patient: 1, measuredAt: older).isEmpty)
    #expect(street.measure(.heartRate, 140, 0, .perMinute, patient: 1).scores.last?.low == 3)
  }

  @Test func aValueOfTheSameTimeIsNotOlder() {
    var street = Street()
    street.moveIn()
    _ = street.pass(1.000_7)
    let second = street.wall
    _ = street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: second)
    _ = street.pass(0.199_6)
    #expect(street.measure(.pulseRateOximeter, 140, 0, .perMinute, device: 1, measuredAt: second).scores.last?.low == 3)
    #expect(
      street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: second.adding(milliseconds: -2)).scores.isEmpty,
      "two milliseconds are older")
  }

  @Test func prescribedOxygenFillsInAndDoesNotExpire() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.oxygen(.oxygen))
    _ = street.plan(.spo2Scale(.scale2))
    let first = try #require(street.measure(.oxygenSaturation, 93, 0, .percent, patient: 1).scores.last)
    #expect(first.low == 3 && first.points[2] == 2 && first.points[1] == 1 && first.missing & 0b100 == 0)
    #expect(first.sources[2] == 5, "the plan item is the source")
    // Entered by a person: air. That lives six hours (band low), then the prescription holds again.
    let onAir = try #require(street.measure(.supplementalOxygen, 0, 0, .one, patient: 1).scores.last)
    #expect(onAir.low == 0 && onAir.points[2] == 0)
    let stale = street.pass(13 * 3_600).scores
    #expect(stale.last?.points[2] == 2 && stale.last?.missing == 0b111_1011)
  }

  @Test func changingTheScaleScoresAnew() {
    var street = Street()
    street.moveIn()
    #expect(street.measure(.oxygenSaturation, 90, 0, .percent, patient: 1).scores.last?.low == 3)
    let score = street.plan(.spo2Scale(.scale2)).scores.last
    #expect(score?.low == 0 && score?.scale == .scale2)
  }

  @Test func trendSinceTheLastScoreAndOverADay() {
    var street = Street()
    street.moveIn()
    let first = street.measure(.pulseRateCuff, 70, 0, .perMinute, patient: 1).scores.last
    #expect(first?.changeSinceLast == .min && first?.changeOver24Hours == .min)
    _ = street.pass(10 * 3_600)
    #expect(street.measure(.pulseRateCuff, 100, 0, .perMinute, patient: 1).scores.last?.changeSinceLast == 1)
    _ = street.pass(5 * 3_600)
    _ = street.measure(.pulseRateCuff, 100, 0, .perMinute, patient: 1)
    _ = street.pass(5 * 3_600)
    _ = street.measure(.pulseRateCuff, 100, 0, .perMinute, patient: 1)
    _ = street.pass(4.5 * 3_600)
    let next = street.measure(.pulseRateCuff, 120, 0, .perMinute, patient: 1).scores.last
    #expect(next?.changeSinceLast == 1 && next?.changeOver24Hours == 2, "24 h ago it was 0")
  }
}

@Suite struct NEWS2AlertTests {
  @Test func oneAlertIsUpgradedAsTheScoreGetsWorse() throws {
    var street = Street()
    street.moveIn()
    var outcomes = street.fullSet(pulse: 140)
    outcomes += street.measure(.supplementalOxygen, 1, 0, .one, patient: 1)
    outcomes += street.measure(.respirationRate, 22, 0, .perMinute, patient: 1)
    outcomes += street.measure(.respirationRate, 16, 0, .perMinute, patient: 1)
    #expect(outcomes.story == ["news2SingleThree raised", "news2Medium upgraded", "news2High upgraded"])
    let transitions = outcomes.transitions
    #expect(Set(transitions.map(\.id)).count == 1)
    #expect(transitions.map(\.priority) == [.medium, .medium, .high])
    #expect(transitions.map(\.subject) == [4, 0, 0], "a single 3 names its parameter")
    #expect(transitions.map(\.revision) == [0, 1, 2])
    #expect(transitions.map(\.value) == [3, 5, 7] && transitions.map(\.limit) == [3, 5, 7])
    #expect(transitions[2].firstCause == transitions[0].firstCause)
  }

  @Test(arguments: [(4, nil), (5, "news2Medium raised"), (6, "news2Medium raised"), (7, "news2High raised")] as [(Int, String?)])
  func theBandsRaiseByTheLowerBound(sum: Int, story: String?) {
    var street = Street()
    street.moveIn()
    // Oxygen 2, pulse 2, temperature 0/1/2, pressure 0/1, the rest missing. The worst input comes last.
    _ = street.plan(.news2Alerts(false))
    _ = street.measure(.supplementalOxygen, 1, 0, .one, patient: 1)
    _ = street.measure(.pulseRateCuff, 120, 0, .perMinute, patient: 1)
    if sum >= 5 { _ = street.measure(.systolic, 105, 0, .millimetreOfMercury, patient: 1) }
    if sum >= 6 { _ = street.measure(.bodyTemperature, sum == 7 ? 395 : 385, -1, .degreeCelsius, patient: 1) }
    let outcomes = street.plan(.news2Alerts(true))
    #expect(outcomes.story == (story.map { [$0] } ?? []))
  }

  @Test func afterAPersonResolvedItItRisesOnlyWhenWorseOrAnew() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.fullSet(respiration: 25, oxygen: 1).transitions.last)
    #expect(street.command(.resolve, first.id).story == ["news2Medium resolved"])
    #expect(street.measure(.respirationRate, 26, 0, .perMinute, patient: 1).story.isEmpty, "the same 5 points")
    let worse = try #require(street.measure(.bodyTemperature, 385, -1, .degreeCelsius, patient: 1).transitions.last)
    #expect(worse.rule == .news2Medium && worse.kind == .raised && worse.value == 6 && worse.id != first.id)
    _ = street.command(.resolve, worse.id)
    #expect(street.measure(.respirationRate, 16, 0, .perMinute, patient: 1).story.isEmpty)
    #expect(street.measure(.respirationRate, 25, 0, .perMinute, patient: 1).story == ["news2Medium raised"])
  }

  @Test func clinicalAlertsLatch() {
    var street = Street()
    street.moveIn()
    #expect(street.fullSet(pulse: 140).story == ["news2SingleThree raised"])
    #expect(street.measure(.pulseRateCuff, 70, 0, .perMinute, patient: 1).story.isEmpty)
    #expect(street.core.counters.openAlerts == 1)
    let later = street.pass(100_000)
    #expect(later.story.prefix(3) == ["news2SingleThree escalated", "news2SingleThree escalated", "news2SingleThree escalated"])
    #expect(later.story.dropFirst(3).allSatisfy { $0 == "news2SingleThree retriggered" }, "going stale resolves nothing")
    #expect(later.transitions.last?.value == 0, "the 3 points are gone: what is said now is of now")
  }

  @Test func switchedOffItScoresButRaisesNothing() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.news2Alerts(false))
    let outcomes = street.fullSet(respiration: 30, saturation: 80, oxygen: 1, pulse: 140)
    #expect(outcomes.scores.last?.low == 11 && outcomes.story.isEmpty)
  }
}
