// What each call to bluetoothd looks like on the bus: path, interface, member and arguments, as BlueZ's documentation of
// adapter-api, device-api, gatt-api and agent-api has them for 5.66.

import CSystemd

/// Writes arguments into a message. Each method gives a negative errno when it fails, as the library does.
package struct BusWriter {
  package let handle: OpaquePointer

  package init(_ handle: OpaquePointer) { self.handle = handle }

  package func text(_ text: String, _ type: Unicode.Scalar = "s") -> Int32 { sd_bus_message_append_basic(handle, code(type), text) }

  package func flag(_ flag: Bool) -> Int32 {
    var value: Int32 = flag ? 1 : 0
    return sd_bus_message_append_basic(handle, code("b"), &value)
  }

  package func uint32(_ value: UInt32) -> Int32 {
    var value = value
    return sd_bus_message_append_basic(handle, code("u"), &value)
  }

  package func bytes(_ bytes: [UInt8]) -> Int32 {
    bytes.withUnsafeBytes { sd_bus_message_append_array(handle, code("y"), $0.baseAddress, $0.count) }
  }

  /// A container of `type` (`a`, `e`, `v`) with what `body` writes.
  package func container(_ type: Unicode.Scalar, _ contents: String, _ body: () -> Int32) -> Int32 {
    var result = sd_bus_message_open_container(handle, code(type), contents)
    if result >= 0 { result = body() }
    return result < 0 ? result : sd_bus_message_close_container(handle)
  }

  /// One entry of a dictionary `a{sv}`.
  package func entry(_ key: String, _ contents: String, _ body: () -> Int32) -> Int32 {
    container("e", "sv") {
      let result = text(key)
      return result < 0 ? result : container("v", contents, body)
    }
  }

  /// Does one after the other until one fails.
  package func all(_ steps: (() -> Int32)...) -> Int32 {
    for step in steps {
      let result = step()
      if result < 0 { return result }
    }
    return 0
  }

  private func code(_ type: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: type.value) }
}

/// A call as a message.
package enum BusRequest {
  case ping
  case managedObjects
  case registerAgent
  case requestDefaultAgent
  case plain(path: String, interface: String, member: String)
  case set(path: String, interface: String, property: String, Bool)
  case setDiscoveryFilter(adapter: String, uuids: [String])
  case removeDevice(adapter: String, device: String)
  case readValue(characteristic: String)
  case writeValue(characteristic: String, bytes: [UInt8], awaitsResponse: Bool)
  case acquireNotify(characteristic: String)

  package var path: String {
    switch self {
    case .ping, .managedObjects: "/"
    case .registerAgent, .requestDefaultAgent: "/org/bluez"
    case .plain(let path, _, _), .set(let path, _, _, _): path
    case .setDiscoveryFilter(let adapter, _), .removeDevice(let adapter, _): adapter
    case .readValue(let characteristic), .writeValue(let characteristic, _, _), .acquireNotify(let characteristic): characteristic
    }
  }

  package var interface: String {
    switch self {
    case .ping: "org.freedesktop.DBus.Peer"
    case .managedObjects: "org.freedesktop.DBus.ObjectManager"
    case .registerAgent, .requestDefaultAgent: "org.bluez.AgentManager1"
    case .plain(_, let interface, _): interface
    case .set: "org.freedesktop.DBus.Properties"
    case .setDiscoveryFilter, .removeDevice: "org.bluez.Adapter1"
    case .readValue, .writeValue, .acquireNotify: "org.bluez.GattCharacteristic1"
    }
  }

  package var member: String {
    switch self {
    case .ping: "Ping"
    case .managedObjects: "GetManagedObjects"
    case .registerAgent: "RegisterAgent"
    case .requestDefaultAgent: "RequestDefaultAgent"
    case .plain(_, _, let member): member
    case .set: "Set"
    case .setDiscoveryFilter: "SetDiscoveryFilter"
    case .removeDevice: "RemoveDevice"
    case .readValue: "ReadValue"
    case .writeValue: "WriteValue"
    case .acquireNotify: "AcquireNotify"
    }
  }

  /// Writes the arguments. 0 or more, or a negative errno (a path that is none).
  package func append(to writer: BusWriter) -> Int32 {
    switch self {
    case .ping, .managedObjects, .plain:
      0
    case .registerAgent:
      // KeyboardDisplay lets BlueZ choose whatever the device can do: nothing, a number shown, a number typed, a comparison.
      writer.all({ writer.text(BusConnection.agentPath, "o") }, { writer.text("KeyboardDisplay") })
    case .requestDefaultAgent:
      writer.text(BusConnection.agentPath, "o")
    case .set(_, let interface, let property, let value):
      writer.all(
        { writer.text(interface) }, { writer.text(property) }, { writer.container("v", "b") { writer.flag(value) } })
    case .setDiscoveryFilter(_, let uuids):
      writer.container("a", "{sv}") {
        writer.all(
          { writer.entry("Transport", "s") { writer.text("le") } },
          // Without it BlueZ reports an advertisement-only device's second message only when its bytes differ.
          { writer.entry("DuplicateData", "b") { writer.flag(true) } },
          { uuids.isEmpty ? 0 : writer.entry("UUIDs", "as") { Self.append(uuids, to: writer) } })
      }
    case .removeDevice(_, let device):
      writer.text(device, "o")
    case .readValue, .acquireNotify:
      writer.container("a", "{sv}") { 0 }
    case .writeValue(_, let bytes, let awaitsResponse):
      writer.all(
        { writer.bytes(bytes) },
        {
          writer.container("a", "{sv}") { writer.entry("type", "s") { writer.text(awaitsResponse ? "request" : "command") } }
        })
    }
  }

  private static func append(_ texts: [String], to writer: BusWriter) -> Int32 {
    writer.container("a", "s") {
      for text in texts {
        let result = writer.text(text)
        if result < 0 { return result }
      }
      return 0
    }
  }
}

