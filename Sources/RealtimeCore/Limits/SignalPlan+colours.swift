// Where a value of a signal stands: green, yellow or red by the limits of the plan, worse or better than what was told last. Pure:
// the signal's state and the value go in, and no alert is opened here (LimitRule.swift).

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
