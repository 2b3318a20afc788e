// The person's own limits, beside NEWS2: green, yellow, red per signal, with a delay before anybody is told and a hysteresis
// before it is over.
//
// A value beyond a limit opens a suspicion that rises at the end of the delay, unless a value inside comes before; silence in between
// is no relief. Raised alerts latch, and follow the value; they are told anew when the colour gets worse or the value goes on
// by the step. Resolved while it holds, the condition speaks again: worse, at once; unchanged, after its time
// (SpeakingAgain.swift). What is told together with what: Judgement.swift.

import VitalSigns

extension SignalPlan {
  /// Where `steps` stands, given where the person stood: a colour is left only by more than the hysteresis.
  @_noLocks func colour(of steps: Int16) -> PlanColour {
    let fresh = colour(of: steps, widenedBy: 0)
    if !(fresh < colour) { return fresh }
    let held = colour(of: steps, widenedBy: Int32(hysteresis))
    return held < colour ? held : colour
  }

  @_noLocks private func colour(of steps: Int16, widenedBy margin: Int32) -> PlanColour {
    if isBeyond(steps, low: redLow, high: redHigh, margin) { return .red }
    if isBeyond(steps, low: yellowLow, high: yellowHigh, margin) { return .yellow }
    return .green
  }

  /// A value on a limit is already beyond it. The ends of the range mean "no limit".
  @_noLocks private func isBeyond(_ steps: Int16, low: Int16, high: Int16, _ margin: Int32) -> Bool {
    if low != .min, Int32(steps) <= Int32(low) + margin { return true }
    return high != .max && Int32(steps) >= Int32(high) - margin
  }

  /// The limit of `told` that `steps` is at or beyond, or came from: the side on which it lies.
  @_noLocks func limit(of told: PlanColour, for steps: Int16) -> Int32 {
    let (low, high) = told == .red ? (redLow, redHigh) : (yellowLow, yellowHigh)
    return isUpper(told, for: steps) ? Int32(high) : Int32(low)
  }

  /// Whether `limit(of:for:)` is one that the value is not to exceed: a sentence must never say "under" of too much oxygen.
  @_noLocks func isUpper(_ told: PlanColour, for steps: Int16) -> Bool {
    let (low, high) = told == .red ? (redLow, redHigh) : (yellowLow, yellowHigh)
    if high == .max { return false }
    return low == .min || !isLow(steps)
  }

  /// Whether a value beyond limits is too low, rather than too high.
  @_noLocks func isLow(_ steps: Int16) -> Bool {
    let low = max(redLow, yellowLow)
    let high = min(redHigh, yellowHigh)
    if low == .min { return false }
    if high == .max { return true }
    // Nearer to the low limit: also right for a value that the hysteresis still holds.
    return Int32(steps) - Int32(low) < Int32(high) - Int32(steps)
  }

  /// Whether `steps` is worse than what was heard of last: further out by the step, or out at the other side.
  @_noLocks func isWorse(_ steps: Int16, step: Int32) -> Bool {
    let isLow = isLow(steps)
    if isLow != self.isLow(heard) { return true }
    return isLow ? Int32(steps) <= Int32(heard) - step : Int32(steps) >= Int32(heard) + step
  }

  /// Whether `steps` is better than what was heard of last by two steps: then a fall back is news.
  @_noLocks func isBetter(_ steps: Int16, step: Int32) -> Bool {
    isLow(steps) ? Int32(steps) >= Int32(heard) + 2 * step : Int32(steps) <= Int32(heard) - 2 * step
  }

  @_noLocks mutating func set(_ limits: PlanLimits) {
    redLow = Self.limit(limits.redLow)
    yellowLow = Self.limit(limits.yellowLow)
    yellowHigh = Self.limit(limits.yellowHigh)
    redHigh = Self.limit(limits.redHigh)
    hysteresis = UInt16(clamping: limits.hysteresis)
    hasLimits = redLow != .min || yellowLow != .min || yellowHigh != .max || redHigh != .max
    colour = .green
    resolvedColour = .green
  }

  /// Limits beyond what 16 bits hold are beyond any value too, so the ends lose nothing.
  @_noLocks private static func limit(_ limit: Int32) -> Int16 { Int16(clamping: limit) }
}

/// What a signal's value asks for.
enum PlanChange {
  case nothing
  /// An alert of its own, or a suspicion first.
  case rise
  /// The open alert is told anew.
  case worsen
}

extension PlanSignal {
  /// How far a value must go on before it is told again, when the plan names no hysteresis: about the least that a nurse would
  /// call a change, and more than devices vary by themselves. Steps.
  var tellingStep: Int32 {
    @_noLocks get {
      switch self {
      case .oxygenSaturation: 2
      case .pulse, .systolic, .diastolic: 10
      case .temperature: 5
      case .respiration: 3
      case .weight, .glucose: 10
      }
    }
  }
}

extension RealtimeCore {
  /// A value of a signal, to be judged with the rest of its frame. False when a newer one is known.
  @_noLocks func take(
    _ planSignal: PlanSignal, _ steps: Int32, measured: MonotonicInstant, isContinuous: Bool, _ patient: UInt32
  ) -> Bool {
    let signal = arena.signal(patient, planSignal)
    guard measured.rawValue >= signal.pointee.measured else { return false }
    signal.pointee.measured = measured.rawValue
    signal.pointee.value = Int16(clamping: steps)
    signal.pointee.isContinuous = isContinuous
    guard signal.pointee.hasLimits else { return false }
    arena.patient(patient).pointee.signalsDue |= 1 << planSignal.rawValue
    return true
  }

