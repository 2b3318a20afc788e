// From a score to an alert: one NEWS2 alert a person at a time. 7 and more is high, 5–6 medium, a single 3 by the configuration,
// each by the lower bound, so that a missing input never hides an alarm.
//
// The open alert follows the score: it keeps its id, takes the numbers that hold now, and is told anew when the category gets
// worse, the sum rises by two, or the single 3 moves to another parameter. It never gets milder by itself. Resolved while it
// holds, it rises again: worse, at once; unchanged, after its time (ResolvedConditions.swift). A lost input is no improvement.

import VitalSigns

/// Decides what a score asks of the NEWS2 alert. Realtime-safe.
struct ScoreAlertRule {
  let arena: CoreArena
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How much the sum must rise within its category before an open alert is told anew: one point is often a rounding.
  private static var tellingStep: Int { @_noLocks get { 2 } }

  /// Looks at the score as last told.
  @_noLocks func judgeScore(_ patient: PatientSlot, isLost: Bool) -> NEWS2Change {
    let state = arena.patient(patient)
    let severity = NEWS2Severity(state.pointee.band)
    state.pointee.newsSeverity = severity
    if state.pointee.newsAlert != .none { return judgeOpenScore(patient, severity) }
    // A lost input makes the score neither better nor worse. When it comes back, the score is compared with what was resolved.
    if isLost { return .nothing }
    if severity == .none {
      if state.pointee.resolvedSeverity != .none { resolved.forgetResolvedScore(patient) }
      return .nothing
    }
    let low = state.pointee.low
    if severity < state.pointee.resolvedSeverity {
      state.pointee.resolvedSeverity = severity
      state.pointee.heardLow = low
      state.pointee.heardParameter = arena.patient(patient).pointee.parameterWithThree
    }
    if state.pointee.news2AlertsOff { return .nothing }
    if severity > state.pointee.resolvedSeverity || low > state.pointee.heardLow || hasMoved(patient, severity) { return .rise }
    if Int(low) <= Int(state.pointee.heardLow) - Self.tellingStep { state.pointee.heardLow = low }
    return .nothing
  }

  @_noLocks private func judgeOpenScore(_ patient: PatientSlot, _ severity: NEWS2Severity) -> NEWS2Change {
    let state = arena.patient(patient)
    let record = arena.alert(state.pointee.newsAlert)
    guard let told = record.pointee.ground(of: .patientNEWS2) else { return .nothing }
    let before = NEWS2Severity(told.rule)
    let low = state.pointee.low
    // The alert follows the score, unless an input is missing that it had: then only a higher sum is taken over.
    if state.pointee.missing & ~record.pointee.missing == 0 || Int32(low) >= told.value {
      var ground = scoreGround(patient)
      if severity < before {
        ground.rule = told.rule
        ground.limit = told.limit
        // The single 3 is gone: the alert shows the points that its parameter has now.
        ground.subject = told.subject
        if before == .singleThree {
          ground.value = Int32(max(0, state.pointee.points[min(Int(told.subject), NEWS2Parameter.count - 1)]))
          ground.upper = ground.value
        }
      }
      record.pointee.missing = state.pointee.missing
      record.pointee.set(ground, of: .patientNEWS2)
    }
    if severity > before { return .worsen }
    guard severity == before else { return .nothing }
    let hasRisen = severity != .singleThree && Int(low) >= Int(state.pointee.heardLow) + Self.tellingStep
    return hasRisen || hasMoved(patient, severity) ? .worsen : .nothing
  }

  /// A single 3 stands in another parameter than the one that was heard of.
  @_noLocks private func hasMoved(_ patient: PatientSlot, _ severity: NEWS2Severity) -> Bool {
    severity == .singleThree && arena.patient(patient).pointee.parameterWithThree != arena.patient(patient).pointee.heardParameter
  }

  /// The reason that the score gives now. A single 3 is about its parameter: its value is 3.
  @_noLocks func scoreGround(_ patient: PatientSlot) -> AlertGround {
    let state = arena.patient(patient)
    let severity = NEWS2Severity(state.pointee.band)
    let isSingle = severity == .singleThree
    return AlertGround(
      rule: severity.rule, value: isSingle ? 3 : Int32(state.pointee.low), limit: severity.limit,
      upper: isSingle ? 3 : Int32(state.pointee.high), subject: isSingle ? UInt32(arena.patient(patient).pointee.parameterWithThree) : 0)
  }
}
