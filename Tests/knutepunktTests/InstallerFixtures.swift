// What tests of the installers' commands start from: a hub's answers made of JSON as they travel, and a conversation that
// is played against a PairDialogue with everything that was said and asked written down.

import Foundation
import HubRuntime
import LocalAPI
import Testing

@testable import knutepunkt

enum InstallerFixtures {
  static func texts(_ language: TextLanguage = .nb) throws -> InstallerTexts { try InstallerTexts.load(language) }

  static func decoded<Value: Decodable>(_ object: [String: Any], as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(Value.self, from: JSONSerialization.data(withJSONObject: object))
  }

  static func candidate(
    _ address: String, name: String = "", profile: String = "nonin/3230", vendor: String = "Nonin", model: String = "3230",
    rssi: Int? = -57,
    bonded: Bool = false, device: String? = nil
  ) -> [String: Any] {
    var object: [String: Any] = [
      "address": address, "name": name, "profile": profile, "profiles": [profile], "vendor": vendor, "model": model, "bonded": bonded,
      "addressIsPrivate": false,
    ]
    object["rssi"] = rssi
    object["device"] = device
    return object
  }

  static var oximeter: [String: Any] { candidate("C0:26:DA:01:A1:B2", name: "Nonin3230_50") }
  static var thermometer: [String: Any] {
    candidate(
      "D4:11:22:33:44:55", profile: "sig/thermometer", vendor: "Bluetooth SIG", model: "Health Thermometer Service", rssi: -71, bonded: true
    )
  }
  static var cuff: [String: Any] {
    candidate(
      "C0:00:00:00:00:02", name: "UA-651BLE", profile: "aandd/ua-651", vendor: "A&D Medical", model: "UA-651BLE", rssi: -90, bonded: true,
      device: "D2")
  }

  static func pairing(
    _ state: String, found: [[String: Any]] = [oximeter, thermometer, cuff], left: Int = 42, prompt: (kind: String, number: Int)? = nil,
    readings: [[String: Any]] = [], problem: String? = nil, strangers: Int = 0
  ) throws -> API.Pairing {
    var object: [String: Any] = [
      "state": state, "secondsLeft": left, "found": found, "readings": readings, "strangers": strangers, "language": "nb",
    ]
    object["problem"] = problem
    object["prompt"] = prompt.map { prompt -> [String: Any] in
      var values: [String: Any] = ["kind": prompt.kind, "number": prompt.number]
      if prompt.kind != "enter" { values["passkey"] = "012345" }
      return values
    }
    return try decoded(object)
  }

  static var saturation: [String: Any] { ["name": "spo2", "text": "97 %", "quality": [String]()] }

  static func persons(_ names: [String], ended: Set<String> = []) throws -> [API.Patient] {
    try names.enumerated().map { index, name in
      var object: [String: Any] = [
        "id": "P\(index + 1)", "name": name, "controller": "974760673", "since": "2026-01-01T00:00:00.000Z", "devices": [String](),
      ]
      if ended.contains(name) { object["ended"] = "2026-02-01T00:00:00.000Z" }
      return try decoded(object)
    }
  }

  static func device(_ id: String, label: String, patient: String?) throws -> API.Device {
    var object: [String: Any] = [
      "id": id, "label": label, "profile": "nonin/3230", "address": "C0:26:DA:01:A1:B2", "liveness": "never", "expectedIntervalSeconds": 0,
    ]
    object["patient"] = patient
    return try decoded(object)
  }
}

/// A dialogue with a record: lines as they are said, requests to the hub as `> …`.
struct Transcript {
  var dialogue: PairDialogue
  private(set) var lines: [String] = []

  init(_ language: TextLanguage = .nb) throws {
    dialogue = PairDialogue(texts: try InstallerFixtures.texts(language), seconds: 60)
  }

  /// What came of one input.
  @discardableResult mutating func give(_ input: PairDialogue.Input) -> [String] {
    let new = dialogue.handle(input).flatMap { action -> [String] in
      switch action {
      case .say(let lines): lines
      case .choose(let address): ["> choose \(address)"]
      case .answer(let number, let accept, let passkey): ["> answer \(number) \(accept) \(passkey.map { "\($0)" } ?? "-")"]
      case .loadPersons: ["> persons"]
      case .register(let label, let profile, let address, let patient, let interval):
        ["> register \(label)|\(profile)|\(address)|\(patient ?? "-")|\(interval.map(String.init) ?? "-")"]
      case .open: ["> open"]
      case .end: ["> end"]
      }
    }
    lines += new
    return new
  }

  @discardableResult mutating func type(_ text: String) -> [String] { give(.line(text)) }
}
