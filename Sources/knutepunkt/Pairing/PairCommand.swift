// `pair`: an installer connects a Bluetooth device, tries it and gives it to somebody; or a script does it with --yes.

import ArgumentParser
import Foundation
import HubRuntime
import LocalAPI
import VitalSigns

struct PairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pair",
    abstract: "Connect a Bluetooth device: find, pair, try, give to a person.",
    discussion: """
      In a terminal it asks one thing at a time, in the hub's language. Ctrl-C ends it at any moment and closes the hub's \
      window; a device that was paired and not given to anybody is offered again next time.

      Without a terminal: knutepunkt pair --yes --address AA:BB:CC:DD:EE:FF --patient P1. Exit 0: registered; 65: refused \
      by the device or the hub; 69: the hub is not running; 75: not found, or no measurement came, in time; 78: the hub has \
      no Bluetooth.
      """)

  @Option(
    name: .customLong("for"), help: ArgumentHelp("How long to look for devices, 10s to 10m.", valueName: "duration"),
    transform: PairArguments.window) var seconds = 60
  @Flag(help: "Ask nothing: wait for --address, pair and register it.") var yes = false
  @Option(help: "With --yes: the device's Bluetooth address.", transform: PairArguments.address) var address: String?
  @Option(help: "With --yes: the device profile (default: the one that fits best).") var profile: String?
  @Option(help: "With --yes: the person whose it is, e.g. P7.", transform: IdentifierArgument.patient) var patient: String?
  @Option(help: "With --yes: what people call it (default: its model).") var label: String?
  @Option(
    name: .customLong("expected-interval"),
    help: ArgumentHelp(
      "With --yes: longest silence before an alert, e.g. 30h for a device that is used daily (default: what is usual for such a device).",
      valueName: "duration"), transform: PlanFlagText.seconds) var expectedInterval: UInt32?
  @Flag(name: .customLong("no-test"), help: "With --yes: register without waiting for a measurement.") var noTest = false
  @Flag(name: .customLong("accept-comparison"), help: "With --yes: say yes when the device wants numbers to be compared.")
  var acceptComparison = false
  @Flag(help: "With --yes: print one JSON object {device, profile, patient, reading}.") var json = false
  @OptionGroup var installer: InstallerOptions
  @OptionGroup var actor: ActorOptions
  @OptionGroup var core: CoreOptions

  func validate() throws {
    if yes, address == nil { throw ValidationError("--yes needs --address AA:BB:CC:DD:EE:FF.") }
    let needsYes =
      address != nil || profile != nil || patient != nil || label != nil || expectedInterval != nil || noTest || acceptComparison || json
    if !yes, needsYes {
      throw ValidationError(
        "--address, --profile, --patient, --label, --expected-interval, --no-test, --accept-comparison and --json belong to --yes; without it pair asks."
      )
    }
    let characters = EntryLimits.labelCharacters
    if let label, !characters.contains(label.count) {
      throw ValidationError("--label: allowed are \(characters.lowerBound) to \(characters.upperBound) characters.")
    }
  }

  func run() async throws {
    let client = try core.client()
    let texts = try await installer.texts(client)
    if !yes, !Keyboard.isThere {
      throw CommandFailure(code: ExitCodes.usage, texts("ask", "terminal"), hint: texts("ask", "terminalNext"))
    }
    let bluetooth: API.Bluetooth = try await texts.speaking { try await client.get("/v1/bluetooth") }
    try texts.requireBluetooth(bluetooth)
    guard yes, let address else {
      return try await PairConversation(client: client, texts: texts, actor: actor.actor, seconds: seconds).run()
    }
    let run = UnattendedRun(
      client: client, texts: texts, actor: actor.actor, seconds: seconds, profile: profile, patient: patient, label: label,
      interval: expectedInterval)
    let result = try await run.run(
      UnattendedPairing(address: address, waitsForReading: !noTest, acceptsComparison: acceptComparison))
    if json { return try Terminal.printJSON(result) }
    if let reading = result.reading { Terminal.print(texts("pair", "reading", ["reading": reading])) }
    Terminal.print([result.device, result.profile, result.patient].compactMap(\.self).joined(separator: "\t"))
  }
}

enum PairArguments {
  /// Seconds within `EntryLimits.pairingSeconds`.
  static func window(_ text: String) throws -> Int {
    let (seconds, allowed) = (Int(try PlanFlagText.seconds(text)), EntryLimits.pairingSeconds)
    guard allowed.contains(seconds) else {
      let (least, most) = (DurationText.text(.seconds(allowed.lowerBound)), DurationText.text(.seconds(allowed.upperBound)))
      throw ValidationError("\"\(text)\" is not allowed; allowed: \(least) to \(most).")
    }
    return seconds
  }

  /// Six bytes in hex with colons, in capitals.
  static func address(_ text: String) throws -> String {
    let parts = text.uppercased().split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && Hexadecimal.bytes($0.utf8) != nil }) else {
      throw ValidationError("\"\(text)\" is no Bluetooth address; allowed: AA:BB:CC:DD:EE:FF.")
    }
    return text.uppercased()
  }
}
