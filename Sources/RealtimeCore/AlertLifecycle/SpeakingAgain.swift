// What a person has resolved while it still held. It is quiet until it gets worse (NEWS2Alerts.swift, PlanLimitsJudgement.swift)
// or until its time: the re-trigger time of its priority, from the resolution, on the monotonic clock. Then it rises anew, as
// another alert with the value that holds, if there is a value that still counts. If there is none, the resolution is
// forgotten: the next value beyond the limit speaks at once.
//
// Alerts that were told without room to follow them are treated as resolved: so they are told again and again.

import VitalSigns

extension RealtimeCore {
  /// How long a signal's value counts for speaking again: the RCP's interval of a raised score, for spot checks. Seconds.
  private static var spotCheckCountsSeconds: UInt32 { @_noLocks get { 3_600 } }
  /// How long the rest of a frame is waited for. Readings of one frame follow each other within microseconds; only a full intake
  /// parts them. Nanoseconds.
  static var frameWaitNanoseconds: Int64 { @_noLocks get { 500_000_000 } }

  /// When something of this priority that was resolved now speaks again; 0: never.
  @_noLocks func speakingAgain(after instant: MonotonicInstant, _ priority: AlertPriority) -> Int64 {
    let seconds = configuration.escalation.steps(for: priority).retriggerSeconds
    return seconds == EscalationPolicy.never ? 0 : instant.adding(seconds: max(1, seconds)).rawValue
  }

  // MARK: Resolved

  /// The NEWS2 condition as it is now is resolved, or told without room.
  @_noLocks func resolvedScore(_ patient: UInt32, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    state.pointee.newsAlert = 0
    state.pointee.resolvedSeverity = state.pointee.newsSeverity
    state.pointee.heardLow = state.pointee.low
    state.pointee.heardParameter = parameterWithThree(patient)
    guard state.pointee.newsSeverity != .none else { return forgetResolvedScore(patient) }
    arena.plan(patient).pointee.newsSpeaksAgain = speakingAgain(after: instant, priority(of: state.pointee.newsSeverity.rule))
    armAgain(patient)
  }

  @_noLocks func resolvedSignal(_ planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant) {
    let signal = arena.signal(patient, planSignal)
    signal.pointee.alert = 0
    signal.pointee.resolvedColour = signal.pointee.colour
    signal.pointee.heard = signal.pointee.value
    guard signal.pointee.colour != .green else { return forgetResolved(planSignal, patient) }
    arena.plan(patient).pointee.signalSpeaksAgain[Int(planSignal.rawValue)] = speakingAgain(
      after: instant, priority(of: signal.pointee.colour.rule))
    armAgain(patient)
  }

  /// The condition is over, or is about to speak: nothing is known of it any more. Its timer may fire for nothing.
  @_noLocks func forgetResolvedScore(_ patient: UInt32) {
    arena.patient(patient).pointee.resolvedSeverity = .none
    arena.patient(patient).pointee.heardLow = 0
    arena.plan(patient).pointee.newsSpeaksAgain = 0
  }

  @_noLocks func forgetResolved(_ planSignal: PlanSignal, _ patient: UInt32) {
    arena.signal(patient, planSignal).pointee.resolvedColour = .green
    arena.plan(patient).pointee.signalSpeaksAgain[Int(planSignal.rawValue)] = 0
  }

  // MARK: Timer

  @_noLocks func armAgain(_ patient: UInt32) {
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
    arena.heap.set(arena.timers.again(patient), earliest == .max ? .never : MonotonicInstant(rawValue: earliest))
  }

  /// The person's timer: the rest of a frame did not come, or something that was resolved has had its time.
  @_noLocks func personIsDue(_ patient: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let plan = arena.plan(patient)
    if plan.pointee.frameUntil != 0, plan.pointee.frameUntil <= instant.rawValue {
      plan.pointee.frameUntil = 0
      let device = arena.patient(patient).pointee.frameDevice
      let sender = device == 0 ? DeviceID.none : DeviceID(rawValue: arena.device(device).pointee.id)
      settle(patient, device: sender, at: instant, &outcomes)
    }
    var change = NEWS2Change.nothing
    if plan.pointee.newsSpeaksAgain != 0, plan.pointee.newsSpeaksAgain <= instant.rawValue {
      forgetResolvedScore(patient)
      if arena.patient(patient).pointee.newsAlert == 0 { change = judgeScore(patient, isLost: false) }
    }
    var rising: UInt8 = 0
    var index: UInt8 = 0
    while index < UInt8(PlanSignal.count) {
      let at = plan.pointee.signalSpeaksAgain[Int(index)]
      if at != 0, at <= instant.rawValue, let planSignal = PlanSignal(rawValue: index) {
        if speaksNow(planSignal, patient, at: instant) { rising |= 1 << index }
      }
      index += 1
    }
    tell(patient, change, rising: rising, worsening: 0, isKnown: rising, device: .none, at: instant, &outcomes)
    armAgain(patient)
  }

  /// Forgets that the signal was resolved. True when its newest value is beyond a limit and still counts: it rises now.
  @_noLocks private func speaksNow(_ planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant) -> Bool {
    let signal = arena.signal(patient, planSignal)
    forgetResolved(planSignal, patient)
    return signal.pointee.hasLimits && signal.pointee.alert == 0 && signal.pointee.colour != .green
      && isCurrent(planSignal, patient, at: instant)
  }

  /// Whether the newest value of a signal is young enough to say something about now.
  @_noLocks func isCurrent(_ planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant) -> Bool {
    let signal = arena.signal(patient, planSignal)
    guard signal.pointee.measured != 0 else { return false }
    let counts =
      signal.pointee.isContinuous
      ? configuration.validity.continuousSeconds : min(Self.spotCheckCountsSeconds, configuration.validity.spotCheckSeconds)
    return MonotonicInstant(rawValue: signal.pointee.measured).adding(seconds: counts) > instant
  }
}
