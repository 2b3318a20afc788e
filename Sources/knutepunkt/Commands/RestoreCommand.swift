// `restore`: puts a journal back from a backup, after it said what will happen and was told to go on.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies
import VitalSigns

struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put the journal back from a backup, on this machine or another.",
    discussion: """
      Proves the backup first, and touches nothing until you say yes. The hub goes on as the hub of then: open alerts keep their ids, \
      deadlines go on, deliveries that waited go out. It begins a new generation, so no number that was given since is given again. What \
      came in since is missing, and the hub says so. Never start the original again afterwards.
      """)

  @Argument(help: ArgumentHelp("A backup; - is standard input.", valueName: "file"))
  var file: String
  @OptionGroup var keys: KeyOptions
  @Option(help: ArgumentHelp("The configuration of the hub that is restored.", valueName: "file"))
  var config = KnutepunktConfiguration.defaultPath
  @Option(help: "Why, for the access log.")
  var reason: String
  @OptionGroup var actor: ActorOptions
  @Flag(help: "Move a journal that is there into a folder beside it.")
  var force = false
  @Flag(help: "Ask nothing.")
  var yes = false
  @OptionGroup var output: OutputOptions

  private struct Done: Encodable {
    var generation: Int
    var journal: String
    var movedTo: String?
    var manifest: BackupManifest
  }

  func run() throws {
    let configuration = try KnutepunktConfiguration.load(path: config)
    if !force, FileManager.default.fileExists(atPath: configuration.hub.journalPath) {
      throw CommandFailure(
        code: ExitCodes.data, "there is a journal already: \(configuration.hub.journalPath)",
        hint: "--force moves it into a folder beside it; nothing is deleted")
    }
    let identities = try keys.keys()
    try makeStateFolder(configuration.hub.statePath)
    var restore = JournalRestore(
      journal: configuration.hub.journalPath, runtimeFolder: configuration.hub.runtimePath, controller: configuration.hub.controller)
    // A hub that was replaced, and is restored in its old place, is to outrank the one that replaced it.
    restore.above = ReplacedMark.read(in: configuration.hub.statePath)?.by ?? 0
    let act = JournalRestore.Act(
      actor: actor.actor, reason: reason, now: SystemClock.wall(), program: KnutepunktVersion.current)
    let prepared = try withBackupErrors { () throws(BackupError) in
      try restore.prepare(try BackupReading(path: file, keys: identities), act)
    }
    guard prepared.proof.isSound else {
      restore.giveUp()
      throw CommandFailure(
        code: ExitCodes.data, "the backup is not sound: \(prepared.proof.findings.joined(separator: "; "))",
        hint: "take another one; knutepunkt verify FILE proves it")
    }
    do { try confirm(prepared, configuration) } catch {
      restore.giveUp()
      throw error
    }
    let (generation, moved) = try withBackupErrors { () throws(BackupError) in try restore.finish(prepared, act) }
    if output.json {
      return try Terminal.printJSON(
        Done(generation: generation, journal: configuration.hub.journalPath, movedTo: moved, manifest: prepared.backup.manifest))
    }
    Terminal.print("\(configuration.hub.journalPath) is restored, generation \(generation).")
    if let moved { Terminal.print("The journal that was here lies in \(moved).") }
    Terminal.print("Next: systemctl start knutepunkt.target; knutepunkt status. The original must not run again.")
  }

  /// As systemd makes it at the first start.
  private func makeStateFolder(_ path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
    } catch {
      throw CommandFailure(code: ExitCodes.configuration, "the folder \(path) cannot be made: \(error.localizedDescription)")
    }
  }

  private func confirm(_ prepared: JournalRestore.Prepared, _ configuration: KnutepunktConfiguration) throws {
    let manifest = prepared.backup.manifest
    let taken = TimeDisplay.local(manifest.takenAt) ?? manifest.takenAt
    if yes { return }
    guard isatty(STDIN_FILENO) == 1, file != "-" else {
      throw CommandFailure(
        code: ExitCodes.usage, "nobody can be asked here",
        hint: "--yes restores without a question; knutepunkt verify shows what is in the backup")
    }
    Terminal.error(
      """
      The backup of \(taken) is sound: \(manifest.counts.people) people, \(manifest.counts.devices) devices, \(manifest.counts.openAlerts) open alerts.
      \(prepared.isReplacing ? "The journal that is here now is moved aside. " : "")The hub will be as it was then. What it took in since will be missing, and the hub will say so.
      What the original delivered since may be delivered a second time, under the same ids.
      The original must be off for good: two hubs of one identity would both call people. One that runs at the same broker stands down when
      this one starts, so a trial of a backup must not reach that broker.
      """)
    Terminal.write("Type yes to restore: ", to: STDERR_FILENO)
    guard readLine() == "yes" else { throw CommandFailure(code: ExitCodes.temporary, "nothing was changed") }
  }
}
