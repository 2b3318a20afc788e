// One observation, from the intake to the two engines: NEWS2 and the person's own plan. Rounding to a parameter's step
// happens here, once, half up; the observation itself keeps what the device said.

import NEWS2Scoring
import VitalSigns

/// What an observation feeds.
private struct ObservationUse {
  var parameter: NEWS2Parameter?
  var signal: PlanSignal?

  /// Nil for codes that no rule uses: those are only recorded.
  @_noLocks init?(_ code: ObservationCode) {
    switch code {
    case .oxygenSaturation: (parameter, signal) = (.oxygenSaturation, .oxygenSaturation)
    case .pulseRateOximeter, .pulseRateCuff, .heartRate: (parameter, signal) = (.pulse, .pulse)
    case .systolic: (parameter, signal) = (.systolic, .systolic)
    case .diastolic: (parameter, signal) = (nil, .diastolic)
    case .bodyTemperature: (parameter, signal) = (.temperature, .temperature)
    case .respirationRate: (parameter, signal) = (.respiration, .respiration)
    case .bodyWeight: (parameter, signal) = (nil, .weight)
    case .glucose: (parameter, signal) = (nil, .glucose)
    case .consciousness: (parameter, signal) = (.consciousness, nil)
    case .supplementalOxygen: (parameter, signal) = (.supplementalOxygen, nil)
    default: return nil
    }
  }

  /// Pulse and SpO₂ of a device that streams live for minutes; its other values are spot checks.
  var mayBeContinuous: Bool {
    @_noLocks get {
      switch parameter {
      case .pulse, .oxygenSaturation: true
      default: false
      }
    }
  }

  /// Whether 0 from a device means that it measures nobody (no finger, no contact). A 0 that a person enters is a measurement.
  var isNoContactAtZero: Bool {
    @_noLocks get {
      switch parameter {
      case .oxygenSaturation, .pulse, .systolic: true
      default: false
      }
    }
  }

  /// The value in this use's steps; nil when it cannot be a measurement, or its unit cannot be converted.
  @_noLocks func steps(of observation: Observation) -> Int32? {
    let wide: Int64?
    if let signal {
      wide = observation.value.steps(from: observation.unit, to: signal.unit, exponent: signal.stepExponent)
    } else if parameter == .supplementalOxygen {
      // A flow of 0.25 L/min is oxygen: the sign decides, not the rounded number.
      wide = Int64(observation.value.mantissa.signum())
    } else {
      wide = observation.value.rounded(toExponent: 0)
    }
    guard let wide, SignalPlan.stepRange.contains(wide) else { return nil }
    let steps = Int32(truncatingIfNeeded: wide)
    if let parameter { return NEWS2.possibleRange(of: parameter).contains(steps) ? steps : nil }
    return steps >= 0 ? steps : nil
  }
}

extension Observation {
  /// Whether it shows that its device measures its person: it says nothing about the device itself, and no broker repeats it.
  var isMeasurement: Bool {
    @_noLocks get {
      var usable = quality
      usable.remove(.late)
      return code != .batteryLevel && usable.isDisjoint(with: .neverScores) && !quality.contains(.retained)
    }
  }
}

/// Takes an observation to the rules that judge it. Realtime-safe.
struct ObservationRule {
  let arena: CoreArena
  private var signalLoss: SignalLossRule { @_noLocks get { SignalLossRule(arena: arena) } }
  private var arrival: ArrivalRule { @_noLocks get { ArrivalRule(arena: arena) } }
  private var measuring: MeasuringRule { @_noLocks get { MeasuringRule(arena: arena) } }
  private var deviceClock: DeviceClockRule { @_noLocks get { DeviceClockRule(arena: arena) } }
  private var battery: BatteryRule { @_noLocks get { BatteryRule(arena: arena) } }
  private var scores: ScoreRule { @_noLocks get { ScoreRule(arena: arena) } }
  private var limits: LimitRule { @_noLocks get { LimitRule(arena: arena) } }
  private var frames: FrameRule { @_noLocks get { FrameRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func takeObservation(_ observation: inout Observation, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none, !observation.quality.contains(.retained) {
      signalLoss.noteSignOfLife(entry.device, at: entry.instant, &outcomes)
    }
    let timeliness = arrival.timeliness(of: entry)
    guard case .live(let measured, let clockIsWrong) = timeliness else {
      observation.quality.insert(.late)
      guard let subject = arrival.subject(of: &entry, isLate: true, &outcomes) else { return }
      if subject.device != .none, observation.isMeasurement { measuring.noteMeasurement(subject.device, at: entry.instant, &outcomes) }
      return arrival.recordLate(entry, &outcomes)
    }
    if clockIsWrong { observation.quality.insert(.clockUnset) }
    guard let subject = arrival.subject(of: &entry, isLate: false, &outcomes) else { return }
    deviceClock.judgeClock(timeliness, entry, subject.device, &outcomes)
    if observation.code == .batteryLevel, subject.device != .none, observation.quality.isDisjoint(with: .neverScores) {
      return battery.judgeBattery(observation, subject.device, at: entry.instant, &outcomes)
    }
    guard let use = ObservationUse(observation.code) else {
      if subject.device != .none, observation.isMeasurement { measuring.noteMeasurement(subject.device, at: entry.instant, &outcomes) }
      return
    }
    // Checked before the quality: the `invalid` flag that is set here is stored with the entry, and a replay must remark it again.
    guard let steps = use.steps(of: observation), !(subject.device != .none && steps == 0 && use.isNoContactAtZero) else {
      observation.quality.insert(.invalid)
      return arena.remark(.outOfRange, entry, &outcomes)
    }
    guard observation.quality.isDisjoint(with: .neverScores) else { return }
    if subject.device != .none, observation.isMeasurement { measuring.noteMeasurement(subject.device, at: entry.instant, &outcomes) }
    let isContinuous = subject.device != .none && arena.device(subject.device).pointee.isContinuous && use.mayBeContinuous
    var isTaken = false
    if let parameter = use.parameter {
      isTaken = scores.takeInput(
        parameter, steps, measured: measured, isContinuous: isContinuous, source: entry.sequence, subject.patient, at: entry.instant)
    }
    if let signal = use.signal, limits.takeValue(signal, steps, measured: measured, isContinuous: isContinuous, subject.patient) {
      isTaken = true
    }
    if isTaken { frames.noteReading(of: subject, device: entry.device, moreFollows: entry.moreFollows, at: entry.instant, &outcomes) }
  }
}
