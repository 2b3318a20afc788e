// Doctor: a short look at the system bus through libsystemd. Is the bus there, does bluetoothd own its name on it, and which BlueZ
// is that. Nothing that is asked starts a service: the bus would start bluetoothd for a call to a name without owner.

import CSystemd
import Foundation

/// Namespace of the looking.
enum SystemBus {
  /// bluetoothd, as the bus shows it.
  enum Answer: Sendable, Hashable {
    /// Nobody owns bluetoothd's name.
    case absent
    /// bluetoothd owns its name and gave no answer in time: it hangs.
    case silent
    /// `5.66`; nil when no adapter tells it.
    case answers(bluezVersion: String?)
  }

  /// The bus cannot be spoken to.
  struct Failure: Error, Sendable, Hashable {
    /// A positive errno.
    package var code: Int32
    /// In the system's words: "no such file or directory".
    package var text: String { String(cString: strerror(code)).lowercased() }
  }

  /// For one call, microseconds. A bus that is well answers within milliseconds; a hung bluetoothd must not hang the doctor.
  private static let timeout: UInt64 = 2_000_000
  /// How long bluetoothd may take to show that it lives, microseconds. A well one takes milliseconds; the hub itself gives it ten
  /// seconds.
  static let answerTimeout: UInt64 = 5_000_000

  /// Asks the bus at `address`; nil: that of DBUS_SYSTEM_BUS_ADDRESS, else the system's. Blocks up to some seconds.
  /// `adapter`: `hci0`, or nil.
  static func ask(adapter: String?, address: String? = nil) -> Result<Answer, Failure> {
    var opened: OpaquePointer?
    let outcome = address.map { open($0, &opened) } ?? sd_bus_open_system(&opened)
    // A bus that was made and could not connect is closed, too.
    defer { sd_bus_flush_close_unref(opened) }
    guard outcome >= 0, let bus = opened else { return .failure(Failure(code: -min(outcome, -1))) }
    let owned = call(
      bus, ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner"), ["org.bluez"],
      reading: { reply in
        // A D-Bus boolean is read into an int.
        var value: Int32 = 0
        return sd_bus_message_read_basic(reply, type("b"), &value) >= 0 ? value != 0 : nil
      })
    switch owned {
    case .failure(let failure): return .failure(failure)
    case .success(false): return .success(.absent)
    case .success(true):
      guard isAnswering(bus) else { return .success(.silent) }
      return .success(.answers(bluezVersion: adapter.flatMap { modalias(bus, adapter: $0) }.flatMap { version(ofModalias: $0) }))
    }
  }

  private static func open(_ address: String, _ bus: inout OpaquePointer?) -> Int32 {
    var outcome = sd_bus_new(&bus)
    if outcome >= 0 { outcome = sd_bus_set_address(bus, address) }
    if outcome >= 0 { outcome = sd_bus_set_bus_client(bus, 1) }
    return outcome >= 0 ? sd_bus_start(bus) : outcome
  }

  /// BlueZ puts its version into its adapters' Modalias (main.conf, DeviceID): `usb:v1D6Bp0246d0542` is 5.66. Nil for
  /// another identity, set by somebody.
  static func version(ofModalias text: String) -> String? {
    let prefix = "usb:v1D6Bp0246d"
    guard text.hasPrefix(prefix), text.utf8.count == prefix.utf8.count + 4, let code = UInt16(text.dropFirst(prefix.count), radix: 16)
    else { return nil }
    return "\(code >> 8).\(code & 0xFF)"
  }

  /// Whether bluetoothd answers. A refusal is an answer, too: this user may not ask.
  private static func isAnswering(_ bus: OpaquePointer) -> Bool {
    // bluetoothd answers a Ping from its own loop, which a hung one does not reach. Nothing of Bluetooth is asked.
    let answer = call(
      bus, ("org.bluez", "/", "org.freedesktop.DBus.Peer", "Ping"), [], within: answerTimeout, reading: { _ in true })
    if case .failure(let failure) = answer { return failure.code != ETIMEDOUT }
    return true
  }

  private static func modalias(_ bus: OpaquePointer, adapter: String) -> String? {
    let value = call(
      bus, ("org.bluez", "/org/bluez/\(adapter)", "org.freedesktop.DBus.Properties", "Get"), ["org.bluez.Adapter1", "Modalias"],
      reading: { reply -> String? in
        guard sd_bus_message_enter_container(reply, type("v"), "s") >= 0 else { return nil }
        var text: UnsafePointer<CChar>?
        guard sd_bus_message_read_basic(reply, type("s"), &text) >= 0 else { return nil }
        return text.map { String(cString: $0) }
      })
    return try? value.get()
  }

  /// One call with strings for arguments. `reading` gives nil for an answer of another shape.
  private static func call<Value>(
    _ bus: OpaquePointer, _ target: (name: String, path: String, interface: String, member: String), _ arguments: [String],
    within limit: UInt64 = timeout, reading: (OpaquePointer) -> Value?
  ) -> Result<Value, Failure> {
    var message: OpaquePointer?
    var reply: OpaquePointer?
    defer {
      sd_bus_message_unref(message)
      sd_bus_message_unref(reply)
    }
    var outcome = sd_bus_message_new_method_call(bus, &message, target.name, target.path, target.interface, target.member)
    for argument in arguments where outcome >= 0 {
      outcome = argument.withCString { sd_bus_message_append_basic(message, type("s"), $0) }
    }
    // The call never starts a service, whatever has happened since the name was looked at.
    if outcome >= 0 { outcome = sd_bus_message_set_auto_start(message, 0) }
    if outcome >= 0 { outcome = sd_bus_call(bus, message, limit, nil, &reply) }
    guard outcome >= 0, let answer = reply else { return .failure(Failure(code: -min(outcome, -1))) }
    return reading(answer).map { .success($0) } ?? .failure(Failure(code: EBADMSG))
  }

  private static func type(_ letter: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: letter.value) }
}
