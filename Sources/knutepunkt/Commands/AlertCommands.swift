// `alerts`: what is open, and what people do about it. An alert is named by its id or the beginning of it, as long as
// that fits only one.

import ArgumentParser
import LocalAPI
import VitalSigns

struct AlertsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts", abstract: "Alerts: list, acknowledge, respond, resolve.",
    subcommands: [List.self, Acknowledge.self, Respond.self, Resolve.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List open alerts, the most urgent first.")
    @Flag(help: "Also those that are resolved or cleared, the newest first.") var all = false
    @Option(help: "At most this many.") var limit = 100
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func validate() throws {
      guard EntryLimits.rows.contains(limit) else {
        throw ValidationError("--limit: allowed are \(EntryLimits.rows.lowerBound) to \(EntryLimits.rows.upperBound).")
      }
    }

    func run() async throws {
      let alerts: [API.Alert] = try await core.client().get("/v1/alerts", query: [("state", all ? "all" : "open"), ("limit", "\(limit)")])
      if output.json { return try Terminal.printJSON(alerts) }
      AlertText.table(
        all ? alerts : alerts.sorted(by: AlertText.isMoreUrgent), whenEmpty: all ? "There has been no alert." : "No alert is open."
      ).print()
    }
  }

  struct Acknowledge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "acknowledge", abstract: "Say that you have seen an alert and look after it.")
    @Argument(help: "The alert's id or its beginning.") var alert: String
    @Option(help: "A note.") var comment: String?
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      try await AlertText.act("acknowledge", on: alert, API.ActOnAlert(actor: actor.actor, comment: comment), core, output)
    }
  }

  struct Respond: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "respond", abstract: "Say that somebody is on the way or on the phone.")
    @Argument(help: "The alert's id or its beginning.") var alert: String
    @Option(help: "A note.") var comment: String?
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      try await AlertText.act("respond", on: alert, API.ActOnAlert(actor: actor.actor, comment: comment), core, output)
    }
  }

  struct Resolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resolve", abstract: "Close an alert: what it was, and what was done.")
    @Argument(help: "The alert's id or its beginning.") var alert: String
    @Option(help: "What happened, for the record.") var comment: String
    @Option(help: "The cause, e.g. \"fell in the bathroom\".") var cause: String?
    @Option(help: "The measure, e.g. \"visited, ambulance called\".") var measure: String?
    @Flag(inversion: .prefixedNo, help: "Whether the alert was useful; reported for each rule.") var useful: Bool?
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func validate() throws {
      if comment.allSatisfy(\.isWhitespace) { throw ValidationError("--comment is empty; say what happened.") }
    }

    func run() async throws {
      let action = API.ActOnAlert(actor: actor.actor, comment: comment, cause: cause, measure: measure, useful: useful)
      try await AlertText.act("resolve", on: alert, action, core, output)
    }
  }
}

enum AlertText {
  /// A table in which both a person and a pipe recognise an alert. The first group of the id is enough among some thousands.
  static func table(_ alerts: [API.Alert], whenEmpty: String) -> Table {
    var table = Table(["Id", "Priority", "State", "Level", "Who", "Raised", "Next level", "What"], whenEmpty: whenEmpty)
    for alert in alerts {
      let who = [alert.patient, alert.patientName].compactMap { $0 }.joined(separator: " ")
      table.rows.append([
        Cell(String(alert.id.prefix(8)), plain: alert.id),
        Cell(TextStyle.marked(alert.priority), .priority(alert.priority), plain: alert.priority.key),
        Cell(alert.state.key), Cell("\(alert.level)"), Cell(who.isEmpty ? "the hub" : who), TimeDisplay.cell(alert.raisedAt),
        TimeDisplay.cell(alert.escalatesAt),
        Cell(alert.text),
      ])
    }
    return table
  }

  static func isMoreUrgent(_ a: API.Alert, _ b: API.Alert) -> Bool {
    (place(of: a.priority), b.raisedAt) < (place(of: b.priority), a.raisedAt)
  }

  /// A priority of a newer core stands first, under its own word: it may mean more than any that is known here.
  private static func place(of priority: API.Word<AlertPriority>) -> Int {
    switch priority {
    case .unknown: 0
    case .known(.high): 1
    case .known(.medium): 2
    case .known(.low): 3
    }
  }

  static func act(_ action: String, on text: String, _ body: API.ActOnAlert, _ core: CoreOptions, _ output: OutputOptions) async throws {
    let client = try core.client()
    let id = try await identifier(text, client, onlyOpen: true)
    let alert: API.Alert = try await client.post("/v1/alerts/\(id)/\(action)", body)
    if output.json { return try Terminal.printJSON(alert) }
    Terminal.print("\(alert.id.prefix(8)) is \(alert.state.key): \(alert.text)")
  }

  /// The full id behind an id or its unambiguous beginning.
  static func identifier(_ text: String, _ client: LocalAPIClient, onlyOpen: Bool) async throws -> String {
    let prefix = text.lowercased()
    guard prefix.count >= EntryLimits.alertPrefixCharactersMin, prefix.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
      throw CommandFailure(
        code: ExitCodes.usage, "\"\(text)\" is no alert",
        hint: "an id or at least its first \(EntryLimits.alertPrefixCharactersMin) characters; knutepunkt alerts list shows them")
    }
    if prefix.count == 36 { return prefix }
    let alerts: [API.Alert] = try await client.get(
      "/v1/alerts", query: [("state", onlyOpen ? "open" : "all"), ("limit", "\(EntryLimits.rows.upperBound)")])
    let found = alerts.filter { $0.id.hasPrefix(prefix) }
    switch found.count {
    case 1: return found[0].id
    case 0:
      throw CommandFailure(
        code: ExitCodes.data, "no \(onlyOpen ? "open " : "")alert begins with \(prefix)",
        hint: "knutepunkt alerts list\(onlyOpen ? "" : " --all")")
    default:
      throw CommandFailure(
        code: ExitCodes.data, "\(found.count) alerts begin with \(prefix)",
        hint: "write more of the id: \(found.prefix(4).map { String($0.id.prefix(13)) }.joined(separator: ", "))")
    }
  }
}
