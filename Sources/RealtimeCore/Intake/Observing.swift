// One observation, from the intake to the two engines: NEWS2 and the person's own plan. Rounding to a parameter's step
// happens here, once, half up; the observation itself keeps what the device said.

import VitalSigns

/// What an observation feeds.
private struct ObservationUse {
  var parameter: NEWS2Parameter?
  var signal: PlanSignal?

  /// Nil for what no rule looks at: recorded, nothing more.
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

  /// A device that says 0 measures nobody: no finger, no contact. What a person enters is what a person saw.
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
  /// Shows that its device measures its person: not a word about itself, not a value that nobody repeats but a broker.
  var isMeasurement: Bool {
    @_noLocks get {
      var usable = quality
      usable.remove(.late)
      return code != .batteryLevel && usable.isDisjoint(with: .neverScores) && !quality.contains(.retained)
    }
  }
}

extension RealtimeCore {
  @_noLocks func observe(_ observation: inout Observation, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none, !observation.quality.contains(.retained) { signOfLife(entry.device, at: entry.instant, &outcomes) }
    let timeliness = timeliness(of: entry)
    guard case .live(let measured, let clockIsWrong) = timeliness else {
      observation.quality.insert(.late)
      guard let subject = subject(of: &entry, isLate: true, &outcomes) else { return }
      if subject.device != 0, observation.isMeasurement { didMeasure(subject.device, at: entry.instant, &outcomes) }
      return recordLate(entry, &outcomes)
    }
    if clockIsWrong { observation.quality.insert(.clockUnset) }
    guard let subject = subject(of: &entry, isLate: false, &outcomes) else { return }
    judgeClock(timeliness, entry, subject.device, &outcomes)
    if observation.code == .batteryLevel, subject.device != 0, observation.quality.isDisjoint(with: .neverScores) {
      return judgeBattery(observation, subject.device, at: entry.instant, &outcomes)
    }
    guard let use = ObservationUse(observation.code) else {
      if subject.device != 0, observation.isMeasurement { didMeasure(subject.device, at: entry.instant, &outcomes) }
      return
    }
    // Before the quality is looked at: the flag that is set here is stored with the entry, and a replay must remark again.
    guard let steps = use.steps(of: observation), !(subject.device != 0 && steps == 0 && use.isNoContactAtZero) else {
      observation.quality.insert(.invalid)
      return remark(.outOfRange, entry, &outcomes)
    }
    guard observation.quality.isDisjoint(with: .neverScores) else { return }
    if subject.device != 0, observation.isMeasurement { didMeasure(subject.device, at: entry.instant, &outcomes) }
    let isContinuous = subject.device != 0 && arena.device(subject.device).pointee.isContinuous && use.mayBeContinuous
    var isTaken = false
    if let parameter = use.parameter {
      isTaken = take(parameter, steps, measured: measured, isContinuous: isContinuous, entry, subject.patient)
    }
    if let signal = use.signal, take(signal, steps, measured: measured, isContinuous: isContinuous, subject.patient) { isTaken = true }
    if isTaken { readingTaken(entry, subject, &outcomes) }
  }
}
