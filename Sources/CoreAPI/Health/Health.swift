// Is it alive, is it ready, and one line for people: what `/livez`, `/readyz`, systemd's STATUS= and the banner say.

import Foundation
import HubConfiguration
package import HubCore
import HubRegistry
import HubRuntime
package import Hummingbird
package import LocalAPI
import NIOPosix
import Observability
import Synchronization
import VitalSigns

/// The core role's health. Any thread.
package final class Health: Sendable {
  /// A core that has not turned for this long is not live. It turns at least twice a second.
  static let turnAgeMax: Int64 = 2_000_000_000
  /// Alerts whose first delivery was noted. Beyond this number all are forgotten: a repeated note changes nothing in the core.
  static let deliveredMax = 4_096

  private let vitals: CoreVitals
  private let clock: HubClock
  private let hub: HubProblems
  private let metricsText: @Sendable ([API.Problem]) -> String
  private let warnings: [String]
  private let delivered = Mutex<Set<AlertID>>([])

  package init(
    vitals: CoreVitals, clock: HubClock, hub: HubProblems, warnings: [String], metricsText: @escaping @Sendable ([API.Problem]) -> String
  ) {
    self.vitals = vitals
    self.clock = clock
    self.hub = hub
    self.warnings = warnings
    self.metricsText = metricsText
  }

  /// Whether the core turns and decides.
  package var isLive: Bool {
    clock.now().rawValue - vitals.lastTurn.load(ordering: .relaxed) < Self.turnAgeMax
  }

  /// What does not work now, gravest first.
  package var problems: [API.Problem] { hub.now(isLive: isLive) }

  /// How the hub's own clock is kept, in one line.
  package var clockLine: String { hub.clockLine }

  /// Whether alarms can come in, are decided, can leave, and are kept.
  package var isReady: Bool { !problems.contains(where: \.isGrave) }

  /// Once a pulse: looks at what the hub leans on, and tells the core what is gone.
  package func look() { hub.look() }

  package func livez() -> Response {
    isLive ? Response.text("ok\n") : Response.text("the core has not turned for 2 s\n", status: .serviceUnavailable)
  }

  /// 200 `ready`, then what is wrong and not grave; or 503 and the reasons, one a line, gravest first. For machines that watch
  /// machines: no detail that an outsider could use.
  package func readyz() -> Response {
    let problems = problems
    let lines = problems.map { $0.words(now: clock.wall()) }
    if problems.contains(where: \.isGrave) {
      return Response.text(lines.map { $0 + "\n" }.joined(), status: .serviceUnavailable)
    }
    return Response.text((["ready"] + lines).map { $0 + "\n" }.joined())
  }

  /// The metrics. Reads the journal on a thread that may wait.
  package func metrics() async throws -> Response {
    let (problems, metricsText) = (problems, metricsText)
    let text = try await NIOThreadPool.singleton.runIfActive { metricsText(problems) }
    return Response.text(text, type: MetricsRegistry.contentType)
  }

  /// Whether this alert's delivery has not been noted in this run.
  func isFirstDelivery(of alert: AlertID) -> Bool {
    delivered.withLock { known in
      if known.count >= Self.deliveredMax { known.removeAll() }
      return known.insert(alert).inserted
    }
  }

  /// The delivery could not be told to the core, so the next one counts as the first again.
  func forgetDelivery(of alert: AlertID) { delivered.withLock { _ = $0.remove(alert) } }

  // MARK: For people

  /// One line, without personal data.
  package func summary(of service: CoreService) -> String { summary(of: service, problems) }

  package func summary(of service: CoreService, _ problems: [API.Problem]) -> String {
    var parts: [String] = []
    parts.append(isLive ? (problems.contains(where: \.isGrave) ? "live, NOT READY" : "live") : "NOT LIVE: the core stands still")
    for problem in problems where problem.kind != .known(.coreStill) || isLive { parts.append(problem.words(now: clock.wall())) }
    let registry = service.registry
    let (people, devices) = registry.counts
    parts.append("\(people) \(people == 1 ? "person" : "people"), \(devices) \(devices == 1 ? "device" : "devices")")
    let open = vitals.openAlerts.load(ordering: .relaxed)
    parts.append("\(open) open \(open == 1 ? "alert" : "alerts")")
    return parts.joined(separator: ", ")
  }

  /// Which roles are there, as the core sees it. A role that this hub does not need is left out.
  package func roles(of service: CoreService) -> [String: API.Word<API.Status.Presence>] {
    let configuration = service.parts.configuration
    var roles: [String: API.Status.Presence] = ["core": isLive ? .live : .standingStill]
    if !configuration.destinations.isEmpty { roles[API.Role.forward.key] = presence(.forward, service.hub) }
    if configuration.console.listen != nil { roles[API.Role.console.key] = presence(.console, service.hub) }
    return roles.mapValues { .known($0) }
  }

  private func presence(_ role: API.Role, _ hub: EventHub) -> API.Status.Presence {
    if hub.hears(role, at: clock.now()) { return .connected }
    return hub.isConnected(role) ? .noSignOfLife : .missing
  }

  /// What somebody should know and need not act on at once.
  package func notes(of service: CoreService) -> [String] {
    var notes = warnings
    let configuration = service.parts.configuration
    if configuration.realtime.scheduler == .fifo, !vitals.isRealtime.load(ordering: .relaxed) {
      notes.append("the core runs under ordinary scheduling: LimitRTPRIO is missing or too low")
    }
    if configuration.realtime.locksMemory, !vitals.memoryLocked.load(ordering: .relaxed) {
      notes.append("memory is not locked: LimitMEMLOCK is missing or too low")
    }
    notes += service.parts.notes + service.parts.pipeline.writer.notes
    let dropped = service.parts.pipeline.requests.dropped
    if dropped > 0 { notes.append("\(dropped) records beside the intake were dropped (quarantine, reads): the journal could not keep up") }
    return notes
  }
}
