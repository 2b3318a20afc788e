// What the link and bluetoothd say to each other, as values: calls out, replies, signals and the agent's questions in.
// `BusConnection` and the files beside it put them on the wire; nothing outside this folder knows D-Bus's messages.

import DeviceProfile

/// A property's value, in the few shapes that BlueZ uses. Other shapes come as `.unknown` and are ignored.
package indirect enum BluezValue: Sendable, Hashable {
  case flag(Bool)
  /// Every integer type; a u64 above Int64.max is `.unknown`.
  case integer(Int64)
  /// Strings, object paths, signatures.
  case text(String)
  case texts([String])
  case bytes([UInt8])
  /// ManufacturerData.
  case bytesByCompany([UInt16: [UInt8]])
  /// ServiceData; keys in BlueZ's form of 36 small characters.
  case bytesByUUID([String: [UInt8]])
  case unknown

  package var flag: Bool? { if case .flag(let value) = self { value } else { nil } }
  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  package var text: String? { if case .text(let value) = self { value } else { nil } }
  package var texts: [String]? { if case .texts(let value) = self { value } else { nil } }
  package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
}

package typealias BluezProperties = [String: BluezValue]

/// One object of bluetoothd's tree.
package struct BluezObject: Sendable, Hashable {
  package var path: String
  /// By interface name: `org.bluez.Device1` and others.
  package var interfaces: [String: BluezProperties]
}

/// A method call to bluetoothd. `device`, `adapter` and `characteristic` are object paths.
package enum BusCall: Sendable, Hashable {
  /// Answered by its main loop itself, whatever its controllers do.
  case ping
  case managedObjects
  /// Registers our agent with the capability KeyboardDisplay, and makes it the default one.
  case registerAgent
  case setPowered(adapter: String, Bool)
  /// Transport le; `DuplicateData` true. No UUIDs: everything is reported.
  case setDiscoveryFilter(adapter: String, uuids: [String])
  case startDiscovery(adapter: String)
  case stopDiscovery(adapter: String)
  case removeDevice(adapter: String, device: String)
  case connect(device: String)
  case disconnect(device: String)
  case pair(device: String)
  case cancelPairing(device: String)
  case trust(device: String)
  case readValue(characteristic: String)
  /// `awaitsResponse`: option type=request, else type=command.
  case writeValue(characteristic: String, bytes: [UInt8], awaitsResponse: Bool)
  case acquireNotify(characteristic: String)
  case startNotify(characteristic: String)
}

/// What a call gives back.
package enum BusReply: Sendable, Hashable {
  case done
  case bytes([UInt8])
  case objects([BluezObject])
  /// A seqpacket socket, already duplicated, non-blocking and closed on exec: the receiver of this value must close it.
  case notifications(descriptor: Int32, mtu: UInt16)
}

/// What the agent is asked. Each but `cancel` waits for `BusConnection.answer`, by its number.
package struct AgentRequest: Sendable, Hashable {
  package enum Question: Sendable, Hashable {
    /// "Just works" asked for by the device.
    case authorize
    /// Numeric comparison, 0…999 999: are both displays the same?
    case confirm(passkey: UInt32)
    /// The device's user types this; `entered` digits so far. Needs no answer: answered at once.
    case display(passkey: UInt32, entered: UInt16)
    /// The device shows a number; the installer types it.
    case enterPasskey
    case authorizeService
    /// bluetoothd has given the question up.
    case cancel
  }
  package var number: UInt64
  /// Object path.
  package var device: String
  package var question: Question
}

package enum AgentAnswer: Sendable, Hashable {
  case yes
  case no
  case passkey(UInt32)
}

/// What comes in from the bus, in its order.
package enum BusEvent: Sendable, Hashable {
  /// org.bluez got or lost its owner.
  case serviceOwner(isPresent: Bool)
  case added(BluezObject)
  case removed(path: String, interfaces: [String])
  case changed(path: String, interface: String, BluezProperties)
  case replied(ticket: UInt64, Result<BusReply, BluezFailure>)
  case agent(AgentRequest)
  /// A message that is not what BlueZ's interface says; counted, never acted on.
  case malformed
}

/// Our end of the bus failed: it is closed, and a new one may be opened later.
package struct BusFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// errno, positive.
  package var code: Int32
  /// What was tried: `open`, `add match`, `process`.
  package var step: String
  package var description: String { "\(step): errno \(code)" }
}
