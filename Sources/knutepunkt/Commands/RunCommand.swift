// `run`: the daemon. This file reads the configuration and hands over to Gateway; everything else happens there.

import ArgumentParser
import Gateway
import HubConfiguration

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run the hub, or one of its roles.",
    discussion: """
      Three processes make a hub: --role core (links, decisions, journal), --role forward (deliveries) and --role console \
      (web pages); systemd runs them as knutepunkt-core, -forward and -console. Without --role all three run in this \
      process, for a trial or a very small board. Ends cleanly on SIGTERM and SIGINT.
      """)

  enum Role: String, CaseIterable, ExpressibleByArgument {
    case core, forward, console
  }

  @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config = KnutepunktConfiguration.defaultPath

  @Option(help: "Only this role.")
  var role: Role?

  func run() async throws {
    let configuration = try KnutepunktConfiguration.load(path: config)
    for warning in configuration.warnings { Terminal.error(warning.description) }
    let gatewayRole: GatewayRole =
      switch role {
      case nil: .all
      case .core: .core
      case .forward: .forward
      case .console: .console
      }
    do {
      try await runGateway(configuration, path: config, role: gatewayRole)
    } catch let error as StartError {
      throw CommandFailure(code: error.exitCode, error.description)
    } catch {
      throw CommandFailure(code: ExitCodes.fault, "the hub cannot run: \(error)", hint: "knutepunkt doctor looks at what it leans on")
    }
  }
}
