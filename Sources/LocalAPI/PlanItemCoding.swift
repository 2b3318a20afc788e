// Plan items between people's words (decimals, clock times, degrees) and the core's numbers (steps, minutes, 10⁻⁷ degrees).
// Every refusal names the field and what is allowed.

package import VitalSigns

/// A plan item that cannot be what was meant.
package struct PlanItemProblem: Error {
  package var text: String
  package init(_ text: String) { self.text = text }
}

extension API.PlanItem {
  /// The item as the core takes it.
  package func carePlanItem() throws(PlanItemProblem) -> CarePlanItem {
    switch self {
    case .spo2Scale(let scale):
      guard let scale, let value = SpO2Scale(rawValue: UInt8(clamping: scale)) else { throw PlanItemProblem("scale must be 1 or 2") }
      return .spo2Scale(value)
    case .oxygen(let oxygen):
      guard case .known(let prescribed) = oxygen else { throw PlanItemProblem("oxygen must be air, oxygen or unknown") }
      return .oxygen(prescribed)
    case .limits(let limits): return try limits.carePlanItem()
    case .validity(let validity): return try validity.carePlanItem()
    case .dose(let dose): return try dose.carePlanItem()
    case .nightWatch(let night): return .nightWatch(try night.nightWatch())
    case .geofence(let circle): return .geofence(try circle.geofence())
    case .news2Alerts(let enabled):
      guard let enabled else { throw PlanItemProblem("enabled must be true or false") }
      return .news2Alerts(enabled)
    case .unknown(let fields):
      throw PlanItemProblem(
        "kind is \(fields.kind.key.debugDescription); allowed: \(Kind.allCases.map(\.key).joined(separator: ", "))")
    }
  }

  /// Minutes after midnight of `HH:MM`.
  fileprivate static func minute(_ text: String?, _ name: String) throws(PlanItemProblem) -> UInt16 {
    let parts = (text ?? "").split(separator: ":", omittingEmptySubsequences: false)
    let isDigits = parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard isDigits, parts.count == 2, parts[0].count <= 2, parts[1].count == 2, let hour = UInt16(parts[0]), let minute = UInt16(parts[1]),
      hour < 24,
      minute < 60
    else { throw PlanItemProblem("\(name) must be a time of day like 08:00") }
    return hour * 60 + minute
  }
}

extension API.PlanItem.Limits {
  fileprivate func carePlanItem() throws(PlanItemProblem) -> CarePlanItem {
    guard case .known(let known) = signal else {
      throw PlanItemProblem("signal must be one of \(PlanSignal.allCases.map(\.key).joined(separator: ", "))")
    }
    let limits = PlanLimits(
      redLow: try steps(redLow, "redLow", known) ?? .min, yellowLow: try steps(yellowLow, "yellowLow", known) ?? .min,
      yellowHigh: try steps(yellowHigh, "yellowHigh", known) ?? .max, redHigh: try steps(redHigh, "redHigh", known) ?? .max,
      delaySeconds: delaySeconds ?? 0, hysteresis: try steps(hysteresis, "hysteresis", known) ?? 0)
    guard limits.delaySeconds <= 86_400 else { throw PlanItemProblem("delaySeconds is \(limits.delaySeconds); allowed: 0 to 86400") }
    guard limits.hysteresis >= 0 else { throw PlanItemProblem("hysteresis must not be below 0") }
    // Red lies outside yellow, and the two sides do not meet: otherwise every value is an alarm.
    let order = [limits.redLow, limits.yellowLow, limits.yellowHigh, limits.redHigh].filter { $0 != .min && $0 != .max }
    guard zip(order, order.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw PlanItemProblem("the limits must rise: redLow < yellowLow < yellowHigh < redHigh")
    }
    return .limits(known, limits)
  }

  private func steps(_ text: String?, _ name: String, _ signal: PlanSignal) throws(PlanItemProblem) -> Int32? {
    guard let text else { return nil }
    guard let value = Quantity(decimal: text)?.rounded(toExponent: signal.stepExponent), let steps = Int32(exactly: value),
      UInt64(steps.magnitude) <= EntryLimits.planStepsMax
    else { throw PlanItemProblem("\(name) is \(text.debugDescription); allowed: a decimal number in \(signal.unit.sign)") }
    return steps
  }
}

extension API.PlanItem.Validity {
  fileprivate func carePlanItem() throws(PlanItemProblem) -> CarePlanItem {
    guard case .known(let known) = parameter else {
      throw PlanItemProblem("parameter must be one of \(NEWS2Parameter.allCases.map(\.key).joined(separator: ", "))")
    }
    let seconds = seconds ?? 0
    guard seconds == 0 || (60...604_800).contains(seconds) else {
      throw PlanItemProblem("seconds is \(seconds); allowed: 60 to 604800 (a week), or 0 for the default")
    }
    return .validity(known, seconds: seconds)
  }
}

extension API.PlanItem.Dose {
  fileprivate func carePlanItem() throws(PlanItemProblem) -> CarePlanItem {
    let slots = EntryLimits.doseSlots
    guard let slot, slots.contains(slot) else { throw PlanItemProblem("slot must be \(slots.lowerBound) to \(slots.upperBound)") }
    guard let time else { return .dose(slot: UInt8(slot), nil) }
    let grace = graceSeconds ?? 1_800
    guard (1...43_200).contains(grace) else { throw PlanItemProblem("graceSeconds is \(grace); allowed: 1 to 43200 (12 h)") }
    return .dose(slot: UInt8(slot), PlannedDose(minuteOfDay: try API.PlanItem.minute(time, "time"), graceSeconds: grace))
  }
}

