// From a score to an alert: one NEWS2 alert a person at a time. 7 and more is high, 5–6 medium, a single 3 low priority,
// each by the lower bound, so that a missing input never hides an alarm.
//
// When the score gets worse the open alert is upgraded: it keeps its id and takes the rule, priority, value and limit that
// hold now. It never gets milder by itself. After a person has resolved it, it rises again (as a new alert) only when
// the score becomes worse than the resolved one, or goes below the category and up into it again.

import VitalSigns

extension RealtimeCore {
  /// Looks at the score as last told.
  @_noLocks func judgeScore(
    _ patient: UInt32, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.patient(patient)
    let severity = NEWS2Severity(state.pointee.band)
    let low = state.pointee.low
    state.pointee.newsSeverity = severity
    if severity < state.pointee.resolvedSeverity {
      state.pointee.resolvedSeverity = severity
      state.pointee.resolvedLow = low
    }
    if state.pointee.newsAlert != 0 {
      let record = arena.alert(state.pointee.newsAlert)
      guard severity.index > Int(record.pointee.condition) else { return }
      record.pointee.rule = severity.rule
      record.pointee.value = Int32(low)
      record.pointee.limit = severity.limit
      record.pointee.condition = UInt8(truncatingIfNeeded: severity.index)
      apply(.upgrade(severity.rule.priority), to: state.pointee.newsAlert, at: instant, &outcomes)
      return
    }
    guard severity != .none, !state.pointee.news2AlertsOff,
      severity > state.pointee.resolvedSeverity || low > state.pointee.resolvedLow
    else { return }
    var opening = AlertOpening(severity.rule, patient: patient, person: PatientID(rawValue: state.pointee.id))
    opening.device = device
    opening.value = Int32(low)
    opening.limit = severity.limit
    opening.owner = .patientNEWS2
    opening.ownerSlot = patient
    opening.condition = UInt8(truncatingIfNeeded: severity.index)
    state.pointee.newsAlert = open(opening, at: instant, &outcomes)
    if state.pointee.newsAlert == 0 {
      // Told, but without room to follow it: as good as resolved, or every observation would tell it again.
      state.pointee.resolvedSeverity = severity
      state.pointee.resolvedLow = low
    }
  }
}
