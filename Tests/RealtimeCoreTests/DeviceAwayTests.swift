// What a device's silence and clock mean: gone or back, heard without measuring, and a clock that cannot be right.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct AwayTests {
  /// The installer gives the next person a button that said an hour ago that it is gone.
  @Test(arguments: [true, false]) func whatIsGoneIsGoneForWhoeverGetsIt(wasSomebodys: Bool) {
    var street = Street()
    street.moveIn(interval: 93_600, isSafetyAlarm: true)
    _ = street.send(.registry(.patientAdded), patient: 2)
    if !wasSomebodys { _ = street.send(.registry(.deviceReleased), device: 1, patient: 1) }
    #expect(street.event(.offline, device: 1).story == (wasSomebodys ? ["signalLoss raised"] : []))
    _ = street.pass(3_000)
    let given = street.send(.registry(.deviceAssigned), device: 1, patient: 2)
    #expect(given.story.filter { $0 == "signalLoss raised" }.count == 1)
    #expect(given.last?.patient == PatientID(rawValue: 2))
    #expect(street.event(.heartbeat, device: 1).story == ["signalLoss cleared"])
  }

  @Test func whatWasHeardSinceIsNotGone() {
    var street = Street()
    street.moveIn(interval: 93_600, isSafetyAlarm: true)
    _ = street.send(.registry(.patientAdded), patient: 2)
    _ = street.send(.registry(.deviceReleased), device: 1, patient: 1)
    _ = street.event(.offline, device: 1)
    _ = street.event(.heartbeat, device: 1)
    #expect(street.send(.registry(.deviceAssigned), device: 1, patient: 2).story.isEmpty)
  }

  @Test func offlineIsToldAlsoWithoutAnInterval() {
    var street = Street()
    street.moveIn()
    #expect(street.event(.offline, device: 1).isEmpty)
    #expect(street.pass(599).isEmpty)
    #expect(street.pass(1).story == ["signalLoss raised"])
    #expect(street.event(.online, device: 1).story == ["signalLoss cleared"])
    #expect(street.pass(100_000).isEmpty)
  }

  @Test func backWithinTheGraceIsNothing() {
    var street = Street()
    street.moveIn(interval: 86_400)
    _ = street.event(.offline, device: 1)
    _ = street.pass(500)
    #expect(street.event(.heartbeat, device: 1).isEmpty)
    #expect(street.pass(3_600).isEmpty)
  }

  @Test func aRetainedStateIsNoSignOfLife() {
    var street = Street()
    street.moveIn(interval: 60)
    _ = street.pass(60)
    var online = DeviceEvent(kind: .online, phase: .moment)
    online.isRetained = true
    #expect(street.send(.event(online), device: 1).isEmpty)
    let old = Observation(code: .pulseRateCuff, value: Quantity(mantissa: 70, exponent: 0), unit: .perMinute, quality: .retained)
    #expect(street.send(.observation(old), device: 1).story.isEmpty)
    #expect(street.core.counters.openAlerts == 1)
    #expect(street.event(.online, device: 1).story == ["signalLoss cleared"])
    var tampered = DeviceEvent(kind: .tamper, phase: .raised)
    tampered.isRetained = true
    #expect(street.send(.event(tampered), device: 1).story == ["tamper raised"], "a state it is all the same")
  }

  /// A wrong address: it may be silent for ever, but not from the beginning.
  @Test func aDeviceThatWasNeverHeard() {
    var street = Street()
    street.moveIn(abilities: .speaks)
    #expect(street.pass(86_399).isEmpty)
    #expect(street.pass(1).story == ["signalLoss raised"])
    #expect(street.event(.heartbeat, device: 1).story == ["signalLoss cleared"])
    #expect(street.pass(10 * 86_400).isEmpty)
    var old = Street()
    old.moveIn()
    _ = old.pass(86_400 * 30)
    let liveness = DeviceLiveness(expectedIntervalSeconds: 0, abilities: .speaks)
    #expect(old.send(.registry(.deviceAdded(liveness)), device: 1).isEmpty)
    #expect(old.pass(10 * 86_400).isEmpty, "registered by an earlier version, which heard it")
  }

  @Test func aTrackerThatNeverSaidWhereItIs() {
    var street = Street()
    street.moveIn(interval: 3_600, abilities: [.locates, .measures])
    _ = street.plan(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200, staleAfterSeconds: 600)))
    for _ in 0..<5 {
      #expect(street.pass(119).isEmpty)
      _ = street.event(.heartbeat, device: 1)
    }
    let lost = street.pass(5)
    #expect(lost.story == ["signalLoss raised"] && lost.transitions[0].value == 600 && lost.transitions[0].limit == 600)
    #expect(street.event(.heartbeat, device: 1).isEmpty, "being heard is not enough")
    let fix = LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: 10)
    #expect(street.send(.location(fix), device: 1).story == ["signalLoss cleared"])
  }

  @Test func aTrackerGivenOutUnderAFence() {
    var street = Street()
    _ = street.send(.registry(.patientAdded), patient: 1)
    _ = street.plan(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200, staleAfterSeconds: 600)))
    _ = street.pass(10_000)
    street.moveIn(abilities: .locates)
    #expect(street.pass(599).isEmpty)
    #expect(street.pass(1).story == ["signalLoss raised"])
  }
}

@Suite struct MeasuringTests {
  /// A continuous oximeter: values every second, else "no finger".
  private func street() -> Street {
    var street = Street()
    street.moveIn(interval: 60, isContinuous: true, abilities: .measures)
    return street
  }

