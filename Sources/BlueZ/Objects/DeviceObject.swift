// A device as bluetoothd shows it, in the hub's own types: a copy of its properties and of its characteristics.

package import DeviceProfile

/// A device object. A value: what BlueZ said when it was taken.
package struct DeviceObject: Sendable, Hashable {
  package enum AddressType: String, Sendable, Hashable {
    case publicAddress = "public"
    case randomAddress = "random"
  }

  /// Object path. It stays when the address becomes another.
  package var path: String
  package var adapterPath: String
  /// `AA:BB:CC:DD:EE:FF` in capitals. For a device with changing addresses the present one, until BlueZ knows its identity.
  package var address: String
  package var addressType: AddressType
  /// As the device says, at most 1 024 bytes; not fit for a log.
  package var name: String?
  /// Services that it advertises or has.
  package var services: [BluetoothUUID] = []
  /// dBm; nil when it is not heard now.
  package var rssi: Int?
  package var isConnected = false
  package var isPaired = false
  package var isTrusted = false
  package var servicesResolved = false
  package var manufacturerData: [UInt16: [UInt8]] = [:]
  package var serviceData: [BluetoothUUID: [UInt8]] = [:]
  /// Percent, 0…100.
  package var battery: Int?
  /// Those whose service is known too, in the order of their paths, which is the order of their handles.
  package var characteristics: [CharacteristicObject] = []

  /// How long the address lasts.
  package var addressKind: BluetoothAddress.Kind { BluetoothAddress(address)?.kind(isRandom: addressType == .randomAddress) ?? .reserved }

  /// The address in capitals, or nil when it is none.
  static func normalized(address: String) -> String? { BluetoothAddress(address)?.text }
}

package struct CharacteristicObject: Sendable, Hashable {
  /// Object path.
  package var path: String
  package var uuid: BluetoothUUID
  /// The service that holds it.
  package var service: BluetoothUUID
  /// BlueZ's words: `read`, `notify`, `indicate`, `write`, `write-without-response` and others.
  package var flags: Set<String>
}
