// The one executable. Commands/ has a file for each family of commands, and what they share: LocalAPIOptions.swift (where the
// core is) and CommandFailure.swift (how a command fails). Pairing/ is the conversation with an installer. Text/ turns values
// into what people read, and what they type into values. Terminal/ is the screen and the keyboard.

import ArgumentParser
import Foundation
import HubConfiguration
import LocalAPI

@main struct Knutepunkt: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knutepunkt",
    abstract: "An open welfare-technology hub: devices in, NEWS2 and alerts decided, stored, forwarded.",
    discussion: """
      Commands that look at or change a running hub speak to its core over a Unix socket: the one of --socket, else of \
      the environment's KNUTEPUNKT_SOCKET, else of the configuration (--config, default /etc/knutepunkt/knutepunkt.yaml). \
      `score`, `profile`, `check` and `doctor` need no running hub.

      Exit codes: 0 done; 1 doctor found a problem; 64 wrong usage; 65 wrong data, or not possible in this state; 66 input cannot be read; 69 the \
      core is not running; 70 a fault of the program; 75 not now, try again (status: something does not work); 77 not permitted; 78 wrong configuration.

      Shell completion: knutepunkt --generate-completion-script bash > /etc/bash_completion.d/knutepunkt (zsh and fish \
      likewise).
      """,
    version: "knutepunkt \(KnutepunktVersion.current)",
    groupedSubcommands: [
      CommandGroup(name: "The hub", subcommands: [Run.self, Check.self, StatusCommand.self]),
      CommandGroup(
        name: "People and devices",
        subcommands: [PatientCommand.self, PairCommand.self, DeviceCommand.self, PlanCommand.self, Observe.self]),
      CommandGroup(name: "Alerts", subcommands: [AlertsCommand.self, Explain.self, ConsoleCommand.self]),
      CommandGroup(
        name: "Operations",
        subcommands: [DoctorCommand.self, BluetoothCommand.self, OutboxCommand.self, QuarantineCommand.self, AuditCommand.self]),
      CommandGroup(
        name: "Copies of the journal",
        subcommands: [
          BackupCommand.self, VerifyCommand.self, RestoreCommand.self, TakeoverCommand.self, SalvageCommand.self, ExportCommand.self,
        ]),
      CommandGroup(name: "Without a running hub", subcommands: [ScoreCommand.self, ProfileCommand.self, SimulateCommand.self]),
    ])

  static func main() async {
    // A closed pipe (`… | head`) ends a command like any other Unix tool. The daemon ignores the signal by itself.
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      failure.end()
    } catch let error as LocalAPIError {
      CommandFailure(error).end()
    } catch let error as ConfigurationError {
      CommandFailure(error).end()
    } catch {
      exit(withError: error)
    }
  }
}
