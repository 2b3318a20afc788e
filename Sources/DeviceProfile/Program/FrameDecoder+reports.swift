// What leaves a frame: observations with quality and ranges applied, events, locations; or a counted reason why not.

import VitalSigns

extension FrameDecoder {
  mutating func report(_ report: Instruction.Report, _ result: inout DecodeResult) throws(FrameRejection) {
    switch report {
    case .observation(let register, let declaration, let unit, let byArrival, let emit):
      try emitObservation(register, Int(declaration), unit: program.units[Int(unit)], byArrival: byArrival, emit: emit, &result)
    case .event(let flag, let declaration, let phase, let detail, let byArrival, let emit):
      try emitEvent(flag, Int(declaration), phase: phase, detail: detail, byArrival: byArrival, emit: emit, &result)
    case .location(let latitude, let longitude, let accuracy, let emit):
      try emitLocation(latitude, longitude, accuracy, emit: emit, &result)
    }
  }

  private func emitObservation(
    _ index: RegisterIndex, _ declaration: Int, unit: UCUMUnit, byArrival: Bool, emit: UInt8, _ result: inout DecodeResult
  ) throws(FrameRejection) {
    let register = state[index]
    let subject = DroppedReading.Subject.observation(declaration)
    switch register.kind {
    case .missing: return
    case .unusable: return drop(subject, register.reason, &result)
    case .boolean, .text: return drop(subject, .wrongType, &result)
    case .number: break
    }
    if state.isOtherUser { return drop(subject, .otherUser, &result) }
    var quality = state.quality
    if quality.contains(.demo) || quality.contains(.test) { return drop(subject, .demoOrTestData, &result) }
    let rule = program.observationRules[declaration]
    if let hard = rule.hard, !hard.contains(register.quantity, in: unit, rangeUnit: rule.unit) { return drop(subject, .hardRange, &result) }
    if let plausible = rule.plausible, !plausible.contains(register.quantity, in: unit, rangeUnit: rule.unit) {
      quality.formUnion(.implausible)
    }
    var time = state.statedTime
    if state.retained {
      guard program.retained == .state, time != .none else { return drop(subject, .retained, &result) }
    } else if byArrival {
      time = .none
    }
    let observation = Observation(code: rule.code, value: register.quantity, unit: unit, quality: quality)
    try append(.observation(observation, at: time), declaration, emit, &result)
  }

  private func emitEvent(
    _ flag: RegisterIndex, _ declaration: Int, phase: UInt8, detail: RegisterIndex, byArrival: Bool, emit: UInt8,
    _ result: inout DecodeResult
  ) throws(FrameRejection) {
    guard state[flag].isPresent else { return }
    let rule = program.eventRules[declaration]
    let phase = DeviceEventPhase(rawValue: phase) ?? .moment
    // A fall that a broker has stored may be weeks old. The message of a new fall waits in the hub's own session and is not
    // retained.
    let isOldCall = rule.kind.isCallForHelp && phase != .cleared
    if state.retained, program.retained == .ignore || rule.type == .moment || isOldCall {
      return drop(.event(declaration), .retained, &result)
    }
    var number: UInt32 = 0
    if detail != Instruction.noRegister {
      // "2", 2.5 and true are no slot. Taken for slot 0 they would be another dose.
      guard state[detail].kind == .number, let whole = state[detail].integer.flatMap({ UInt32(exactly: $0) }) else {
        return drop(.event(declaration), .wrongType, &result)
      }
      number = whole
    }
    let event = DeviceEvent(kind: rule.kind, phase: phase, detail: number)
    let time = byArrival && !state.retained ? .none : state.statedTime
    try append(.event(event, at: time), declaration, emit, &result)
  }

  private func emitLocation(
    _ latitude: RegisterIndex, _ longitude: RegisterIndex, _ accuracy: RegisterIndex, emit: UInt8,
    _ result: inout DecodeResult
  ) throws(FrameRejection) {
    let (north, east) = (state[latitude], state[longitude])
    if north.kind == .missing, east.kind == .missing { return }
    for register in [north, east] where register.kind != .number {
      return drop(.location, register.kind == .unusable ? register.reason : .wrongType, &result)
    }
    // Trackers without a fix say 0 and 0, a place in the Gulf of Guinea.
    if north.mantissa == 0, east.mantissa == 0 { return drop(.location, .sentinel, &result) }
    guard Self.isWithin(north.quantity, degrees: 90), Self.isWithin(east.quantity, degrees: 180),
      let latitudeE7 = north.quantity.rounded(toExponent: -7), let longitudeE7 = east.quantity.rounded(toExponent: -7)
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

  private static func isWithin(_ value: Quantity, degrees: Int64) -> Bool {
    value.compared(to: Quantity(mantissa: degrees)) <= 0 && value.compared(to: Quantity(mantissa: -degrees)) >= 0
  }

  /// The radius in whole metres. A device without one leaves it out, or says 0 or less. The radius is then unknown, never exact.
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

  /// Counts what is left out. `dropped` is not filled beyond its bound: the reasons of one frame rarely differ.
  func drop(_ subject: DroppedReading.Subject, _ reason: DropReason, _ result: inout DecodeResult) {
    if result.dropped.count < DecodeLimits.readingsMax { result.dropped.append(DroppedReading(subject: subject, reason: reason)) }
  }
}