  @Test func heardWithoutMeasuring() {
    var street = street()
    var told: [Outcome] = []
    for second in 0..<450 {
      _ = second
      told += street.pass(1)
      told += street.event(.noContact, .raised, device: 1)
    }
    #expect(told.story == ["notMeasuring raised"])
    #expect(told.transitions[0].value >= 300 && told.transitions[0].limit == 300 && told.transitions[0].priority == .medium)
    #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1).story == ["notMeasuring cleared"])
  }

  @Test func aMeasurementInTimeIsEnough() {
    var street = street()
    for _ in 0..<40 {
      #expect(street.pass(50).isEmpty)
      #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1).story.isEmpty)
      _ = street.event(.noContact, .raised, device: 1)
    }
  }

  @Test(arguments: [ObservationQuality.invalid, .questionable])
  func whatIsNoMeasurementIsNone(quality: ObservationQuality) {
    var street = street()
    var story: [String] = []
    for _ in 0..<15 {
      story += street.pass(30).story
      story += street.measure(.oxygenSaturation, 97, 0, .percent, device: 1, quality: quality).story
    }
    #expect(story == ["notMeasuring raised"])
  }

  /// A profile that lets "0 and 0" through: no score, no alert about a person, and it counts as not measuring.
  @Test func nothingIsNoValue() {
    var street = street()
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85)))
    var outcomes: [Outcome] = []
    for _ in 0..<15 {
      outcomes += street.pass(30)
      outcomes += street.measure(.oxygenSaturation, 0, 0, .percent, device: 1)
      outcomes += street.measure(.pulseRateOximeter, 0, 0, .perMinute, device: 1)
    }
    #expect(outcomes.scores.isEmpty && outcomes.story == ["notMeasuring raised"])
    #expect(street.measure(.pulseRateOximeter, 0, 0, .perMinute, patient: 1).scores.count == 1, "a person saw it")
  }

  /// A cuff that is carried through the room every day, and not used.
  @Test func aSpotDeviceByItsInterval() {
    var street = Street()
    street.moveIn(interval: 93_600, abilities: .measures)
    var story: [String] = []
    for _ in 0..<8 {
      story += street.pass(4 * 3_600).story
      story += street.event(.heartbeat, device: 1).story
    }
    #expect(story.filter { $0.hasSuffix("raised") } == ["notMeasuring raised"])
    var used = Street()
    used.moveIn(interval: 93_600, abilities: .measures)
    _ = used.pass(93_500)
    _ = used.event(.heartbeat, device: 1)
    _ = used.pass(3_600)
    #expect(used.event(.heartbeat, device: 1).isEmpty, "it connects first, and then sends")
    _ = used.pass(60)
    #expect(used.measure(.systolic, 130, 0, .millimetreOfMercury, device: 1).story.isEmpty)
    #expect(used.pass(10_000).isEmpty)
  }

  @Test func silenceIsSilenceAndNoSecondAlert() {
    var street = street()
    #expect(street.pass(100_000).story.filter { $0.hasSuffix("raised") } == ["signalLoss raised"])
  }
}

@Suite struct WrongClockTests {
  @Test(arguments: [946_685_040_000, 1_609_459_200_000] as [Int64])
  func aClockThatWasNeverSetIsMeasuredByArrivalAndReportedOnce(claim: Int64) {
    var street = Street()
    street.moveIn()
    _ = street.plan(.limits(.systolic, PlanLimits(redLow: 80)))
    let wrong = WallTime(rawValue: claim)
    let first = street.measure(.systolic, 70, 0, .millimetreOfMercury, device: 1, measuredAt: wrong)
    #expect(first.story.contains("deviceClockWrong raised") && first.story.contains("planRed raised"))
    #expect(first.first?.patient == PatientID(rawValue: 1))
    #expect(!street.measure(.systolic, 71, 0, .millimetreOfMercury, device: 1, measuredAt: wrong).story.contains("deviceClockWrong raised"))
    #expect(street.event(.fall, device: 1, measuredAt: wrong).story == ["fall raised"])
    let right = street.measure(.systolic, 72, 0, .millimetreOfMercury, device: 1, measuredAt: street.wall)
    #expect(right.story.contains("deviceClockWrong cleared"))
  }

  @Test func aDayAheadIsReportedOnceAndClears() {
    var street = Street()
    street.moveIn()
    let tomorrow = street.wall.adding(milliseconds: 86_400_000)
    #expect(street.measure(.systolic, 120, 0, .millimetreOfMercury, device: 1, measuredAt: tomorrow).story == ["deviceClockWrong raised"])
    #expect(street.measure(.systolic, 120, 0, .millimetreOfMercury, device: 1, measuredAt: tomorrow).story.isEmpty)
    #expect(
      street.measure(.systolic, 120, 0, .millimetreOfMercury, device: 1, measuredAt: street.wall).story == ["deviceClockWrong cleared"])
  }

  @Test func whatTheLinkKnowsToBeOldNeverCountsLive() {
    var street = Street()
    street.moveIn()
    _ = street.plan(.limits(.systolic, PlanLimits(redLow: 80)))
    for claim in [WallTime.unknown, street.wall.adding(milliseconds: 86_400_000), WallTime(rawValue: 946_685_040_000)] {
      let late = street.measure(.systolic, 70, 0, .millimetreOfMercury, device: 1, quality: [.late, .fromStorage], measuredAt: claim)
      #expect(late.story.isEmpty && late.scores.isEmpty)
    }
  }
}
