// What the gateway's tests share: a configuration in a folder of its own, the shipped profiles, short ways to make
// values, and how to wait for what another thread does. Test persons have synthetic national ids (month + 80).

import DeviceProfile
import Foundation
import Journal
import Logging
import ProfileCatalogue
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console
@testable import HubConfiguration
@testable import HubRegistry

/// The test street and the hub in it.
enum Street {
  static let controller = "974760673"
  static let kari = PatientID(rawValue: 1)
  static let ola = PatientID(rawValue: 2)
  static let button = DeviceID(rawValue: 1)
  static let cuff = DeviceID(rawValue: 2)
  static let kariNationalID = "01815090000"
  /// 2026-06-01T12:00:00Z.
  static let noon = WallTime(rawValue: 1_780_315_200_000)

  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  static let profilesFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("DeviceProfiles")

  /// Read and self-tested once for all tests.
  private static let loaded = Result { try ProfileCatalogue(folders: [profilesFolder], trust: ProfileTrust(.lab)) }

  static func catalogue() throws -> ProfileCatalogue { try loaded.get() }

  /// Read once: a catalogue of each language is a file to parse.
  private static let texts = Result { try AlertSentences() }

  static func sentences() throws -> AlertSentences { try texts.get() }

  static func profiles() throws -> [DeviceProfile] { try catalogue().profiles }

  /// A hub without links. `more` is YAML of further sections.
  static func configuration(in folder: TemporaryFolder, _ more: String = "") throws -> KnutepunktConfiguration {
    try KnutepunktConfiguration.read(
      yaml: """
        hub: { controller: "\(controller)", timeZone: Europe/Oslo, state: \(folder.path)/state, runtime: \(folder.path) }
        profiles: { folders: [\(profilesFolder.path)], trust: lab }
        realtime: { patientsMax: 8, devicesMax: 8, alertsMax: 64, scheduler: ordinary, lockMemory: false }
        console: { listen: off }
        observability: { listen: off }
        \(more)
        """, file: folder.path + "/knutepunkt.yaml")
  }

  static func spo2(_ value: Int64) -> IntakePayload {
    .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: value), unit: .percent))
  }
  static let sos = IntakePayload.event(DeviceEvent(kind: .sos))

  static func registered(_ id: DeviceID, _ profile: String, _ address: String, of patient: PatientID = kari) -> RegisteredDevice {
    RegisteredDevice(
      id: id, label: address, profile: profile, address: address, liveness: DeviceLiveness(expectedIntervalSeconds: 0),
      patient: patient, removed: false, lastSeen: .unknown)
  }
}

/// An alert's change as the core gives it.
func transition(
  _ kind: AlertTransitionKind, _ state: AlertState = .raised, rule: AlertRule = .sos, number: UInt64 = 1,
  previous: AlertState = .raised, deadline: MonotonicInstant = MonotonicInstant(rawValue: 99_000_000_000), firstCause: UInt64 = 1
) -> AlertTransition {
  AlertTransition(
    id: AlertID(high: 0xABCD_EF01_2345_6789, low: number), rule: rule, priority: .high, state: state, previous: previous, kind: kind,
    level: 0, deadline: deadline, firstCause: firstCause, raisedAt: MonotonicInstant(rawValue: 39_000_000_000), value: 0, limit: 0,
    subject: 0, actor: .hub)
}

/// Looks until `condition` holds: for what another thread does without telling. Gives up, with a failure, after a minute: hundreds of tests
/// start at once and share the threads, so that a task may wait for its turn for many seconds.
func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(60)
  while clock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(2))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}
