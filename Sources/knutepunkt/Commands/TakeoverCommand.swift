// `knutepunkt takeover`: a hub whose place another has taken is to go on after all. It begins a generation above the other's, so that the other
// stands down when it hears of it.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies

struct TakeoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "takeover", abstract: "Take a hub back into use that another hub with its identity has replaced.",
    discussion: """
      Stop both hubs first, and keep the other one off. What it took in meanwhile is not in this journal, and this hub will say so. \
      Whoever is started of the two after this command is this one: the other stands down when it hears of it.
      """)

  @Option(help: ArgumentHelp("The hub's configuration.", valueName: "file")) var config = KnutepunktConfiguration.defaultPath
  @Option(help: "Why, for the access log.") var reason: String
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions

  private struct Done: Encodable {
    var generation: Int
    var journal: String
  }

  func run() throws {
    let configuration = try KnutepunktConfiguration.load(path: config)
    let (state, journal) = (configuration.hub.statePath, configuration.hub.journalPath)
    guard let mark = ReplacedMark.read(in: state) else {
      throw CommandFailure(
        code: ExitCodes.data, "no other hub has taken the place of the one in \(state)",
        hint: "knutepunkt status shows what is wrong with a hub")
    }
    guard FileManager.default.fileExists(atPath: journal) else {
      throw CommandFailure(code: ExitCodes.data, "there is no journal: \(journal)", hint: "restore a backup")
    }
    let act = JournalRestore.Act(
      actor: actor.actor, reason: reason, now: SystemClock.wall(), program: KnutepunktVersion.current)
    let generation = try withBackupErrors { () throws(BackupError) in
      try JournalTakeover(journal: journal, controller: configuration.hub.controller).run(act, above: mark.by, since: mark.noticed)
    }
    ReplacedMark.remove(in: state)
    if output.json { return try Terminal.printJSON(Done(generation: generation, journal: journal)) }
    Terminal.print("\(journal) is generation \(generation) now.")
    Terminal.print("Next: systemctl start knutepunkt.target; knutepunkt status. The other hub must not run again.")
  }
}
