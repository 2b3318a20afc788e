// What leaves a frame: observations with quality and ranges applied, events, locations; or a counted reason why not.

import VitalSigns

extension FrameDecoder {
  mutating func emitObservation(
    _ index: RegisterIndex, _ declaration: Int, unit: UCUMUnit, emit: UInt8, _ result: inout DecodeResult
  ) throws(FrameRejection) {
    let register = state[index]
    let subject = DroppedReading.Subject.observation(declaration)
    switch register.kind {
    case .missing: return
    case .unusable: return drop(subject, register.reason, &result)
    case .boolean, .text: return drop(subject, .wrongType, &result)
    case .number: break
    }
    var quality = state.quality
    if quality.contains(.demo) || quality.contains(.test) { return drop(subject, .demoOrTestData, &result) }
    let rule = program.observationRules[declaration]
    if rule.hard != nil || rule.plausible != nil {
      // A value beyond what the ranges can be compared with is beyond every range.
      let steps = register.quantity.steps(from: unit, to: rule.unit, exponent: ValueRange.exponent)
      if let hard = rule.hard, !(steps.map(hard.contains) ?? false) { return drop(subject, .hardRange, &result) }
      if let plausible = rule.plausible, !(steps.map(plausible.contains) ?? false) { quality.formUnion(.implausible) }
    }
    let time = state.statedTime
    if state.retained {
      guard program.retained == .state, time != .none else { return drop(subject, .retained, &result) }
    }
    let observation = Observation(code: rule.code, value: register.quantity, unit: unit, quality: quality)
    try append(.observation(observation, at: time), declaration, emit, &result)
  }

  mutating func emitEvent(
    _ flag: RegisterIndex, _ declaration: Int, phase: UInt8, detail: RegisterIndex, emit: UInt8,
    _ result: inout DecodeResult
  ) throws(FrameRejection) {
    guard state[flag].isPresent else { return }
    let rule = program.eventRules[declaration]
    if state.retained, program.retained == .ignore || rule.type == .moment {
      return drop(.event(declaration), .retained, &result)
    }
    let number = state[detail].integer.flatMap { UInt32(exactly: $0) } ?? 0
    let event = DeviceEvent(kind: rule.kind, phase: DeviceEventPhase(rawValue: phase) ?? .moment, detail: number)
    try append(.event(event, at: state.statedTime), declaration, emit, &result)
  }

  mutating func emitLocation(
    _ latitude: RegisterIndex, _ longitude: RegisterIndex, _ accuracy: RegisterIndex, emit: UInt8,
    _ result: inout DecodeResult
  ) throws(FrameRejection) {
    let (north, east) = (state[latitude], state[longitude])
    if north.kind == .missing, east.kind == .missing { return }
    for register in [north, east] where register.kind != .number {
      return drop(.location, register.kind == .unusable ? register.reason : .wrongType, &result)
    }
    guard let latitudeE7 = north.quantity.rounded(toExponent: -7), let longitudeE7 = east.quantity.rounded(toExponent: -7),
      latitudeE7.magnitude <= 900_000_000, longitudeE7.magnitude <= 1_800_000_000
    else { return drop(.location, .hardRange, &result) }
    if state.quality.contains(.demo) || state.quality.contains(.test) { return drop(.location, .demoOrTestData, &result) }
    let time = state.statedTime
    if state.retained {
      guard program.retained == .state, time != .none else { return drop(.location, .retained, &result) }
    }
    let fix = LocationFix(
      latitudeE7: Int32(latitudeE7), longitudeE7: Int32(longitudeE7), accuracyMetres: Self.metres(state[accuracy]))
    try append(.location(fix, at: time), 0, emit, &result)
  }

  /// The radius in whole metres. A device without one leaves it out or says 0 or less: then it is unknown, never exact.
  private static func metres(_ register: Register) -> UInt32 {
    guard register.kind == .number, register.mantissa > 0 else { return LocationFix.accuracyUnknown }
    guard let whole = register.quantity.rounded(toExponent: 0), whole < Int64(UInt32.max) else { return LocationFix.accuracyUnknown }
    return UInt32(max(1, whole))
  }

  private func append(
    _ reading: Reading, _ declaration: Int, _ emit: UInt8, _ result: inout DecodeResult
  ) throws(FrameRejection) {
    guard result.readings.count < DecodeLimits.readingsMax else {
      throw rejection(.tooManyReadings, "more than \(DecodeLimits.readingsMax) readings in one frame")
    }
    result.readings.append(reading)
    result.declarations.append(UInt8(truncatingIfNeeded: declaration))
    result.emitted |= 1 << UInt64(emit & 63)
  }

  /// Counts what is left out. Beyond the bound the count stays there: the reasons of one frame rarely differ.
  func drop(_ subject: DroppedReading.Subject, _ reason: DropReason, _ result: inout DecodeResult) {
    if result.dropped.count < DecodeLimits.readingsMax { result.dropped.append(DroppedReading(subject: subject, reason: reason)) }
  }

  /// A `range:` of a field: outside it the field is not usable.
  mutating func limit(_ index: RegisterIndex, _ range: ValueRange, _ result: inout DecodeResult) {
    guard state[index].kind == .number else { return }
    let steps = state[index].quantity.rounded(toExponent: ValueRange.exponent)
    if !(steps.map(range.contains) ?? false) { state[index] = .unusable(.hardRange) }
  }

  /// A `oneOf:` of a field: what is not listed is counted and not usable.
  mutating func checkListed(_ index: RegisterIndex, _ table: LookupTable, _ frame: Span<UInt8>, _ result: inout DecodeResult) {
    guard state[index].isPresent, Self.row(of: state[index], in: table, frame) == nil else { return }
    state[index] = .unusable(.unknownValue)
    drop(.field, .unknownValue, &result)
  }
}
