// Doctor: everything between a configured Bluetooth link and a radio: the kernel, adapters, rfkill, the management socket,
// the system bus, bluetoothd. On a machine without an adapter and without a wish for one there is one line.

import BlueZ
import BluetoothLink
import HubConfiguration

/// What the configuration asks of Bluetooth.
struct BluetoothWish: Sendable, Hashable {
  /// `links.bluetooth` is there.
  var isWanted: Bool
  /// False when the configuration cannot be read, so that nobody knows whether Bluetooth is wanted.
  var isKnown = true
  /// `hci0`, an address, or nil: any.
  var adapter: String?

  init(isWanted: Bool, adapter: String? = nil) {
    self.isWanted = isWanted
    self.adapter = adapter
  }

  init(_ configuration: KnutepunktConfiguration?) {
    self.init(isWanted: configuration?.bluetooth != nil, adapter: configuration?.bluetooth?.adapter)
    isKnown = configuration != nil
  }
}

/// What is there. It is gathered first and judged afterwards, so that a test can try every judgement.
struct BluetoothSurroundings: Sendable {
  var adapters: Result<[RadioAdapter], RadioAbsence>
  /// Nil: the management socket opened.
  var managementAbsence: RadioAbsence?
  var hasNetAdmin: Bool
  var switches: [RadioSwitch]
  var bus: Result<SystemBus.Answer, SystemBus.Failure>

  static func ofThisMachine(_ facts: ProcessFacts) -> BluetoothSurroundings {
    let adapters = RadioAdapters.list()
    var absence: RadioAbsence?
    do { _ = try ManagementMonitor() } catch { absence = error }
    return BluetoothSurroundings(
      adapters: adapters, managementAbsence: absence, hasNetAdmin: facts.has(.netAdmin), switches: RadioSwitch.list(),
      bus: SystemBus.ask(adapter: (try? adapters.get())?.first?.name))
  }
}

/// Namespace of the check.
enum BluetoothCheck {
  private static let area = "bluetooth"

  static func lines(_ wish: BluetoothWish, _ found: BluetoothSurroundings) -> [DoctorLine] {
    if !wish.isWanted, case .failure(let absence) = found.adapters {
      if !wish.isKnown { return [DoctorLine(area: area, .note, "whether it is wanted is not known, and \(absence.sentence)")] }
      return [DoctorLine(area: area, .ok, "not configured, and \(absence.sentence)")]
    }
    var lines: [DoctorLine] = []
    if !wish.isWanted, wish.isKnown {
      lines.append(
        DoctorLine(area: area, .note, "there is an adapter, and the hub leaves it alone", next: "links: { bluetooth: {} } would use it"))
    }
    lines += adapters(wish, found)
    lines += found.switches.compactMap { blocked($0, wish) }
    lines.append(management(found))
    lines.append(bus(wish, found.bus))
    return lines
  }

  /// What does not work is a problem only to somebody who wants Bluetooth.
  private static func grave(_ wish: BluetoothWish) -> DoctorLine.State { wish.isWanted ? .problem : .note }

  private static func adapters(_ wish: BluetoothWish, _ found: BluetoothSurroundings) -> [DoctorLine] {
    switch found.adapters {
    case .failure(let absence): return [DoctorLine(area: area, grave(wish), absence.sentence, next: absence.remedy)]
    case .success(let list):
      var lines = list.map { adapter in
        // Only half of the address is shown, because reports are copied into support cases.
        let address = adapter.address.map { " \($0)" } ?? ""
        let state = adapter.isUp ? "up" : "down; bluetoothd switches it on when the hub asks"
        return DoctorLine(area: area, .ok, "\(adapter.name)\(address), \(adapter.bus), \(state)")
      }
      if let wanted = wish.adapter, !list.contains(where: { isMeant($0, wanted) }) {
        lines.append(
          DoctorLine(
            area: area, .problem, "the adapter of links.bluetooth.adapter is not there: \(shown(wanted))",
            next: "use one of \(list.map(\.name).joined(separator: ", ")), or leave the key out for the first that is there"))
      }
      return lines
    }
  }

  private static func isMeant(_ adapter: RadioAdapter, _ wanted: String) -> Bool {
    if let address = BluetoothAddress(wanted) { return adapter.address == address }
    return adapter.name == wanted
  }

  private static func shown(_ wanted: String) -> String { BluetoothAddress(wanted)?.description ?? wanted }

  private static func blocked(_ control: RadioSwitch, _ wish: BluetoothWish) -> DoctorLine? {
    if control.isHardBlocked {
      return DoctorLine(
        area: area, grave(wish), "\(control.name) is switched off in hardware (rfkill)",
        next: "look for a switch or key for wireless, or in the firmware's setup")
    }
    guard control.isSoftBlocked else { return nil }
    return DoctorLine(area: area, grave(wish), "\(control.name) is blocked by software (rfkill)", next: "sudo rfkill unblock bluetooth")
  }

  /// A line about the management socket, never a problem: the hub works through bluetoothd, and without the socket it learns of a
  /// dead radio later.
  private static func management(_ found: BluetoothSurroundings) -> DoctorLine {
    let area = "radio monitor"
    if let absence = found.managementAbsence {
      // Where the next step is the same, it stands under the adapters already.
      let isSaid = if case .failure(absence) = found.adapters { true } else { false }
      return DoctorLine(area: area, .note, "cannot listen to the kernel: \(absence.sentence)", next: isSaid ? nil : absence.remedy)
    }
    return found.hasNetAdmin
      ? DoctorLine(area: area, .ok, "hears from the kernel of adapters, their power and scanning")
      : DoctorLine(
        area: area, .ok, "hears from the kernel of adapters and their power; of scanning only with CAP_NET_ADMIN, which it can do without")
  }

  private static func bus(_ wish: BluetoothWish, _ answer: Result<SystemBus.Answer, SystemBus.Failure>) -> DoctorLine {
    let area = "bluetoothd"
    switch answer {
    case .failure(let failure):
      return DoctorLine(
        area: area, grave(wish), "the system bus does not answer: \(failure.text)",
        next: "sudo systemctl start dbus; DBUS_SYSTEM_BUS_ADDRESS must be unset or right")
    case .success(.answers(let version)):
      return DoctorLine(area: area, .ok, version.map { "runs, BlueZ \($0)" } ?? "runs")
    case .success(.silent):
      return DoctorLine(
        area: area, grave(wish), "runs, but does not answer within \(SystemBus.answerTimeout / 1_000_000) s: it hangs",
        next: "sudo systemctl restart bluetooth; journalctl -u bluetooth says more")
    case .success(.absent):
      return DoctorLine(
        area: area, grave(wish), "does not run: nobody owns org.bluez on the system bus",
        next: "sudo apt install bluez; sudo systemctl enable --now bluetooth; journalctl -u bluetooth says why it ended")
    }
  }
}
