// What the score and the plan ask for after one measurement, told together: one measurement that breaks two rules is one alert with
// two reasons, and one transition carries both.
//
// The alert belongs to both conditions: it follows both, and its end is noted at both. Not told together: a limit with a delay (a
// suspicion is its own alert), and conditions that already had alerts of their own.

import VitalSigns

/// Judges a person's score and signals, and opens or worsens their alerts. Realtime-safe.
struct Judgement {
  let arena: CoreArena
  private var limits: LimitRule { @_noLocks get { LimitRule(arena: arena) } }
  private var scores: ScoreRule { @_noLocks get { ScoreRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }
  private var scoreAlerts: ScoreAlertRule { @_noLocks get { ScoreAlertRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Scores anew if there is a cause, judges the signals of a mask (bit n: signal n), and opens or worsens alerts by the result.
  @_noLocks func judge(
    _ patient: PatientSlot, score cause: ScoringCause?, signals: UInt8, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var (rising, worsening) = (UInt8(0), UInt8(0))
    var rest = signals
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      switch limits.judgeSignal(planSignal, patient, at: instant, &outcomes) {
      case .nothing: break
      case .rise: rising |= 1 << index
      case .worsen: worsening |= 1 << index
      }
    }
    var change = NEWS2Change.nothing
    if let cause {
      // A signal is about to be told. The record must then hold the score of that moment, also when it is unchanged.
      change = scores.rescore(patient, cause, isAsked: rising | worsening != 0, device: device, at: instant, &outcomes)
    }
    if change.isNothing, rising | worsening == 0 { return }
    applyChanges(patient, change, rising: rising, worsening: worsening, isKnown: 0, device: device, at: instant, &outcomes)
  }

  /// Opens or worsens the alerts that the score and the signals ask for, as one alert where one measurement broke both.
  ///
  /// - Parameters:
  ///   - rising: bit n: signal n asks for an alert of its own.
  ///   - worsening: bit n: the open alert of signal n is told anew.
  ///   - isKnown: bit n: signal n was resolved a while ago, so it rises without its delay.
  @_noLocks func applyChanges(
    _ patient: PatientSlot, _ change: NEWS2Change, rising: UInt8, worsening: UInt8, isKnown: UInt8, device: DeviceID,
    at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    var (rising, worsening) = (rising, worsening)
    switch change {
    case .nothing: break
    case .rise:
      let partner = partner(patient, among: rising, isKnown)
      if let partner {
        rising &= ~(1 << partner.rawValue)
        riseTogether(patient, partner, device: device, at: instant, &outcomes)
      } else if let host = host(patient, among: worsening) {
        worsening &= ~(1 << host.rawValue)
        joinScore(patient, to: host, at: instant, &outcomes)
      } else {
        riseAlone(patient, device: device, at: instant, &outcomes)
      }
    case .worsen:
      let slot = arena.patient(patient).pointee.newsAlert
      let record = arena.alert(slot)
      noteScore(patient)
      if let partner = partner(patient, among: rising, isKnown), record.pointee.hasRoom(for: .patientSignal) {
        rising &= ~(1 << partner.rawValue)
        join(partner, patient, to: slot)
      } else if record.pointee.ground(of: .patientSignal) != nil, worsening & 1 << record.pointee.condition != 0,
        let shared = PlanSignal(rawValue: record.pointee.condition)
      {
        worsening &= ~(1 << shared.rawValue)
        noteSignal(shared, patient)
      }
      worsen(slot, at: instant, &outcomes)
    }
    applySignalChanges(patient, rising: rising, worsening: worsening, isKnown: isKnown, device: device, at: instant, &outcomes)
  }

  /// The signals that do not share an alert with the score, each by itself.
  @_noLocks private func applySignalChanges(
    _ patient: PatientSlot, rising: UInt8, worsening: UInt8, isKnown: UInt8, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var rest = rising | worsening
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      if worsening & 1 << index != 0 {
        noteSignal(planSignal, patient)
        worsen(arena.signal(patient, planSignal).pointee.alert, at: instant, &outcomes)
        continue
      }
      var opening = signalOpening(planSignal, patient, device: device)
      opening.delaySeconds = isKnown & 1 << index != 0 ? 0 : limits.riseDelay(planSignal, patient)
      noteSignal(planSignal, patient)
      let slot = alerts.open(opening, at: instant, &outcomes)
      arena.signal(patient, planSignal).pointee.alert = slot
      if slot == .none {
        resolved.rememberResolvedSignal(planSignal, patient, at: instant)
      } else {
        resolved.forgetResolvedSignal(planSignal, patient)
      }
    }
  }

  @_noLocks private func riseAlone(_ patient: PatientSlot, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer)
  {
    noteScore(patient)
    let slot = alerts.open(scoreOpening(patient, device: device), at: instant, &outcomes)
    arena.patient(patient).pointee.newsAlert = slot
    if slot == .none { resolved.rememberResolvedScore(patient, at: instant) } else { resolved.clearResolvedScore(patient) }
  }

  /// One new alert with the score's reason and a signal's.
  @_noLocks private func riseTogether(
    _ patient: PatientSlot, _ partner: PlanSignal, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    noteScore(patient)
    noteSignal(partner, patient)
    let score = scoreOpening(patient, device: device)
    let signal = signalOpening(partner, patient, device: device)
    var opening = signal.rule.gravity > score.rule.gravity ? signal : score
    let other = signal.rule.gravity > score.rule.gravity ? score : signal
    opening.priority = score.priority.orMoreUrgent(signal.priority)
    opening.condition = partner.rawValue
    opening.missing = score.missing
    opening.also = AlertGround(
      rule: other.rule, value: other.value, limit: other.limit, upper: max(other.upper, other.value), subject: other.subject)
    opening.alsoOwner = other.owner
    let slot = alerts.open(opening, at: instant, &outcomes)
    arena.patient(patient).pointee.newsAlert = slot
    arena.signal(patient, partner).pointee.alert = slot
    if slot == .none {
      resolved.rememberResolvedScore(patient, at: instant)
      resolved.rememberResolvedSignal(partner, patient, at: instant)
    } else {
      resolved.clearResolvedScore(patient)
      resolved.forgetResolvedSignal(partner, patient)
    }
  }

  /// Adds a signal's reason to the open NEWS2 alert, which the caller tells next.
  @_noLocks private func join(_ planSignal: PlanSignal, _ patient: PatientSlot, to slot: AlertSlot) {
    noteSignal(planSignal, patient)
    arena.alert(slot).pointee.condition = planSignal.rawValue
    arena.alert(slot).pointee.set(limits.signalGround(planSignal, patient), of: .patientSignal)
    arena.signal(patient, planSignal).pointee.alert = slot
    resolved.forgetResolvedSignal(planSignal, patient)
  }

  /// Adds the score's reason to the open alert of a signal that the same measurement made worse, and tells it.
  @_noLocks private func joinScore(
    _ patient: PatientSlot, to host: PlanSignal, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    noteScore(patient)
    noteSignal(host, patient)
    let slot = arena.signal(patient, host).pointee.alert
    arena.alert(slot).pointee.missing = arena.patient(patient).pointee.missing
    arena.alert(slot).pointee.set(scoreAlerts.scoreGround(patient), of: .patientNEWS2)
    arena.patient(patient).pointee.newsAlert = slot
    resolved.clearResolvedScore(patient)
    worsen(slot, at: instant, &outcomes)
  }

  /// Tells an open alert anew, as urgent as its gravest reason.
  @_noLocks private func worsen(_ slot: AlertSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard slot != .none else { return }
    let record = arena.alert(slot)
    var urgency = arena.configuration.priority(of: record.pointee.rule)
    if let also = record.pointee.alsoRule { urgency = urgency.orMoreUrgent(arena.configuration.priority(of: also)) }
    alerts.apply(.upgrade(record.pointee.lifecycle.priority.orMoreUrgent(urgency)), to: slot, at: instant, &outcomes)
  }

  @_noLocks private func signalOpening(_ planSignal: PlanSignal, _ patient: PatientSlot, device: DeviceID) -> AlertOpening {
    let ground = limits.signalGround(planSignal, patient)
    var opening = AlertOpening(ground.rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.device = device
    opening.take(ground)
    opening.owner = .patientSignal
    opening.ownerSlot = OwnerSlot(patient)
    opening.condition = planSignal.rawValue
    return opening
  }

  @_noLocks private func scoreOpening(_ patient: PatientSlot, device: DeviceID) -> AlertOpening {
    let ground = scoreAlerts.scoreGround(patient)
    var opening = AlertOpening(ground.rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.priority = arena.configuration.priority(of: ground.rule)
    opening.device = device
    opening.take(ground)
    opening.owner = .patientNEWS2
    opening.ownerSlot = OwnerSlot(patient)
    opening.missing = arena.patient(patient).pointee.missing
    return opening
  }

  /// Remembers the score as the one that was told: the next ones are compared with it. The open alert takes its numbers and its rule.
  @_noLocks private func noteScore(_ patient: PatientSlot) {
    let state = arena.patient(patient)
    state.pointee.heardLow = state.pointee.low
    state.pointee.heardParameter = arena.patient(patient).pointee.parameterWithThree
    guard state.pointee.newsAlert != .none else { return }
    arena.alert(state.pointee.newsAlert).pointee.missing = state.pointee.missing
    arena.alert(state.pointee.newsAlert).pointee.set(scoreAlerts.scoreGround(patient), of: .patientNEWS2)
  }

  @_noLocks private func noteSignal(_ planSignal: PlanSignal, _ patient: PatientSlot) {
    let signal = arena.signal(patient, planSignal)
    signal.pointee.heard = signal.pointee.value
    guard signal.pointee.alert != .none else { return }
    arena.alert(signal.pointee.alert).pointee.set(limits.signalGround(planSignal, patient), of: .patientSignal)
  }

  /// The gravest signal of a mask among those that rise without a delay.
  @_noLocks private func partner(_ patient: PatientSlot, among rising: UInt8, _ isKnown: UInt8) -> PlanSignal? {
    var found: PlanSignal?
    var rest = rising
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      if isKnown & 1 << index == 0, limits.riseDelay(planSignal, patient) != 0 { continue }
      let colour = arena.signal(patient, planSignal).pointee.colour
      if let best = found, !(colour > arena.signal(patient, best).pointee.colour) { continue }
      found = planSignal
    }
    return found
  }

  /// A signal of a mask whose alert has room for the score's reason.
  @_noLocks private func host(_ patient: PatientSlot, among worsening: UInt8) -> PlanSignal? {
    var rest = worsening
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      let slot = arena.signal(patient, planSignal).pointee.alert
      if slot != .none, arena.alert(slot).pointee.hasRoom(for: .patientNEWS2) { return planSignal }
    }
    return nil
  }
}
