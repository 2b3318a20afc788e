// The person's own limits, beside NEWS2: green, yellow, red per signal, with a delay before anybody is told and a hysteresis
// before it is over.
//
// A value beyond a limit opens a suspicion that rises at the end of the delay, unless a value inside comes before. Silence in between
// ends no suspicion. A raised alert stays and follows the value; it is told anew when the colour gets worse or the value gets worse by
// the telling step. Resolved while it holds, the condition rises again: worse, at once; unchanged, after its time
// (ResolvedConditions.swift). What is told together with what: Judgement.swift.

import VitalSigns

/// Judges the signals of a person's plan. Realtime-safe.
struct LimitRule {
  let arena: CoreArena
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How long the value of a spot check counts when its alert may rise again, seconds: the RCP's interval of a raised score.
  private static var spotCheckCountsSeconds: UInt32 { @_noLocks get { 3_600 } }

  /// A value of a signal, to be judged with the rest of its frame. False when a newer one is known.
  @_noLocks func takeValue(
    _ planSignal: PlanSignal, _ steps: Int32, measured: MonotonicInstant, isContinuous: Bool, _ patient: PatientSlot
  ) -> Bool {
    let signal = arena.signal(patient, planSignal)
    guard !measured.isOlder(than: signal.pointee.measured) else { return false }
    signal.pointee.measured = max(signal.pointee.measured, measured.rawValue)
    signal.pointee.value = Int16(clamping: steps)
    signal.pointee.isContinuous = isContinuous
    guard signal.pointee.hasLimits else { return false }
    arena.patient(patient).pointee.signalsDue |= 1 << planSignal.rawValue
    return true
  }

  @_noLocks func tellingStep(_ planSignal: PlanSignal, _ signal: UnsafeMutablePointer<SignalPlan>) -> Int32 {
    signal.pointee.hysteresis != 0 ? Int32(signal.pointee.hysteresis) : planSignal.tellingStep
  }

  /// Judges the newest value of a signal.
  @_noLocks func judgeSignal(
    _ planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> PlanChange {
    let signal = arena.signal(patient, planSignal)
    guard signal.pointee.hasLimits else { return .nothing }
    let value = signal.pointee.value
    let colour = signal.pointee.colour(of: value)
    signal.pointee.colour = colour
    if signal.pointee.alert != .none { return judgeOpen(planSignal, patient, at: instant, &outcomes) }
    if colour == .green {
      if signal.pointee.resolvedColour != .green { resolved.forgetResolvedSignal(planSignal, patient) }
      return .nothing
    }
    if colour < signal.pointee.resolvedColour {
      // Milder than what was resolved: the next values are compared with this one, unless it lies beyond the opposite limit.
      signal.pointee.resolvedColour = signal.pointee.isLow(value) == signal.pointee.isLow(signal.pointee.heard) ? colour : .green
      signal.pointee.heard = value
    }
    let step = tellingStep(planSignal, signal)
    if colour > signal.pointee.resolvedColour || signal.pointee.isWorse(value, step: step) { return .rise }
    if signal.pointee.isBetter(value, step: step) { signal.pointee.heard = value }
    return .nothing
  }

  @_noLocks private func judgeOpen(
    _ planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> PlanChange {
    let signal = arena.signal(patient, planSignal)
    let slot = signal.pointee.alert
    let record = arena.alert(slot)
    let colour = signal.pointee.colour
    let isSuspected = record.pointee.lifecycle.state == .suspected
    if isSuspected, colour == .green {
      alerts.apply(.conditionEnded, to: slot, at: instant, &outcomes)
      return .nothing
    }
    guard var ground = record.pointee.ground(of: .patientSignal) else { return .nothing }
    let told: PlanColour = ground.rule == .planRed ? .red : .yellow
    var isUpper = ground.upper > ground.value
    ground.value = Int32(signal.pointee.value)
    // The alert follows the value, also for the better, so that it is always told with the present value.
    if isSuspected || !(colour < told) {
      ground.limit = signal.pointee.limit(of: colour, for: signal.pointee.value)
      isUpper = signal.pointee.isUpper(colour, for: signal.pointee.value)
    }
    ground.upper = isUpper ? AlertReason.unbounded : ground.value
    if isSuspected {
      ground.rule = colour.rule
      signal.pointee.heard = signal.pointee.value
      record.pointee.set(ground, of: .patientSignal)
      if colour != told { alerts.apply(.upgrade(colour.rule.priority), to: slot, at: instant, &outcomes) }
      return .nothing
    }
    record.pointee.set(ground, of: .patientSignal)
    if colour > told { return .worsen }
    return colour == told && signal.pointee.isWorse(signal.pointee.value, step: tellingStep(planSignal, signal)) ? .worsen : .nothing
  }

  /// The reason that a signal's value gives, by its colour now.
  @_noLocks func signalGround(_ planSignal: PlanSignal, _ patient: PatientSlot) -> AlertGround {
    let signal = arena.signal(patient, planSignal)
    let value = Int32(signal.pointee.value)
    let isUpper = signal.pointee.isUpper(signal.pointee.colour, for: signal.pointee.value)
    return AlertGround(
      rule: signal.pointee.colour.rule, value: value,
      limit: signal.pointee.limit(of: signal.pointee.colour, for: signal.pointee.value),
      upper: isUpper ? AlertReason.unbounded : value,
      subject: UInt32(planSignal.rawValue))
  }

  /// How long the signal must stay beyond its limit before its alert rises, seconds; 0 for one that was resolved, because a person
  /// knows of it already.
  @_noLocks func riseDelay(_ planSignal: PlanSignal, _ patient: PatientSlot) -> UInt32 {
    let isKnown = arena.signal(patient, planSignal).pointee.resolvedColour > .green
    return isKnown ? 0 : arena.plan(patient).pointee.signalDelaySeconds[Int(planSignal.rawValue)]
  }

  /// A plan item replaces the limits. A suspicion under the old limits ends, a raised alert stays. True when the newest value still
  /// counts: then it is to be judged anew, because new limits must never silence what lies beyond them.
  @_noLocks func setLimits(
    _ limits: PlanLimits, of planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    let signal = arena.signal(patient, planSignal)
    alerts.endSuspicion(signal.pointee.alert, at: instant, &outcomes)
    resolved.forgetResolvedSignal(planSignal, patient)
    signal.pointee.set(limits)
    arena.plan(patient).pointee.signalDelaySeconds[Int(planSignal.rawValue)] = limits.delaySeconds
    return signal.pointee.hasLimits && isCurrent(planSignal, patient, at: instant)
  }

  /// Whether the newest value of a signal is young enough to be judged now.
  @_noLocks func isCurrent(_ planSignal: PlanSignal, _ patient: PatientSlot, at instant: MonotonicInstant) -> Bool {
    let signal = arena.signal(patient, planSignal)
    guard signal.pointee.measured != 0 else { return false }
    let counts =
      signal.pointee.isContinuous
      ? arena.configuration.validity.continuousSeconds : min(Self.spotCheckCountsSeconds, arena.configuration.validity.spotCheckSeconds)
    return MonotonicInstant(rawValue: signal.pointee.measured).adding(seconds: counts) > instant
  }
}
