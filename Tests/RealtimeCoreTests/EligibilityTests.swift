// For whom NEWS2 is not made: under 16, or pregnant. No score and no alert from it; limits of the person's own plan work; what was told
// before is taken back as nothing known, and an alert that was raised stays for a person to resolve.

import Testing
import VitalSigns

@testable import CoreState
@testable import RealtimeCore

@Suite struct EligibilityTests {
  /// The local day on which the street begins: 2 March 2026.
  private static let today: UInt16 = 20_514

  private func told(_ street: inout Street, _ eligibility: NEWS2Eligibility) -> [Outcome] {
    street.send(.registry(.recordChanged(eligibility)), patient: 1)
  }

  @Test(arguments: [NEWS2Eligibility(fromDay: today + 1), NEWS2Eligibility(isPregnant: true)])
  func nobodyIsScoredForWhomItIsNotMade(eligibility: NEWS2Eligibility) {
    var street = Street()
    street.moveIn()
    #expect(told(&street, eligibility).isEmpty)
    #expect(street.fullSet().isEmpty)
    #expect(street.measure(.respirationRate, 40, 0, .perMinute, patient: 1).isEmpty, "no alert of a score either")
    // Their own limits hold.
    _ = street.send(.registry(.planItem(.limits(.pulse, PlanLimits(redHigh: 120)))), patient: 1)
    #expect(street.measure(.pulseRateCuff, 150, 0, .perMinute, patient: 1).transitions.map(\.rule) == [.planRed])
    // Inputs that go stale tell nothing.
    #expect(street.pass(13 * 3_600).scores.isEmpty)
  }

  @Test func onTheBirthdayItBegins() {
    var street = Street()
    street.moveIn()
    #expect(told(&street, NEWS2Eligibility(fromDay: Self.today + 1)).isEmpty)
    #expect(street.fullSet().isEmpty)
    // The street begins at 13:00; eleven hours later it is the day after.
    #expect(street.pass(11 * 3_600 - 1).scores.isEmpty)
    #expect(street.measure(.pulseRateCuff, 71, 0, .perMinute, patient: 1).scores.isEmpty)
    _ = street.pass(1)
    let scores = street.measure(.pulseRateCuff, 72, 0, .perMinute, patient: 1).scores
    #expect(scores.count == 1 && scores.first?.isComplete == true, "with what was measured the day before")
  }

  @Test func aScoreIsTakenBackOnceAndComesAgain() throws {
    var street = Street()
    street.moveIn()
    _ = street.fullSet()
    let back = told(&street, NEWS2Eligibility(isPregnant: true))
    #expect(back.count == 1 && back.scores.first?.missing == 0b111_1111 && back.scores.first?.band == NEWS2Band.none)
    #expect(told(&street, NEWS2Eligibility(isPregnant: true)).isEmpty)
    let again = told(&street, NEWS2Eligibility()).scores
    #expect(again.count == 1 && again.first?.isComplete == true)
    #expect(again.first?.changeSinceLast == .min, "it is compared with nothing")
  }

  @Test func anOpenAlertStaysForAPerson() throws {
    var street = Street()
    street.moveIn()
    _ = street.fullSet()
    let raised = street.measure(.respirationRate, 40, 0, .perMinute, patient: 1).transitions
    #expect(raised.map(\.kind).contains(.raised))
    let open = street.core.counters.openAlerts
    #expect(told(&street, NEWS2Eligibility(isPregnant: true)).transitions.isEmpty)
    #expect(street.core.counters.openAlerts == open)
  }

  @Test func whoIsNotThereIsRemarked() {
    var street = Street()
    #expect(street.send(.registry(.recordChanged(NEWS2Eligibility(isPregnant: true))), patient: 9).remarks == [.unknownSubject])
  }

  /// It outlives a restart, and the place of somebody who has left begins anew.
  @Test func itIsKeptInTheStateAndNotInThePlace() throws {
    var street = Street()
    street.moveIn()
    _ = told(&street, NEWS2Eligibility(fromDay: 60_000, isPregnant: true))
    let plan = street.core.arena.plan(street.core.arena.slot(of: PatientID(rawValue: 1)))
    #expect(plan.pointee.scoredFromDay == 60_000 && plan.pointee.isPregnant == 1)
    let restored = try RealtimeCore(CoreConfiguration(hubSalt: 7), snapshot: try street.core.snapshot())
    let kept = restored.arena.plan(restored.arena.slot(of: PatientID(rawValue: 1)))
    #expect(kept.pointee.scoredFromDay == 60_000 && kept.pointee.isPregnant == 1)
    _ = street.send(.registry(.patientEnded), patient: 1)
    _ = street.send(.registry(.patientAdded), patient: 7)
    let fresh = street.core.arena.plan(street.core.arena.slot(of: PatientID(rawValue: 7)))
    #expect(fresh.pointee.scoredFromDay == 0 && fresh.pointee.isPregnant == 0)
  }
}
