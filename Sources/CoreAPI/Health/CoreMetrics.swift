// The core role's numbers for Prometheus, copied from the parts' own counters when somebody asks. Nothing on the hot path
// counts twice.

import BluetoothLink
import DeviceIntake
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
package import LocalAPI
import MQTTLink
import Metrics
import Synchronization
import VitalSigns

/// The gauges of the core role. Any thread.
package struct CoreMetrics: Sendable {
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

  package init() {}

  /// Reads the journal. Never on an event loop.
  package func update(from parts: CoreParts, problems: [API.Problem]) {
    update(problems: problems)
    updateAlerts(parts)
    updateOutbox(parts)
    updateRegistry(parts)
    Meter(label: "knutepunkt_build_info", dimensions: [("version", KnutepunktVersion.current)]).set(1)
    Meter(label: "knutepunkt_start_time_seconds").set(Double(parts.startedAt.rawValue) / 1_000)
    let vitals = parts.pipeline.core.vitals
    processed.set(vitals.processed.load(ordering: .relaxed))
    observations.set(vitals.observations.load(ordering: .relaxed))
    late.set(vitals.late.load(ordering: .relaxed))
    depth.set(parts.intake.depth)
    openAlerts.set(vitals.openAlerts.load(ordering: .relaxed))
    alarmsUndispatched.set(vitals.alarmsUndispatched.load(ordering: .relaxed))
    dispatched.set(parts.dispatch.dispatched.load(ordering: .relaxed))
    durable.set(parts.pipeline.durable.sequence)
    commits.set(parts.pipeline.writer.commits.load(ordering: .relaxed))
    shed.set(parts.pipeline.writer.shed.load(ordering: .relaxed))
    storeWriting.set(parts.pipeline.writer.storeState == .writing ? 1 : 0)
    realtime.set(vitals.isRealtime.load(ordering: .relaxed) ? 1 : 0)
    memoryLocked.set(vitals.memoryLocked.load(ordering: .relaxed) ? 1 : 0)
    listeners.set(parts.hub.listenerCount)
    updateDecisions(vitals.decisions)
    for link in parts.links.mqtt { update(link) }
    if let bluetooth = parts.links.bluetooth { update(bluetooth.link.snapshot, refused: bluetooth.frames.refused) }
  }

  /// Writes 1 for each kind of problem that holds now. Every kind has its series, so that an alert rule never looks at nothing.
  private func update(problems: [API.Problem]) {
    for kind in API.Problem.Kind.allCases where Self.isOfHub(kind) {
      Meter(label: "knutepunkt_problem", dimensions: [("kind", kind.key)]).set(problems.count { $0.kind == .known(kind) })
    }
    Meter(label: "knutepunkt_ready").set(problems.contains(where: \.isGrave) ? 0 : 1)
  }

  /// Alerts about people are no problems of the hub.
  private static func isOfHub(_ kind: API.Problem.Kind) -> Bool {
    if case .rule(let rule) = kind { rule.isOfHub || rule == .bondLost } else { true }
  }

  /// Those that nobody has taken, and how long the oldest waits: what a night is judged by.
  private func updateAlerts(_ parts: CoreParts) {
    guard let waiting = try? parts.reader.waitingAlerts() else { return }
    Meter(label: "knutepunkt_alerts_unacknowledged").set(waiting.count)
    Meter(label: "knutepunkt_alerts_unacknowledged_oldest_age_seconds").set(age(waiting.oldest, parts))
  }

  private func updateOutbox(_ parts: CoreParts) {
    guard let rows = try? parts.reader.outboxStatus() else { return }
    for settings in parts.configuration.destinations {
      guard let row = rows.first(where: { $0.destination == stableNumber(of: settings.name) }) else { continue }
      let destination = ("destination", settings.name)
      for (lane, pending) in [("alarm", row.pendingAlarms), ("routine", row.pendingRoutine)] {
        Meter(label: "knutepunkt_outbox_pending", dimensions: [destination, ("lane", lane)]).set(pending)
      }
      Meter(label: "knutepunkt_outbox_oldest_age_seconds", dimensions: [destination]).set(age(row.oldestPending, parts))
      Meter(label: "knutepunkt_outbox_dead_letters", dimensions: [destination]).set(row.deadLetters)
      Meter(label: "knutepunkt_outbox_delivered_total", dimensions: [destination]).set(row.counts.values.reduce(0) { $0 + $1.delivered })
    }
  }

  private func updateRegistry(_ parts: CoreParts) {
    let now = parts.clock.wall()
    let devices = parts.registry.devices.filter { !$0.removed }
    let silent = devices.count {
      let interval = $0.liveness.expectedIntervalSeconds
      return interval > 0 && $0.lastSeen != .unknown && now > $0.lastSeen.adding(milliseconds: Int64(interval) * 1_000)
    }
    Meter(label: "knutepunkt_patients").set(parts.registry.patients.count { $0.ended == nil })
    Meter(label: "knutepunkt_devices").set(devices.count)
    Meter(label: "knutepunkt_devices_silent").set(silent)
    Meter(label: "knutepunkt_devices_never_heard").set(devices.count { $0.lastSeen == .unknown })
    Meter(label: "knutepunkt_devices_without_interval").set(devices.count { $0.liveness.expectedIntervalSeconds == 0 })
    for role in API.Role.allCases {
      let hears = parts.hub.hears(role, at: parts.clock.now())
      Meter(label: "knutepunkt_role_connected", dimensions: [("role", role.key)]).set(hears ? 1 : 0)
    }
    Meter(label: "knutepunkt_records_dropped_total").set(parts.pipeline.requests.dropped)
  }

  private func age(_ since: WallTime?, _ parts: CoreParts) -> Double {
    since.map { max(0, Double(parts.clock.wall().rawValue - $0.rawValue) / 1_000) } ?? 0
  }

  private func updateDecisions(_ times: DecisionTimes) {
    for (label, share) in [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)] {
      Meter(label: "knutepunkt_decision_\(label)_seconds").set(Double(times.quantile(share) ?? 0) / 1e9)
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
    Meter(label: "knutepunkt_link_connected", dimensions: dimensions).set(
      statistics.state == .live && statistics.problem?.deafensLiveLink != true ? 1 : 0)
    Meter(label: "knutepunkt_link_frames_total", dimensions: dimensions).set(statistics.framesReceived)
    Meter(label: "knutepunkt_link_reconnects_total", dimensions: dimensions).set(statistics.reconnects)
    for (reason, count) in running.frames.refused {
      Meter(label: "knutepunkt_link_frames_refused_total", dimensions: dimensions + [("reason", reason)]).set(count)
    }
  }
}

