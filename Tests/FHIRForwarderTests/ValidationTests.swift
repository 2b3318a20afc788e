// What is sent is FHIR R4, by the word of an outside judge: PyPI's fhir.resources 6.4.0, the true R4 release.

import Forwarding
import Foundation
import Testing
import VitalSigns

@testable import FHIRForwarder

@Suite struct ValidationTests {
  /// Bundles of every kind of record, in every state.
  static var bundles: [(name: String, items: [DeliveryItem])] {
    var result: [(String, [DeliveryItem])] = [
      ("every-vital-sign", Sample.everyVitalSign), ("panel", Sample.panel(frame: 10)), ("panel-two", Sample.panel(frame: 10, mean: false)),
      ("panel-cut", Array(Sample.panel(frame: 10).dropLast())),
      ("score-complete", [Sample.score(complete: true, scale: .scale2)]),
      (
        "score-incomplete",
        Sample.panel(frame: 10) + [
          Sample.observation(20, .oxygenSaturation, 91, 0, .percent),
          Sample.score(
            complete: false,
            inputs: [
              .init(parameter: .oxygenSaturation, sequence: 20), .init(parameter: .pulse, sequence: 21),
              .init(parameter: .systolic, sequence: 10, panel: PressurePanel(frame: 10, parts: 3)),
            ]),
        ]
      ),
      ("hub-alert", [Sample.alert(.raised, .raised, rule: .deadLetter, patient: nil)]),
      (
        "invalid",
        [
          Sample.observation(30, .bodyTemperature, 0, 0, .degreeCelsius, quality: .invalid),
          Sample.observation(31, .oxygenSaturation, 97, 0, .percent, quality: [.questionable, .earlyEstimate, .test], measured: .unknown),
          Sample.observation(32, .oxygenSaturation, 85, 0, .percent, quality: [.late, .fromStorage], interpretation: .criticallyLow),
          Sample.observation(33, .supplementalOxygen, 1, 0, .one, origin: .selfReported),
          Sample.observation(34, .consciousness, 9, 0, .one, origin: .staff),
          Sample.observation(35, ObservationCode(rawValue: 131_328), -12, -3, .volt),
        ]
      ),
      (
        "nameless",
        [
          Sample.item(
            .dose(
              DoseRecord(
                sequence: 50, event: .taken, slot: 0, occurredAt: Sample.time,
                patient: PatientIdentity(hubPatient: PatientID(rawValue: 3)), device: nil, controller: "964338531")))
        ]
      ),
    ]
    let states: [(AlertState, AlertTransitionKind)] = [
      (.suspected, .suspected), (.raised, .raised), (.notified, .notified), (.acknowledged, .acknowledged),
      (.responding, .responding), (.resolved, .resolved), (.cleared, .cleared), (.raised, .escalated), (.raised, .retriggered),
      (.raised, .upgraded),
    ]
    for (state, kind) in states {
      result.append(("alert-\(state.key)-\(kind.key)", [Sample.alert(state, kind, evidence: [.init(sequence: 20)])]))
    }
    for rule in AlertRule.allCases { result.append(("rule-\(rule.key)", [Sample.alert(.raised, .raised, rule: rule)])) }
    for (index, event) in [DoseRecord.Event.dispensed, .taken, .assisted, .missed, .refused].enumerated() {
      result.append(("dose-\(event)", [Sample.dose(UInt64(40 + index), event)]))
    }
    result.append(("record", Sample.withRecord))
    result.append(
      ("everything", Sample.everyVitalSign + Sample.panel(frame: 10) + [Sample.score(complete: true), Sample.dose(40, .taken)]))
    return result
  }

  @Test func everyBundleIsValidR4() throws {
    guard let python = ProcessInfo.processInfo.environment["KNUTEPUNKT_FHIR_PYTHON"] else {
      Issue.record("KNUTEPUNKT_FHIR_PYTHON is not set: run `make test`, which sets up fhir.resources 6.4.0 and names its Python here")
      return
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "knutepunkt-fhir-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, items) in Self.bundles {
      for (suffix, createsPatients) in [("", true), ("-logical", false)] {
        let text = FHIRBundleBuilder.bundle(items, hub: Sample.hub, createsPatients: createsPatients).json.text
        try text.write(to: folder.appending(path: "\(name)\(suffix).json"), atomically: true, encoding: .utf8)
      }
    }
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = [URL(filePath: #filePath).deletingLastPathComponent().appending(path: "validate_bundle.py").path, folder.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.split(separator: "\n").count == Self.bundles.count * 2)
  }
}
