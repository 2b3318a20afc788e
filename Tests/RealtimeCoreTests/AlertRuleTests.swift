// Alerts inside the core: commands, escalation on time, receivers, the hub's own alerts, identity, room.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct AlertRuleTests {
  @Test func theWholeLife() throws {
    var street = Street()
    street.moveIn()
    let raised = try #require(street.event(.sos, device: 1).transitions.first)
    #expect(raised.deadline == street.now.adding(seconds: 60) && raised.level == 0)
    #expect(street.command(.delivered, raised.id).story == ["sos notified"])
    #expect(street.command(.delivered, raised.id).isEmpty)
    let acknowledged = street.command(.acknowledge, raised.id)
    #expect(acknowledged.story == ["sos acknowledged"] && acknowledged.transitions[0].actor == ActorID(rawValue: 3))
    #expect(acknowledged[0].patient == PatientID(rawValue: 1) && street.lastEntry.patient == PatientID(rawValue: 1))
    #expect(street.command(.acknowledge, raised.id).remarks == [.refused])
    #expect(street.command(.respond, raised.id).story == ["sos responding"])
    #expect(street.pass(2_700).story == ["sos retriggered"])
    #expect(street.command(.resolve, raised.id).story == ["sos resolved"])
    #expect(street.command(.resolve, raised.id).remarks == [.refused])
    #expect(street.command(.resolve, AlertID(high: 1, low: raised.id.low)).remarks == [.refused])
    #expect(street.core.counters.openAlerts == 0 && street.core.counters.refused == 3)
    #expect(street.pass(100_000).isEmpty && street.core.nextDeadline == .never)
  }

  @Test func escalationsAreStampedWithTheirDeadlines() {
    var street = Street()
    street.moveIn()
    _ = street.event(.sos, device: 1)
    let begin = street.now
    let escalations = street.pass(10_000)
    #expect(escalations.story.prefix(3) == ["sos escalated", "sos escalated", "sos escalated"])
    #expect(escalations.story.dropFirst(3).allSatisfy { $0 == "sos retriggered" }, "nobody took it: told again")
    #expect(escalations.map(\.instant) == ([60, 180] + stride(from: 300, through: 9_900, by: 300)).map { begin.adding(seconds: $0) })
    #expect(escalations.transitions.map(\.level) == [1, 2] + Array(repeating: 3, count: 33))
    #expect(escalations.transitions.allSatisfy { $0.state == .raised })
    #expect(escalations.transitions.last?.deadline == begin.adding(seconds: 10_200))
  }

  @Test func nobodyOnDutyIsSaidOnce() throws {
    var escalation = EscalationPolicy.standard
    escalation.receiverLevels = 0
    var street = Street(CoreConfiguration(escalation: escalation))
    street.moveIn()
    #expect(street.event(.sos, device: 1).story == ["sos raised", "nobodyOnDuty raised"])
    #expect(street.event(.sos, device: 1).story == ["sos raised"])
    #expect(street.send(.hubCondition(HubCondition(rule: .nobodyOnDuty, holds: false))).story == ["nobodyOnDuty cleared"])
  }

  @Test func hubConditionsAreKeptApartBySubject() {
    var street = Street()
    func report(_ rule: AlertRule, _ holds: Bool, _ subject: UInt32) -> [Outcome] {
      street.send(.hubCondition(HubCondition(rule: rule, holds: holds, subject: subject)))
    }
    #expect(report(.deadLetter, true, 1).story == ["deadLetter raised"])
    #expect(report(.deadLetter, true, 2).story == ["deadLetter raised"])
    #expect(report(.storeFailing, true, 0).story == ["storeFailing raised"])
    #expect(report(.deadLetter, true, 1).isEmpty)
    let cleared = report(.deadLetter, false, 2)
    #expect(cleared.story == ["deadLetter cleared"] && cleared.transitions[0].subject == 2)
    #expect(cleared[0].patient == PatientID.none)
    #expect(report(.deadLetter, false, 2).isEmpty)
    #expect(report(.deadLetter, false, 1).story == ["deadLetter cleared"])
    #expect(report(.storeFailing, false, 0).story == ["storeFailing cleared"])
    #expect(street.core.counters.openAlerts == 0)
  }

  /// Fixed for ever: these ids are in people's journals.
  @Test func goldenIdentities() {
    func id(_ holder: AlertHolder, _ number: UInt32, _ rule: AlertRule, _ subject: UInt32, _ episode: UInt32) -> [UInt64] {
      let id = AlertID(salt: 0x1234_5678_9abc_def0, holder: holder, number: number, rule: rule, subject: subject, episode: episode)
      return [id.high, id.low]
    }
    #expect(id(.patient, 7, .sos, 0, 0) == GoldenIdentities.sos)
    #expect(id(.patient, 7, .sos, 0, 1) == GoldenIdentities.sosAgain)
    #expect(id(.patient, 7, .planRed, 3, 0) == GoldenIdentities.planRed)
    #expect(id(.device, 7, .sos, 0, 0) == GoldenIdentities.device)
    #expect(id(.hub, 0, .storeFailing, 0, 0) == GoldenIdentities.hub)
    #expect(id(.stranger, 7, .sos, 0, 0) == GoldenIdentities.stranger)
  }

  /// Epoch 0 is what all ids were before there were epochs.
  @Test func anEpochGivesOtherIdentities() {
    let salt: UInt64 = 0x1234_5678_9abc_def0
    #expect(AlertID.salt(salt, epoch: 0) == salt)
    #expect(AlertID.salt(salt, epoch: 1) == 0xc4dc_a8c0_fce5_2363)
    #expect(Set((0..<1_000).map { AlertID.salt(salt, epoch: $0) }).count == 1_000)
  }

  /// A core that lost a call which it had told gives the next one the same id, until an anchor names another epoch.
  @Test func aCallAfterAnAnchorWithAnEpochHasAnIdOfItsOwn() throws {
    func firstCall(epochs: [UInt32]) throws -> AlertID {
      var street = Street()
      street.moveIn()
      for epoch in epochs { _ = street.send(.clock(ClockAnchor(utcOffsetSeconds: 3_600, idEpoch: epoch))) }
      return try #require(street.event(.sos, device: 1).transitions.first).id
    }
    let before = try firstCall(epochs: [])
    #expect(try firstCall(epochs: [0]) == before, "an anchor that names none changes none")
    let (seven, eight) = (try firstCall(epochs: [7]), try firstCall(epochs: [7, 8]))
    #expect(Set([before, seven, eight]).count == 3)
    #expect(try firstCall(epochs: [8, 0]) == eight)
  }

  @Test func identitiesAreValidAndDiffer() {
    var ids: Set<AlertID> = []
    var count = 0
    for salt in [0, 1] as [UInt64] {
      for holder in [AlertHolder.patient, .device, .hub, .stranger] {
        for rule in AlertRule.allCases {
          for number in UInt32(0)..<6 {
            for subject in UInt32(0)..<4 {
              for episode in UInt32(0)..<6 {
                let id = AlertID(salt: salt, holder: holder, number: number, rule: rule, subject: subject, episode: episode)
                #expect(id.high >> 12 & 0xf == 8 && id.low >> 62 == 0b10)
                ids.insert(id)
                count += 1
              }
            }
          }
        }
      }
    }
    #expect(ids.count == count)
    #expect(Set(ids.map(\.low)).count == count)
  }

  /// A person who comes back under the same number does not get an old alert's id again.
  @Test func aReturnedPersonGetsNewIdentities() throws {
    var street = Street()
    street.moveIn()
    let first = try #require(street.event(.sos, device: 1).transitions.first)
    _ = street.send(.registry(.patientEnded), patient: 1)
    #expect(street.core.counters.patients == 0 && street.core.counters.openAlerts == 1)
    street.moveIn()
    let second = try #require(street.event(.sos, device: 1).transitions.first)
    #expect(first.id != second.id)
    #expect(street.command(.resolve, first.id).story == ["sos resolved"], "what was raised outlives its person's stay")
  }

  @Test func leavingEndsSuspicionsAndTechnicalAlertsOnly() {
    var street = Street()
    street.moveIn(interval: 60)
    _ = street.plan(.limits(.oxygenSaturation, PlanLimits(redLow: 85, delaySeconds: 600)))
    _ = street.plan(.news2Alerts(false))
    _ = street.measure(.oxygenSaturation, 80, 0, .percent, patient: 1)
    _ = street.event(.lockJammed, device: 1)
    #expect(street.pass(60).story == ["signalLoss raised"])
    let ended = street.send(.registry(.patientEnded), patient: 1)
    #expect(ended.story == ["planRed cleared"])
    #expect(street.pass(0).story == ["signalLoss cleared"])
    #expect(street.core.counters.openAlerts == 1)
    #expect(street.event(.heartbeat, device: 1).remarks == [.unassigned])
  }

  @Test func theRegistrySaysWhatItCannotDo() {
    var street = Street(CoreConfiguration(patientsMax: 2, devicesMax: 2))
    for patient in UInt32(1)...2 { #expect(street.send(.registry(.patientAdded), patient: patient).isEmpty) }
    #expect(street.send(.registry(.patientAdded), patient: 1).isEmpty, "adding who is there changes nothing")
    let refused = street.send(.registry(.patientAdded), patient: 3)
    #expect(refused.remarks == [.noRoom] && refused.story == ["registryFull raised"], "who is not watched over is an alert")
    #expect(street.send(.registry(.patientEnded), patient: 3).remarks == [.unknownSubject])
    #expect(street.send(.registry(.patientEnded), patient: 1).isEmpty)
    #expect(street.send(.registry(.patientAdded), patient: 3).isEmpty, "places are given on")
    let device = RegistryChange.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))
    for id in UInt32(1)...2 { #expect(street.send(.registry(device), device: id).isEmpty) }
    #expect(street.send(.registry(device), device: 3).remarks == [.noRoom])
    #expect(street.send(.registry(.deviceRemoved), device: 2).isEmpty)
    #expect(street.send(.registry(device), device: 3).isEmpty)
    #expect(street.send(.registry(.deviceAssigned), device: 3, patient: 9).remarks == [.unknownSubject])
    #expect(street.send(.registry(.planItem(.spo2Scale(.scale2))), patient: 9).remarks == [.unknownSubject])
  }

  @Test func ordinaryAlertsLeaveRoomForUrgentOnes() {
    var street = Street(CoreConfiguration(patientsMax: 64, devicesMax: 64, alertsMax: 16))
    for number in UInt32(1)...20 {
      street.moveIn(patient: number, device: number)
      let outcomes = street.event(.lockJammed, device: number)
      #expect(outcomes.story == (number == 15 ? ["lockJammed raised", "alertRoomFull raised"] : ["lockJammed raised"]))
      #expect(outcomes.remarks == (number <= 14 ? [] : [.noRoom]))
    }
    #expect(street.event(.sos, device: 1).remarks.isEmpty)
  }
}
