// Conditions of devices over time: what speaks again after it was resolved, what comes and goes, what two sources say, and
// devices that are heard without doing what they are there for.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct SpeaksAgainTests {
  /// Every condition that lasts, resolved while it holds: silent for the re-trigger time of its priority, then told anew.
  @Test(arguments: [
    (DeviceEventKind.tamper, AlertRule.tamper, UInt32(14_400)), (.jam, .jam, 14_400), (.dispenserEmpty, .dispenserEmpty, 14_400),
    (.lockJammed, .lockJammed, 14_400), (.lowBattery, .lowBattery, 86_400), (.bondLost, .bondLost, 14_400),
    (.clockWrong, .deviceClockWrong, 86_400),
  ])
  func afterTheRetriggerTime(kind: DeviceEventKind, rule: AlertRule, seconds: UInt32) throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(kind, .raised, device: 1).transitions.first)
    #expect(first.rule == rule)
    _ = street.command(.resolve, first.id)
    #expect(street.event(kind, .raised, device: 1).isEmpty, "told again by the device, and resolved a moment ago")
    #expect(street.pass(Double(seconds) - 0.001).isEmpty)
    let again = street.pass(0.001).transitions
    #expect(again.map(\.rule) == [rule] && again[0].kind == .raised && again[0].id != first.id)
    _ = street.command(.resolve, again[0].id)
    _ = street.event(kind, .cleared, device: 1)
    #expect(street.pass(Double(seconds) * 3).isEmpty, "over is over")
    #expect(street.event(kind, .raised, device: 1).story == ["\(rule) raised"])
  }

  /// The faults' case: a button with an interval of four seconds, resolved, and still silent.
  @Test func aSilentSafetyAlarmSpeaksAgainAfterItsInterval() throws {
    var street = Street()
    street.moveIn(interval: 4, isSafetyAlarm: true)
    let lost = try #require(street.pass(4).transitions.first)
    #expect(lost.priority == .high)
    _ = street.command(.resolve, lost.id)
    #expect(street.pass(3.999).isEmpty)
    #expect(street.pass(0.001).story == ["signalLoss raised"])
    var slow = Street()
    slow.moveIn(interval: 93_600, isSafetyAlarm: true)
    let late = try #require(slow.pass(93_600).transitions.first)
    _ = slow.command(.resolve, late.id)
    #expect(slow.pass(2_699).isEmpty)
    #expect(slow.pass(1).story == ["signalLoss raised"], "or after the re-trigger time, when that is sooner")
  }

  /// Installations set one re-trigger time for all: half an hour is no time for a battery.
  @Test func aBatterySpeaksAgainTheNextDay() throws {
    var escalation = EscalationPolicy.standard
    escalation.low.retriggerSeconds = 1_800
    var street = Street(CoreConfiguration(escalation: escalation))
    street.moveIn()
    let low = try #require(street.measure(.batteryLevel, 9, 0, .percent, device: 1).transitions.first)
    _ = street.command(.resolve, low.id)
    #expect(street.pass(86_399).isEmpty)
    let again = street.pass(1).transitions
    #expect(again.map(\.rule) == [.lowBattery] && again[0].value == 9 && again[0].limit == 15)
  }

  @Test func outsideTheFence() throws {
    var street = Street()
    street.moveIn()
    _ = street.plan(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200)))
    func fix(_ latitude: Int32) -> IntakePayload {
      .location(LocationFix(latitudeE7: latitude, longitudeE7: 107_000_000, accuracyMetres: 10))
    }
    _ = street.send(fix(599_100_000), device: 1)
    let exit = try #require(street.send(fix(599_100_000), device: 1).transitions.first)
    _ = street.command(.resolve, exit.id)
    #expect(street.send(fix(599_200_000), device: 1).isEmpty)
    let again = street.pass(2_700).transitions
    #expect(again.map(\.rule) == [.geofenceExit] && again[0].value > exit.value && again[0].limit == 200, "as far as the newest location")
    _ = street.command(.resolve, again[0].id)
    _ = street.send(fix(599_000_000), device: 1)
    #expect(street.pass(100_000).isEmpty)
  }

  @Test func throughASnapshot() throws {
    let configuration = CoreConfiguration(patientsMax: 4, devicesMax: 4, alertsMax: 16, hubSalt: 7)
    var street = Street(configuration)
    street.moveIn(interval: 60)
    let lost = try #require(street.pass(60).transitions.first)
    _ = street.command(.resolve, lost.id)
    var bytes = [UInt8](repeating: 0, count: street.core.snapshotSize)
    bytes.withUnsafeMutableBytes { street.core.writeSnapshot(into: $0) }
    street.core = try RealtimeCore(configuration, snapshot: bytes.span)
    #expect(street.pass(14_400).story == ["signalLoss raised"])
  }

  @Test func withoutRoomToFollowItIsToldAgain() {
    var street = Street(CoreConfiguration(alertsMax: 16))
    street.moveIn()
    for device in UInt32(2)...15 { street.moveIn(device: device) }
    for device in UInt32(2)...15 { _ = street.event(.jam, .raised, device: device) }
    // One person's alerts of one rule have their share of the room, and it is used up.
    #expect(street.event(.jam, .raised, device: 1).remarks == [.noRoom])
    let again = street.pass(14_400).filter { $0.device == DeviceID(rawValue: 1) }
    #expect(again.contains { if case .alert(let told) = $0.payload { told.rule == .jam && told.kind == .raised } else { false } })
  }
}

