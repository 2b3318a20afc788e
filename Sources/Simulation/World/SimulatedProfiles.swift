// The profiles of the simulated devices, compiled by the product's own catalogue. They are small, so that a world does not depend on
// which profiles are installed, and say of each kind of device what the shipped ones say.

import DeviceProfile
import Foundation
import ProfileCatalogue

/// The catalogue, compiled once for each process.
enum SimulatedProfiles {
  private static let loaded = Result { try load() }

  static func catalogue() throws -> ProfileCatalogue { try loaded.get() }

  private static func load() throws -> ProfileCatalogue {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("knutepunkt-profiles-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let vendor = folder.appendingPathComponent("simulated")
    try FileManager.default.createDirectory(at: vendor, withIntermediateDirectories: true)
    for (name, text) in [("vitals", vitals), ("button", button), ("fall", fall)] {
      try text.write(to: vendor.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
    }
    return try ProfileCatalogue(folders: [folder], trust: ProfileTrust(.lab))
  }

  private static let vitals = """
    profile: simulated/vitals
    version: 1.0.0
    vendor: Simulated
    model: Vital signs
    licence: EUPL-1.2
    tier: gold
    transport: mqttJSON
    liveness: {expectedInterval: 26 h}
    observations:
      spo2: {code: spo2, hard: [2, 100], plausible: [50, 100]}
      pulse: {code: pulse, hard: [0, 500], plausible: [20, 300]}
      temperature: {code: temperature, hard: [10, 50], plausible: [25, 45]}
    decode:
      "simulated/{device}/vitals":
        steps:
          - {json: /spo2, observe: spo2}
          - {json: /pulse, observe: pulse}
          - {json: /temperature, observe: temperature}
          - {json: /time, time: iso8601}
    selfTest:
      - name: both
        json: '{"spo2": 95, "pulse": 88, "time": "2026-01-31T11:34:56Z"}'
        expect: [{spo2: 95, time: "2026-01-31T11:34:56.000Z"}, {pulse: 88, time: "2026-01-31T11:34:56.000Z"}]
      - name: a temperature
        json: '{"temperature": 36.6}'
        expect: [{temperature: 36.6}]
      - name: truncated
        json: '{"spo2": 9'
        rejected: invalidJSON
    """

  private static let button = """
    profile: simulated/button
    version: 1.0.0
    vendor: Simulated
    model: Safety button
    licence: EUPL-1.2
    tier: gold
    transport: mqttJSON
    liveness: {expectedInterval: 26 h}
    observations:
      battery: {code: battery, hard: [0, 100]}
    events:
      sos: {type: moment}
    decode:
      "simulated/{device}/button":
        ignore: [press]
        steps:
          - {json: /battery, observe: battery}
          - {json: /action, as: pressed, lookup: {press: 1, rest: 0}}
          - {when: pressed = 1, event: sos}
    selfTest:
      - name: a press
        json: '{"action": "press", "battery": 90}'
        expect: [{battery: 90}, {event: sos}]
      - name: a sign of life
        json: '{"action": "rest", "battery": 90}'
        expect: [{battery: 90}]
      - name: truncated
        json: '{"action": "pr'
        rejected: invalidJSON
    """

  private static let fall = """
    profile: simulated/fall
    version: 1.0.0
    vendor: Simulated
    model: Fall sensor
    licence: EUPL-1.2
    tier: gold
    transport: mqttJSON
    liveness: {expectedInterval: 26 h}
    observations:
      battery: {code: battery, hard: [0, 100]}
    events:
      fall: {type: condition}
    decode:
      "simulated/{device}/fall":
        steps:
          - {json: /battery, observe: battery}
          - {json: /fall, as: seen, lookup: {true: 1, false: 0}}
          - {when: seen = 1, raise: fall}
          - {when: seen = 0, clear: fall}
    selfTest:
      - name: a fall
        json: '{"fall": true, "battery": 90}'
        expect: [{battery: 90}, {event: fall, phase: raised}]
      - name: nothing
        json: '{"fall": false}'
        expect: [{event: fall, phase: cleared}]
      - name: truncated
        json: '{"fall": tr'
        rejected: invalidJSON
    """
}
