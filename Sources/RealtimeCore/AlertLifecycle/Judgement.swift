// One frame, one judgement: the readings of a device's message (or the values that a person enters together) are taken in one by
// one and judged with the last of them. What the score and the plan then ask for is told together: one measurement that breaks two
// rules is one alert with two reasons, and one transition carries both.
//
// The alert belongs to both conditions: both follow it, and both hear of its end. Not together: a limit with a delay
// (a suspicion is its own alert), and conditions that had their own alerts before.

import VitalSigns

extension RealtimeCore {
  // MARK: Frames

  /// Something of a frame was taken in: judges it, or waits for the rest.
  @_noLocks func readingTaken(_ entry: IntakeEntry, _ subject: IntakeSubject, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(subject.patient)
    if !entry.moreFollows, !state.pointee.isFrameOpen || state.pointee.frameDevice == subject.device {
      settle(subject.patient, device: entry.device, at: entry.instant, &outcomes)
    } else if !state.pointee.isFrameOpen {
      state.pointee.isFrameOpen = true
      state.pointee.frameDevice = subject.device
      arena.header.pointee.openFrames &+= 1
      let until = entry.instant.adding(nanoseconds: Self.frameWaitNanoseconds)
      arena.plan(subject.patient).pointee.frameUntil = until.rawValue
      arena.heap.ensure(arena.timers.again(subject.patient), by: until)
    }
  }

  /// The last reading of a frame is in, whatever it was: what waited for it is judged.
  @_noLocks func frameEnded(_ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    var device: UInt32 = 0
    let patient: UInt32
    if entry.device != .none {
      device = arena.deviceIndex.find(UInt64(entry.device.rawValue))
      guard device != 0 else { return }
      patient = arena.device(device).pointee.patient
    } else {
      guard case .observation = entry.payload else { return }
      patient = arena.patientIndex.find(UInt64(entry.patient.rawValue))
    }
    guard patient != 0, arena.patient(patient).pointee.isFrameOpen, arena.patient(patient).pointee.frameDevice == device else { return }
    settle(patient, device: entry.device, at: entry.instant, &outcomes)
  }

  @_noLocks private func closeFrame(_ patient: UInt32) {
    let state = arena.patient(patient)
    guard state.pointee.isFrameOpen else { return }
    state.pointee.isFrameOpen = false
    state.pointee.frameDevice = 0
    arena.plan(patient).pointee.frameUntil = 0
    arena.header.pointee.openFrames &-= 1
  }

  /// The person leaves: what waits for the rest of a frame is nobody's.
  @_noLocks func dropFrame(_ patient: UInt32) { closeFrame(patient) }

  /// Judges all that was taken in for a person.
  @_noLocks func settle(_ patient: UInt32, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(patient)
    closeFrame(patient)
    let signals = state.pointee.signalsDue
    let isScoreDue = state.pointee.isScoreDue
    state.pointee.signalsDue = 0
    state.pointee.isScoreDue = false
    judge(patient, score: isScoreDue ? .measured : nil, signals: signals, device: device, at: instant, &outcomes)
  }

  // MARK: Judging

