// For whom NEWS2 is not made: under 16, or pregnant. Their measurements are kept, and limits of their own plan work. A score that was told
// before is taken back as one of which nothing is known; an alert that was raised by it stays until a person resolves it.

import NEWS2Scoring
import VitalSigns

extension ScoreRule {
  /// No score is made for the person now.
  @_noLocks func isHindered(_ patient: PatientSlot, at instant: MonotonicInstant) -> Bool {
    let plan = arena.plan(patient)
    if plan.pointee.isPregnant != 0 { return true }
    return plan.pointee.scoredFromDay != 0 && arena.localClock.day(at: instant) < Int32(plan.pointee.scoredFromDay)
  }

  /// Takes over what the record says, and takes back the score when there is to be none.
  @_noLocks func setEligibility(
    _ eligibility: NEWS2Eligibility, _ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let plan = arena.plan(patient)
    plan.pointee.scoredFromDay = eligibility.fromDay
    plan.pointee.isPregnant = eligibility.isPregnant ? 1 : 0
    let state = arena.patient(patient)
    guard state.pointee.hasScore, isHindered(patient, at: instant) else { return }
    let nothing = NEWS2.score(NEWS2Inputs(scale: state.pointee.scale))
    state.pointee.hasScore = false
    state.pointee.scoredAt = instant.rawValue
    state.pointee.low = nothing.low
    state.pointee.high = nothing.high
    state.pointee.missing = nothing.missing
    state.pointee.band = nothing.band
    state.pointee.points = nothing.points
    arena.emit(.scored(nothing), patient: PatientID(rawValue: state.pointee.id), device: .none, at: instant, &outcomes)
    _ = scoreAlerts.judgeScore(patient, isLost: false)
  }
}
