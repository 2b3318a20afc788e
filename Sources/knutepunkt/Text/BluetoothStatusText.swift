// What `bluetooth status` prints: the adapter in a block, a line for each device, and below each problem the next step.

import LocalAPI

struct BluetoothStatusText {
  let texts: InstallerTexts

  /// `interactive`: aligned columns and sentences for a person; otherwise tab-separated device lines in the API's words.
  func lines(_ bluetooth: API.Bluetooth, interactive: Bool) -> [String] {
    guard interactive else { return table(bluetooth).lines(interactive: false) }
    var rows = [(texts("bluetooth", "adapter"), adapter(bluetooth.adapter)), (texts("bluetooth", "slots"), slots(bluetooth.slots))]
    rows.append((texts("bluetooth", "strangers"), "\(bluetooth.strangers)"))
    if bluetooth.scanRestarts > 0 {
      rows.append((texts("bluetooth", "restarts"), "\(bluetooth.scanRestarts)"))
    }
    if let latency = bluetooth.latency { rows.append((texts("bluetooth", "latency"), self.latency(latency))) }
    let width = rows.map(\.0.count).max() ?? 0
    let block = rows.map { "\($0.0)\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)" }
    return block + [""] + table(bluetooth).lines(interactive: true) + conclusion(bluetooth)
  }

  private func table(_ bluetooth: API.Bluetooth) -> Table {
    let columns = ["id", "label", "state", "lastSeen", "signal", "battery", "reconnects", "problem"]
    var table = Table(columns.map { texts("column", $0) }, whenEmpty: texts("bluetooth", "empty"))
    for device in bluetooth.devices {
      table.rows.append([
        Cell(device.id), Cell(device.label),
        Cell(texts.state(device.state), device.problem == nil ? .plain : .medium, plain: device.state.key),
        Cell(texts.age(device.lastSeen), plain: device.lastSeen ?? "-"),
        Cell(device.rssi.map { texts.signalInFull($0) }, plain: device.rssi.map { "\($0)" }),
        Cell(device.battery.map { "\($0) %" }, (device.battery ?? 100) <= 20 ? .medium : .plain, plain: device.battery.map { "\($0)" }),
        Cell("\(device.reconnects)"), Cell(device.problem.map { texts.problem($0).text }, .medium, plain: device.problem?.key),
      ])
    }
    return table
  }

  /// One sentence for each thing that is wrong; a sentence that nothing is.
  private func conclusion(_ bluetooth: API.Bluetooth) -> [String] {
    guard bluetooth.available else { return [] }
    let lines = bluetooth.devices.flatMap { device -> [String] in
      guard let name = device.problem else { return [] }
      let problem = texts.problem(name)
      return [
        "", TextStyle.medium.applied(to: "\(device.id) \(InstallerTexts.printable(device.label)): \(problem.text)"), "→ " + problem.next,
      ]
    }
    if !lines.isEmpty { return lines }
    return bluetooth.devices.isEmpty ? [] : ["", texts("bluetooth", "good")]
  }

  private func adapter(_ adapter: API.Bluetooth.Adapter?) -> String {
    guard let adapter else { return texts("bluetooth", "adapterNone") }
    let values = ["name": adapter.name, "address": adapter.address]
    guard adapter.powered else { return texts("bluetooth", "adapterOff", values) }
    return texts("bluetooth", adapter.discovering ? "adapterOn" : "adapterIdle", values)
  }

  private func slots(_ slots: API.Bluetooth.Slots) -> String {
    texts("bluetooth", slots.used >= slots.max ? "slotsFull" : "slotsOf", ["used": "\(slots.used)", "max": "\(slots.max)"])
  }

  private func latency(_ latency: API.Bluetooth.Latency) -> String {
    func whole(_ value: Double) -> String { value.isFinite && value.magnitude < 1e15 ? "\(Int64(value.rounded()))" : "–" }
    return texts(
      "bluetooth", "latencyOf",
      ["p50": whole(latency.p50), "p99": whole(latency.p99), "max": whole(latency.max), "n": "\(latency.count)"])
  }
}
