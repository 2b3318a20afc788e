// bluetoothd's objects as the hub sees them: adapters, the devices that are of interest, and their characteristics. A value
// without input or output: it is filled from GetManagedObjects and kept up with signals. Everybody else's devices are
// counted (`StrangerCount`) and otherwise ignored.

package import DeviceProfile

/// What of an advertisement a signal brought.
package struct AdvertisedData: OptionSet, Sendable, Hashable {
  package static let signalStrength = AdvertisedData(rawValue: 1)
  package static let manufacturerData = AdvertisedData(rawValue: 2)
  package static let serviceData = AdvertisedData(rawValue: 4)

  package var rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What a signal changed. A device is named by its object path.
package enum TreeChange: Sendable, Hashable {
  /// An adapter came, went, or said something new.
  case adapter
  /// A device of interest, or one of its characteristics, came or changed. Its address may be another than before: while a
  /// device is bonded its identity becomes known, and the object stays.
  case device(path: String)
  /// The device was heard. Follows the `device` of the same signal.
  case advertisement(path: String, AdvertisedData)
  case deviceRemoved(path: String)
  /// A device that is none of ours was heard.
  case heardStranger
  /// A characteristic's Value property changed: a notification under StartNotify, and also what ReadValue just read.
  case value(device: String, uuid: BluetoothUUID, bytes: [UInt8])
}

/// The tree. The work of each call is proportional to what changed, except for `replace` and a change of interest.
package struct BluezTree: Sendable {
  /// Devices that are kept. BlueZ keeps devices in range for 30 s; a pairing window in a block of flats finds some hundred.
  static let devicesMax = 512
  /// Characteristics kept of one device.
  static let characteristicsMax = 512
  /// Objects of devices that are not announced yet.
  static let orphansMax = 512

  /// A device with what is not fit to be shown yet.
  struct Entry: Sendable {
    var object: DeviceObject
    /// Services by path.
    var services: [String: BluetoothUUID] = [:]
    /// Characteristics whose service is not announced yet.
    var unplaced: [BluezObject] = []
  }

  /// Addresses (in capitals) of the devices that are ours. One that is taken out is forgotten at once and counted as a
  /// stranger; for one that is put in, GetManagedObjects must be called anew, because nothing was kept of it.
  package var interest: Set<String> = [] {
    didSet { if interest != oldValue { sortOut() } }
  }

  /// True while somebody pairs a device: every device is kept. Call GetManagedObjects when it becomes true, and
  /// `forgetStrangers` when the window closes.
  package var keepsStrangers = false

  /// The adapter whose devices are looked up by address; nil: any. A device may be known to two adapters.
  package var adapterPath: String?

  var adapters: [String: AdapterFacts] = [:]
  var devices: [String: Entry] = [:]
  /// Paths by address, sorted; more than one only when there are more adapters.
  var paths: [String: [String]] = [:]
  var orphans: [BluezObject] = []
  var strangers = StrangerCount()

  /// A device became one of ours by itself (its identity became known), and nothing was kept of it: call GetManagedObjects
  /// anew. `replace` makes it false.
  package var isIncomplete = false

  package init() {}

  // MARK: - Looking

  /// The adapter of a name (`hci0`) or address. Without one: that which holds the most bonds of interest, for they cannot move;
  /// among equals the one in use, then one that is powered, then the first.
  package func adapter(named wanted: String?) -> AdapterFacts? {
    // hci2 stands before hci10.
    let sorted = adapters.values.sorted { ($0.path.utf8.count, $0.path) < ($1.path.utf8.count, $1.path) }
    if let wanted { return sorted.first { $0.name == wanted || $0.address == wanted.uppercased() } }
    func rank(_ adapter: AdapterFacts) -> (Int, Int, Int) {
      let bonds = devices.values.count {
        $0.object.adapterPath == adapter.path && $0.object.isPaired && interest.contains($0.object.address)
      }
      return (bonds, adapter.path == adapterPath ? 1 : 0, adapter.isPowered ? 1 : 0)
    }
    var best: (adapter: AdapterFacts, rank: (Int, Int, Int))?
    for adapter in sorted {
      let own = rank(adapter)
      if best.map({ own > $0.rank }) ?? true { best = (adapter, own) }
    }
    return best?.adapter
  }

  /// The device that has this address now, in capitals or not.
  package func device(address: String) -> DeviceObject? {
    guard let candidates = paths[address.uppercased()] else { return nil }
    let path = adapterPath.map { wanted in candidates.first { devices[$0]?.object.adapterPath == wanted } } ?? candidates.first
    return path.flatMap { devices[$0]?.object }
  }

  /// Every object that has this address on the adapter in use: two when a device was bonded anew under a private address.
  package func paths(address: String) -> [String] {
    (paths[address] ?? []).filter { adapterPath == nil || devices[$0]?.object.adapterPath == adapterPath }
  }

  package func device(path: String) -> DeviceObject? { devices[path]?.object }

  /// A device's characteristic. Without a service, the first in the order of handles that has the UUID.
  package func characteristic(address: String, uuid: BluetoothUUID, service: BluetoothUUID?) -> CharacteristicObject? {
    device(address: address)?.characteristics.first { $0.uuid == uuid && (service == nil || $0.service == service) }
  }

  /// All devices that are kept, in the order of their paths.
  package var allDevices: [DeviceObject] { devices.values.map(\.object).sorted { $0.path < $1.path } }

  /// Devices in BlueZ's tree that are not of interest, at most `StrangerCount.max`, and those kept while pairing.
  package var strangerCount: Int { strangers.count + keptStrangers.count }

  /// Connections that other programs hold: of devices that are not of interest. While pairing, put the candidate's address
  /// into `interest`, or its connection counts here too.
  package var connectedOthers: Int {
    strangers.connected + keptStrangers.count { $0.object.isConnected && (adapterPath == nil || $0.object.adapterPath == adapterPath) }
  }

  private var keptStrangers: [Entry] { devices.values.filter { !interest.contains($0.object.address) } }

  // MARK: - Forgetting

  /// The pairing window has closed: strangers are only counted from now on, and nothing is left of those that were found.
  package mutating func forgetStrangers() {
    keepsStrangers = false
    sortOut()
  }

  /// bluetoothd is gone: so are its objects. Interest stays.
  mutating func removeAll() {
    adapters.removeAll()
    devices.removeAll()
    paths.removeAll()
    orphans.removeAll()
    strangers.removeAll()
    isIncomplete = false
  }

  private mutating func sortOut() {
    guard !keepsStrangers else { return }
    for device in allDevices where !interest.contains(device.address) {
      forget(path: device.path)
      strangers.note(path: device.path, connected: device.isConnected)
    }
  }

  /// Takes a device out of both tables.
  mutating func forget(path: String) {
    guard let entry = devices.removeValue(forKey: path) else { return }
    unlist(entry.object.address, path)
  }

  mutating func list(_ address: String, _ path: String) {
    var listed = paths[address] ?? []
    guard !listed.contains(path) else { return }
    listed.append(path)
    listed.sort()
    paths[address] = listed
  }

  mutating func unlist(_ address: String, _ path: String) {
    paths[address]?.removeAll { $0 == path }
    if paths[address]?.isEmpty == true { paths[address] = nil }
  }
}
