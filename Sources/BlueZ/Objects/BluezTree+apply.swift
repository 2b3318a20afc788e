// How objects and signals change the tree. Objects may come in any order: a characteristic waits for its service, and both
// wait for their device. Properties of a wrong type are passed over, one by one.

import DeviceProfile

extension BluezTree {
  /// The answer to GetManagedObjects: all that there is. Says nothing of what changed; look at what matters anew.
  package mutating func replace(with objects: [BluezObject]) {
    removeAll()
    // Parents first, so that nothing has to wait: a parent's path is a prefix, and a prefix sorts first.
    for object in objects.sorted(by: { $0.path < $1.path }) { _ = add(object) }
    // BlueZ exports no object without its parents.
    orphans.removeAll()
  }

  /// Follows one event. Those that do not concern the tree change nothing; a lost `serviceOwner` empties it.
  package mutating func apply(_ event: BusEvent) -> [TreeChange] {
    switch event {
    case .serviceOwner(let isPresent):
      if isPresent { return [] }
      removeAll()
      return [.adapter]
    case .added(let object): return add(object)
    case .removed(let path, let interfaces): return remove(path, interfaces)
    case .changed(let path, let interface, let properties): return change(path, interface, properties)
    case .replied, .agent, .malformed: return []
    }
  }

  // MARK: - Coming

  private mutating func add(_ object: BluezObject) -> [TreeChange] {
    var changes: [TreeChange] = []
    if let properties = object.interfaces["org.bluez.Adapter1"] { changes += changeAdapter(object.path, properties) }
    if let properties = object.interfaces["org.bluez.Device1"] { changes += addDevice(object.path, properties) }
    if let properties = object.interfaces["org.bluez.Battery1"] { changes += changeBattery(object.path, properties) }
    if object.interfaces["org.bluez.GattService1"] != nil || object.interfaces["org.bluez.GattCharacteristic1"] != nil {
      changes += addAttribute(object)
    }
    return changes
  }

  private mutating func addDevice(_ path: String, _ properties: BluezProperties) -> [TreeChange] {
    if devices[path] != nil { return changeDevice(path, properties) }
    guard let address = properties["Address"]?.text.flatMap(DeviceObject.normalized(address:)), let parent = ObjectPath.parent(of: path)
    else { return [] }
    let data = AdvertisedData(properties)
    guard interest.contains(address) || keepsStrangers && devices.count < Self.devicesMax else {
      strangers.note(path: path, connected: properties["Connected"]?.flag)
      orphans.removeAll { ObjectPath.device(of: $0.path) == path }
      return data.isEmpty ? [] : [.heardStranger]
    }
    // A device of ours takes the place of a stranger that a pairing window kept.
    if devices.count >= Self.devicesMax, !makeRoom() { return [] }
    strangers.remove(path: path)
    var entry = Entry(object: DeviceObject(path: path, adapterPath: parent, address: address, addressType: .publicAddress))
    _ = entry.object.take(properties)
    devices[path] = entry
    list(address, path)
    let waiting = orphans.filter { ObjectPath.device(of: $0.path) == path }
    if !waiting.isEmpty { orphans.removeAll { ObjectPath.device(of: $0.path) == path } }
    for object in waiting { _ = addAttribute(object) }
    return data.isEmpty ? [.device(path: path)] : [.device(path: path), .advertisement(path: path, data)]
  }

  private mutating func makeRoom() -> Bool {
    guard let stranger = devices.values.map(\.object).filter({ !interest.contains($0.address) }).min(by: { $0.path < $1.path }) else {
      return false
    }
    forget(path: stranger.path)
    strangers.note(path: stranger.path, connected: stranger.isConnected)
    return true
  }

  /// A service or a characteristic.
  private mutating func addAttribute(_ object: BluezObject) -> [TreeChange] {
    guard let device = ObjectPath.device(of: object.path) else { return [] }
    guard devices[device] != nil else {
      if !strangers.contains(path: device), orphans.count < Self.orphansMax { orphans.append(object) }
      return []
    }
    return devices[device]?.add(object) == true ? [.device(path: device)] : []
  }

  // MARK: - Changing

