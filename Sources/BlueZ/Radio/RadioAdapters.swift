// Which Bluetooth adapters this machine has, asked of the kernel through libbluetooth and not of bluetoothd: so that
// `doctor` can tell "no adapter" from "bluetoothd does not run". It looks; it switches nothing on or off.

import CBluetooth
import Glibc

/// One adapter as the kernel sees it.
public struct RadioAdapter: Sendable, Hashable {
  /// The kernel's number: 0 of `hci0`.
  public let index: UInt16
  /// `hci0`.
  public let name: String
  /// Nil for an adapter without an address of its own.
  public let address: BluetoothAddress?
  /// Powered, by bluetoothd or by somebody else.
  public let isUp: Bool
  /// The bus that it is on: `USB`, `UART`, `Virtual`.
  public let bus: String

  public init(index: UInt16, name: String, address: BluetoothAddress?, isUp: Bool, bus: String) {
    self.index = index
    self.name = name
    self.address = address
    self.isUp = isUp
    self.bus = bus
  }
}

/// Why the kernel shows no radio. A fact about the machine, not a fault of the program: the hub goes on without.
public enum RadioAbsence: Error, Sendable, Hashable {
  /// The kernel has no Bluetooth, or keeps it from this process.
  case noKernelSupport
  /// This user may not look.
  case notPermitted
  /// The kernel has Bluetooth and no adapter is plugged in.
  case noAdapter
  /// Another errno.
  case other(Int32)

  /// What an errno of socket(2), bind(2) or ioctl(2) on a Bluetooth socket means.
  public init(code: Int32) {
    self =
      switch code {
      // The second when the module `bluetooth` is there and its HCI part is not.
      case EAFNOSUPPORT, EPROTONOSUPPORT: .noKernelSupport
      case EPERM, EACCES: .notPermitted
      case ENODEV: .noAdapter
      default: .other(code)
      }
  }

  /// One plain sentence, without a full stop.
  public var sentence: String {
    switch self {
    case .noKernelSupport: "the kernel gives this process no Bluetooth"
    case .notPermitted: "this user may not ask the kernel about Bluetooth"
    case .noAdapter: "this machine has no Bluetooth adapter"
    case .other(let code): "the kernel does not answer about Bluetooth: \(String(cString: strerror(code)))"
    }
  }

  /// What to do next, without a full stop.
  public var remedy: String {
    switch self {
    case .noKernelSupport:
      "load the module (sudo modprobe bluetooth; a USB adapter also needs btusb), let the unit's RestrictAddressFamilies name "
        + "AF_BLUETOOTH, and give a container the host's network"
    case .notPermitted: "run this with sudo, or look at the unit's restrictions"
    case .noAdapter:
      "plug in a Bluetooth adapter (lsusb shows what is plugged in; dmesg shows what its driver says, such as missing firmware)"
    case .other: "look at dmesg for the adapter's driver, and unplug the adapter and plug it in again"
    }
  }
}

/// Namespace of the listing.
public enum RadioAdapters {
  /// The adapters that are there now, by index; at least one. Any thread; no wait, no capability needed.
  public static func list() -> Result<[RadioAdapter], RadioAbsence> {
    let room = Int(cbluetooth_adapters_max)
    var found = [cbluetooth_adapter](repeating: cbluetooth_adapter(), count: room)
    let count = cbluetooth_adapters(&found, Int32(room))
    guard count >= 0 else { return .failure(RadioAbsence(code: -count)) }
    let adapters = found.prefix(Int(count)).map { adapter in
      let address = BluetoothAddress(text(adapter.address))
      return RadioAdapter(
        index: adapter.number, name: text(adapter.name), address: address.flatMap { $0.isUnset ? nil : $0 }, isUp: adapter.is_up,
        bus: cbluetooth_bus_name(adapter.bus).map { String(cString: $0) } ?? "unknown")
    }
    return adapters.isEmpty ? .failure(.noAdapter) : .success(adapters.sorted { $0.index < $1.index })
  }

  /// A C array of characters up to its first zero, or all of it.
  private static func text(_ characters: some Any) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
