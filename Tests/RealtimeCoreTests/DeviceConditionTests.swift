// Conditions of devices over time: what speaks again after it was resolved, what comes and goes, what two sources say, and
// devices that are heard without doing what they are there for.

import CoreState
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
    street.core = try RealtimeCore(configuration, snapshot: try street.core.snapshot())
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