extension CoreMetrics {
  /// A sentence for each metric of the core role.
  package static let help: [String: String] = [
    "knutepunkt_intake_entries_total": "Entries that the core has processed since its start.",
    "knutepunkt_observations_total": "Observations that the core has processed since its start.",
    "knutepunkt_late_entries_total": "Entries that came too late to raise a live alarm.",
    "knutepunkt_intake_depth": "Entries that wait for the core.",
    "knutepunkt_open_alerts": "Alerts that are open, suspicions included.",
    "knutepunkt_alarms_undispatched_total": "Alert changes that found the dispatch queue full; must stay 0.",
    "knutepunkt_alert_changes_dispatched_total": "Alert changes told to listeners since the start.",
    "knutepunkt_durable_sequence": "Newest entry that is in a committed transaction.",
    "knutepunkt_commits_total": "Transactions of the journal since the start.",
    "knutepunkt_shed_entries_total": "Routine entries that were counted and not stored, because the disk was full.",
    "knutepunkt_store_writing": "1 when the store takes everything.",
    "knutepunkt_core_realtime": "1 when the core runs under SCHED_FIFO.",
    "knutepunkt_memory_locked": "1 when the process's memory is locked.",
    "knutepunkt_listeners": "Connections that listen to events.",
    "knutepunkt_decision_p50_seconds": "Half of the decisions took at most this long, from the bytes to the decision.",
    "knutepunkt_decision_p99_seconds": "99 of 100 decisions took at most this long.",
    "knutepunkt_decision_longest_seconds": "Bound of the slowest decision since the start.",
    "knutepunkt_decision_turns_total": "Decisions that were timed.",
    "knutepunkt_bluetooth_ready": "1 when the Bluetooth adapter works.",
    "knutepunkt_bluetooth_connections": "Connections of the adapter now, those of other programs included.",
    "knutepunkt_bluetooth_strangers": "Unknown devices nearby.",
    "knutepunkt_bluetooth_match_rules": "Match rules that the hub holds at the system bus.",
    "knutepunkt_bluetooth_scan_restarts_total": "Times that scanning was started anew because nothing was heard.",
    "knutepunkt_bluetooth_power_cycles_total": "Times that the adapter was switched off and on.",
    "knutepunkt_bluetooth_connects_total": "Connections made to registered devices.",
    "knutepunkt_bluetooth_devices_with_problem": "Registered devices that need a person.",
    "knutepunkt_link_connected": "1 when the link to this broker is live.",
    "knutepunkt_link_frames_total": "Messages received from this broker.",
    "knutepunkt_link_reconnects_total": "Connects after the first.",
    "knutepunkt_link_frames_refused_total": "Messages that could not be used, by reason.",
    "knutepunkt_problem": "How many things of this kind do not work now.",
    "knutepunkt_ready": "1 when alarms can come in, are decided, can leave and are kept.",
    "knutepunkt_alerts_unacknowledged": "Open alerts that nobody has taken.",
    "knutepunkt_alerts_unacknowledged_oldest_age_seconds": "How long the oldest alert that nobody has taken waits.",
    "knutepunkt_outbox_pending": "Deliveries that wait for this destination, by lane.",
    "knutepunkt_outbox_oldest_age_seconds": "How long the oldest delivery waits for this destination.",
    "knutepunkt_outbox_dead_letters": "Deliveries that this destination refused for good.",
    "knutepunkt_outbox_delivered_total": "Deliveries that this destination has taken, ever.",
    "knutepunkt_patients": "People whom this hub looks after.",
    "knutepunkt_devices": "Registered devices.",
    "knutepunkt_devices_silent": "Devices that have been silent for longer than their interval.",
    "knutepunkt_devices_never_heard": "Devices that were never heard.",
    "knutepunkt_devices_without_interval": "Devices whose silence nobody is told of.",
    "knutepunkt_role_connected": "1 when this role listens to the core.",
    "knutepunkt_records_dropped_total": "Records beside the intake (access log, quarantine) that the journal could not take.",
    "knutepunkt_build_info": "Always 1; the label tells the version.",
    "knutepunkt_start_time_seconds": "When the core started, seconds since 1970.",
  ]
}
