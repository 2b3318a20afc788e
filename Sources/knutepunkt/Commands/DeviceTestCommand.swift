// `device test` and `device identify`: does this device work, and where is it? Both wait for the device and say what to
// try when it does not come.

import ArgumentParser
import Foundation
import LocalAPI

extension DeviceCommand {
  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "test", abstract: "Wait for a measurement of one device and show it.",
      discussion: "Asks for a connection at once. Exit 0 when a measurement came, 75 when none came in time.")
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @Option(
      name: .customLong("for"), help: ArgumentHelp("How long to wait, 10s to 10m.", valueName: "duration"),
      transform: PairArguments.window) var seconds = 60
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    private struct Result: Encodable {
      var device: String
      var readings: [API.DeviceReadings.Reading]
    }

    func run() async throws {
      let client = try core.client()
      let texts = try await installer.texts(client)
      let readings = try await texts.speaking { try await wait(client, texts) }
      if output.json { try Terminal.printJSON(Result(device: device, readings: readings)) }
      guard !readings.isEmpty else { throw await nothingCame(client, texts) }
      guard !output.json else { return }
      let text = texts.readings(readings.map { API.Pairing.Reading(name: $0.name, text: $0.text, quality: []) })
      Terminal.print(texts("device", "testReading", ["device": device, "reading": text]))
      Terminal.print(texts("device", "testStored"))
    }

    private func wait(_ client: LocalAPIClient, _ texts: InstallerTexts) async throws -> [API.DeviceReadings.Reading] {
      let started: API.TestStarted = try await client.post(
        "/v1/devices/\(device)/test", API.Reason(actor: actor.actor, reason: "test by an installer"))
      var display = LiveDisplay(isLive: LiveDisplay.isPossible && !output.json)
      if !output.json {
        // Using the device helps in any case, also in one that only a newer hub has a word for.
        let advice =
          switch started.what {
          case .known(.connects): "testConnects"
          case .known(.listens), .unknown: "testListens"
          }
        display.say([texts("device", advice, ["device": device])])
      }
      let clock = ContinuousClock()
      let deadline = clock.now + .seconds(seconds)
      var after = started.sequence
      while true {
        let answer: API.DeviceReadings = try await client.get(
          "/v1/devices/\(device)/readings", query: [("after", "\(after)")], timeoutSeconds: 5)
        let left = (deadline - clock.now).components.seconds
        if !answer.readings.isEmpty || left <= 0 {
          display.clear()
          return answer.readings
        }
        after = answer.next ?? after
        display.show(texts("device", "testLive", ["time": texts.span(left)]))
        try await Task.sleep(for: .milliseconds(500))
      }
    }

    /// Why no reading came. What is known to be wrong stands before general advice.
    private func nothingCame(_ client: LocalAPIClient, _ texts: InstallerTexts) async -> CommandFailure {
      let details: API.DeviceDetails? = try? await client.get("/v1/devices/\(device)", timeoutSeconds: 5)
      let message = texts("device", "testNothing", ["device": device, "time": texts.span(Int64(seconds))])
      let known = details?.adapterProblem.map { texts.adapterProblem($0) } ?? details?.bluetooth?.problem.map { texts.problem($0) }
      guard let known else { return CommandFailure(code: ExitCodes.temporary, message, hint: texts("device", "testNothingNext")) }
      return CommandFailure(code: ExitCodes.temporary, "\(message) \(known.text)", hint: known.next)
    }
  }

  struct Identify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "identify", abstract: "Find a device: it signals if it can; otherwise its signal strength is shown while you walk.",
      discussion: "Exit 0 when the device signals, is connected or was heard, 75 when it was not heard in time.")
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @Option(
      name: .customLong("for"), help: ArgumentHelp("How long to show the signal, 10s to 10m.", valueName: "duration"),
      transform: PairArguments.window) var seconds = 30
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var actor: ActorOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      let texts = try await installer.texts(client)
      let heard = try await texts.speaking { try await find(client, texts) }
      guard !heard else { return }
      throw CommandFailure(
        code: ExitCodes.temporary, texts("device", "neverHeard", ["device": device]), hint: texts("device", "neverHeardNext"))
    }

    /// Whether the device signalled or was heard.
    private func find(_ client: LocalAPIClient, _ texts: InstallerTexts) async throws -> Bool {
      let reason = API.Reason(actor: actor.actor, reason: "identified by an installer")
      let answer: API.Identified = try await client.post("/v1/devices/\(device)/identify", reason)
      switch answer.what {
      case .known(.signals):
        Terminal.print(texts("device", "signals", ["device": device]))
        return true
      // A connected device sends no advertisements whose strength could be shown.
      case .known(.connected):
        Terminal.print(texts("device", "connectedSilent", ["device": device]))
        return true
      // What a newer hub did is not known here; the signal's strength finds the device all the same.
      case .known(.cannot), .unknown: break
      }
      Terminal.print(texts("device", "follow", ["device": device, "time": texts.span(Int64(seconds))]))
      var display = LiveDisplay(isLive: LiveDisplay.isPossible)
      let clock = ContinuousClock()
      let deadline = clock.now + .seconds(seconds)
      var heard = answer.rssi != nil
      show(answer.rssi, texts, &display)
      while clock.now < deadline {
        // Looks twice a second where a line is rewritten, and once a second where each look is a new line.
        try await Task.sleep(for: .milliseconds(display.isLive ? 500 : 1_000))
        let details: API.DeviceDetails = try await client.get("/v1/devices/\(device)", timeoutSeconds: 5)
        heard = heard || details.bluetooth?.rssi != nil
        show(details.bluetooth?.rssi, texts, &display)
      }
      display.clear()
      return heard
    }

    private func show(_ rssi: Int?, _ texts: InstallerTexts, _ display: inout LiveDisplay) {
      let words = rssi == nil ? texts("device", "notHeard") : texts.signalInFull(rssi)
      let line = "  \(InstallerTexts.bars(rssi))  \(words)"
      if display.isLive { display.show(line) } else { display.say([line]) }
    }
  }
}
