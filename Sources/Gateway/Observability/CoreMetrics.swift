// The core role's numbers for Prometheus, copied from the parts' own counters when somebody asks. Nothing on the hot path
// counts twice.

import BluetoothLink
import MQTTLink
import Metrics
import Synchronization
import VitalSigns

/// The gauges of the core role. Any thread.
struct CoreMetrics: Sendable {
  private let processed = Meter(label: "knutepunkt_intake_entries_total")
  private let observations = Meter(label: "knutepunkt_observations_total")
  private let late = Meter(label: "knutepunkt_late_entries_total")
  private let depth = Meter(label: "knutepunkt_intake_depth")
  private let openAlerts = Meter(label: "knutepunkt_open_alerts")
  private let alarmsUndispatched = Meter(label: "knutepunkt_alarms_undispatched_total")
  private let dispatched = Meter(label: "knutepunkt_alert_changes_dispatched_total")
  private let durable = Meter(label: "knutepunkt_durable_sequence")
  private let commits = Meter(label: "knutepunkt_commits_total")
  private let shed = Meter(label: "knutepunkt_shed_entries_total")
  private let storeWriting = Meter(label: "knutepunkt_store_writing")
  private let realtime = Meter(label: "knutepunkt_core_realtime")
  private let memoryLocked = Meter(label: "knutepunkt_memory_locked")
  private let listeners = Meter(label: "knutepunkt_listeners")

  func update(from machinery: CoreMachinery) {
    let vitals = machinery.core.vitals
    processed.set(vitals.processed.load(ordering: .relaxed))
    observations.set(vitals.observations.load(ordering: .relaxed))
    late.set(vitals.late.load(ordering: .relaxed))
    depth.set(machinery.intake.depth)
    openAlerts.set(vitals.openAlerts.load(ordering: .relaxed))
    alarmsUndispatched.set(vitals.alarmsUndispatched.load(ordering: .relaxed))
    dispatched.set(machinery.dispatch.dispatched.load(ordering: .relaxed))
    durable.set(machinery.durable.sequence)
    commits.set(machinery.writer.commits.load(ordering: .relaxed))
    shed.set(machinery.writer.shed.load(ordering: .relaxed))
    storeWriting.set(machinery.writer.storeState == .writing ? 1 : 0)
    realtime.set(vitals.isRealtime.load(ordering: .relaxed) ? 1 : 0)
    memoryLocked.set(vitals.memoryLocked.load(ordering: .relaxed) ? 1 : 0)
    listeners.set(machinery.hub.listenerCount)
    updateDecisions(vitals.decisions)
    for link in machinery.links { update(link) }
    if let bluetooth = machinery.bluetooth { update(bluetooth.link.snapshot, refused: bluetooth.frames.refused) }
  }

  private func updateDecisions(_ times: DecisionTimes) {
    for (label, share) in [("0.5", 0.5), ("0.99", 0.99), ("1", 1.0)] {
      Meter(label: "knutepunkt_decision_seconds", dimensions: [("quantile", label)]).set(Double(times.quantile(share) ?? 0) / 1e9)
    }
    Meter(label: "knutepunkt_decision_turns_total").set(times.counts.reduce(0, &+))
  }

  /// No device has a series of its own: a device's number would follow a person through the metrics.
  private func update(_ snapshot: BluetoothSnapshot, refused: [DeviceID: [String: UInt64]]) {
    Meter(label: "knutepunkt_bluetooth_ready").set(snapshot.problem == nil ? 1 : 0)
    Meter(label: "knutepunkt_bluetooth_connections").set(snapshot.connections)
    Meter(label: "knutepunkt_bluetooth_strangers").set(snapshot.strangers)
    Meter(label: "knutepunkt_bluetooth_match_rules").set(snapshot.matchRules)
    Meter(label: "knutepunkt_bluetooth_scan_restarts_total").set(snapshot.scanRestarts)
    Meter(label: "knutepunkt_bluetooth_power_cycles_total").set(snapshot.powerCycles)
    Meter(label: "knutepunkt_bluetooth_connects_total").set(snapshot.devices.reduce(0) { $0 &+ $1.connections })
    Meter(label: "knutepunkt_bluetooth_devices_with_problem").set(snapshot.devices.count { $0.problem != nil })
    var sums: [String: UInt64] = [:]
    for reasons in refused.values { for (reason, count) in reasons { sums[reason, default: 0] &+= count } }
    for (reason, count) in sums {
      Meter(label: "knutepunkt_link_frames_refused_total", dimensions: [("link", BluetoothFrameIntake.linkName), ("reason", reason)])
        .set(count)
    }
  }

  private func update(_ running: RunningLink) {
    let statistics = running.link.statistics
    let dimensions = [("link", running.name)]
    Meter(label: "knutepunkt_link_connected", dimensions: dimensions).set(statistics.state == .live ? 1 : 0)
    Meter(label: "knutepunkt_link_frames_total", dimensions: dimensions).set(statistics.framesReceived)
    Meter(label: "knutepunkt_link_reconnects_total", dimensions: dimensions).set(statistics.reconnects)
    for (reason, count) in running.frames.refused {
      Meter(label: "knutepunkt_link_frames_refused_total", dimensions: dimensions + [("reason", reason)]).set(count)
    }
  }
}
