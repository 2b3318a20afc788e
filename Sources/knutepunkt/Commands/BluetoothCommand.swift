// `bluetooth`: how the adapter and each Bluetooth device are, and the link's last steps for a support case.

import ArgumentParser
import Foundation
import LocalAPI

struct BluetoothCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bluetooth", abstract: "How Bluetooth is: the adapter, each device, and a trace for support.",
    subcommands: [Status.self, Trace.self], defaultSubcommand: Status.self)

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "status", abstract: "The adapter, its connections, and each device's signal, battery and problem.",
      discussion: "Exit 0 when the hub has Bluetooth, 75 when it has none now, 78 when it is not configured.")
    @Flag(help: "Go on showing it until interrupted.") var watch = false
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      let texts = try await installer.texts(client)
      if watch { return try await redraw(client, texts) }
      let bluetooth: API.Bluetooth = try await texts.speaking { try await client.get("/v1/bluetooth") }
      if output.json {
        try Terminal.printJSON(bluetooth)
      } else {
        BluetoothStatusText(texts: texts).lines(bluetooth, interactive: Terminal.isInteractive).forEach(Terminal.print)
      }
      try texts.requireBluetooth(bluetooth)
    }

    /// Shows the whole screen once a second at a terminal; elsewhere the lines, or an object, whenever they change.
    private func redraw(_ client: LocalAPIClient, _ texts: InstallerTexts) async throws {
      let isScreen = Terminal.isInteractive && !output.json
      var last: [String] = []
      while true {
        var screen: [String] = []
        do throws(LocalAPIError) {
          let bluetooth: API.Bluetooth = try await client.get("/v1/bluetooth", timeoutSeconds: 5)
          if output.json {
            try? Terminal.printJSON(bluetooth)
          } else {
            screen = BluetoothStatusText(texts: texts).lines(bluetooth, interactive: Terminal.isInteractive)
            if let reason = bluetooth.reason {
              let problem = texts.adapterProblem(reason)
              screen += [TextStyle.high.applied(to: problem.text), "→ " + problem.next]
            }
          }
        } catch {
          if case .notPermitted = error { throw texts.failure(error) }
          screen = [texts.failure(error).message ?? "", texts("bluetooth", "lookingAgain")]
        }
        if isScreen {
          Terminal.redraw(screen)
        } else if screen != last {
          screen.forEach(Terminal.print)
          last = screen
        }
        try await Task.sleep(for: .seconds(1))
      }
    }
  }

  struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "trace", abstract: "The link's last steps, oldest first, for a support case.",
      discussion: "Holds device ids, operations, lengths and error names; no address, no name and no measured value.")
    @Flag(help: "Go on showing new lines until interrupted.") var follow = false
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      let texts = try await installer.texts(client)
      try await texts.speaking {
        let trace: API.BluetoothTrace = try await client.get("/v1/bluetooth/trace")
        if output.json, !follow { return try Terminal.printJSON(trace) }
        if trace.lines.isEmpty, !output.json { Terminal.error(texts("bluetooth", "traceEmpty")) }
        try print(trace.lines)
        var seen = trace.lines
        while follow {
          try await Task.sleep(for: .seconds(1))
          let later: API.BluetoothTrace = try await client.get("/v1/bluetooth/trace", timeoutSeconds: 5)
          try print(Self.new(later.lines, after: seen))
          seen = later.lines
        }
      }
    }

    private func print(_ lines: [API.BluetoothTrace.Line]) throws {
      for line in lines {
        if output.json { try Terminal.printJSON(line) } else { Terminal.print("\(line.at)\t\(line.who)\t\(line.what)") }
      }
    }

    /// What is new in `lines`. The hub keeps a bounded number of lines, so what is new stands after the longest end of `seen` with
    /// which `lines` still begins. Without such an end every line is new.
    static func new(_ lines: [API.BluetoothTrace.Line], after seen: [API.BluetoothTrace.Line]) -> [API.BluetoothTrace.Line] {
      func isSame(_ first: API.BluetoothTrace.Line, _ second: API.BluetoothTrace.Line) -> Bool {
        first.at == second.at && first.who == second.who && first.what == second.what
      }
      for dropped in 0...seen.count {
        let rest = seen.dropFirst(dropped)
        if rest.count <= lines.count, zip(rest, lines).allSatisfy({ isSame($0, $1) }) { return Array(lines.dropFirst(rest.count)) }
      }
      return lines
    }
  }
}