@Suite struct FallStateTests {
  /// A sensor in the ceiling repeats "fall" every ten seconds until the person has left the room.
  @Test func aLatchedFallIsOneAlertAndSpeaksAgain() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    for _ in 0..<20 {
      _ = street.pass(10)
      #expect(street.event(.fall, .raised, device: 1).transitions.isEmpty)
    }
    _ = street.command(.resolve, first.id)
    var told: [AlertTransition] = []
    for _ in 0..<31 {
      told += street.pass(10).transitions
      told += street.event(.fall, .raised, device: 1).transitions
    }
    #expect(told.map(\.kind) == [.raised], "five minutes after it was resolved, still lying there")
  }

  @Test func aReportOutOfTheQuietIsANewFall() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    _ = street.command(.resolve, first.id)
    #expect(street.pass(61).isEmpty)
    #expect(street.event(.fall, .raised, device: 1).story == ["fall raised"])
  }

  /// The nurse is on her way to the first one; the sensor never says "over".
  @Test func whoHasTakenAFallHearsOfAnother() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    _ = street.command(.acknowledge, first.id)
    _ = street.pass(30)
    #expect(street.event(.fall, .raised, device: 1).isEmpty, "still the same one")
    _ = street.pass(61)
    let again = street.event(.fall, .raised, device: 1)
    #expect(again.story == ["fall retriggered"] && again.transitions[0].id == first.id)
    _ = street.pass(61)
    #expect(street.event(.fall, .raised, device: 1).isEmpty, "at most every five minutes")
  }

  /// Registered, and nobody's yet.
  @Test func aLatchedFallOfNobodysSensorIsOneAlert() throws {
    var street = Street()
    street.moveIn()
    _ = street.send(.registry(.deviceReleased), device: 1)
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    for _ in 0..<80 {
      _ = street.pass(0.5)
      #expect(street.event(.fall, .raised, device: 1).transitions.isEmpty)
    }
    _ = street.command(.resolve, first.id)
    #expect(street.event(.fall, .raised, device: 1).story == ["fall raised"], "and it is still so")
  }

  @Test func withoutRepeatsItIsOver() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    _ = street.command(.resolve, first.id)
    #expect(street.pass(100_000).isEmpty, "a sensor that never says that it is over")
    #expect(street.event(.fall, .raised, device: 1).story == ["fall raised"])
  }
}

