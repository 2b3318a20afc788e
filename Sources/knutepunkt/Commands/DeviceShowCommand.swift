// `device show`: everything about one device in a plain block, with what is wrong and what to do about it.

import ArgumentParser
import LocalAPI

extension DeviceCommand {
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show one device: whose, how it is heard, what is wrong with it.")
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      if output.json {
        let details: API.DeviceDetails = try await client.get("/v1/devices/\(device)")
        return try Terminal.printJSON(details)
      }
      let texts = try await installer.texts(client)
      let details: API.DeviceDetails = try await texts.speaking { try await client.get("/v1/devices/\(device)") }
      DeviceShowText(texts: texts).lines(details).forEach(Terminal.print)
    }
  }
}

struct DeviceShowText {
  let texts: InstallerTexts

  func lines(_ details: API.DeviceDetails) -> [String] {
    let device = details.device
    var rows: [(String, String)] = [
      (texts("column", "whose"), device.patient ?? texts("device", "nobody")),
      (texts("device", "model"), texts.kind(profile: device.profile, vendor: details.vendor, model: details.model)),
      (texts("column", "profile"), device.profile),
      (texts("column", "address"), device.address),
      (texts("device", "transport"), texts.has("transport", details.transport) ? texts("transport", details.transport) : details.transport),
      (texts("column", "lastSeen"), texts.age(details.bluetooth?.lastSeen ?? device.lastSeen)),
    ]
    if let link = details.bluetooth { rows += self.rows(link) }
    let width = rows.map(\.0.count).max() ?? 0
    var lines = [TextStyle.heading.applied(to: "\(device.id)  \(InstallerTexts.printable(device.label))")]
    lines += rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)" }
    return lines + problem(details)
  }

  private func rows(_ link: API.Bluetooth.Device) -> [(String, String)] {
    let state = texts.state(link.state)
    var rows = [
      (texts("column", "state"), state),
      (texts("device", "connected"), texts("device", link.connected ? "yes" : "no")),
      (texts("device", "bond"), texts("device", link.bonded ? "yes" : "no")),
      (texts("column", "signal"), texts.signalInFull(link.rssi)),
    ]
    if let battery = link.battery { rows.append((texts("column", "battery"), "\(battery) %")) }
    if let firmware = link.firmware { rows.append((texts("device", "firmware"), InstallerTexts.printable(firmware))) }
    rows.append((texts("column", "reconnects"), "\(link.reconnects)"))
    let refused = link.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    if !refused.isEmpty { rows.append((texts("device", "refused"), refused.joined(separator: ", "))) }
    return rows
  }

  /// What is wrong. The adapter's problem stands before the device's: while it lasts, nothing else helps.
  private func problem(_ details: API.DeviceDetails) -> [String] {
    let problem =
      details.adapterProblem.map { texts.adapterProblem($0) } ?? details.bluetooth?.problem.map { texts.problem($0) }
    guard let problem else { return [] }
    return [TextStyle.medium.applied(to: problem.text), "→ " + problem.next]
  }
}
