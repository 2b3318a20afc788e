// Is it alive, is it ready, and one line for people: what `/livez`, `/readyz`, systemd's STATUS= and the banner say.

import Foundation
import Hummingbird
import Journal
import MQTTLink
import Synchronization
import VitalSigns

/// The core role's health. Any thread.
final class Health: Sendable {
  /// A core that has not turned for this long is not live. It turns at least twice a second.
  static let turnAgeMax: Int64 = 2_000_000_000
  /// Alerts whose first delivery was noted; beyond this all are forgotten, and a repeated note changes nothing in the core.
  static let deliveredMax = 4_096

  private let vitals: CoreVitals
  private let writer: JournalWriterThread
  private let clock: HubClock
  private let metricsText: @Sendable () -> String
  private let warnings: [String]
  private let delivered = Mutex<Set<AlertID>>([])

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
    switch writer.storeState {
    case .failing, .emergency: return false
    case .writing, .shedding: return isLive
    }
  }

  func livez() -> Response {
    isLive ? Response.text("ok\n") : Response.text("the core has not turned for 2 s\n", status: .serviceUnavailable)
  }

  func readyz() -> Response {
    if !isLive { return livez() }
    switch writer.storeState {
    case .failing(let reason): return Response.text("the store fails: \(reason)\n", status: .serviceUnavailable)
    case .emergency(let loss): return Response.text("the journal is lost: \(loss.sentence)\n", status: .serviceUnavailable)
    case .writing, .shedding: break
    }
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
    case .emergency(let loss):
      parts.append(
        loss.kind == .behind
          ? "JOURNAL TOO OLD: something that was acknowledged is missing"
          : "JOURNAL LOST: alarms go out" + (loss.isDurable ? ", what comes in is stored apart" : ", nothing is acknowledged"))
    case .failing: parts.append("STORE FAILING: nothing is acknowledged, alarms still go out")
    }
    let registry = service.registry
    let (people, devices) = registry.counts
    parts.append("\(people) \(people == 1 ? "person" : "people"), \(devices) \(devices == 1 ? "device" : "devices")")
    let open = vitals.openAlerts.load(ordering: .relaxed)
    parts.append("\(open) open \(open == 1 ? "alert" : "alerts")")
    for link in service.machinery.links {
      let state = link.link.statistics.state
      if state != .live { parts.append("link \(link.name) is \(state.rawValue)") }
    }
    for (role, state) in roles(of: service).sorted(by: { $0.key < $1.key }) where state == "missing" {
      parts.append("\(role) role missing")
    }
    return parts.joined(separator: ", ")
  }

  /// Which roles are there, as the core sees it: `live`, `connected`, or `missing`. A role that this hub does not need is left out.
  func roles(of service: CoreService) -> [String: String] {
    let configuration = service.machinery.configuration
    var roles = ["core": isLive ? "live" : "standing still"]
    if !configuration.destinations.isEmpty { roles["forward"] = service.hub.hears("forward") ? "connected" : "missing" }
    if configuration.console.listen != nil { roles["console"] = service.hub.hears("console") ? "connected" : "missing" }
    return roles
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
    notes += service.machinery.journalNotes + writer.notes
    let dropped = service.machinery.requests.dropped
    if dropped > 0 { notes.append("\(dropped) records beside the intake were dropped (quarantine, reads): the journal could not keep up") }
    let roles = roles(of: service)
    if roles["forward"] == "missing" {
      notes.append("the forward role is missing: nothing is delivered; systemctl status knutepunkt-forward")
    }
    if roles["console"] == "missing" {
      notes.append("the console role is missing: nurses see no board; systemctl status knutepunkt-console")
    }
    return notes
  }
}
