// NEWS2 of one person over time: fresh inputs in, scores out. The newest measurement of a parameter counts, whichever device gave it.
// Nobody is scored for whom NEWS2 is not made (NEWS2Eligibility). A score is told when it changed (bounds, points, missing inputs, band or scale). A fresh observation repeats an unchanged score when
// the last one told is older than the refresh interval, or when an alert is about to be told because of it. How long inputs count:
// ScoreValidity.swift. Alerts: ScoreAlertRule.swift.

import NEWS2Scoring
import VitalSigns

/// Takes inputs of the score and scores them. Realtime-safe.
struct ScoreRule {
  let arena: CoreArena
  private var validity: ScoreValidity { @_noLocks get { ScoreValidity(arena: arena) } }
  var scoreAlerts: ScoreAlertRule { @_noLocks get { ScoreAlertRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// A fresh value of a parameter, in steps and within its possible range, to be scored with the rest of its frame. False when it
  /// does not count: a newer one is known, or it is stale already.
  @_noLocks func takeInput(
    _ parameter: NEWS2Parameter, _ steps: Int32, measured: MonotonicInstant, isContinuous: Bool, source: UInt64,
    _ patient: PatientSlot, at instant: MonotonicInstant
  ) -> Bool {
    let state = arena.patient(patient)
    let index = Int(parameter.rawValue)
    let bit = UInt8(1) << parameter.rawValue
    let isKnown = state.pointee.present & bit != 0
    if isKnown, measured.isOlder(than: state.pointee.measured[index]) { return false }
    let expiry = validity.expiry(parameter, measured: measured.rawValue, isContinuous: isContinuous, patient)
    // The value of a continuous sensor may go stale before the live window ends.
    guard expiry > instant else { return false }
    state.pointee.measured[index] = isKnown ? max(state.pointee.measured[index], measured.rawValue) : measured.rawValue
    state.pointee.sources[index] = source
    state.pointee.steps[index] = Int16(truncatingIfNeeded: steps)
    state.pointee.present |= bit
    if isContinuous { state.pointee.continuous |= bit } else { state.pointee.continuous &= ~bit }
    arena.heap.ensure(arena.timers.staleness(patient), by: expiry)
    state.pointee.isScoreDue = true
    return true
  }

  /// Computes the score anew, records it when there is something to tell, and says what it asks for.
  @_noLocks func rescore(
    _ patient: PatientSlot, _ cause: ScoringCause, isAsked: Bool, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> NEWS2Change {
    let state = arena.patient(patient)
    // A person who was just registered and never measured has no score.
    guard state.pointee.hasScore || state.pointee.present != 0, !isHindered(patient, at: instant) else { return .nothing }
    var score = NEWS2.score(inputs(of: patient))
    if cause.isMeasured, score.band != state.pointee.intervalBand { validity.setIntervalBand(to: score.band, patient, at: instant) }
    let isChanged = differs(score, from: state)
    let isDue =
      cause.isMeasured && instant.rawValue - state.pointee.scoredAt >= Int64(arena.configuration.scoreRefreshSeconds) * 1_000_000_000
    // An unchanged score cannot change the alert: neither is it told nor the alert judged.
    guard isChanged || isDue || isAsked else { return .nothing }
    fillSources(&score, patient)
    // Only sums of the same inputs are compared: a lost input would look like an improvement.
    if state.pointee.hasScore, state.pointee.missing == score.missing, state.pointee.toldScale == score.scale {
      score.changeSinceLast = Int8(clamping: Int(score.low) - Int(state.pointee.low))
    }
    score.changeOver24Hours = recordTrend(score, patient, at: instant)
    state.pointee.hasScore = true
    state.pointee.scoredAt = instant.rawValue
    state.pointee.low = score.low
    state.pointee.high = score.high
    state.pointee.missing = score.missing
    state.pointee.band = score.band
    state.pointee.toldScale = score.scale
    state.pointee.points = score.points
    arena.emit(.scored(score), patient: PatientID(rawValue: state.pointee.id), device: device, at: instant, &outcomes)
    return scoreAlerts.judgeScore(patient, isLost: cause.isLost)
  }

  @_noLocks private func differs(_ score: NEWS2Score, from state: UnsafeMutablePointer<PatientState>) -> Bool {
    guard state.pointee.hasScore, state.pointee.low == score.low, state.pointee.high == score.high,
      state.pointee.missing == score.missing, state.pointee.band == score.band, state.pointee.toldScale == score.scale
    else { return true }
    var index = 0
    while index < NEWS2Parameter.count {
      if state.pointee.points[index] != score.points[index] { return true }
      index += 1
    }
    return false
  }

  /// The inputs that are there now, with the prescribed oxygen where nobody has entered any.
  @_noLocks private func inputs(of patient: PatientSlot) -> NEWS2Inputs {
    let state = arena.patient(patient)
    let present = state.pointee.present
    @_noLocks func steps(_ parameter: NEWS2Parameter) -> Int32? {
      present & 1 << parameter.rawValue != 0 ? Int32(state.pointee.steps[Int(parameter.rawValue)]) : nil
    }
    var inputs = NEWS2Inputs(scale: state.pointee.scale)
    inputs.respiration = steps(.respiration)
    inputs.oxygenSaturation = steps(.oxygenSaturation)
    inputs.systolic = steps(.systolic)
    inputs.pulse = steps(.pulse)
    inputs.consciousness = steps(.consciousness)
    inputs.temperature = steps(.temperature)
    if let entered = steps(.supplementalOxygen) {
      inputs.supplementalOxygen = entered > 0
    } else if state.pointee.prescribedOxygen != .unknown {
      inputs.supplementalOxygen = state.pointee.prescribedOxygen == .oxygen
    }
    return inputs
  }

  @_noLocks private func fillSources(_ score: inout NEWS2Score, _ patient: PatientSlot) {
    let state = arena.patient(patient)
    var index = 0
    while index < NEWS2Parameter.count {
      if state.pointee.present & 1 << UInt8(index) != 0 { score.sources[index] = state.pointee.sources[index] }
      index += 1
    }
    let oxygen = Int(NEWS2Parameter.supplementalOxygen.rawValue)
    if score.sources[oxygen] == 0, state.pointee.prescribedOxygen != .unknown {
      score.sources[oxygen] = arena.plan(patient).pointee.oxygenSource
    }
  }

  /// Keeps the score in force at the end of each hour, and gives the change of `low` since 24 hours ago, to the hour: of the same
  /// inputs only.
  @_noLocks private func recordTrend(_ score: NEWS2Score, _ patient: PatientSlot, at instant: MonotonicInstant) -> Int8 {
    let state = arena.patient(patient)
    let plan = arena.plan(patient)
    let hours = 25
    let hour = Int32(clamping: instant.rawValue / 3_600_000_000_000)
    if state.pointee.hasScore {
      // A score stays in force until the next one: hours without any repeat it.
      let inForce = state.pointee.trend[Int(state.pointee.trendHour) % hours]
      let missing = plan.pointee.trendMissing[Int(state.pointee.trendHour) % hours]
      var skipped = max(state.pointee.trendHour + 1, hour - Int32(hours) + 1)
      while skipped <= hour {
        state.pointee.trend[Int(skipped) % hours] = inForce
        plan.pointee.trendMissing[Int(skipped) % hours] = missing
        skipped += 1
      }
    }
    state.pointee.trendHour = hour
    let isKnown = score.missing != 0b111_1111
    state.pointee.trend[Int(hour) % hours] = isKnown ? Int8(score.low) : PatientState.noTrendSample
    plan.pointee.trendMissing[Int(hour) % hours] = score.missing
    let before = state.pointee.trend[Int(hour + 1) % hours]  // 24 hours ago, modulo 25
    guard isKnown, before != PatientState.noTrendSample, plan.pointee.trendMissing[Int(hour + 1) % hours] == score.missing
    else { return Int8.min }
    return Int8(clamping: Int(score.low) - Int(before))
  }
}
