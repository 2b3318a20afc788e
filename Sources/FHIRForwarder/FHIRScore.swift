// A NEWS2 score as an R4 Observation: total, one component a parameter, and `derivedFrom` the observations behind it.
//
// Complete: `valueInteger`, status final. Incomplete: `valueRange` from the least to the most that the score can be, status
// preliminary, and `dataAbsentReason` on each component that is missing. So no receiver can take a partial sum for a
// score: the type of the value differs. Codes: SNOMED CT's UK extension, which names NEWS2 (LOINC 88330-6 names NEWS).

internal import Forwarding
internal import VitalSigns

extension FHIRBundleBuilder {
  func scoreResource(_ record: ScoreRecord, key: DeliveryKey) -> JSONValue {
    let score = record.score
    let isComplete = score.isComplete
    return [
      "resourceType": "Observation",
      "extension": [["url": .string(FHIRSystem.gatewayDeviceExtension), "valueReference": reference("Device", .hub)]],
      "identifier": [identifier(key).json],
      "status": isComplete ? "final" : "preliminary",
      // R4's definition of survey: "assessment tool … e.g. Apgar scores".
      "category": [FHIRShape.concept(FHIRShape.coding(FHIRSystem.observationCategory, "survey"))],
      "code": FHIRShape.concept(
        FHIRShape.coding(FHIRSystem.snomed, "1104051000000101"), text: "National Early Warning Score 2 (NEWS2) total score"),
      "subject": subject(record.patient),
      "effectiveDateTime": .string(record.scoredAt.description),
      "issued": .string(record.scoredAt.description),
      "performer": [FHIRShape.organisation(record.controller)],
      "valueInteger": isComplete ? .integer(Int64(score.low)) : nil,
      "valueRange": isComplete ? nil : ["low": Self.points(score.low), "high": Self.points(score.high)],
      "interpretation": [FHIRShape.concept(text: Self.category(score))],
      "note": record.isTimeUncertain ? [["text": .string(FHIRShape.uncertainTime)]] : nil,
      "derivedFrom": record.inputs.isEmpty ? nil : .array(sources(record)),
      "component": .array(NEWS2Parameter.allCases.map { Self.component($0, score) }),
    ]
  }

  /// Each observation once: systolic and diastolic of one panel are one resource.
  private func sources(_ record: ScoreRecord) -> [JSONValue] {
    var result: [JSONValue] = []
    for input in record.inputs {
      let source = reference(observation: input.sequence, panel: input.panel)
      if !result.contains(source) { result.append(source) }
    }
    return result
  }

  private static func component(_ parameter: NEWS2Parameter, _ score: NEWS2Score) -> JSONValue {
    let points = score.points[Int(parameter.rawValue)]
    let isKnown = points >= 0
    return [
      "code": FHIRShape.concept(
        FHIRShape.coding(FHIRSystem.snomed, snomed(parameter, score.scale)), text: "NEWS2 \(name(parameter, score.scale)) score"),
      "valueInteger": isKnown ? .integer(Int64(points)) : nil,
      "dataAbsentReason": isKnown ? nil : FHIRShape.concept(FHIRShape.coding(FHIRSystem.dataAbsentReason, "unknown")),
    ]
  }

  private static func points(_ value: UInt8) -> JSONValue {
    ["value": .integer(Int64(value)), "unit": "points", "system": .string(FHIRSystem.ucum), "code": "{score}"]
  }

  private static func snomed(_ parameter: NEWS2Parameter, _ scale: SpO2Scale) -> String {
    switch parameter {
    case .respiration: "1104301000000104"
    case .oxygenSaturation: scale == .scale1 ? "1104311000000102" : "1104321000000108"
    case .supplementalOxygen: "1104331000000105"
    case .systolic: "1104341000000101"
    case .pulse: "1104351000000103"
    case .consciousness: "1104361000000100"
    case .temperature: "1104371000000107"
    }
  }

  private static func name(_ parameter: NEWS2Parameter, _ scale: SpO2Scale) -> String {
    switch parameter {
    case .respiration: "respiration rate"
    case .oxygenSaturation: scale == .scale1 ? "oxygen saturation scale 1" : "oxygen saturation scale 2"
    case .supplementalOxygen: "air or oxygen"
    case .systolic: "systolic blood pressure"
    case .pulse: "pulse"
    case .consciousness: "consciousness"
    case .temperature: "temperature"
    }
  }

  /// The RCP's category, where it is certain. An incomplete score has none, unless what is known puts it there already: a
  /// partial sum must not be taken for a low score.
  private static func category(_ score: NEWS2Score) -> String {
    switch score.band {
    case .high: "NEWS2 high (7 or more)"
    case .none where score.isComplete: "NEWS2 0"
    case .low where score.isComplete: "NEWS2 low (1–4)"
    case .lowMedium where score.isComplete: "NEWS2 low–medium (3 in one parameter)"
    case .medium where score.isComplete: "NEWS2 medium (5–6)"
    case .lowMedium: "NEWS2 incomplete (\(score.low)–\(score.high)), at least low–medium (3 in one parameter)"
    case .medium: "NEWS2 incomplete (\(score.low)–\(score.high)), at least medium"
    case .none, .low: "NEWS2 incomplete (\(score.low)–\(score.high))"
    }
  }
}
