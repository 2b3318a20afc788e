// One device's properties and attributes: what is taken over, and what is passed over because it is not what BlueZ promises.

import DeviceProfile

/// Object paths as BlueZ makes them: `/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF/service0010/char0011`.
enum ObjectPath {
  static func parent(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
    return String(path[..<slash])
  }

  static func name(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), path.index(after: slash) != path.endIndex else { return nil }
    return String(path[path.index(after: slash)...])
  }

  /// The device's path for anything below it; nil for a device itself, and for what is no part of a device.
  static func device(of path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count > 4, parts[3].hasPrefix("dev_") else { return nil }
    return "/" + parts.prefix(4).joined(separator: "/")
  }
}

extension AdvertisedData {
  /// What of these properties says that the device was heard; empty when nothing does.
  init(_ properties: BluezProperties) {
    self = []
    if properties["RSSI"]?.integer != nil { insert(.signalStrength) }
    if case .bytesByCompany = properties["ManufacturerData"] { insert(.manufacturerData) }
    if case .bytesByUUID = properties["ServiceData"] { insert(.serviceData) }
  }
}

extension DeviceObject {
  /// Takes over what is given and of the right type. True when anything but the signal strength changed.
  mutating func take(_ properties: BluezProperties) -> Bool {
    let before = self
    takeIdentity(properties)
    takeState(properties)
    takeAdvertisement(properties)
    var after = self
    after.rssi = before.rssi
    return after != before
  }

  private mutating func takeIdentity(_ properties: BluezProperties) {
    if let address = properties["Address"]?.text.flatMap(Self.normalized(address:)) { self.address = address }
    if let type = properties["AddressType"]?.text.flatMap(AddressType.init(rawValue:)) { addressType = type }
    switch properties["Name"] {
    case .text(let name): self.name = name
    case .unknown: name = nil
    default: break
    }
    if let uuids = properties["UUIDs"]?.texts { services = uuids.compactMap { BluetoothUUID($0) } }
  }

  private mutating func takeState(_ properties: BluezProperties) {
    if let flag = properties["Connected"]?.flag { isConnected = flag }
    if let flag = properties["Paired"]?.flag { isPaired = flag }
    if let flag = properties["Trusted"]?.flag { isTrusted = flag }
    if let flag = properties["ServicesResolved"]?.flag { servicesResolved = flag }
  }

  private mutating func takeAdvertisement(_ properties: BluezProperties) {
    switch properties["RSSI"] {
    case .integer(let value): rssi = Int(exactly: value)
    case .unknown: rssi = nil
    default: break
    }
    switch properties["ManufacturerData"] {
    case .bytesByCompany(let data): manufacturerData = data
    case .unknown: manufacturerData = [:]
    default: break
    }
    switch properties["ServiceData"] {
    case .bytesByUUID(let data):
      serviceData = [:]
      // Sorted, because two spellings of one UUID are possible and the same one must win each time.
      for (key, bytes) in data.sorted(by: { $0.key < $1.key }) { if let uuid = BluetoothUUID(key) { serviceData[uuid] = bytes } }
    case .unknown: serviceData = [:]
    default: break
    }
  }
}

extension BluezTree.Entry {
  /// A service or characteristic came. True when what can be seen of the device changed.
  mutating func add(_ attribute: BluezObject) -> Bool {
    var isChanged = false
    if let uuid = attribute.interfaces["org.bluez.GattService1"]?["UUID"]?.text.flatMap({ BluetoothUUID($0) }) {
      guard services[attribute.path] != nil || services.count < BluezTree.characteristicsMax else { return false }
      services[attribute.path] = uuid
      let waiting = unplaced.filter { ObjectPath.parent(of: $0.path) == attribute.path }
      unplaced.removeAll { ObjectPath.parent(of: $0.path) == attribute.path }
      for characteristic in waiting where place(characteristic) { isChanged = true }
    }
    if attribute.interfaces["org.bluez.GattCharacteristic1"] != nil, place(attribute) { isChanged = true }
    return isChanged
  }

  /// True when the characteristic can be seen now, or could be before.
  private mutating func place(_ attribute: BluezObject) -> Bool {
    let properties = attribute.interfaces["org.bluez.GattCharacteristic1"] ?? [:]
    guard let uuid = properties["UUID"]?.text.flatMap({ BluetoothUUID($0) }), let parent = ObjectPath.parent(of: attribute.path) else {
      return false
    }
    let wasSeen = removeCharacteristic(attribute.path)
    guard object.characteristics.count + unplaced.count < BluezTree.characteristicsMax else { return wasSeen }
    guard let service = services[parent] else {
      unplaced.append(attribute)
      return wasSeen
    }
    let characteristic = CharacteristicObject(
      path: attribute.path, uuid: uuid, service: service, flags: Set(properties["Flags"]?.texts ?? []))
    // BlueZ names objects by handle, in four hexadecimal digits. New ones come last, as a rule.
    let index = (object.characteristics.lastIndex { $0.path < attribute.path } ?? -1) + 1
    object.characteristics.insert(characteristic, at: index)
    return true
  }

  /// A service (with all that is in it) or a characteristic went. True when what can be seen of the device changed.
  mutating func remove(path: String) -> Bool {
    guard services.removeValue(forKey: path) != nil else { return removeCharacteristic(path) }
    unplaced.removeAll { ObjectPath.parent(of: $0.path) == path }
    let before = object.characteristics.count
    object.characteristics.removeAll { ObjectPath.parent(of: $0.path) == path }
    return object.characteristics.count != before
  }

  private mutating func removeCharacteristic(_ path: String) -> Bool {
    unplaced.removeAll { $0.path == path }
    guard let index = object.characteristics.firstIndex(where: { $0.path == path }) else { return false }
    object.characteristics.remove(at: index)
    return true
  }
}
