// Measured and entered values, and blood-pressure panels, as R4 Observations.
//
// MDC coding first (the Personal Health Device guide demands it), LOINC beside it where the vital-signs profiles name one,
// decimals digit for digit in the device's own UCUM unit, or, where the vital-signs profile fixes another (mm[Hg], cm), in
// that with the device's own words in a note. An invalid value is sent as "no value, error", and never as final: silence
// would look like "not measured". What has no MDC term (ACVPU, oxygen) is coded in LOINC alone.
// Not sent: Coincident Timestamp Observations; the hub never rewrites a device's time, it uses it or its own.

internal import Forwarding
internal import VitalSigns

extension FHIRBundleBuilder {
  /// One Observation for one value, or for all parts of a panel.
  func observationResource(_ parts: [ObservationRecord], key: DeliveryKey) -> JSONValue {
    guard let first = parts.first else { preconditionFailure("a resource carries at least one value") }
    let isPanel = parts.count > 1
    let quality = parts.reduce(into: ObservationQuality()) { $0.formUnion($1.observation.quality) }
    let value = isPanel ? nil : Self.value(of: first.observation)
    let isAbsent = first.observation.quality.contains(.invalid)
    return [
      "resourceType": "Observation",
      "meta": quality.isDisjoint(with: [.test, .demo]) ? nil : ["security": [FHIRShape.coding(FHIRSystem.actReason, "HTEST")]],
      "extension": gatewayExtension,
      "identifier": .array([identifier(key).json, dedupeIdentifier(first, isPanel: isPanel)].compactMap(\.self)),
      "status": .string(Self.status(parts, quality)),
      "category": Self.category(of: first.observation.code).map {
        [FHIRShape.concept(FHIRShape.coding(FHIRSystem.observationCategory, $0))]
      },
      "code": isPanel ? Self.panelCode : Self.code(of: first.observation.code),
      "subject": subject(first.patient),
      "effectiveDateTime": .string(first.effectiveAt.description),
      "issued": .string(first.receivedAt.description),
      "performer": .array(Self.performers(first, subject: subject(first.patient))),
      value?.name ?? "valueQuantity": isAbsent ? nil : value?.json,
      "dataAbsentReason": !isPanel && isAbsent ? Self.error : nil,
      "interpretation": isPanel ? nil : Self.interpretations(first),
      "note": Self.notes(quality, parts),
      "device": first.device.map { reference("Device", .device($0.hubDevice)) },
      "component": isPanel ? .array(parts.map(Self.component)) : nil,
    ]
  }

  private var gatewayExtension: JSONValue {
    [["url": .string(FHIRSystem.gatewayDeviceExtension), "valueReference": reference("Device", .hub)]]
  }

  /// device-patient-type-timestamp, with the device's own time: lets a receiver see that another gateway has sent the same
  /// measurement. Never the condition of a create: two values within one second of a device's clock are two measurements.
  private func dedupeIdentifier(_ record: ObservationRecord, isPanel: Bool) -> JSONValue? {
    guard let device = record.device, record.deviceTime != .none else { return nil }
    let type = isPanel ? "150020" : String(record.observation.code.rawValue)
    let source = device.eui64 ?? uuid(.device(device.hubDevice))
    return [
      "system": .string(FHIRSystem.measurement),
      "value": .string("\(source)-\(uuid(.patient(record.patient.hubPatient)))-\(type)-\(record.deviceTime)"),
    ]
  }

  /// A reading that the device calls invalid is no result: nothing final comes of it. A panel with such a part is not whole.
  private static func status(_ parts: [ObservationRecord], _ quality: ObservationQuality) -> String {
    let invalid = parts.count { $0.observation.quality.contains(.invalid) }
    if invalid == parts.count { return "cancelled" }
    return invalid > 0 || !quality.isDisjoint(with: [.earlyEstimate, .ongoing]) ? "preliminary" : "final"
  }

  // MARK: codes

  private static let panelCode = FHIRShape.concept(
    FHIRShape.coding(FHIRSystem.mdc, "150020", display: "MDC_PRESS_BLD_NONINV"), FHIRShape.coding(FHIRSystem.loinc, "85354-9"),
    text: "Blood pressure")

  static func code(of code: ObservationCode) -> JSONValue {
    var codings: [JSONValue] = []
    // Partition 1024 is private: such a number means nothing to a receiver.
    if code.rawValue < 1024 << 16 {
      codings.append(FHIRShape.coding(FHIRSystem.mdc, String(code.rawValue), display: code.entry?.mdcName))
    }
    if code == .oxygenSaturation { codings.append(FHIRShape.coding(FHIRSystem.loinc, "59408-5")) }
    if let loinc = code.entry?.loinc { codings.append(FHIRShape.coding(FHIRSystem.loinc, loinc)) }
    return ["coding": codings.isEmpty ? nil : .array(codings), "text": .string(code.entry?.display ?? "MDC \(code.rawValue)")]
  }

  private static func category(of code: ObservationCode) -> String? {
    switch code {
    case .batteryLevel: nil
    case .glucose: "laboratory"
    default: code.entry == nil ? nil : "vital-signs"
    }
  }

  // MARK: values

