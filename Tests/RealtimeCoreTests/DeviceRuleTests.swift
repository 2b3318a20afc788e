// Rules about devices and what they report: calls for help, falls, silence, battery, doors, locks, fences.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct HelpTests {
  @Test func eachPressIsItsOwnAlertAtOnce() {
    var street = Street()
    street.moveIn()
    var ids: Set<AlertID> = []
    for _ in 0..<5 {
      let transitions = street.event(.sos, device: 1).transitions
      #expect(transitions.map(\.kind) == [.raised] && transitions[0].rule == .sos && transitions[0].priority == .high)
      ids.formUnion(transitions.map(\.id))
    }
    #expect(ids.count == 5)
    #expect(street.event(.sos, .cleared, device: 1).isEmpty)
  }

  @Test func failsOpenWithoutPersonOrRegistration() {
    var street = Street()
    _ = street.send(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), device: 4)
    let unassigned = street.event(.sos, device: 4)
    #expect(unassigned.remarks == [.unassigned] && unassigned.story == ["sos raised"])
    #expect(unassigned.last?.patient == PatientID.none && unassigned.last?.device == DeviceID(rawValue: 4))
    let stranger = street.event(.sos, device: 99)
    #expect(stranger.remarks == [.unknownSubject] && stranger.story == ["sos raised"])
    #expect(street.event(.fall, device: 99).story == ["fall raised"])
    let ids = Set((unassigned + stranger + street.event(.sos, device: 99)).transitions.map(\.id))
    #expect(ids.count == 3)
  }

  /// A press in words that nobody knows, from a button that is in the cupboard, or whose person has moved out.
  @Test func whatNobodysButtonSaysAndNobodyKnowsIsTold() {
    var street = Street()
    street.moveIn(isSafetyAlarm: true)
    _ = street.send(.registry(.patientEnded), patient: 1)
    let odd = street.event(.notUnderstood, device: 1)
    #expect(odd.story == ["notUnderstood raised"] && odd.last?.patient == PatientID.none)
    #expect(odd.transitions.first?.priority == .high)
    #expect(street.event(.notUnderstood, device: 1).story.isEmpty, "one alert while it is open")
    _ = street.command(.resolve, odd.transitions[0].id)
    #expect(street.event(.notUnderstood, device: 1).story == ["notUnderstood raised"])
    var door = Street()
    door.moveIn()
    _ = door.send(.registry(.deviceReleased), device: 1, patient: 1)
    #expect(door.event(.notUnderstood, device: 1).story.isEmpty, "no safety alarm")
  }

  @Test func anOldPressStillCalls() {
    var street = Street()
    street.moveIn()
    _ = street.pass(7_200)
    let hourAgo = street.wall.adding(milliseconds: -3_600_000)
    #expect(street.event(.sos, device: 1, measuredAt: hourAgo).story == ["sos raised"])
    let fall = street.event(.fall, device: 1, measuredAt: hourAgo)
    #expect(fall.story.isEmpty && fall.remarks == [.late])
  }

  @Test func whenTheArenaIsFullHelpIsStillTold() {
    var street = Street(CoreConfiguration(alertsMax: 16))
    street.moveIn()
    var ids: Set<AlertID> = []
    for press in 0..<20 {
      let outcomes = street.event(.sos, device: 1)
      #expect(outcomes.story == (press == 8 ? ["sos raised", "alertRoomFull raised"] : ["sos raised"]))
      #expect(outcomes.remarks == (press < 8 ? [] : [.noRoom]), "one button takes half of so small a room at most")
      ids.formUnion(outcomes.transitions.prefix(1).map(\.id))
    }
    #expect(ids.count == 20 && street.core.counters.openAlerts == 9 && street.core.counters.untrackedAlerts == 12)
  }

  /// What the broker sends a second time is told again under the id of the open alert; each telling has its own number.
  @Test func aPressThatMayHaveBeenToldIsToldAgain() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.sos, device: 1).transitions.first)
    let again = street.event(.sos, detail: DeviceEvent.perhapsTold, device: 1)
    #expect(again.story == ["sos retriggered"] && again.transitions[0].id == first.id)
    let next = street.event(.sos, detail: DeviceEvent.perhapsTold, device: 1) + street.pass(60)
    #expect(next.story == ["sos retriggered", "sos escalated"])
    #expect((again + next).transitions.map(\.revision) == [1, 2, 3])
    _ = street.command(.resolve, first.id)
    #expect(street.event(.sos, detail: DeviceEvent.perhapsTold, device: 1).story == ["sos raised"], "none is open: it is a new one")
  }

  /// The button has been given to somebody else, and the alert of whoever had it before is still open.
  @Test func aPressIsItsPresentPersons() throws {
    var street = Street()
    street.moveIn()
    _ = street.event(.sos, device: 1)
    _ = street.send(.registry(.patientAdded), patient: 2)
    _ = street.send(.registry(.deviceAssigned), device: 1, patient: 2)
    let other = street.event(.sos, detail: DeviceEvent.perhapsTold, device: 1)
    #expect(other.story == ["sos raised"] && other[0].patient == PatientID(rawValue: 2))
  }

  @Test func fallsByPhase() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    #expect(street.event(.fall, .raised, device: 1).isEmpty, "the same fall, repeated")
    _ = street.event(.fall, .cleared, device: 1)
    let second = try #require(street.event(.fall, .raised, device: 1).transitions.first)
    #expect(second.id != first.id)
    #expect(street.event(.fall, .moment, device: 1).story == ["fall raised"])
    #expect(street.event(.fall, .moment, device: 1).story == ["fall raised"])
    _ = street.command(.resolve, second.id)
    #expect(street.event(.fall, .raised, device: 1).isEmpty, "the state that is being repeated is the fall that was resolved")
  }
}