  /// Scores anew when there is a cause to, judges the signals of a mask, and tells what comes of it.
  @_noLocks func judge(
    _ patient: UInt32, score cause: ScoringCause?, signals: UInt8, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var (rising, worsening) = (UInt8(0), UInt8(0))
    var rest = signals
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      switch judge(planSignal, patient, at: instant, &outcomes) {
      case .nothing: break
      case .rise: rising |= 1 << index
      case .worsen: worsening |= 1 << index
      }
    }
    var change = NEWS2Change.nothing
    if let cause {
      // What an alert is about to say must be found in the score behind it, also when the points are the same.
      change = rescore(patient, cause, isAsked: rising | worsening != 0, device: device, at: instant, &outcomes)
    }
    if change.isNothing, rising | worsening == 0 { return }
    tell(patient, change, rising: rising, worsening: worsening, isKnown: 0, device: device, at: instant, &outcomes)
  }

  /// Tells what the score and the signals ask for, together where it is one measurement's.
  ///
  /// - Parameter isKnown: signals that were resolved a while ago: they rise without their delay.
  @_noLocks func tell(
    _ patient: UInt32, _ change: NEWS2Change, rising: UInt8, worsening: UInt8, isKnown: UInt8, device: DeviceID,
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
    tellSignals(patient, rising: rising, worsening: worsening, isKnown: isKnown, device: device, at: instant, &outcomes)
  }

  /// What the score has no part in: each signal by itself.
  @_noLocks private func tellSignals(
    _ patient: UInt32, rising: UInt8, worsening: UInt8, isKnown: UInt8, device: DeviceID, at instant: MonotonicInstant,
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
      var opening = opening(planSignal, patient, device: device)
      opening.delaySeconds = isKnown & 1 << index != 0 ? 0 : delay(planSignal, patient)
      noteSignal(planSignal, patient)
      let slot = open(opening, at: instant, &outcomes)
      arena.signal(patient, planSignal).pointee.alert = slot
      if slot == 0 { resolvedSignal(planSignal, patient, at: instant) } else { settledSignal(planSignal, patient) }
    }
  }

  // MARK: Together

  /// The gravest signal of a mask that rises at once.
  @_noLocks private func partner(_ patient: UInt32, among rising: UInt8, _ isKnown: UInt8) -> PlanSignal? {
    var found: PlanSignal?
    var rest = rising
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      if isKnown & 1 << index == 0, delay(planSignal, patient) != 0 { continue }
      let colour = arena.signal(patient, planSignal).pointee.colour
      if let best = found, !(colour > arena.signal(patient, best).pointee.colour) { continue }
      found = planSignal
    }
    return found
  }

  /// A signal of a mask whose alert has room for the score's reason.
  @_noLocks private func host(_ patient: UInt32, among worsening: UInt8) -> PlanSignal? {
    var rest = worsening
    while rest != 0 {
      let index = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount)
      rest &= rest &- 1
      guard let planSignal = PlanSignal(rawValue: index) else { continue }
      let slot = arena.signal(patient, planSignal).pointee.alert
      if slot != 0, arena.alert(slot).pointee.hasRoom(for: .patientNEWS2) { return planSignal }
    }
    return nil
  }

  @_noLocks private func opening(_ planSignal: PlanSignal, _ patient: UInt32, device: DeviceID) -> AlertOpening {
    let ground = ground(planSignal, patient)
    var opening = AlertOpening(ground.rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.device = device
    opening.take(ground)
    opening.owner = .patientSignal
    opening.ownerSlot = patient
    opening.condition = planSignal.rawValue
    return opening
  }

  @_noLocks private func scoreOpening(_ patient: UInt32, device: DeviceID) -> AlertOpening {
    let ground = scoreGround(patient)
    var opening = AlertOpening(ground.rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.priority = priority(of: ground.rule)
    opening.device = device
    opening.take(ground)
    opening.owner = .patientNEWS2
    opening.ownerSlot = patient
    opening.missing = arena.patient(patient).pointee.missing
    return opening
  }

  @_noLocks private func riseAlone(_ patient: UInt32, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    noteScore(patient)
    let slot = open(scoreOpening(patient, device: device), at: instant, &outcomes)
    arena.patient(patient).pointee.newsAlert = slot
    if slot == 0 { resolvedScore(patient, at: instant) } else { settledScore(patient) }
  }

  /// One new alert with the score's reason and a signal's.
  @_noLocks private func riseTogether(
    _ patient: UInt32, _ partner: PlanSignal, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    noteScore(patient)
    noteSignal(partner, patient)
    let score = scoreOpening(patient, device: device)
    let signal = opening(partner, patient, device: device)
    var opening = signal.rule.gravity > score.rule.gravity ? signal : score
    let other = signal.rule.gravity > score.rule.gravity ? score : signal
    opening.priority = score.priority.orMoreUrgent(signal.priority)
    opening.condition = partner.rawValue
    opening.missing = score.missing
    opening.also = AlertGround(
      rule: other.rule, value: other.value, limit: other.limit, upper: max(other.upper, other.value), subject: other.subject)
    opening.alsoOwner = other.owner
    let slot = open(opening, at: instant, &outcomes)
    arena.patient(patient).pointee.newsAlert = slot
    arena.signal(patient, partner).pointee.alert = slot
    if slot == 0 {
      resolvedScore(patient, at: instant)
      resolvedSignal(partner, patient, at: instant)
    } else {
      settledScore(patient)
      settledSignal(partner, patient)
    }
  }

  /// A signal's reason joins the open NEWS2 alert, which is about to be told.
  @_noLocks private func join(_ planSignal: PlanSignal, _ patient: UInt32, to slot: UInt32) {
    noteSignal(planSignal, patient)
    arena.alert(slot).pointee.condition = planSignal.rawValue
    arena.alert(slot).pointee.set(ground(planSignal, patient), of: .patientSignal)
    arena.signal(patient, planSignal).pointee.alert = slot
    settledSignal(planSignal, patient)
  }

  /// The score's reason joins the open alert of a signal, which gets worse by the same measurement.
  @_noLocks private func joinScore(
    _ patient: UInt32, to host: PlanSignal, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    noteScore(patient)
    noteSignal(host, patient)
    let slot = arena.signal(patient, host).pointee.alert
    arena.alert(slot).pointee.missing = arena.patient(patient).pointee.missing
    arena.alert(slot).pointee.set(scoreGround(patient), of: .patientNEWS2)
    arena.patient(patient).pointee.newsAlert = slot
    settledScore(patient)
    worsen(slot, at: instant, &outcomes)
  }

  /// Tells an open alert anew, as urgent as its gravest reason.
  @_noLocks private func worsen(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard slot != 0 else { return }
    let record = arena.alert(slot)
    var urgency = priority(of: record.pointee.rule)
    if let also = record.pointee.alsoRule { urgency = urgency.orMoreUrgent(priority(of: also)) }
    apply(.upgrade(record.pointee.lifecycle.priority.orMoreUrgent(urgency)), to: slot, at: instant, &outcomes)
  }

  // MARK: What is heard of

  /// The score as it is now is told: what comes next is measured against it. An open record takes it over, and its rule.
  @_noLocks private func noteScore(_ patient: UInt32) {
    let state = arena.patient(patient)
    state.pointee.heardLow = state.pointee.low
    state.pointee.heardParameter = parameterWithThree(patient)
    guard state.pointee.newsAlert != 0 else { return }
    arena.alert(state.pointee.newsAlert).pointee.missing = state.pointee.missing
    arena.alert(state.pointee.newsAlert).pointee.set(scoreGround(patient), of: .patientNEWS2)
  }

  @_noLocks private func noteSignal(_ planSignal: PlanSignal, _ patient: UInt32) {
    let signal = arena.signal(patient, planSignal)
    signal.pointee.heard = signal.pointee.value
    guard signal.pointee.alert != 0 else { return }
    arena.alert(signal.pointee.alert).pointee.set(ground(planSignal, patient), of: .patientSignal)
  }

  /// An alert stands for the condition now: an earlier resolution counts no more.
  @_noLocks private func settledScore(_ patient: UInt32) {
    arena.patient(patient).pointee.resolvedSeverity = .none
    arena.plan(patient).pointee.newsSpeaksAgain = 0
  }

  @_noLocks private func settledSignal(_ planSignal: PlanSignal, _ patient: UInt32) {
    arena.signal(patient, planSignal).pointee.resolvedColour = .green
    arena.plan(patient).pointee.signalSpeaksAgain[Int(planSignal.rawValue)] = 0
  }
}
