// A person's timer fires: the rest of a frame did not come, or something that was resolved while it held has had its time.
// When it fires is computed in ResolvedConditions.swift.

import VitalSigns

/// What happens when a person's timer fires. Realtime-safe.
struct PersonTimer {
  let arena: CoreArena
  private var validity: ScoreValidity { @_noLocks get { ScoreValidity(arena: arena) } }
  private var frames: FrameRule { @_noLocks get { FrameRule(arena: arena) } }
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }
  private var scoreAlerts: ScoreAlertRule { @_noLocks get { ScoreAlertRule(arena: arena) } }
  private var judgement: Judgement { @_noLocks get { Judgement(arena: arena) } }
  private var limits: LimitRule { @_noLocks get { LimitRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The staleness timer: inputs of the score may have expired.
  @_noLocks func runStalenessTimer(_ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard validity.dropStaleInputs(patient, at: instant) else { return }
    judgement.judge(patient, score: .lost, signals: 0, device: .none, at: instant, &outcomes)
  }

  /// The person's timer: the rest of a frame did not come, or something that was resolved has had its time.
  @_noLocks func runPersonTimer(_ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let plan = arena.plan(patient)
    if plan.pointee.frameUntil != 0, plan.pointee.frameUntil <= instant.rawValue {
      plan.pointee.frameUntil = 0
      let device = arena.patient(patient).pointee.frameDevice
      let sender = device == .none ? DeviceID.none : DeviceID(rawValue: arena.device(device).pointee.id)
      frames.judgeFrame(patient, device: sender, at: instant, &outcomes)
    }
    var change = NEWS2Change.nothing
    if plan.pointee.newsSpeaksAgain != 0, plan.pointee.newsSpeaksAgain <= instant.rawValue {
      resolved.forgetResolvedScore(patient)
      if arena.patient(patient).pointee.newsAlert == .none { change = scoreAlerts.judgeScore(patient, isLost: false) }
    }
    var rising: UInt8 = 0
    var index: UInt8 = 0
    while index < UInt8(PlanSignal.count) {
      let at = plan.pointee.signalSpeaksAgain[Int(index)]
      if at != 0, at <= instant.rawValue, let planSignal = PlanSignal(rawValue: index) {
        if endResolution(planSignal, patient, at: instant) { rising |= 1 << index }
      }
      index += 1
    }
    judgement.applyChanges(patient, change, rising: rising, worsening: 0, isKnown: rising, device: .none, at: instant, &outcomes)
    resolved.armPersonTimer(patient)
  }

  /// Forgets that the signal was resolved. True when its alert is to rise now: its newest value is beyond a limit and still counts.
  @_noLocks private func endResolution(_ planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant) -> Bool {
    let signal = arena.signal(patient, planSignal)
    resolved.forgetResolvedSignal(planSignal, patient)
    return signal.pointee.hasLimits && signal.pointee.alert == .none && signal.pointee.colour != .green
      && limits.isCurrent(planSignal, patient, at: instant)
  }
}
