// What operations look at: the outbox, the quarantine, the access log, and the console's sign-in links.

import ArgumentParser
import HubRuntime
import LocalAPI

struct OutboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outbox", abstract: "Deliveries to other systems: what waits, what was refused.", subcommands: [List.self, Retry.self],
    defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List deliveries that wait or were refused.")
    enum State: String, CaseIterable, ExpressibleByArgument { case pending, dead, all }
    @Option(help: "Which deliveries.") var state = State.all
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let rows: [API.OutboxRow] = try await core.client().get("/v1/outbox", query: [("state", state.rawValue)])
      if output.json { return try Terminal.printJSON(rows) }
      let empty = state == .dead ? "There are no dead letters." : "Nothing waits: everything is delivered."
      var table = Table(["Id", "Destination", "Lane", "What", "Reference", "State", "Tries", "Since", "Last error"], whenEmpty: empty)
      for row in rows {
        let style: TextStyle =
          switch row.state {
          case .known(.dead): .high
          case .known(.pending), .unknown: row.lastError == nil ? .plain : .medium
          }
        table.rows.append([
          Cell("\(row.id)"), Cell(row.destination), Cell(row.lane.key), Cell(row.kind.key), Cell(row.reference),
          Cell(row.state.key, style), Cell("\(row.attempts)"),
          TimeDisplay.cell(row.createdAt), Cell(row.lastError),
        ])
      }
      table.print()
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "retry", abstract: "Send dead letters again, under the same ids.")
    @Argument(help: "One delivery's id.") var id: Int64?
    @Option(help: "All dead letters of this destination.") var destination: String?
    @Option(help: "Why, for the access log.") var reason: String
    @OptionGroup var actor: ActorOptions
    @OptionGroup var core: CoreOptions

    func validate() throws {
      if (id == nil) == (destination == nil) {
        throw ValidationError("Give one delivery's id, or --destination NAME for all of its dead letters.")
      }
    }

    func run() async throws {
      let done: API.Done = try await core.client().post(
        "/v1/outbox/retry", API.RetryOutbox(id: id, destination: destination, actor: actor.actor, reason: reason))
      Terminal.print(
        "\(id.map { "Delivery \($0) waits" } ?? "Dead letters of \(destination ?? "") wait") to be sent again (entry \(done.sequence)).")
    }
  }
}

struct QuarantineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quarantine", abstract: "Messages that could not be understood.", subcommands: [List.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the latest, with the reason and the first bytes; counts of all.")
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let quarantine: API.Quarantine = try await core.client().get("/v1/quarantine")
      if output.json { return try Terminal.printJSON(quarantine) }
      var table = Table(["When", "Link", "Topic", "Bytes", "Reason", "Begins with (hex)"], whenEmpty: "Nothing is in quarantine.")
      for frame in quarantine.frames {
        table.rows.append([
          TimeDisplay.cell(frame.at), Cell(frame.link), Cell(frame.topic), Cell("\(frame.bytes)"), Cell(frame.reason),
          Cell(String(frame.prefix.prefix(32)), .faint, plain: frame.prefix),
        ])
      }
      table.print()
      if Terminal.isInteractive, !quarantine.counts.isEmpty {
        let counts = quarantine.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        Terminal.print("Since the start: \(counts.joined(separator: ", "))")
      }
    }
  }
}

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "The access log: who saw, changed and sent what.",
    subcommands: [List.self, AuditReport.self, Verify.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List rows of the access log, newest first: what a person may ask to see about themselves.",
      discussion: "Looking is a row of its own.")
    @Option(help: "Only rows about this person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String?
    @Option(help: "At most so many rows.") var limit = 100
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let query = [("limit", "\(limit)")] + (patient.map { [("patient", $0)] } ?? [])
      let rows: [API.AuditRow] = try await core.client().get("/v1/audit", query: query.map { (name: $0.0, value: $0.1) })
      if output.json { return try Terminal.printJSON(rows) }
      var table = Table(["When", "Who", "What", "Person", "Why", "Detail"], whenEmpty: "The access log has no such row.")
      for row in rows {
        table.rows.append([
          Cell(TimeDisplay.local(row.at), plain: row.at), Cell(row.actor), Cell(row.action), Cell(row.patient), Cell(row.purpose),
          Cell(row.detail),
        ])
      }
      table.print()
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Check that no row of the access log was changed or removed (exit 65 if one was).")
    @Option(
      help: ArgumentHelp(
        "Where the log once ended, from the system's log: journalctl MESSAGE_ID=7d5c1f0e2b6a4f3c9e8d4a6b1c2f3e50 shows head=ROWS:HASH.",
        valueName: "rows:hash"))
    var head: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func validate() throws {
      guard let head else { return }
      let parts = head.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, UInt64(parts[0]) != nil, parts[1].count == 64, parts[1].allSatisfy(\.isHexDigit) else {
        throw ValidationError("--head must be ROWS:HASH: a number, a colon and 64 hexadecimal digits")
      }
    }

    func run() async throws {
      let query = head.map { "?head=\($0)" } ?? ""
      // A journal of years is read from the first row to the last. That takes minutes, not seconds.
      let result: API.AuditResult = try await core.client().get("/v1/audit/verify\(query)", timeoutSeconds: 3_600)
      if output.json {
        try Terminal.printJSON(result)
      } else if result.intact {
        Terminal.print("The access log is intact: \(result.rows) rows, last hash \(result.lastHash)")
      }
      if !result.intact {
        throw CommandFailure(
          code: ExitCodes.data,
          "the access log is broken: row \(result.firstBroken ?? 0) of \(result.rows) does not follow from the one before",
          hint: "keep the journal file as it is and tell who is responsible for information security")
      }
    }
  }
}

struct ConsoleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "console", abstract: "The nurses' web console.", subcommands: [Link.self])

  struct Link: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "link", abstract: "Print a one-time link that signs somebody in to the console.")
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let answer: API.ConsoleLinkAnswer = try await core.client().post("/v1/console/links", API.IssueConsoleLink(actor: actor.actor))
      if output.json { return try Terminal.printJSON(answer) }
      Terminal.print(answer.url)
      Terminal.error(
        "Signs in \(actor.actor), once, until \(TimeDisplay.local(answer.expiresAt) ?? answer.expiresAt). Give it to nobody else.")
    }
  }
}