  private mutating func change(_ path: String, _ interface: String, _ properties: BluezProperties) -> [TreeChange] {
    switch interface {
    case "org.bluez.Adapter1": return changeAdapter(path, properties)
    case "org.bluez.Device1": return changeDevice(path, properties)
    case "org.bluez.Battery1": return changeBattery(path, properties)
    case "org.bluez.GattCharacteristic1":
      guard let bytes = properties["Value"]?.bytes, let device = ObjectPath.device(of: path),
        let characteristic = devices[device]?.object.characteristics.first(where: { $0.path == path })
      else { return [] }
      return [.value(device: device, uuid: characteristic.uuid, bytes: bytes)]
    default: return []
    }
  }

  private mutating func changeAdapter(_ path: String, _ properties: BluezProperties) -> [TreeChange] {
    guard let name = ObjectPath.name(of: path), adapters[path] != nil || properties["Address"]?.text != nil else { return [] }
    var facts = adapters[path] ?? AdapterFacts(path: path, name: name, address: "", isPowered: false, isDiscovering: false)
    if let address = properties["Address"]?.text.flatMap(DeviceObject.normalized(address:)) { facts.address = address }
    if let isPowered = properties["Powered"]?.flag { facts.isPowered = isPowered }
    if let isDiscovering = properties["Discovering"]?.flag { facts.isDiscovering = isDiscovering }
    guard facts != adapters[path] else { return [] }
    adapters[path] = facts
    return [.adapter]
  }

  private mutating func changeBattery(_ path: String, _ properties: BluezProperties) -> [TreeChange] {
    guard devices[path] != nil, let percentage = properties["Percentage"]?.integer, (0...100).contains(percentage) else { return [] }
    guard devices[path]?.object.battery != Int(percentage) else { return [] }
    devices[path]?.object.battery = Int(percentage)
    return [.device(path: path)]
  }

  private mutating func changeDevice(_ path: String, _ properties: BluezProperties) -> [TreeChange] {
    guard let before = devices[path]?.object else { return changeStranger(path, properties) }
    var changes: [TreeChange] = []
    if devices[path]?.object.take(properties) == true { changes.append(.device(path: path)) }
    if let after = devices[path]?.object, after.address != before.address {
      unlist(before.address, path)
      list(after.address, path)
    }
    let data = AdvertisedData(properties)
    if !data.isEmpty { changes.append(.advertisement(path: path, data)) }
    return changes
  }

  private mutating func changeStranger(_ path: String, _ properties: BluezProperties) -> [TreeChange] {
    // Its identity became known, and it is one of ours: what we need of it was never kept.
    let address = properties["Address"]?.text.flatMap(DeviceObject.normalized(address:))
    if let address, interest.contains(address) { isIncomplete = true }
    strangers.note(path: path, connected: properties["Connected"]?.flag)
    return AdvertisedData(properties).isEmpty ? [] : [.heardStranger]
  }

  // MARK: - Going

  private mutating func remove(_ path: String, _ interfaces: [String]) -> [TreeChange] {
    var changes: [TreeChange] = []
    for interface in interfaces {
      switch interface {
      case "org.bluez.Adapter1":
        guard adapters.removeValue(forKey: path) != nil else { continue }
        changes += removeDevices(below: path)
        changes.append(.adapter)
      case "org.bluez.Device1":
        strangers.remove(path: path)
        orphans.removeAll { ObjectPath.device(of: $0.path) == path }
        guard devices[path] != nil else { continue }
        forget(path: path)
        changes.append(.deviceRemoved(path: path))
      case "org.bluez.Battery1":
        guard devices[path]?.object.battery != nil else { continue }
        devices[path]?.object.battery = nil
        changes.append(.device(path: path))
      case "org.bluez.GattService1", "org.bluez.GattCharacteristic1":
        orphans.removeAll { $0.path == path }
        guard let device = ObjectPath.device(of: path), devices[device]?.remove(path: path) == true else { continue }
        changes.append(.device(path: device))
      default: continue
      }
    }
    return changes
  }

  private mutating func removeDevices(below adapter: String) -> [TreeChange] {
    let gone = allDevices.filter { $0.adapterPath == adapter }
    for device in gone { forget(path: device.path) }
    // Which strangers stood below it is not known; they are counted anew as they are heard.
    if adapters.isEmpty { strangers.removeAll() }
    return gone.map { .deviceRemoved(path: $0.path) }
  }
}