  /// The `value[x]` element and its content.
  static func value(of observation: Observation) -> (name: String, json: JSONValue) {
    switch observation.code {
    case .consciousness:
      ("valueCodeableConcept", consciousness(observation.value))
    case .supplementalOxygen where observation.unit == .one:
      (
        "valueCodeableConcept",
        FHIRShape.concept(text: observation.value == Quantity(mantissa: 0) ? "Breathing air" : "On supplemental oxygen")
      )
    default:
      ("valueQuantity", quantity(observation))
    }
  }

  private static func quantity(_ observation: Observation) -> JSONValue {
    let profiled = profiled(observation)
    return [
      "value": .decimal(profiled.value), "unit": .string(profiled.sign), "system": .string(FHIRSystem.ucum), "code": .string(profiled.code),
    ]
  }

  /// In the unit that R4's vital-signs profiles fix: mm[Hg] for pressures, cm for height; all others are allowed as the
  /// device has them. A tenth of a kPa is three quarters of a mm[Hg], so tenths lose nothing.
  private static func profiled(_ observation: Observation) -> (value: Quantity, sign: String, code: String) {
    let (value, unit) = (observation.value, observation.unit)
    if unit == .kilopascal, let tenths = value.steps(from: .kilopascal, to: .millimetreOfMercury, exponent: -1) {
      return (Quantity(mantissa: tenths, exponent: -1), UCUMUnit.millimetreOfMercury.sign, UCUMUnit.millimetreOfMercury.code)
    }
    if observation.code == .bodyHeight, unit == .metre, value.exponent <= 16 {
      return (Quantity(mantissa: value.mantissa, exponent: value.exponent + 2), "cm", "cm")
    }
    return (value, unit == .one ? "1" : unit.sign, unit.code)
  }

  /// ACVPU in SNOMED CT, as the UK's value set for NEWS2 has it.
  private static func consciousness(_ value: Quantity) -> JSONValue {
    let levels = [
      ("248234008", "Mentally alert"), ("130987000", "Acute confusion"), ("300202002", "Responds to voice"),
      ("450847001", "Responds to pain"), ("422768004", "Unresponsive"),
    ]
    guard let level = value.rounded(toExponent: 0), levels.indices.contains(Int(level)), Quantity(mantissa: level) == value else {
      return FHIRShape.concept(text: "ACVPU \(value)")
    }
    let (code, display) = levels[Int(level)]
    return FHIRShape.concept(FHIRShape.coding(FHIRSystem.snomed, code, display: display), text: display)
  }

  private static let error = FHIRShape.concept(FHIRShape.coding(FHIRSystem.dataAbsentReason, "error"))

  private static func component(_ record: ObservationRecord) -> JSONValue {
    let isAbsent = record.observation.quality.contains(.invalid)
    return [
      "code": code(of: record.observation.code),
      "valueQuantity": isAbsent ? nil : quantity(record.observation),
      "dataAbsentReason": isAbsent ? error : nil,
      "interpretation": interpretations(record),
    ]
  }

  // MARK: trust

  private static func interpretations(_ record: ObservationRecord) -> JSONValue? {
    var concepts: [JSONValue] = []
    if let interpretation = record.interpretation {
      let code =
        switch interpretation {
        case .normal: "N"
        case .low: "L"
        case .high: "H"
        case .criticallyLow: "LL"
        case .criticallyHigh: "HH"
        }
      concepts.append(FHIRShape.concept(FHIRShape.coding(FHIRSystem.interpretation, code)))
    }
    // R4 has no code for it, and a doubtful value must not look like a sound one where notes are not shown.
    if record.observation.quality.contains(.questionable) { concepts.append(FHIRShape.concept(text: "Questionable")) }
    if record.observation.quality.contains(.implausible) { concepts.append(FHIRShape.concept(text: "Implausible")) }
    return concepts.isEmpty ? nil : .array(concepts)
  }

  private static func notes(_ quality: ObservationQuality, _ parts: [ObservationRecord]) -> JSONValue? {
    let sentences: [(ObservationQuality, String)] = [
      (.questionable, "The device marks the value as questionable."),
      (.implausible, "The value is outside the device's plausible range."),
      (.clockUnset, "The device's clock was not set; the time is the gateway's."),
      (.fromStorage, "Read from the device's store."),
      (.late, "Reached the gateway late; it took no part in live alarms."),
    ]
    let present = sentences.filter { quality.contains($0.0) }
    var texts = present.map(\.1)
    if parts.contains(where: \.isTimeUncertain) { texts.append(FHIRShape.uncertainTime) }
    for part in parts where !part.observation.quality.contains(.invalid) && part.observation.unit == .kilopascal {
      texts.append("Measured as \(part.observation.value) \(part.observation.unit.sign).")
    }
    return texts.isEmpty ? nil : .array(texts.map { ["text": .string($0)] })
  }

  /// The data controller, and the person when the value is self-reported.
  private static func performers(_ record: ObservationRecord, subject: JSONValue) -> [JSONValue] {
    let controller = FHIRShape.organisation(record.controller)
    return record.observation.origin == .selfReported ? [subject, controller] : [controller]
  }
}

extension ObservationRecord {
  /// The device's time, or the hub's when the device has none.
  var effectiveAt: WallTime { measuredAt == .unknown ? receivedAt : measuredAt }
}