@Suite struct SignalLossTests {
  @Test func silenceIsAnAlertAtItsDeadline() throws {
    var street = Street()
    street.moveIn(interval: 300)
    _ = street.pass(200)
    _ = street.event(.heartbeat, device: 1)
    let heard = street.now
    #expect(street.pass(299.999).isEmpty)
    let lost = street.pass(1_000)
    #expect(lost.story == ["signalLoss raised", "signalLoss escalated"])
    #expect(lost[0].instant == heard.adding(seconds: 300))
    #expect(lost.transitions[0].priority == .medium && lost.transitions[0].value == 300 && lost.transitions[0].limit == 300)
    #expect(street.event(.heartbeat, device: 1).story == ["signalLoss cleared"])
    #expect(street.pass(300).story == ["signalLoss raised"], "and the watch goes on")
  }

  @Test func aSafetyAlarmIsLostAtOnceWhenItsBridgeSaysSo() {
    var street = Street()
    street.moveIn(interval: 3_600, isSafetyAlarm: true)
    let lost = street.event(.offline, device: 1)
    #expect(lost.story == ["signalLoss raised"] && lost.transitions[0].priority == .high)
    #expect(street.event(.offline, device: 1).isEmpty)
    #expect(street.event(.online, device: 1).story == ["signalLoss cleared"])
    var other = Street()
    other.moveIn(interval: 3_600)
    #expect(other.event(.offline, device: 1).isEmpty, "others have their grace")
  }

  @Test func resolvedWhileSilentItSpeaksAgain() throws {
    var street = Street()
    street.moveIn(interval: 60)
    let lost = try #require(street.pass(60).transitions.first)
    _ = street.command(.resolve, lost.id)
    #expect(street.pass(14_399.999).isEmpty)
    let again = street.pass(0.001)
    #expect(again.story == ["signalLoss raised"] && again.transitions[0].id != lost.id)
    #expect(again.transitions[0].value == 60 + 14_400, "with the silence of now")
    _ = street.event(.heartbeat, device: 1)
    #expect(street.pass(60).story == ["signalLoss raised"])
  }

