// How the hub recognises a device of a profile before anybody has registered it: services, names and bytes that it advertises.

/// A profile's own description of its devices. Every stated property must hold.
public struct ProfileMatch: Sendable, Hashable {
  /// Service UUIDs that the device advertises or has. It must have all of them.
  public var services: [BluetoothUUID] = []
  /// Bluetooth company identifier of the manufacturer data.
  public var company: UInt16?
  /// What the advertised name begins with, byte for byte.
  public var namePrefix: String?
  /// Exact strings of the Device Information service.
  public var manufacturer: String?
  public var modelNumber: String?
  /// Bytes at the start of the manufacturer or service data; nil stands for "any byte".
  public var bytes: [UInt8?] = []
  /// The profile with the higher priority wins. Two profiles of equal priority that may meet the same device do not load together.
  public var priority: Int = 0
  /// The profile is only for devices that are registered with it by name, because its topics alone do not tell its devices apart.
  public var byNameOnly = false

  public init() {}

  /// Whether the profile says anything that an advertisement can be compared with.
  public var describesBluetooth: Bool {
    !services.isEmpty || company != nil || namePrefix != nil || manufacturer != nil || modelNumber != nil || !bytes.isEmpty
  }

  /// Whether every stated property holds for a device.
  public func holds(for device: BluetoothAppearance) -> Bool {
    guard describesBluetooth, services.allSatisfy(device.services.contains) else { return false }
    if let company, company != device.company { return false }
    if let namePrefix, !(device.name?.hasPrefix(namePrefix) ?? false) { return false }
    if let manufacturer, manufacturer != device.manufacturer { return false }
    if let modelNumber, modelNumber != device.modelNumber { return false }
    guard bytes.count <= device.bytes.count else { return false }
    return zip(bytes, device.bytes).allSatisfy { wanted, seen in wanted.map { $0 == seen } ?? true }
  }

  /// Whether the description is the same, whatever the priority: two such profiles cannot be told apart.
  public func isSameDescription(as other: Self) -> Bool {
    Set(services) == Set(other.services) && company == other.company && namePrefix == other.namePrefix
      && manufacturer == other.manufacturer && modelNumber == other.modelNumber && bytes == other.bytes
  }
}

/// What a Bluetooth device shows of itself.
public struct BluetoothAppearance: Sendable, Hashable {
  public var services: [BluetoothUUID]
  public var company: UInt16?
  public var name: String?
  public var manufacturer: String?
  public var modelNumber: String?
  /// The manufacturer or service data after its identifier.
  public var bytes: [UInt8]

  public init(
    services: [BluetoothUUID] = [], company: UInt16? = nil, name: String? = nil, manufacturer: String? = nil,
    modelNumber: String? = nil, bytes: [UInt8] = []
  ) {
    self.services = services
    self.company = company
    self.name = name
    self.manufacturer = manufacturer
    self.modelNumber = modelNumber
    self.bytes = bytes
  }
}
