// What a person has resolved while it still held, for scores and plan signals. It is quiet until it gets worse (ScoreAlertRule.swift,
// LimitRule.swift) or until its time: the re-trigger time of its priority, counted from the resolution on the monotonic clock. Then
// it rises anew as another alert with the value that holds, if a value still counts (PersonTimer.swift). If none counts, the
// resolution is forgotten, and the next value beyond the limit rises at once.
//
// An alert that was told without room to follow it is treated as resolved, so it is told again and again.

import VitalSigns

/// Remembers and forgets resolutions of a person's conditions. Realtime-safe.
struct ResolvedConditions {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The NEWS2 condition, as it is now, was resolved, or told without room to follow it.
  @_noLocks func rememberResolvedScore(_ patient: PatientSlot, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    state.pointee.newsAlert = .none
    state.pointee.resolvedSeverity = state.pointee.newsSeverity
    state.pointee.heardLow = state.pointee.low
    state.pointee.heardParameter = arena.patient(patient).pointee.parameterWithThree
    guard state.pointee.newsSeverity != .none else { return forgetResolvedScore(patient) }
    arena.plan(patient).pointee.newsSpeaksAgain = arena.configuration.instantToSpeakAgain(
      after: instant, arena.configuration.priority(of: state.pointee.newsSeverity.rule))
    armPersonTimer(patient)
  }

  @_noLocks func rememberResolvedSignal(_ planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant) {
    let signal = arena.signal(patient, planSignal)
    signal.pointee.alert = .none
    signal.pointee.resolvedColour = signal.pointee.colour
    signal.pointee.heard = signal.pointee.value
    guard signal.pointee.colour != .green else { return forgetResolvedSignal(planSignal, patient) }
    arena.plan(patient).pointee.signalSpeaksAgain[Int(planSignal.rawValue)] = arena.configuration.instantToSpeakAgain(
      after: instant, arena.configuration.priority(of: signal.pointee.colour.rule))
    armPersonTimer(patient)
  }

  /// The condition is over, or is about to rise anew: its resolution is forgotten. Its timer stays armed and may find nothing to do.
  @_noLocks func forgetResolvedScore(_ patient: PatientSlot) {
    arena.patient(patient).pointee.resolvedSeverity = .none
    arena.patient(patient).pointee.heardLow = 0
    arena.plan(patient).pointee.newsSpeaksAgain = 0
  }

  /// An alert stands for the condition now, so an earlier resolution is forgotten. What was told last (`heardLow`) stays.
  @_noLocks func clearResolvedScore(_ patient: PatientSlot) {
    arena.patient(patient).pointee.resolvedSeverity = .none
    arena.plan(patient).pointee.newsSpeaksAgain = 0
  }

  @_noLocks func forgetResolvedSignal(_ planSignal: PlanSignal, _ patient: PatientSlot) {
    arena.signal(patient, planSignal).pointee.resolvedColour = .green
    arena.plan(patient).pointee.signalSpeaksAgain[Int(planSignal.rawValue)] = 0
  }

  @_noLocks func armPersonTimer(_ patient: PatientSlot) {
    let plan = arena.plan(patient)
    var earliest = Int64.max
    if plan.pointee.newsSpeaksAgain != 0 { earliest = min(earliest, plan.pointee.newsSpeaksAgain) }
    if plan.pointee.frameUntil != 0 { earliest = min(earliest, plan.pointee.frameUntil) }
    var index = 0
    while index < PlanSignal.count {
      let at = plan.pointee.signalSpeaksAgain[index]
      if at != 0 { earliest = min(earliest, at) }
      index += 1
    }
    arena.heap.set(arena.timers.person(patient), earliest == .max ? .never : MonotonicInstant(rawValue: earliest))
  }
}