extension API.PlanItem.NightHours {
  fileprivate func nightWatch() throws(PlanItemProblem) -> NightWatch {
    let delay = openDelaySeconds ?? 600
    guard delay <= 43_200 else { throw PlanItemProblem("openDelaySeconds is \(delay); allowed: 0 to 43200") }
    let watch = NightWatch(
      fromMinute: try API.PlanItem.minute(from, "from"), toMinute: try API.PlanItem.minute(to, "to"), openDelaySeconds: delay)
    if let problem = Self.problem(of: watch) { throw PlanItemProblem(problem) }
    return watch
  }

  /// A night in which no door could ever alarm. 00:00 to 00:00 is no night at all, by intent.
  private static func problem(of watch: NightWatch) -> String? {
    if watch.fromMinute == watch.toMinute {
      return watch.fromMinute == 0 ? nil : "a night that begins when it ends is none; allowed: another end, or 00:00 to 00:00 for no watch"
    }
    let minutes = (UInt32(watch.toMinute) + 1_440 - UInt32(watch.fromMinute)) % 1_440
    guard watch.openDelaySeconds > minutes * 60 else { return nil }
    return "openDelaySeconds is \(watch.openDelaySeconds), longer than the night: no door would ever be told of; "
      + "allowed: 0 to \(minutes * 60)"
  }
}

extension API.PlanItem.Circle {
  fileprivate func geofence() throws(PlanItemProblem) -> Geofence {
    let radius = radiusMetres ?? 0
    if radius == 0 { return Geofence(latitudeE7: 0, longitudeE7: 0, radiusMetres: 0) }
    let metres = EntryLimits.geofenceMetres
    guard metres.contains(radius) else {
      throw PlanItemProblem("radiusMetres is \(radius); allowed: \(metres.lowerBound) to \(metres.upperBound), or 0 for none")
    }
    let fixes = confirmingFixes ?? 2
    guard EntryLimits.geofenceFixes.contains(fixes) else {
      let allowed = EntryLimits.geofenceFixes
      throw PlanItemProblem("confirmingFixes is \(fixes); allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    return Geofence(
      latitudeE7: try degrees(latitude, "latitude", most: 90), longitudeE7: try degrees(longitude, "longitude", most: 180),
      radiusMetres: radius, confirmingFixes: UInt8(fixes), staleAfterSeconds: staleAfterSeconds ?? 0)
  }

  private func degrees(_ text: String?, _ name: String, most: Int64) throws(PlanItemProblem) -> Int32 {
    guard let text, let value = Quantity(decimal: text)?.rounded(toExponent: -7), value.magnitude <= UInt64(most) * 10_000_000,
      let result = Int32(exactly: value)
    else { throw PlanItemProblem("\(name) must be decimal degrees from -\(most) to \(most)") }
    return result
  }
}

extension API.PlanItem {
  /// The core's item in people's words.
  package init(_ item: CarePlanItem) {
    switch item {
    case .spo2Scale(let scale): self = .spo2Scale(Int(scale.rawValue))
    case .oxygen(let prescribed): self = .oxygen(.known(prescribed))
    case .limits(let signal, let limits): self = .limits(Limits(signal, limits))
    case .validity(let parameter, let seconds): self = .validity(Validity(parameter: .known(parameter), seconds: seconds))
    case .dose(let slot, let dose):
      self = .dose(Dose(slot: Int(slot), time: dose.map { Self.clock($0.minuteOfDay) }, graceSeconds: dose?.graceSeconds))
    case .nightWatch(let watch):
      self = .nightWatch(
        NightHours(from: Self.clock(watch.fromMinute), to: Self.clock(watch.toMinute), openDelaySeconds: watch.openDelaySeconds))
    case .geofence(let fence): self = .geofence(Circle(fence))
    case .news2Alerts(let enabled): self = .news2Alerts(enabled)
    }
  }

  private static func clock(_ minute: UInt16) -> String { CivilTime.clockText(minuteOfDay: Int(minute)) }
}

extension API.PlanItem.Limits {
  fileprivate init(_ signal: PlanSignal, _ limits: PlanLimits) {
    self.init(signal: .known(signal))
    redLow = Self.decimal(limits.redLow, signal)
    yellowLow = Self.decimal(limits.yellowLow, signal)
    yellowHigh = Self.decimal(limits.yellowHigh, signal)
    redHigh = Self.decimal(limits.redHigh, signal)
    hysteresis = limits.hysteresis == 0 ? nil : Self.decimal(limits.hysteresis, signal)
    delaySeconds = limits.delaySeconds
  }

  private static func decimal(_ steps: Int32, _ signal: PlanSignal) -> String? {
    if steps == .min || steps == .max { return nil }
    return Quantity(mantissa: Int64(steps), exponent: signal.stepExponent).description
  }
}

extension API.PlanItem.Circle {
  fileprivate init(_ fence: Geofence) {
    self.init(
      latitude: Quantity(mantissa: Int64(fence.latitudeE7), exponent: -7).description,
      longitude: Quantity(mantissa: Int64(fence.longitudeE7), exponent: -7).description, radiusMetres: fence.radiusMetres)
    (confirmingFixes, staleAfterSeconds) = (Int(fence.confirmingFixes), fence.staleAfterSeconds)
  }
}