  @_noLocks func step(_ planSignal: PlanSignal, _ signal: UnsafeMutablePointer<SignalPlan>) -> Int32 {
    signal.pointee.hysteresis != 0 ? Int32(signal.pointee.hysteresis) : planSignal.tellingStep
  }

  /// Judges the newest value of a signal.
  @_noLocks func judge(
    _ planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> PlanChange {
    let signal = arena.signal(patient, planSignal)
    guard signal.pointee.hasLimits else { return .nothing }
    let value = signal.pointee.value
    let colour = signal.pointee.colour(of: value)
    signal.pointee.colour = colour
    if signal.pointee.alert != 0 { return judgeOpen(planSignal, patient, at: instant, &outcomes) }
    if colour == .green {
      if signal.pointee.resolvedColour != .green { forgetResolved(planSignal, patient) }
      return .nothing
    }
    if colour < signal.pointee.resolvedColour {
      // Milder than what was resolved: from here on it is measured against this, unless it lies at the other side.
      signal.pointee.resolvedColour = signal.pointee.isLow(value) == signal.pointee.isLow(signal.pointee.heard) ? colour : .green
      signal.pointee.heard = value
    }
    let step = step(planSignal, signal)
    if colour > signal.pointee.resolvedColour || signal.pointee.isWorse(value, step: step) { return .rise }
    if signal.pointee.isBetter(value, step: step) { signal.pointee.heard = value }
    return .nothing
  }

  @_noLocks private func judgeOpen(
    _ planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> PlanChange {
    let signal = arena.signal(patient, planSignal)
    let slot = signal.pointee.alert
    let record = arena.alert(slot)
    let colour = signal.pointee.colour
    let isSuspected = record.pointee.lifecycle.state == .suspected
    if isSuspected, colour == .green {
      apply(.conditionEnded, to: slot, at: instant, &outcomes)
      return .nothing
    }
    guard var ground = record.pointee.ground(of: .patientSignal) else { return .nothing }
    let told: PlanColour = ground.rule == .planRed ? .red : .yellow
    var isUpper = ground.upper > ground.value
    ground.value = Int32(signal.pointee.value)
    // The record follows the value, also for the better: what is said next is said of now.
    if isSuspected || !(colour < told) {
      ground.limit = signal.pointee.limit(of: colour, for: signal.pointee.value)
      isUpper = signal.pointee.isUpper(colour, for: signal.pointee.value)
    }
    ground.upper = isUpper ? AlertReason.unbounded : ground.value
    if isSuspected {
      ground.rule = colour.rule
      signal.pointee.heard = signal.pointee.value
      record.pointee.set(ground, of: .patientSignal)
      if colour != told { apply(.upgrade(colour.rule.priority), to: slot, at: instant, &outcomes) }
      return .nothing
    }
    record.pointee.set(ground, of: .patientSignal)
    if colour > told { return .worsen }
    return colour == told && signal.pointee.isWorse(signal.pointee.value, step: step(planSignal, signal)) ? .worsen : .nothing
  }

  /// The reason that a signal's value gives, by its colour now.
  @_noLocks func ground(_ planSignal: PlanSignal, _ patient: UInt32) -> AlertGround {
    let signal = arena.signal(patient, planSignal)
    let value = Int32(signal.pointee.value)
    let isUpper = signal.pointee.isUpper(signal.pointee.colour, for: signal.pointee.value)
    return AlertGround(
      rule: signal.pointee.colour.rule, value: value,
      limit: signal.pointee.limit(of: signal.pointee.colour, for: signal.pointee.value),
      upper: isUpper ? AlertReason.unbounded : value,
      subject: UInt32(planSignal.rawValue))
  }

  /// The delay that a rise has to wait: what was resolved a while ago is known, and waits no more.
  @_noLocks func delay(_ planSignal: PlanSignal, _ patient: UInt32) -> UInt32 {
    let isKnown = arena.signal(patient, planSignal).pointee.resolvedColour > .green
    return isKnown ? 0 : arena.plan(patient).pointee.signalDelaySeconds[Int(planSignal.rawValue)]
  }

  /// A plan item replaces the limits. A suspicion under the old limits ends, a raised alert stays, and the newest value is judged
  /// anew if it still counts: new limits never silence what lies beyond them.
  @_noLocks func setLimits(
    _ limits: PlanLimits, of planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let signal = arena.signal(patient, planSignal)
    endSuspicion(signal.pointee.alert, at: instant, &outcomes)
    forgetResolved(planSignal, patient)
    signal.pointee.set(limits)
    arena.plan(patient).pointee.signalDelaySeconds[Int(planSignal.rawValue)] = limits.delaySeconds
    guard signal.pointee.hasLimits, isCurrent(planSignal, patient, at: instant) else { return }
    judge(patient, score: nil, signals: 1 << planSignal.rawValue, device: .none, at: instant, &outcomes)
  }

  /// Ends `slot` (0: nothing) if nobody has been told of it yet.
  @_noLocks func endSuspicion(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard slot != 0, arena.alert(slot).pointee.lifecycle.state == .suspected else { return }
    apply(.conditionEnded, to: slot, at: instant, &outcomes)
  }
}
