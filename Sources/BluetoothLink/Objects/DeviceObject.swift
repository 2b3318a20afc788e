// A device as bluetoothd shows it, in the hub's own types: a copy of its properties and of its characteristics.

import BlueZ
import DeviceProfile

/// A device object. A value: what BlueZ said when it was taken.
struct DeviceObject: Sendable, Hashable {
  enum AddressType: String, Sendable, Hashable {
    case publicAddress = "public"
    case randomAddress = "random"
  }

  /// Object path. It stays when the address becomes another.
  var path: String
  var adapterPath: String
  /// `AA:BB:CC:DD:EE:FF` in capitals. For a device with changing addresses the present one, until BlueZ knows its identity.
  var address: String
  var addressType: AddressType
  /// As the device says, at most 1 024 bytes; not fit for a log.
  var name: String?
  /// Services that it advertises or has.
  var services: [BluetoothUUID] = []
  /// dBm; nil when it is not heard now.
  var rssi: Int?
  var isConnected = false
  var isPaired = false
  var isTrusted = false
  var servicesResolved = false
  var manufacturerData: [UInt16: [UInt8]] = [:]
  var serviceData: [BluetoothUUID: [UInt8]] = [:]
  /// Percent, 0…100.
  var battery: Int?
  /// Those whose service is known too, in the order of their paths, which is the order of their handles.
  var characteristics: [CharacteristicObject] = []

  /// How long the address lasts.
  var addressKind: BluetoothAddress.Kind { BluetoothAddress(address)?.kind(isRandom: addressType == .randomAddress) ?? .reserved }

  /// The address in capitals, or nil when it is none.
  static func normalized(address: String) -> String? { BluetoothAddress(address)?.text }
}

struct CharacteristicObject: Sendable, Hashable {
  /// Object path.
  var path: String
  var uuid: BluetoothUUID
  /// The service that holds it.
  var service: BluetoothUUID
  /// BlueZ's words: `read`, `notify`, `indicate`, `write`, `write-without-response` and others.
  var flags: Set<String>
}