  @Test func lateAndUnusableDataIsASignOfLife() {
    var street = Street()
    street.moveIn(interval: 60)
    _ = street.pass(60)
    let old = street.wall.adding(milliseconds: -7_200_000)
    #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: old).story == ["signalLoss cleared"])
  }

  @Test func onlyAssignedDevicesAreWatched() {
    var street = Street()
    _ = street.send(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 60))), device: 1)
    #expect(street.pass(1_000).isEmpty)
    _ = street.send(.registry(.patientAdded), patient: 1)
    _ = street.send(.registry(.deviceAssigned), device: 1, patient: 1)
    #expect(street.pass(60).story == ["signalLoss raised"])
    #expect(street.send(.registry(.deviceReleased), device: 1).story == ["signalLoss cleared"])
    #expect(street.pass(1_000).isEmpty)
  }

  @Test func aTrackerMustSayWhereItIs() {
    var street = Street()
    street.moveIn(interval: 3_600)
    _ = street.plan(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200, staleAfterSeconds: 600)))
    _ = street.send(.location(LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: 10)), device: 1)
    _ = street.pass(590)
    _ = street.event(.heartbeat, device: 1)
    let lost = street.pass(10)
    #expect(lost.story == ["signalLoss raised"] && lost.transitions[0].value == 600)
    #expect(street.event(.heartbeat, device: 1).isEmpty, "being heard is not enough")
    #expect(
      street.send(.location(LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: 10)), device: 1).story
        == ["signalLoss cleared"])
  }

  /// A phone indoors says 2 km, another one never says how sure it is: the fence is blind, and that is told.
  @Test(arguments: [2_000, LocationFix.accuracyUnknown] as [UInt32]) func placesTooPoorToJudgeAreNoPlaces(accuracy: UInt32) {
    var street = Street()
    street.moveIn(interval: 3_600, abilities: [.speaks, .locates])
    let poor = LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: accuracy)
    _ = street.send(.location(poor), device: 1)
    _ = street.pass(60)
    _ = street.plan(.geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200, staleAfterSeconds: 600)))
    for _ in 0..<5 {
      #expect(street.pass(100).isEmpty)
      #expect(street.send(.location(poor), device: 1).isEmpty)
    }
    #expect(street.pass(100).story == ["signalLoss raised"])
    #expect(street.send(.location(poor), device: 1).story.isEmpty)
    let good = LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: 200)
    #expect(street.send(.location(good), device: 1).story == ["signalLoss cleared"])
  }

  @Test func batteryHasTwoThresholds() {
    var street = Street()
    street.moveIn()
    func level(_ percent: Int64) -> [String] { street.measure(.batteryLevel, percent, 0, .percent, device: 1).story }
    #expect(level(16).isEmpty)
    #expect(level(15) == ["lowBattery raised"])
    #expect(level(14).isEmpty)
    #expect(level(24).isEmpty)
    #expect(level(25) == ["lowBattery cleared"])
    _ = street.pass(900)
    #expect(street.event(.lowBattery, .raised, device: 1).story == ["lowBattery raised"])
    #expect(street.event(.lowBattery, .cleared, device: 1).story == ["lowBattery cleared"])
  }

  @Test func tamperAndJam() throws {
    var street = Street()
    street.moveIn()
    let tamper = try #require(street.event(.tamper, .moment, device: 1).transitions.first)
    _ = street.command(.acknowledge, tamper.id)
    #expect(street.event(.tamper, .moment, device: 1).story == ["tamper retriggered"])
    #expect(street.event(.tamper, .cleared, device: 1).story == ["tamper cleared"])
    #expect(street.event(.jam, .raised, device: 1).story == ["jam raised"])
    #expect(street.event(.jam, .raised, device: 1).isEmpty)
    #expect(street.event(.jam, .cleared, device: 1).story == ["jam cleared"])
  }

  @Test func aJammedLockLatches() {
    var street = Street()
    street.moveIn()
    #expect(street.event(.lockJammed, device: 1).story == ["lockJammed raised"])
    #expect(street.event(.locked, device: 1).isEmpty)
    #expect(street.core.counters.openAlerts == 1)
    #expect(street.event(.dispenserEmpty, device: 1).story == ["dispenserEmpty raised"])
  }
}

