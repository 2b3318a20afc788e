// Is it alive, is it ready, and one line for people: what `/livez`, `/readyz`, systemd's STATUS= and the banner say.

import Foundation
import Hummingbird
import MQTTLink
import Synchronization
import VitalSigns

/// The core role's health. Any thread.
final class Health: Sendable {
  /// A core that has not turned for this long is not live. It turns at least twice a second.
  static let turnAgeMax: Int64 = 2_000_000_000
  /// Alerts whose first delivery was noted; beyond this the oldest half is forgotten, and a repeated note is refused by the core.
  static let deliveredMax = 4_096

  private let vitals: CoreVitals
  private let writer: JournalWriterThread
  private let clock: HubClock
  private let metricsText: @Sendable () -> String
  private let warnings: [String]
  private let delivered = Mutex<Set<AlertID>>([])
  /// Where something missing is only known here: names of users that do not exist, and the like.

  init(
    vitals: CoreVitals, writer: JournalWriterThread, clock: HubClock, warnings: [String], metricsText: @escaping @Sendable () -> String
  ) {
    self.vitals = vitals
    self.writer = writer
    self.clock = clock
    self.warnings = warnings
    self.metricsText = metricsText
  }

  /// The core turns and decides.
  var isLive: Bool {
    clock.now().rawValue - vitals.lastTurn.load(ordering: .relaxed) < Self.turnAgeMax
  }

  /// The core decides and the store takes what must not be lost.
  var isReady: Bool {
    if case .failing = writer.storeState { return false }
    return isLive
  }

  func livez() -> Response {
    isLive ? Response.text("ok\n") : Response.text("the core has not turned for 2 s\n", status: .serviceUnavailable)
  }

  func readyz() -> Response {
    if !isLive { return livez() }
    if case .failing(let reason) = writer.storeState { return Response.text("the store fails: \(reason)\n", status: .serviceUnavailable) }
    return Response.text("ready\n")
  }

  func metrics() -> Response { Response.text(metricsText(), type: "text/plain; version=0.0.4; charset=utf-8") }

  /// Whether this alert's delivery has not been noted in this run.
  func isFirstDelivery(of alert: AlertID) -> Bool {
    delivered.withLock { known in
      if known.count >= Self.deliveredMax { known.removeAll() }
      return known.insert(alert).inserted
    }
  }

  // MARK: For people

  /// One line, without personal data.
  func summary(of service: CoreService) -> String {
    var parts: [String] = []
    parts.append(isLive ? "live" : "NOT LIVE: the core stands still")
    switch writer.storeState {
    case .writing: break
    case .shedding: parts.append("DISK FULL: alarms are stored, routine values only counted")
    case .failing: parts.append("STORE FAILING: nothing is acknowledged, alarms still go out")
    }
    let registry = service.registry
    parts.append("\(registry.patients.count { $0.ended == nil }) people, \(registry.devices.count { !$0.removed }) devices")
    let open = vitals.openAlerts.load(ordering: .relaxed)
    parts.append("\(open) open \(open == 1 ? "alert" : "alerts")")
    for link in service.machinery.links {
      let state = link.link.statistics.state
      if state != .live { parts.append("link \(link.name) is \(state.rawValue)") }
    }
    return parts.joined(separator: ", ")
  }

  /// Who listens: the core cannot see the other roles, only how many listen to it.
  func roles(listeners: Int) -> [String: String] {
    ["core": isLive ? "live" : "standing still", "listeners": "\(listeners)"]
  }

  /// What somebody should know and need not act on at once.
  func notes(of service: CoreService) -> [String] {
    var notes = warnings
    let configuration = service.machinery.configuration
    if configuration.realtime.scheduler == .fifo, !vitals.isRealtime.load(ordering: .relaxed) {
      notes.append("the core runs under ordinary scheduling: LimitRTPRIO is missing or too low")
    }
    if configuration.realtime.locksMemory, !vitals.memoryLocked.load(ordering: .relaxed) {
      notes.append("memory is not locked: LimitMEMLOCK is missing or too low")
    }
    let dropped = service.machinery.requests.dropped
    if dropped > 0 { notes.append("\(dropped) records beside the intake were dropped (quarantine, reads): the journal could not keep up") }
    if service.machinery.hub.listenerCount == 0 { notes.append("nobody listens: neither the forward nor the console role is connected") }
    return notes
  }
}
