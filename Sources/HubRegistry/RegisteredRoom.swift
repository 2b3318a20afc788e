// Sizes of the core against what is registered: a configuration that got smaller than the people it is for. `check` refuses it,
// for somebody sits at the keyboard; a start makes room and says so, because nobody may sit there and somebody may fall.

import Foundation
public import HubConfiguration
import Journal

/// How much room the registered people, devices and open alerts need.
public struct RegisteredRoom: Sendable, Hashable {
  public var patients: Int
  public var devices: Int
  /// How many open alerts each person, or device, has of each rule.
  public var alertGroups: [Int]

  /// Nil when there is no journal yet, or when this user may not read it. Blocks on the disk.
  public init?(journal path: String) {
    guard FileManager.default.fileExists(atPath: path), let reader = try? JournalReader(path: path),
      let patients = try? reader.patients().count, let devices = try? reader.devices().count,
      let alertGroups = try? reader.openAlertGroups()
    else { return nil }
    self.init(patients: patients, devices: devices, alertGroups: alertGroups)
  }

  package init(patients: Int, devices: Int, alertGroups: [Int]) {
    self.patients = patients
    self.devices = devices
    self.alertGroups = alertGroups
  }

  /// How many open alerts the core would follow with this size: of each group at most its share. If a group had room for all of its
  /// alerts, each press of a stuck button would escalate after a restart, and the state would have to be rebuilt for it.
  package func alerts(_ alertsMax: Int) -> Int { alertGroups.reduce(0) { $0 + min($1, max(8, alertsMax / 8)) } }

  /// One sentence for each size that is too small.
  public func problems(_ settings: KnutepunktConfiguration.RealtimeSettings) -> [String] {
    sizes(settings).filter { $0.needed > $0.configured }.map {
      "realtime.\($0.key) is \($0.configured), and \($0.needed) \($0.what); allowed: at least \($0.needed), and room for those to come"
    }
  }

  /// Sizes in which everybody has room, and a few more people and devices, too.
  func grown(_ settings: KnutepunktConfiguration.RealtimeSettings) -> KnutepunktConfiguration.RealtimeSettings {
    var settings = settings
    settings.patientsMax = Self.room(settings.patientsMax, patients)
    settings.devicesMax = Self.room(settings.devicesMax, devices)
    settings.alertsMax = Self.room(settings.alertsMax, alerts(settings.alertsMax))
    return settings
  }

  private static func room(_ configured: Int, _ needed: Int) -> Int { needed > configured ? needed + max(8, needed / 4) : configured }

  private func sizes(
    _ settings: KnutepunktConfiguration.RealtimeSettings
  ) -> [(key: String, configured: Int, needed: Int, what: String)] {
    [
      ("patientsMax", settings.patientsMax, patients, "people are registered"),
      ("devicesMax", settings.devicesMax, devices, "devices are registered"),
      ("alertsMax", settings.alertsMax, alerts(settings.alertsMax), "alerts are open"),
    ]
  }
}

extension KnutepunktConfiguration {
  /// The configuration with room for what is registered, and a warning for each size that was too small. Blocks on the disk.
  package func withRoomForRegistered() -> Self {
    guard let room = RegisteredRoom(journal: hub.journalPath) else { return self }
    let problems = room.problems(realtime)
    if problems.isEmpty { return self }
    var result = self
    result.realtime = room.grown(realtime)
    result.warnings += problems.map {
      ConfigurationDiagnostic(
        severity: .warning, file: "", line: 1, column: 1,
        message: "\($0); the hub made the room by itself, until its next start")
    }
    return result
  }
}
