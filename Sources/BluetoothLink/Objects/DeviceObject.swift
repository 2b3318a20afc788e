// A device as bluetoothd shows it, in the hub's own types: a copy of its properties and of its characteristics.

import DeviceProfile

/// A device object. A value: what BlueZ said when it was taken.
struct DeviceObject: Sendable, Hashable {
  enum AddressType: String, Sendable, Hashable {
    case publicAddress = "public"
    case randomAddress = "random"
  }

  /// The kinds of random addresses, by their two highest bits (Bluetooth Core 5.3, volume 6, part B, 1.3.2).
  enum RandomKind: Sendable, Hashable {
    /// 11: the same at least until the device is switched off.
    case fixed
    /// 01: changes every quarter of an hour or so; who has the device's key can tell whose it is.
    case resolvable
    /// 00: changes, and nobody can tell.
    case nonResolvable
  }

  /// Object path. It stays when the address becomes another.
  var path: String
  var adapterPath: String
  /// `AA:BB:CC:DD:EE:FF` in capitals. For a device with changing addresses the present one, until BlueZ knows its identity.
  var address: String
  var addressType: AddressType
  /// As the device says, at most 1 024 bytes; not fit for a log.
  var name: String?
  /// What BlueZ shows: the name, or the address with dashes.
  var alias: String?
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

  /// Nil for public addresses, and for the one pattern of bits (10) that has no meaning.
  var randomKind: RandomKind? {
    guard addressType == .randomAddress, let top = UInt8(address.prefix(2), radix: 16) else { return nil }
    return switch top >> 6 {
    case 0b11: .fixed
    case 0b01: .resolvable
    case 0b00: .nonResolvable
    default: nil
    }
  }

  /// The address in capitals, or nil when it is none.
  static func normalized(address: String) -> String? {
    let groups = address.uppercased().split(separator: ":", omittingEmptySubsequences: false)
    guard groups.count == 6, groups.allSatisfy({ $0.utf8.count == 2 && UInt8($0, radix: 16) != nil && $0.first != "+" }) else { return nil }
    return groups.joined(separator: ":")
  }
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
