// The person's own limits, beside NEWS2: green, yellow, red per signal, with a delay before anybody is told and a hysteresis
// before it is over.
//
// A value beyond a limit opens a suspicion that rises at the end of the delay, unless a value inside comes before; silence in between is no
// relief. Yellow → red upgrades the same alert. Raised alerts latch. After a person has resolved one, the next rises
// when the colour gets worse than the resolved one, or was green (or yellow) in between.

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

  /// The limit of `colour` that `steps` is at or beyond, for the record.
  @_noLocks func limit(passedBy steps: Int16) -> Int32 {
    let (low, high) = colour == .red ? (redLow, redHigh) : (yellowLow, yellowHigh)
    if low != .min, steps <= low { return Int32(low) }
    return high != .max ? Int32(high) : Int32(low)
  }

  @_noLocks mutating func set(_ limits: PlanLimits) {
    redLow = Self.limit(limits.redLow)
    yellowLow = Self.limit(limits.yellowLow)
    yellowHigh = Self.limit(limits.yellowHigh)
    redHigh = Self.limit(limits.redHigh)
    delaySeconds = limits.delaySeconds
    hysteresis = UInt16(clamping: limits.hysteresis)
    hasLimits = redLow != .min || yellowLow != .min || yellowHigh != .max || redHigh != .max
    colour = .green
    resolvedColour = .green
  }

  /// Limits beyond what 16 bits hold are beyond any value too, so the ends lose nothing.
  @_noLocks private static func limit(_ limit: Int32) -> Int16 { Int16(clamping: limit) }
}

extension RealtimeCore {
  @_noLocks func judge(
    _ planSignal: PlanSignal, _ steps: Int32, measured: MonotonicInstant, _ entry: IntakeEntry, _ patient: UInt32,
    _ outcomes: inout OutcomeBuffer
  ) {
    let signal = arena.signal(patient, planSignal)
    guard signal.pointee.hasLimits, measured.rawValue >= signal.pointee.measured else { return }
    let value = Int16(clamping: steps)
    signal.pointee.measured = measured.rawValue
    let colour = signal.pointee.colour(of: value)
    signal.pointee.colour = colour
    if colour < signal.pointee.resolvedColour { signal.pointee.resolvedColour = colour }
    if signal.pointee.alert != 0 {
      changeOpenAlert(of: signal, value, at: entry.instant, &outcomes)
    } else if colour > signal.pointee.resolvedColour {
      var opening = AlertOpening(colour.rule, patient: patient, person: entry.patient)
      opening.device = entry.device
      opening.subject = UInt32(planSignal.rawValue)
      opening.value = steps
      opening.limit = signal.pointee.limit(passedBy: value)
      opening.delaySeconds = signal.pointee.delaySeconds
      opening.owner = .patientSignal
      opening.ownerSlot = patient
      opening.condition = planSignal.rawValue
      signal.pointee.alert = open(opening, at: entry.instant, &outcomes)
      // Told without room to follow it: as good as resolved, or every value would tell it again.
      if signal.pointee.alert == 0 { signal.pointee.resolvedColour = colour }
    }
  }

  @_noLocks private func changeOpenAlert(
    of signal: UnsafeMutablePointer<SignalPlan>, _ value: Int16, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let slot = signal.pointee.alert
    let record = arena.alert(slot)
    let colour = signal.pointee.colour
    let told: PlanColour = record.pointee.rule == .planRed ? .red : .yellow
    let isSuspected = record.pointee.lifecycle.state == .suspected
    if isSuspected, colour == .green {
      apply(.conditionEnded, to: slot, at: instant, &outcomes)
    } else if colour > told || (isSuspected && colour != told) {
      record.pointee.rule = colour.rule
      record.pointee.value = Int32(value)
      record.pointee.limit = signal.pointee.limit(passedBy: value)
      apply(.upgrade(colour.rule.priority), to: slot, at: instant, &outcomes)
    }
  }

  /// A plan item replaces the limits: the person starts green, a suspicion under the old limits ends, a raised alert stays.
  @_noLocks func setLimits(
    _ limits: PlanLimits, of planSignal: PlanSignal, _ patient: UInt32, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let signal = arena.signal(patient, planSignal)
    endSuspicion(signal.pointee.alert, at: instant, &outcomes)
    signal.pointee.set(limits)
  }

  /// Ends `slot` (0: nothing) if nobody has been told of it yet.
  @_noLocks func endSuspicion(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard slot != 0, arena.alert(slot).pointee.lifecycle.state == .suspected else { return }
    apply(.conditionEnded, to: slot, at: instant, &outcomes)
  }
}
