// The table of `device list`: whose each device is and when it was last heard, and for Bluetooth devices battery, signal
// and what is wrong. A pipe gets the API's own words, a person the installer's.

import HubRuntime
import LocalAPI

struct DeviceListText {
  let texts: InstallerTexts
  /// What the hub says of Bluetooth; nil when it has none.
  let bluetooth: API.Bluetooth?

  func table(_ devices: [API.Device]) -> Table {
    var columns = ["id", "label", "whose", "state", "lastSeen", "interval", "profile", "address"]
    if bluetooth != nil { columns += ["battery", "signal", "problem"] }
    var table = Table(columns.map { texts("column", $0) }, whenEmpty: texts("device", "listEmpty"))
    for device in devices { table.rows.append(row(device)) }
    return table
  }

  private func row(_ device: API.Device) -> [Cell] {
    let style: TextStyle =
      switch device.liveness {
      case .known(.live): .good
      case .known(.silent): .medium
      case .known(.never), .known(.removed), .unknown: .faint
      }
    let seconds = Int64(device.expectedIntervalSeconds)
    let interval = seconds == 0 ? texts("device", "any") : texts.span(seconds)
    let liveness = texts.has("liveness", device.liveness.key) ? texts("liveness", device.liveness.key) : device.liveness.key
    var cells = [
      Cell(device.id), Cell(device.label), Cell(device.patient), Cell(liveness, style, plain: device.liveness.key),
      Cell(device.lastSeen.map { texts.age($0) }, plain: device.lastSeen ?? "-"),
      Cell(interval, plain: seconds == 0 ? "any" : DurationText.text(.seconds(seconds))), Cell(device.profile), Cell(device.address),
    ]
    guard let bluetooth else { return cells }
    let link = bluetooth.devices.first { $0.id == device.id }
    let battery = link?.battery
    cells.append(Cell(battery.map { "\($0) %" }, (battery ?? 100) <= 20 ? .medium : .plain, plain: battery.map { "\($0)" }))
    cells.append(Cell(link?.rssi.map { texts.signal($0) }, plain: link?.rssi.map { "\($0)" }))
    cells.append(Cell(link?.problem.map { texts.problem($0).text }, .medium, plain: link?.problem?.key))
    return cells
  }
}
