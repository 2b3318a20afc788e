// `backup`, `verify` and `restore`: copies of the journal that leave the machine, and come back. They work on files, and need no running
// hub; `backup` may run beside one. What they do is in the target JournalCopies; docs/backup.md is the way through.

import ArgumentParser
import Foundation
import HubConfiguration
import HubRuntime
import JournalCopies
import VitalSigns

extension CommandFailure {
  init(_ error: BackupError) {
    let code =
      switch error.kind {
      case .data: ExitCodes.data
      case .input: ExitCodes.noInput
      case .temporary: ExitCodes.temporary
      case .fault: ExitCodes.fault
      }
    self.init(code: code, error.description, hint: error.nextStep)
  }
}

/// Runs `body` and gives its errors the command line's form.
func withBackupErrors<Result>(_ body: () throws(BackupError) -> Result) throws(CommandFailure) -> Result {
  do { return try body() } catch { throw CommandFailure(error) }
}

/// The secret keys that open a backup.
struct KeyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A file with the secret key, AGE-SECRET-KEY-1…; may be repeated.", valueName: "file"))
  var key: [String] = []

  func keys() throws -> [AgeIdentity] {
    var keys: [AgeIdentity] = []
    for path in key {
      let bytes: [UInt8]
      do { bytes = try BoundedFile.read(path, bytesMax: 1 << 20) } catch {
        throw CommandFailure(code: ExitCodes.noInput, "the key file \(path) \(error.reason)")
      }
      keys += try withBackupErrors { () throws(BackupError) in try AgeIdentity.keys(in: String(decoding: bytes, as: UTF8.self)) }
    }
    return keys
  }
}

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the journal while the hub runs, encrypted.",
    discussion: """
      Without --to, what the configuration's section `backup` says: that is what knutepunkt-backup.timer runs. With --to one copy to \
      a file, or to standard output (--to -). The copy is an age file (age-encryption.org): `age --decrypt -i KEY FILE | tar x` opens it \
      without knutepunkt, too.
      """,
    subcommands: [Take.self, Keygen.self], defaultSubcommand: Take.self)

  struct Take: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "take", abstract: "Take a backup now.")
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config = KnutepunktConfiguration.defaultPath
    @Option(help: ArgumentHelp("Write one copy here; - is standard output.", valueName: "file"))
    var to: String?
    @Option(help: ArgumentHelp("A public key, age1…, to encrypt to; may be repeated (default: backup.recipients).", valueName: "key"))
    var recipient: [String] = []
    @Flag(help: "Do not encrypt. Everybody who gets the file can read all of it.")
    var unencrypted = false
    @Option(help: ArgumentHelp("Where the copy is made before it is sent (default: the state folder).", valueName: "folder"))
    var work: String?

    func validate() throws {
      if unencrypted, !recipient.isEmpty { throw ValidationError("Give --recipient or --unencrypted, not both.") }
      if unencrypted, to == nil { throw ValidationError("--unencrypted needs --to.") }
    }

    func run() throws {
      let configuration = try KnutepunktConfiguration.load(path: config)
      guard let plan = configuration.backup else {
        if to == nil {
          throw CommandFailure(
            code: ExitCodes.configuration, "\(config): no section `backup`, so there is nowhere to put one",
            hint: "write the section (docs/backup.md), or name a file: knutepunkt backup --to FILE --recipient age1…")
        }
        return try take(configuration, to: to ?? "-", recipients: recipients(nil))
      }
      if let to { return try take(configuration, to: to, recipients: recipients(plan)) }
      try takePlanned(configuration, plan)
    }

    private func recipients(_ plan: KnutepunktConfiguration.BackupSettings?) throws -> [AgeRecipient] {
      if unencrypted { return [] }
      let texts = recipient.isEmpty ? plan?.recipients ?? [] : recipient
      guard !texts.isEmpty else {
        throw CommandFailure(
          code: ExitCodes.usage, "a backup holds people's health data: say whom it is for",
          hint: "--recipient age1… (knutepunkt backup keygen makes a key), or --unencrypted if you mean it")
      }
      return try texts.map { text in
        guard let key = AgeRecipient(text) else { throw CommandFailure(.badKey("\(text) is no public key")) }
        return key
      }
    }

    private func takePlanned(_ configuration: KnutepunktConfiguration, _ plan: KnutepunktConfiguration.BackupSettings) throws {
      let shelf = BackupShelf(folder: plan.folder, hub: configuration.hub.name)
      let now = SystemClock.wall()
      let path = shelf.path(at: now)
      try take(configuration, to: path, recipients: recipients(plan), now: now)
      for old in shelf.thin(keep: plan.keep) { Terminal.print("removed \(old): \(plan.keep) are kept") }
    }

    private func take(
      _ configuration: KnutepunktConfiguration, to path: String, recipients: [AgeRecipient], now: WallTime = SystemClock.wall()
    ) throws {
      if path == "-", Terminal.isInteractive {
        throw CommandFailure(code: ExitCodes.usage, "a backup is no text for a terminal", hint: "--to FILE, or pipe it")
      }
      let line = ProgressLine()
      let backup = JournalBackup(journal: configuration.hub.journalPath, workFolder: work ?? configuration.hub.statePath)
      let manifest = try withBackupErrors { () throws(BackupError) in
        let sink = try FileSink(path: path)
        let manifest = try backup.write(
          to: recipients, program: KnutepunktVersion.current, now: now, sink: { try sink.write($0) }, progress: line.show)
        try sink.finish()
        return manifest
      }
      line.end()
      LastBackup(takenAt: now, path: path).write(in: configuration.hub.statePath)
      Terminal.error(
        "\(path == "-" ? "standard output" : path): the journal of \(TimeDisplay.local(manifest.takenAt) ?? manifest.takenAt), "
          + "\(manifest.counts.entries) entries, \(manifest.counts.people) people, \(manifest.counts.openAlerts) open alerts; "
          + (recipients.isEmpty ? "NOT ENCRYPTED" : "encrypted to \(recipients.map(\.description).joined(separator: ", "))"))
    }
  }

  struct Keygen: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "keygen", abstract: "Make a key pair for backups.",
      discussion: """
        The public half goes into the configuration (backup.recipients). The secret half opens every backup: keep it off the hub, where \
        two people find it. age-keygen makes the same.
        """)
    @Option(name: [.short, .long], help: ArgumentHelp("Write the secret key here (mode 0600); - is standard output.", valueName: "file"))
    var output = "-"

    func run() throws {
      let key = AgeIdentity()
      let text = "# created: \(SystemClock.wall())\n# public key: \(key.recipient)\n\(key.secretText)\n"
      try withBackupErrors { () throws(BackupError) in
        let sink = try FileSink(path: output)
        try sink.write(Array(text.utf8))
        try sink.finish()
      }
      Terminal.error("Public key: \(key.recipient)")
    }
  }
}

/// How far it is: one line that is written over at a terminal, a line for each step elsewhere.
private final class ProgressLine {
  private let isInteractive = isatty(STDERR_FILENO) == 1
  private var shown = -1

  func show(_ progress: BackupProgress) {
    switch progress {
    case .copying(let bytes):
      put("copying \(bytes >> 20) MiB")
    case .sending(let bytes, let of):
      let percent = of == 0 ? 100 : Int(bytes * 100 / of)
      guard percent != shown, isInteractive else { return }
      shown = percent
      put("sending \(percent) % of \(of >> 20) MiB")
    }
  }

  private func put(_ text: String) { Terminal.write(isInteractive ? "\r\u{1B}[K\(text)" : "\(text)\n", to: STDERR_FILENO) }

  func end() { if isInteractive { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) } }
}
