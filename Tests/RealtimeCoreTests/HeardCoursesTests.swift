// A thousand random courses of scores and plans: what a receiver that drops the ids it knows has heard is what the journal says. An id on
// the wire is made of the alert and the number of the transition, at least; so no two that must be sent may share them.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct HeardCoursesTests {
  private struct WireID: Hashable {
    var alert: AlertID
    var revision: UInt16
  }

  /// One person, one oximeter, one cuff, staff: half an hour to a day of it.
  private struct Course {
    var random: SeededRandom
    var open: [AlertID] = []

    mutating func number<T: FixedWidthInteger>(_ range: ClosedRange<T>) -> T { T.random(in: range, using: &random) }

    mutating func step(_ street: inout Street) -> [Outcome] {
      switch number(0...19) as Int {
      case 0: return street.plan(.spo2Scale(number(0...1) == 0 ? .scale1 : .scale2))
      case 1: return street.plan(.news2Alerts(number(0...3) != 0))
      case 2:
        let low: Int32 = number(80...90)
        return street.plan(
          .limits(
            .oxygenSaturation,
            PlanLimits(redLow: low, yellowLow: low + 3, delaySeconds: number(0...1) * 120, hysteresis: number(0...3))))
      case 3: return street.plan(.limits(.pulse, PlanLimits(redLow: 40, yellowLow: 50, yellowHigh: 110, redHigh: 130)))
      case 4...6:
        guard let alert = open.randomElement(using: &random) else { return [] }
        let actions: [AlertAction] = [.delivered, .acknowledge, .respond, .resolve, .resolve]
        return street.command(actions[number(0...4)], alert)
      case 7...8: return street.pass(Double(number(1...5_000)))
      case 9...12:
        return street.frame(
          [(.respirationRate, number(6...28), .perMinute), (.systolic, number(85...230), .millimetreOfMercury)], patient: 1)
      default:
        return street.frame(
          [(.oxygenSaturation, number(78...100), .percent), (.pulseRateOximeter, number(36...140), .perMinute)], device: 1)
      }
    }
  }

  @Test func whatIsHeardIsWhatTheJournalSays() {
    for seed in UInt64(1)...1_000 {
      var course = Course(random: SeededRandom(seed: seed))
      var street = Street()
      street.moveIn()
      var known: Set<WireID> = []
      var heard: [AlertID: AlertTransition] = [:]
      var journal: [AlertID: AlertTransition] = [:]
      var numbers: [AlertID: UInt16] = [:]
      for _ in 0..<40 {
        let outcomes = course.step(&street)
        for transition in outcomes.transitions {
          // The numbers of an alert have no gap and no repeat.
          #expect(transition.revision == numbers[transition.id, default: 0], "seed \(seed)")
          numbers[transition.id] = transition.revision + 1
          if !transition.mustBeSent { continue }
          journal[transition.id] = transition
          if known.insert(WireID(alert: transition.id, revision: transition.revision)).inserted { heard[transition.id] = transition }
        }
        // One instant tells one alert once, but for what a person does in it.
        for (index, outcome) in outcomes.enumerated() {
          guard let one = outcome.transition, one.kind == .upgraded || one.kind == .raised else { continue }
          let again = outcomes[(index + 1)...].contains {
            $0.instant == outcome.instant && $0.transition?.id == one.id && $0.transition?.kind == .upgraded
          }
          #expect(!again, "seed \(seed): told twice at one instant")
        }
        course.open = journal.values.filter { $0.state.isOpen }.map(\.id).sorted { ($0.high, $0.low) < ($1.high, $1.low) }
      }
      #expect(heard == journal, "seed \(seed)")
      // Nobody is left alone: a red value or a high score that is known now has an open alert, or was resolved and has its time.
      let person = street.core.arena.slot(of: PatientID(rawValue: 1))
      let present = street.core.arena.patient(person)
      let plan = street.core.arena.plan(person)
      if present.pointee.newsSeverity != .none, !present.pointee.news2AlertsOff {
        let isFollowed = present.pointee.newsAlert != .none || plan.pointee.newsSpeaksAgain != 0
        #expect(isFollowed, "seed \(seed)")
      }
      for planSignal in [PlanSignal.oxygenSaturation, .pulse] {
        let signal = street.core.arena.signal(person, planSignal)
        if signal.pointee.colour == .green { continue }
        let isFollowed = signal.pointee.alert != .none || plan.pointee.signalSpeaksAgain[Int(planSignal.rawValue)] != 0
        let isOld = !LimitRule(arena: street.core.arena).isCurrent(planSignal, person, at: street.now)
        #expect(isFollowed || isOld, "seed \(seed)")
      }
    }
  }
}
