// Row 5: memory of the real binary, idle and with ten thousand people, and what one person costs the core.

import Foundation
import RealtimeCore

enum Footprint {
  private static let patients = 10_000
  private static let patientsMax = 10_240

  static func measure(_ scale: Scale, _ surroundings: Surroundings, broker: PrivateBroker) throws -> [Measurement] {
    let progress = ProgressLine("memory")
    defer { progress.done() }
    let rest = scale.pick(full: 5_000, quick: 2_000)
    var measurements: [Measurement] = []
    for (role, target) in [("core", 12), (nil, nil)] as [(String?, Double?)] {
      let hub = try Hub(surroundings, broker: broker.port)
      let figures = try idle(hub, role: role, .standard, milliseconds: rest)
      let name = role.map { "role \($0)" } ?? "all roles in one process"
      measurements.append(
        measurement("memory.\(role ?? "all")", "private memory idle, \(name)", figures, target.map { .init(direction: .atMost, value: $0) })
      )
    }
    let hub = try Hub(surroundings, broker: broker.port)
    try LoadedJournal.write(
      path: hub.journalPath, patients: patients, observations: scale.pick(full: 100_000, quick: 10_000),
      progress: "10 000 people for the memory row")
    let settings = HubSettings(patientsMax: patientsMax, devicesMax: patientsMax * Population.devicesPerPatient)
    let full = try idle(hub, role: "core", settings, milliseconds: rest)
    measurements.append(measurement("memory.patients", "private memory, role core, 10 000 patients with 30 000 devices", full, nil))
    measurements.append(stateOfOne())
    return measurements
  }

  private static func idle(_ hub: Hub, role: String?, _ settings: HubSettings, milliseconds: Int) throws -> [String: Double] {
    let running = try hub.start(role: role, settings)
    defer { running.process.stop() }
    Clock.sleep(milliseconds: UInt32(milliseconds))
    guard running.process.isRunning else { throw BenchmarkError.processEnded("knutepunkt", log: running.process.logText) }
    return try running.process.memory()
  }

  private static func measurement(_ key: String, _ what: String, _ memory: [String: Double], _ target: Measurement.Target?) -> Measurement {
    var figures: [String: Double] = [:]
    for name in ["VmRSS", "VmHWM", "RssAnon", "RssFile", "VmLck"] {
      if let bytes = memory[name] { figures["\(name) MB"] = bytes / 1e6 }
    }
    figures["Private MB"] = (memory["Private_Dirty"] ?? 0) / 1e6
    return Measurement(
      key: key, what: what, ours: (memory["Private_Dirty"] ?? 0) / 1e6, unit: "MB", target: target, figures: figures,
      remark: """
        private: what only this process has and no file could give back. Resident \(Report.number((figures["VmRSS MB"] ?? 0), "MB")): the rest is \
        program and libraries, of which the machine holds one copy for all roles
        """)
  }

  /// All state that room for one more person takes in the core: hot state, plan, index and timers; devices not counted.
  private static func stateOfOne() -> Measurement {
    func bytes(_ patients: Int) -> Int {
      RealtimeCore(CoreConfiguration(patientsMax: patients, devicesMax: 16, alertsMax: 16)).copySize
    }
    // Both are full powers of two, so that the index's own rounding does not show.
    let each = Double(bytes(16_384) - bytes(8_192)) / 8_192
    return Measurement(
      key: "gateway.state", what: "core state of one patient: hot and cold, index, timers", ours: each, unit: "B",
      figures: ["core with 10 240 patients and 30 720 devices MB": Double(coreBytes()) / 1e6],
      remark: "the target, ≤ 512 B, is for the hot part, whose size RealtimeCoreTests checks")
  }

  private static func coreBytes() -> Int {
    RealtimeCore(CoreConfiguration(patientsMax: patientsMax, devicesMax: patientsMax * Population.devicesPerPatient)).copySize
  }
}
