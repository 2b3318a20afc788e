// `verify`: proves a backup, or a journal file, without restoring it.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies
import VitalSigns

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Prove a backup, or a journal file, without restoring it.",
    discussion: """
      Decrypts, compares every digest, lets SQLite look at every page, follows the access log from its first row, and counts. Changes \
      nothing. Exit codes: 0 it is sound; 65 it is cut, changed or damaged; 66 it cannot be read, or the key does not fit.
      """)

  @Argument(help: ArgumentHelp("A backup, or a journal.sqlite; - is a backup from standard input.", valueName: "file"))
  var file: String
  @OptionGroup var keys: KeyOptions
  @Option(help: ArgumentHelp("Where it is unpacked for a moment, in a folder of its own (default: /var/tmp).", valueName: "folder"))
  var work = "/var/tmp"
  @OptionGroup var output: OutputOptions

  private struct Verdict: Encodable {
    var sound: Bool
    var encrypted: Bool
    var findings: [String]
    var manifest: BackupManifest
  }

  func run() throws {
    let identities = try keys.keys()
    let verdict = try withBackupErrors { () throws(BackupError) in try prove(identities) }
    if output.json {
      try Terminal.printJSON(verdict)
    } else {
      for finding in verdict.findings { Terminal.print(finding) }
      let counts = verdict.manifest.counts
      if verdict.sound {
        Terminal.print("\(file): sound\(verdict.encrypted ? ", encrypted" : "").")
        Terminal.print(
          "  hub \(verdict.manifest.hubID), generation \(verdict.manifest.generation), \(TimeDisplay.local(verdict.manifest.takenAt) ?? verdict.manifest.takenAt)"
        )
        Terminal.print(
          "  \(counts.entries) entries to \(verdict.manifest.lastSequence), \(counts.people) people, \(counts.devices) devices, \(counts.alerts) alerts (\(counts.openAlerts) open)"
        )
        Terminal.print("  \(counts.waitingDeliveries) deliveries wait; the access log is intact, \(counts.accessRows) rows")
      }
    }
    if !verdict.sound {
      throw CommandFailure(
        code: ExitCodes.data, "\(file) is not sound",
        hint: "keep it as it is; a newer or older backup may be; knutepunkt salvage reads what can be read")
    }
  }

  private func prove(_ identities: [AgeIdentity]) throws(BackupError) -> Verdict {
    let now = SystemClock.wall()
    let reading = try BackupReading(path: file, keys: identities)
    if reading.form == .journal {
      let proof = try JournalProof(of: file, program: KnutepunktVersion.current, now: now)
      return Verdict(sound: proof.isSound, encrypted: false, findings: proof.findings, manifest: proof.manifest)
    }
    let folder = try WorkFolder(in: work)
    defer { folder.remove() }
    let path = folder.path + "/journal.sqlite"
    let backup = try reading.unpack(to: path)
    let proof = try JournalProof(of: path, program: KnutepunktVersion.current, now: now, expecting: backup.manifest)
    return Verdict(sound: proof.isSound, encrypted: backup.isEncrypted, findings: proof.findings, manifest: proof.manifest)
  }
}
