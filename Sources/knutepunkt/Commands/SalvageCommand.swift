// `salvage`: what can be read of a damaged journal, in a new one.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies
import VitalSigns

struct SalvageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "salvage", abstract: "Read what can be read of a damaged journal into a new one.",
    discussion: """
      The damaged file stays as it is. The new one begins a new generation, as after a restore, because numbers may be among what is lost. \
      A backup of last night may hold more: compare before you choose. Exit code 0 when there is a new journal, whole or not.
      """)

  @Argument(help: ArgumentHelp("The damaged journal.", valueName: "old")) var old: String
  @Argument(help: ArgumentHelp("The journal that is made; it must not exist.", valueName: "new")) var new: String
  @Option(help: ArgumentHelp("The hub's configuration.", valueName: "file")) var config = KnutepunktConfiguration.defaultPath
  @Option(help: "Why, for the access log.") var reason = "the journal is damaged"
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let configuration = try KnutepunktConfiguration.load(path: config)
    let act = JournalRestore.Act(
      actor: actor.actor, reason: reason, now: SystemClock.wall(), program: KnutepunktVersion.current)
    let report = try withBackupErrors { () throws(BackupError) in
      try JournalSalvage(old: old, new: new, controller: configuration.hub.controller).run(act)
    }
    if output.json { return try Terminal.printJSON(report) }
    var table = Table(["Table", "Rows", "Refused", "Missing"], whenEmpty: "The journal has no tables.")
    for part in report.tables {
      let lost = part.lost.prefix(3).map { $0.first == $0.last ? "\($0.first)" : "\($0.first)–\($0.last)" }.joined(separator: ", ")
      let more = part.lost.count > 3 ? " and \(part.lost.count - 3) more" : ""
      let missing = part.isWhole ? "" : lost.isEmpty ? "some" : lost + more
      table.rows.append([
        Cell(part.name), Cell("\(part.rows)"), Cell(part.refused == 0 ? "" : "\(part.refused)", .medium), Cell(missing, .medium),
      ])
    }
    table.print()
    Terminal.print("\(new): \(report.sentence); generation \(report.generation).")
    if report.entriesLeftOut > 0 {
      Terminal.print("\(report.entriesLeftOut) entries had lost their content; they stand in the journal as gaps.")
    }
    if report.deliveriesLeftOut > 0 { Terminal.print("\(report.deliveriesLeftOut) deliveries of what is lost will not go out.") }
    if report.alertsRebuilt > 0 { Terminal.print("\(report.alertsRebuilt) alerts were made again from their transitions.") }
    if !report.isSameHub { Terminal.print("The hub's id could not be read: to others this is another hub.") }
  }
}