extension BusCall {
  package var request: BusRequest {
    let adapterInterface = "org.bluez.Adapter1"
    let deviceInterface = "org.bluez.Device1"
    let characteristicInterface = "org.bluez.GattCharacteristic1"
    switch self {
    case .ping: return .ping
    case .managedObjects: return .managedObjects
    case .registerAgent: return .registerAgent
    case .setPowered(let adapter, let isOn): return .set(path: adapter, interface: adapterInterface, property: "Powered", isOn)
    case .setDiscoveryFilter(let adapter, let uuids): return .setDiscoveryFilter(adapter: adapter, uuids: uuids)
    case .startDiscovery(let adapter): return .plain(path: adapter, interface: adapterInterface, member: "StartDiscovery")
    case .stopDiscovery(let adapter): return .plain(path: adapter, interface: adapterInterface, member: "StopDiscovery")
    case .removeDevice(let adapter, let device): return .removeDevice(adapter: adapter, device: device)
    case .connect(let device): return .plain(path: device, interface: deviceInterface, member: "Connect")
    case .disconnect(let device): return .plain(path: device, interface: deviceInterface, member: "Disconnect")
    case .pair(let device): return .plain(path: device, interface: deviceInterface, member: "Pair")
    case .cancelPairing(let device): return .plain(path: device, interface: deviceInterface, member: "CancelPairing")
    case .trust(let device): return .set(path: device, interface: deviceInterface, property: "Trusted", true)
    case .readValue(let characteristic): return .readValue(characteristic: characteristic)
    case .writeValue(let characteristic, let bytes, let awaitsResponse):
      return .writeValue(characteristic: characteristic, bytes: bytes, awaitsResponse: awaitsResponse)
    case .acquireNotify(let characteristic): return .acquireNotify(characteristic: characteristic)
    case .startNotify(let path): return .plain(path: path, interface: characteristicInterface, member: "StartNotify")
    }
  }

  package var answer: PendingCall.Answer {
    switch self {
    case .managedObjects: .objects
    case .registerAgent: .agentRegistered
    case .readValue: .bytes
    case .acquireNotify: .notifications
    default: .done
    }
  }
}
