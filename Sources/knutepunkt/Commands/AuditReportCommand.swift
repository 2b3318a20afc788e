// `audit report`: who has seen what is known of a person, in the person's own language.

import ArgumentParser
import LocalAPI

struct AuditReport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Say in plain words who has seen, changed and sent what is known of a person: for the person themselves.",
    discussion:
      "What one account did again and again is one line with a number. Looking is a row of its own. --json gives the rows as they are.")
  @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
  @Option(help: "At most so many rows of the log.") var limit = 10_000
  @OptionGroup var installer: InstallerOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func run() async throws {
    let client = try core.client()
    let texts = try await installer.texts(client)
    let rows: [API.AuditRow] = try await texts.speaking {
      try await client.get("/v1/audit", query: [(name: "limit", value: "\(limit)"), (name: "patient", value: patient)])
    }
    if output.json { return try Terminal.printJSON(rows) }
    if rows.isEmpty { return Terminal.print(texts("access", "empty", ["person": patient])) }
    let report = AccessReport(texts: texts)
    Terminal.print(texts("access", "title", ["person": patient]))
    for line in report.lines(rows) { Terminal.print(Terminal.field(report.text(line))) }
    if rows.count == limit { Terminal.print(texts("access", "cut", ["n": "\(rows.count)"])) }
  }
}
