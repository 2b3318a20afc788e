// Too many alerts: one person or device never takes the room of others, all is told, and all can be closed.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct AlertRoomTests {
  private static let configuration = CoreConfiguration(patientsMax: 8, devicesMax: 8, alertsMax: 64, hubSalt: 7)

  @Test func aStuckButtonLeavesRoomForOthers() throws {
    var street = Street(Self.configuration)
    street.moveIn(patient: 1, device: 1)
    street.moveIn(patient: 2, device: 2)
    var ids: Set<AlertID> = []
    for _ in 0..<80 {
      let told = street.event(.sos, device: 1).transitions.filter { $0.rule == .sos }
      #expect(told.map(\.kind) == [.raised], "a press is never coalesced, delayed or suppressed")
      ids.formUnion(told.map(\.id))
    }
    #expect(ids.count == 80)
    let other = try #require(street.event(.sos, device: 2).transitions.first)
    #expect(other.deadline == street.now.adding(seconds: 60))
    let escalated = street.pass(60).transitions.filter { $0.id == other.id }
    #expect(escalated.map(\.kind) == [.escalated])
  }

  /// Thousands of presses of one button that nobody has taken: one more is recorded, and told as soon as it says anything.
  @Test func aFloodIsToldUntilItSaysNothingMore() throws {
    var street = Street(Self.configuration)
    street.moveIn(patient: 1, device: 1)
    street.moveIn(patient: 2, device: 2)
    var followed: [AlertID] = []
    for number in 0..<4_096 {
      let outcomes = street.event(.sos, device: 1)
      let told = outcomes.transitions.filter { $0.rule == .sos && $0.kind == .raised }
      #expect(told.count == 1, "press \(number)")
      if !outcomes.remarks.contains(.noRoom) { followed += told.map(\.id) }
    }
    let more = street.event(.sos, device: 1)
    #expect(more.transitions.isEmpty && more.remarks == [.flood])
    #expect(street.event(.sos, device: 2).story == ["sos raised"], "another's is told as ever")
    _ = street.pass(1)
    #expect(street.event(.sos, device: 1).story.contains("sos raised"), "one each second, as long as it lasts")
    #expect(street.event(.sos, device: 1).remarks == [.flood])
    let newest = try #require(followed.last)
    #expect(street.command(.acknowledge, newest).story == ["sos acknowledged"])
    #expect(street.event(.sos, device: 1).story.contains("sos raised"), "who has taken it hears of the next")
    #expect(street.command(.resolve, newest).story == ["sos resolved"])
  }

  /// Every place is taken by others: the first urgent alert of a person is followed all the same.
  @Test func everybodyHasAPlaceForTheFirst() {
    var street = Street(CoreConfiguration(patientsMax: 8, devicesMax: 8, alertsMax: 16, hubSalt: 7))
    for person in UInt32(1)...4 { street.moveIn(patient: person, device: person) }
    for person in UInt32(1)...3 { for _ in 0..<20 { _ = street.event(.sos, device: person) } }
    #expect(street.event(.sos, device: 4).remarks.isEmpty)
  }

  @Test func whatIsNotFollowedCanBeTakenAndClosed() throws {
    var street = Street(Self.configuration)
    street.moveIn()
    var last: AlertTransition?
    for _ in 0..<9 { last = street.event(.sos, device: 1).transitions.first { $0.rule == .sos } }
    let untracked = try #require(last)
    #expect(street.core.counters.untrackedAlerts == 1 && untracked.deadline == .never)
    #expect(street.command(.acknowledge, untracked.id).remarks == [.refused], "without what the journal knows the core cannot")
    func act(_ action: AlertAction, _ seen: AlertTransition) -> [Outcome] {
      let standing = AlertStanding(seen, row: 5)
      return street.send(
        .command(AlertCommand(alert: seen.id, action: action, actor: ActorID(rawValue: 3), standing: standing)), device: 1, patient: 1)
    }
    let taken = act(.acknowledge, untracked)
    #expect(taken.story == ["sos acknowledged"] && taken[0].patient == PatientID(rawValue: 1))
    #expect(taken.transitions[0].revision == 1 && taken.transitions[0].actor == ActorID(rawValue: 3))
    #expect(act(.acknowledge, taken.transitions[0]).remarks == [.refused])
    #expect(act(.resolve, taken.transitions[0]).story == ["sos resolved", "alertRoomFull cleared"])
    #expect(act(.resolve, taken.transitions[0]).remarks == [.refused], "somebody was first")
    #expect(street.core.counters.untrackedAlerts == 0)
  }

  @Test func anAlertThatWasJustClosedIsNotClosedTwice() throws {
    var street = Street(Self.configuration)
    street.moveIn()
    let sos = try #require(street.event(.sos, device: 1).transitions.first)
    _ = street.command(.resolve, sos.id)
    let late = AlertCommand(alert: sos.id, action: .resolve, actor: ActorID(rawValue: 4), standing: AlertStanding(sos, row: 5))
    #expect(street.send(.command(late)).remarks == [.refused])
  }

  @Test func theHubCallsAgainAndAgainWhileSomethingIsNotFollowed() throws {
    var street = Street(Self.configuration)
    street.moveIn()
    var told: [AlertTransition] = []
    for _ in 0..<10 { told += street.event(.sos, device: 1).transitions }
    let room = try #require(told.first { $0.rule == .alertRoomFull })
    #expect(room.priority == .high && room.value == 1)
    let hour = street.pass(3_600).transitions.filter { $0.rule == .alertRoomFull && $0.kind == .retriggered }
    #expect(hour.count == 12 && hour.last?.value == 2, "every five minutes, with how many there are")
    #expect(street.command(.acknowledge, room.id).story == ["alertRoomFull acknowledged"])
    #expect(street.pass(600).story.filter { $0.hasPrefix("alertRoomFull") } == ["alertRoomFull retriggered", "alertRoomFull retriggered"])
  }

  /// Groups are counted right through any order of opening and closing.
  @Test(arguments: [1, 2, 3] as [UInt64]) func groupsAreCountedRight(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var street = Street(Self.configuration)
    for person in UInt32(1)...3 { street.moveIn(patient: person, device: person) }
    var open: [UInt32: [AlertID]] = [:]
    for _ in 0..<2_000 {
      let person = UInt32.random(in: 1...3, using: &random)
      if Bool.random(using: &random), let ids = open[person], !ids.isEmpty {
        let id = ids[Int.random(in: 0..<ids.count, using: &random)]
        #expect(street.command(.resolve, id).story == ["sos resolved"], "seed \(seed)")
        open[person]?.removeAll { $0 == id }
      } else {
        let outcomes = street.event(.sos, device: person)
        let isFollowed = !outcomes.remarks.contains(.noRoom)
        #expect(isFollowed == (open[person, default: []].count < 8), "seed \(seed)")
        if isFollowed { open[person, default: []] += outcomes.transitions.filter { $0.rule == .sos }.map(\.id) }
      }
    }
  }

  // MARK: Rebuilt

  /// What a journal knows is taken over, ids start above all that were given, and owners hear of the end.
  @Test func aRebuiltCoreKeepsWhatIsOpenAndGivesNoIdTwice() throws {
    var street = Street(Self.configuration)
    street.moveIn()
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85)))
    let sos = try #require(street.event(.sos, device: 1).transitions.first)
    let red = try #require(street.measure(.oxygenSaturation, 84, 0, .percent, device: 1).transitions.first)
    var other = Street(Self.configuration)
    other.moveIn()
    _ = other.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85)))
    _ = other.event(.sos, device: 1)
    _ = other.measure(.oxygenSaturation, 84, 0, .percent, device: 1)
    other.core.forgetAlerts(episodesFloor: 40)
    #expect(other.core.counters.openAlerts == 0)
    other.core.adopt(red, patient: PatientID(rawValue: 1), device: DeviceID(rawValue: 1))
    #expect(other.measure(.oxygenSaturation, 84, 0, .percent, device: 1).story.isEmpty, "it stands for both conditions")
    let worse = other.measure(.oxygenSaturation, 80, 0, .percent, device: 1)
    #expect(worse.story == ["planRed upgraded"] && worse.transitions[0].id == red.id && worse.transitions[0].revision == 1)
    let again = try #require(other.event(.sos, device: 1).transitions.first)
    #expect(again.id != sos.id)
    #expect(other.command(.resolve, red.id).story == ["planRed resolved"])
  }

  /// A condition that the replay saw, whose alert somebody had resolved: it is not forgotten with the alert.
  @Test func whatWasResolvedBeforeARebuildSpeaksAgain() throws {
    var street = Street(Self.configuration)
    street.moveIn(interval: 300, isSafetyAlarm: true)
    #expect(street.pass(301).story == ["signalLoss raised"])
    street.core.forgetAlerts(episodesFloor: 1)
    #expect(street.pass(300).story == ["signalLoss raised"], "a safety alarm is still silent")
  }

  /// Hundreds of the hub's own alerts take even the last places. One step of the core still fits into its buffer.
  @Test func withoutAnyPlaceLeftOneStepIsBounded() {
    var street = Street(CoreConfiguration(patientsMax: 2, devicesMax: 2, alertsMax: 16, hubSalt: 7))
    street.moveIn()
    for signal in [PlanSignal.oxygenSaturation, .pulse, .systolic, .diastolic, .temperature, .respiration, .weight, .glucose] {
      _ = street.plan(.limits(signal, PlanLimits(redLow: 30_000)))
    }
    for subject in UInt32(1)...120 { _ = street.send(.hubCondition(HubCondition(rule: .linkDown, holds: true, subject: subject))) }
    #expect(street.core.counters.openAlerts == 82)
    let outcomes = street.frame(
      [
        (.oxygenSaturation, 80, .percent), (.heartRate, 150, .perMinute), (.systolic, 80, .millimetreOfMercury),
        (.diastolic, 50, .millimetreOfMercury), (.bodyTemperature, 34, .degreeCelsius), (.respirationRate, 30, .perMinute),
        (.bodyWeight, 70, .kilogram), (.glucose, 5, .millimolePerLitre),
      ], device: 1)
    #expect(outcomes.count <= RealtimeCore.outcomesPerStepMax)
    #expect(outcomes.transitions.filter { $0.rule == .planRed }.count >= 7)
  }
}
