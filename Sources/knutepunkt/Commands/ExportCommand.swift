// `export`: records of one person or of all, as lines. Who exported what is in the access log before the first line is printed.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies
import LocalAPI
import VitalSigns

extension ExportKind: ExpressibleByArgument {}

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Print records as NDJSON or CSV: observations, alerts, access-log, registry.",
    discussion: """
      Reads the journal itself, so it needs sudo or the service's user, and works with the hub running or not. Each export is a row of \
      the access log. The columns are described in docs/backup.md.
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument { case ndjson, csv }

  @Argument(help: "What to export.") var kind: ExportKind
  @Option(help: "Only of this person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String?
  @Option(help: ArgumentHelp("Taken in from this day or time on, e.g. 2026-11-01 or 2026-11-01T08:00:00Z.", valueName: "time"))
  var from: String?
  @Option(help: ArgumentHelp("Taken in before this day or time.", valueName: "time")) var to: String?
  @Option(help: "The form of the lines.") var format = Format.ndjson
  @Option(help: ArgumentHelp("Write here (mode 0600); - is standard output.", valueName: "file")) var output = "-"
  @Option(help: "Why, for the access log.") var reason: String
  @OptionGroup var actor: ActorOptions
  @OptionGroup var core: CoreOptions

  func validate() throws {
    for text in [from, to] {
      if let text, Self.time(text) == nil {
        throw ValidationError("\"\(text)\" is no day or time, such as 2026-11-01 or 2026-11-01T08:00:00Z.")
      }
    }
  }

  /// UTC.
  static func time(_ text: String) -> WallTime? {
    WallTime(text: text.utf8.count == 10 ? text + "T00:00:00Z" : text)
  }

  func run() async throws {
    let configuration = try KnutepunktConfiguration.load(path: core.config ?? KnutepunktConfiguration.defaultPath)
    let export = JournalExport(
      kind, patient: patient.flatMap { PatientID(text: $0) }, from: from.flatMap(Self.time), to: to.flatMap(Self.time))
    let detail = [kind.rawValue, from.map { "from \($0)" }, to.map { "to \($0)" }].compactMap { $0 }.joined(separator: " ")
    do {
      let _: API.Done = try await core.client().post(
        "/v1/access/exports", API.RecordExport(patient: patient, what: detail, actor: actor.actor, reason: reason))
    } catch LocalAPIError.notRunning {
      try withBackupErrors { () throws(BackupError) in
        try AccessNote.write(
          journal: configuration.hub.journalPath, controller: configuration.hub.controller, patient: export.patient, action: "export",
          detail: detail,
          JournalRestore.Act(actor: actor.actor, reason: reason, now: SystemClock.wall(), program: KnutepunktVersion.current))
      }
    }
    try withBackupErrors { () throws(BackupError) in try write(export, configuration.hub.journalPath) }
  }

  private func write(_ export: JournalExport, _ journal: String) throws(BackupError) {
    let sink = try FileSink(path: output)
    var waiting: [UInt8] = []
    var names: [String] = []
    func put(_ line: String, end: String) throws(BackupError) {
      waiting += Array((line + end).utf8)
      if waiting.count < 64 << 10 { return }
      try sink.write(waiting)
      waiting.removeAll(keepingCapacity: true)
    }
    try export.rows(of: journal) { row in
      switch format {
      case .ndjson: try put(ExportText.json(row), end: "\n")
      case .csv:
        let columns = row.map(\.name)
        // The registry has four kinds of lines, each with a head of its own.
        if columns != names { try put(ExportText.csv(columns), end: "\r\n") }
        names = columns
        try put(ExportText.csv(row), end: "\r\n")
      }
    }
    try sink.write(waiting)
    try sink.finish()
  }
}
