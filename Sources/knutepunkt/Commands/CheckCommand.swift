// `check`: would the hub start with this configuration? Reads everything that `run` reads and changes nothing.

import ArgumentParser
import HubConfiguration
import HubRegistry

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check the configuration and every device profile.",
    discussion: """
      Reads the configuration, the files that it names, and every profile with its signature and self-tests. Prints one \
      line for each finding (file:line:column: what is wrong, and what is allowed). Compares sizes with the journal, where \
      this user may read it. Exit code 0 when the configuration is good, 78 when it is not.
      """)

  @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config = KnutepunktConfiguration.defaultPath

  @Flag(help: ArgumentHelp("Print the reference of all keys as Markdown and check nothing.", visibility: .private))
  var reference = false

  @OptionGroup var output: OutputOptions

  private struct Verdict: Encodable {
    var usable: Bool
    var warnings: [String]
    var profiles: [String]
    var selfTests: Int
  }

  func run() throws {
    if reference { return Terminal.print(ConfigurationReference.markdown) }
    let configuration = try KnutepunktConfiguration.load(path: config, checkingFiles: true)
    let profiles: [(id: String, version: String, selfTests: Int)]
    do {
      profiles = try configuration.loadProfiles()
    } catch {
      throw CommandFailure(
        code: ExitCodes.configuration, error.description,
        hint: "DeviceProfiles/README.md explains the grammar; knutepunkt profile check FOLDER checks profiles alone")
    }
    if let room = RegisteredRoom(journal: configuration.hub.journalPath) {
      let problems = room.problems(configuration.realtime)
      if !problems.isEmpty {
        throw CommandFailure(
          code: ExitCodes.configuration, problems.map { "\(config): \($0)" }.joined(separator: "\n"),
          hint: "raise it; a hub that starts so makes the room by itself and says so, but nobody should rely on that")
      }
    }
    let tests = profiles.reduce(0) { $0 + $1.selfTests }
    if output.json {
      return try Terminal.printJSON(
        Verdict(
          usable: true, warnings: configuration.warnings.map(\.description), profiles: profiles.map { "\($0.id)@\($0.version)" },
          selfTests: tests))
    }
    for warning in configuration.warnings { Terminal.print(warning.description) }
    let destinations = configuration.destinations.map(\.name).joined(separator: ", ")
    Terminal.print("\(config): good.")
    Terminal.print("  hub \(configuration.hub.name), data controller \(configuration.hub.controller)")
    var links = configuration.mqttLinks.map { "\($0.name) (\($0.host):\($0.port))" }
    if let bluetooth = configuration.bluetooth { links.append("Bluetooth (\(bluetooth.adapter ?? "any adapter"))") }
    Terminal.print("  links: \(links.isEmpty ? "none" : links.joined(separator: ", "))")
    Terminal.print("  destinations: \(destinations.isEmpty ? "none" : destinations)")
    Terminal.print("  \(profiles.count) profiles loaded, \(tests) self-tests passed")
  }
}