@Suite struct NotUnderstoodTests {
  @Test func anAlarmDeviceIsLoudAndCounted() throws {
    var street = Street()
    street.moveIn(isSafetyAlarm: true)
    let first = try #require(street.event(.notUnderstood, device: 1).transitions.first)
    #expect(first.rule == .notUnderstood && first.priority == .high && first.value == 1)
    for _ in 0..<50 { #expect(street.event(.notUnderstood, device: 1).isEmpty) }
    let acknowledged = street.command(.acknowledge, first.id).transitions
    #expect(acknowledged.first?.value == 51)
    _ = street.pass(61)
    #expect(street.event(.notUnderstood, device: 1).story == ["notUnderstood retriggered"], "it may be another call for help")
    _ = street.pass(61)
    #expect(street.event(.notUnderstood, device: 1).isEmpty, "at most every five minutes")
    _ = street.command(.resolve, first.id)
    _ = street.pass(61)
    #expect(street.event(.notUnderstood, device: 1).story == ["notUnderstood raised"], "a press after somebody had closed it")
  }

  @Test func othersSpeakAgainAtMostPerRetrigger() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.notUnderstood, device: 1).transitions.first)
    #expect(first.priority == .medium)
    _ = street.command(.resolve, first.id)
    var told = 0
    for _ in 0..<24 {
      told += street.pass(600).transitions.count
      told += street.event(.notUnderstood, device: 1).transitions.count
    }
    #expect(told == 1)
    let second = street.core.counters.openAlerts
    #expect(second == 1)
  }
}

@Suite struct StormTests {
  /// A bad contact: the lid of a sensor opens and closes every second for ten hours.
  @Test func whatComesAndGoesIsTwoAlerts() {
    var street = Street()
    street.moveIn()
    var raised = 0
    for _ in 0..<3_600 {
      _ = street.pass(5)
      raised += street.event(.tamper, .raised, device: 1).transitions.count { $0.kind == .raised }
      _ = street.pass(5)
      raised += street.event(.tamper, .cleared, device: 1).transitions.count { $0.kind == .raised }
    }
    #expect(raised == 2)
    #expect(street.pass(899).story.allSatisfy { !$0.hasSuffix("cleared") })
    #expect(street.pass(1).story.last == "tamper cleared", "over after fifteen quiet minutes")
  }

  @Test func aLinkThatFlapsIsTwoAlerts() {
    var street = Street()
    street.moveIn(interval: 3_600, isSafetyAlarm: true)
    var story: [String] = []
    for _ in 0..<200 {
      story += street.event(.offline, device: 1).story
      _ = street.pass(20)
      story += street.event(.online, device: 1).story
      _ = street.pass(20)
    }
    #expect(story == ["signalLoss raised", "signalLoss cleared", "signalLoss raised"])
    _ = street.pass(900)
    #expect(street.core.counters.openAlerts == 0)
  }

  /// The faults' case: "battery 100, battery_low true" in each message.
  @Test func twoSourcesOfOneBatteryDoNotFight() {
    var street = Street()
    street.moveIn()
    var story: [String] = []
    func message(_ percent: Int64, flag: Bool) {
      story += street.measure(.batteryLevel, percent, 0, .percent, device: 1).story
      story += street.event(.lowBattery, flag ? .raised : .cleared, device: 1).story
    }
    for _ in 0..<9 { message(100, flag: true) }
    #expect(story == ["lowBattery raised"])
    for _ in 0..<9 { message(15, flag: false) }
    #expect(story == ["lowBattery raised"], "now the level says so")
    message(20, flag: false)
    #expect(street.core.counters.openAlerts == 1)
    message(80, flag: false)
    #expect(story == ["lowBattery raised", "lowBattery cleared"])
  }

  @Test func sentinelsAreNoLevel() {
    var street = Street()
    street.moveIn()
    for nonsense in [-1, 101, 255] as [Int64] { #expect(street.measure(.batteryLevel, nonsense, 0, .percent, device: 1).isEmpty) }
  }
}

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
