// `doctor`: looks at everything that the hub leans on and says what to do about what is wrong. It needs no running hub and changes
// nothing. The target `Doctor` looks; this file only prints.

import ArgumentParser
import Doctor
import HubConfiguration

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look at everything that the hub leans on, and say what to do.",
    discussion: """
      Configuration, profiles, state folder, realtime limits, brokers, system bus, Bluetooth, and a core if one runs. \
      Changes nothing and needs no running hub; with sudo it sees more. One line for each check: ✓ good, ! somebody should \
      know, ✗ a problem, with the next step below it. Exit code 0 without problems, 1 with.
      """)

  /// The exit code when something is wrong with the hub. It is none of sysexits.h, because nothing went wrong in the command
  /// itself.
  static let problemCode: Int32 = 1

  @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config = KnutepunktConfiguration.defaultPath

  @OptionGroup var output: OutputOptions

  private struct Report: Encodable {
    var problems: Int
    var lines: [DoctorLine]
  }

  func run() async throws {
    let lines = await Doctor.examine(configuration: config)
    let problems = lines.filter { $0.state == .problem }.count
    if output.json {
      try Terminal.printJSON(Report(problems: problems, lines: lines))
    } else {
      for line in lines { Self.text(line).forEach(Terminal.print) }
      Terminal.print(Self.summary(lines))
    }
    if problems > 0 { throw CommandFailure(code: Self.problemCode, nil) }
  }

  /// The sign, the word, the area and what was found; below it the next step.
  static func text(_ line: DoctorLine) -> [String] {
    let (sign, style): (String, TextStyle) =
      switch line.state {
      case .ok: ("✓ good   ", .good)
      case .note: ("! note   ", .medium)
      case .problem: ("✗ problem", .high)
      }
    // A finding of several lines (profiles, one a line) stays under its own area.
    let text = line.text.replacing("\n", with: "\n            ")
    let finding = "\(style.applied(to: sign)) \(TextStyle.heading.applied(to: line.area)): \(text)"
    return [finding] + (line.next.map { ["          → \($0)"] } ?? [])
  }

  static func summary(_ lines: [DoctorLine]) -> String {
    let problems = lines.filter { $0.state == .problem }.count
    let notes = lines.filter { $0.state == .note }.count
    let noted = notes == 0 ? "" : notes == 1 ? ", 1 note" : ", \(notes) notes"
    switch problems {
    case 0: return "No problems\(noted)."
    case 1: return "1 problem\(noted)."
    default: return "\(problems) problems\(noted)."
    }
  }
}
