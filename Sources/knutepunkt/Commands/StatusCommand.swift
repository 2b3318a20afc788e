// `status`: how the hub is, once or live. At a terminal the screen is redrawn every second; elsewhere `--watch` prints one
// line for each change, so that it can be logged.

import ArgumentParser
import Foundation
import HubRuntime
import LocalAPI
import VitalSigns

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "How the hub is: links, alerts, journal, deliveries.",
    discussion: """
      Exit 0 when everything works, 75 when the core answers and something does not work (each such thing is listed, with what to \
      do next), 69 when the core does not answer.
      """)
  @Flag(help: "Go on showing changes until interrupted.") var watch = false
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func run() async throws {
    let client = try core.client()
    guard watch else {
      let status: API.Status = try await client.get("/v1/status")
      if output.json { try Terminal.printJSON(status) } else { StatusText.lines(status).forEach(Terminal.print) }
      if !status.live || status.problems?.isEmpty == false { throw CommandFailure(code: ExitCodes.temporary, nil) }
      return
    }
    if Terminal.isInteractive, !output.json { try await redraw(client) } else { try await follow(client) }
  }

  /// Shows the whole screen once a second. A core that is away is said on the screen, and looked for again.
  private func redraw(_ client: LocalAPIClient) async throws {
    while true {
      var screen: [String]
      do throws(LocalAPIError) {
        let status: API.Status = try await client.get("/v1/status", timeoutSeconds: 5)
        screen = StatusText.lines(status)
        let alerts: [API.Alert] = try await client.get("/v1/alerts", query: [("state", "open"), ("limit", "20")], timeoutSeconds: 5)
        screen += [""] + AlertText.table(alerts.sorted(by: AlertText.isMoreUrgent), whenEmpty: "No alert is open.").lines(interactive: true)
      } catch {
        guard Self.mayPass(error) else { throw error }
        screen = [TextStyle.high.applied(to: error.description), "Looking again every second. Ctrl-C ends."]
      }
      Terminal.redraw(screen)
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// Prints one line for each change. With `--json` each line is one object.
  private func follow(_ client: LocalAPIClient) async throws {
    var last = ""
    while true {
      do {
        for try await event in client.events() {
          switch event {
          case .alert(let alert):
            if output.json { try Terminal.printJSON(alert) } else { Terminal.print(StatusText.line(alert)) }
          case .core(let pulse) where Self.withoutAges(pulse.summary) != last:
            last = Self.withoutAges(pulse.summary)
            if output.json {
              try Terminal.printJSON(pulse)
            } else {
              Terminal.print("\(pulse.at)\tcore\t\(pulse.live ? "live" : "not live")\t\(pulse.summary)")
            }
          default: break
          }
        }
      } catch let error as LocalAPIError {
        guard Self.mayPass(error) else { throw error }
        if last != error.description { Terminal.error(error.description + "; looking again every second") }
        last = error.description
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// The summary without how long something has lasted, which is no change.
  static func withoutAges(_ summary: String) -> String {
    summary.replacing(/\ for \d+ (s|min|h|d)\b( \d+ (s|min|h)\b)?/, with: "")
  }

  /// Whether the error may pass by itself, so that waiting helps.
  private static func mayPass(_ error: LocalAPIError) -> Bool {
    switch error {
    case .notRunning, .noAnswer: true
    case .refused(let status, _): status == 503
    case .notPermitted, .unexpectedAnswer: false
    }
  }
}

enum StatusText {
  static func lines(_ status: API.Status) -> [String] {
    let problems = status.problems ?? []
    let style: TextStyle = !status.live || problems.contains(where: \.isGrave) ? .high : problems.isEmpty ? .good : .medium
    var lines = ["\(TextStyle.heading.applied(to: status.hub)) (\(status.controller)): \(style.applied(to: status.summary))"]
    lines += problems.flatMap(problem)
    lines += [
      "  version     \(status.version), started \(TimeDisplay.age(status.startedAt) ?? status.startedAt), \(status.scheduling.key)\(status.memoryLocked ? ", memory locked" : "")",
      "  registry    \(counted(status.patients, "patient")), \(counted(status.devices, "device"))",
      "  alerts      \(status.openAlerts) open",
      "  intake      \(status.observations) observations, \(status.intakeDepth) waiting\(status.shed > 0 ? ", \(status.shed) shed" : "")",
      "  journal     \(store(status)), \(status.durable) of \(status.sequence) entries durable",
    ]
    if let clock = status.clock { lines.append("  clock       \(clock)") }
    lines += status.links.map { link in
      // A link that tries again and again changes its state each time; since when it is gone stands in the problem.
      let problem = problems.first { $0.kind == .known(.rule(.linkDown)) && $0.name == link.name }
      return "  link        \(link.name): \(self.link(link, problem))"
    }
    lines += status.destinations.map { "  destination \($0.name) (\($0.kind.key)): \(destination($0))" }
    lines += status.roles.sorted { $0.key < $1.key }.map { "  role        \($0.key): \($0.value.key)" }
    lines += status.notes.map { TextStyle.medium.applied(to: "  note        \($0)") }
    return lines
  }

  /// What does not work, what the part itself says, and what to do.
  private static func problem(_ problem: API.Problem) -> [String] {
    let style: TextStyle = problem.isGrave ? .high : .medium
    var lines = [style.applied(to: "  PROBLEM     \(problem.wordsAndDetail(now: SystemClock.wall()))"), "              \(problem.text)"]
    if let next = problem.next { lines.append("              → \(next)") }
    return lines
  }

  /// `time  alert  change  priority  who  text`, tab-separated.
  static func line(_ alert: API.Alert) -> String {
    [alert.changedAt, "alert", alert.change.key, alert.priority.key, alert.patient ?? "-", alert.id, alert.text].map(Terminal.field).joined(
      separator: "\t")
  }

  private static func store(_ status: API.Status) -> String {
    switch status.store {
    case .known(.writing): "writing"
    case .known(.shedding), .known(.emergency), .known(.failing), .unknown:
      TextStyle.high.applied(to: status.store.key) + (status.storeError.map { " (\($0))" } ?? "")
    }
  }

  private static func link(_ link: API.Status.Link, _ problem: API.Problem?) -> String {
    // A refused subscription, or another hub with its client id: connected, and deaf all the same.
    let isConnected =
      switch link.state {
      case .known(.connected): true
      // A state of a newer core is not taken for a good one.
      case .known(.connecting), .known(.waiting), .known(.stopped), .unknown: false
      }
    let isDeaf = isConnected && problem != nil && problem?.isSettling != true
    var text =
      isDeaf
      ? TextStyle.high.applied(to: "connected, but not everything is heard")
      : isConnected ? TextStyle.good.applied(to: link.state.key) : TextStyle.medium.applied(to: "not connected")
    if let since = isConnected && !isDeaf ? link.since : problem?.since ?? link.since {
      text += " since \(TimeDisplay.local(since) ?? since)"
    }
    text += ", \(link.received) received"
    let refused = link.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    if !refused.isEmpty { text += ", refused: \(refused.joined(separator: ", "))" }
    if link.reconnects > 0 { text += ", \(counted(Int(clamping: link.reconnects), "reconnect"))" }
    if !isConnected, let error = link.lastError { text += "; \(error)" }
    return text
  }

  private static func destination(_ destination: API.Status.Destination) -> String {
    var text = "\(destination.delivered) delivered"
    let waiting = destination.pendingAlarms + destination.pendingRoutine
    if waiting > 0 { text += ", \(waiting) waiting (\(counted(destination.pendingAlarms, "alarm")))" }
    if destination.dead > 0 { text += ", " + TextStyle.high.applied(to: counted(destination.dead, "dead letter")) }
    if let health = destination.health, [.known(.failing), .known(.down)].contains(health.state) {
      let since = health.since.flatMap { TimeDisplay.local($0) }.map { " since \($0)" } ?? ""
      text += "; " + TextStyle.high.applied(to: "takes nothing\(since)") + (health.text.map { ": \($0)" } ?? "")
    } else if waiting > 0 || destination.dead > 0, let error = destination.lastError {
      text += "; \(error)"
    }
    return text
  }

  private static func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