@Suite struct NightDoorTests {
  /// 22:00–06:00, ten minutes. The street begins at 13:00 local time.
  private func street(delay: UInt32 = 600) -> Street {
    var street = Street()
    street.moveIn()
    _ = street.plan(.nightWatch(NightWatch(fromMinute: 1_320, toMinute: 360, openDelaySeconds: delay)))
    return street
  }

  @Test func openedAtNightAndLeftOpen() {
    var street = street()
    _ = street.pass(10 * 3_600)
    #expect(street.event(.doorOpened, device: 1).story == ["doorOpenAtNight suspected"])
    #expect(street.event(.doorOpened, device: 1).isEmpty, "a repeated report is no new opening")
    #expect(street.pass(599).isEmpty)
    #expect(street.pass(1).story == ["doorOpenAtNight raised"])
    #expect(street.event(.doorClosed, device: 1).isEmpty, "clinical alerts stay")
    #expect(street.event(.doorOpened, device: 1).story == ["doorOpenAtNight suspected"])
  }

  @Test func closedInTime() {
    var street = street()
    _ = street.pass(10 * 3_600)
    _ = street.event(.doorOpened, device: 1)
    _ = street.pass(300)
    #expect(street.event(.doorClosed, device: 1).story == ["doorOpenAtNight cleared"])
    #expect(street.pass(10_000).isEmpty)
  }

  @Test func openWhenTheNightBegins() {
    var street = street()
    #expect(street.event(.doorOpened, device: 1).isEmpty, "in the daytime a door may stand open")
    let night = street.pass(9 * 3_600 + 600)
    #expect(night.story == ["doorOpenAtNight suspected", "doorOpenAtNight raised"])
    #expect(night[0].wall == streetBegins.adding(milliseconds: 9 * 3_600_000), "22:00 local is 21:00 UTC")
    #expect(night[1].wall == night[0].wall.adding(milliseconds: 600_000))
  }

  @Test func withoutDelayEachOpeningCounts() {
    var street = street(delay: 0)
    _ = street.pass(10 * 3_600)
    #expect(street.event(.doorOpened, device: 1).story == ["doorOpenAtNight raised"])
  }

  @Test func tooShortBeforeTheNightEnds() {
    var street = street()
    _ = street.pass(16 * 3_600 + 3_100)  // 05:51:40
    #expect(street.event(.doorOpened, device: 1).isEmpty)
    #expect(street.pass(3_600).isEmpty)
  }

  @Test func resolvedItSpeaksAgainWhileTheNightLasts() throws {
    var street = street()
    _ = street.event(.doorOpened, device: 1)
    let raised = try #require(street.pass(9 * 3_600 + 600).transitions.last)
    _ = street.command(.resolve, raised.id)  // 22:10
    #expect(street.pass(2_699).isEmpty)
    let again = street.pass(1).transitions
    #expect(again.map(\.kind) == [.raised] && again[0].rule == .doorOpenAtNight, "still open, and still night")
    _ = street.pass(6.5 * 3_600)  // 05:25
    _ = street.command(.resolve, again[0].id)
    #expect(street.pass(10 * 3_600).isEmpty, "the day has come")
    #expect(street.pass(8 * 3_600).story.prefix(2) == ["doorOpenAtNight suspected", "doorOpenAtNight raised"], "the next night")
  }

  @Test func theOffsetMovesTheNight() {
    var street = street()
    _ = street.send(.clock(ClockAnchor(utcOffsetSeconds: 7_200)))
    _ = street.event(.doorOpened, device: 1)
    #expect(street.pass(8 * 3_600 - 1).isEmpty)
    #expect(street.pass(1).story == ["doorOpenAtNight suspected"])
  }
}
