// bluetoothd's tree as the hub sees it: objects in every order, properties of wrong types, identities that become known,
// and other people's devices, which are counted and leave nothing behind.

import DeviceProfile
import Testing

@testable import BlueZ
@testable import BluetoothLink

/// Objects as BlueZ exports them.
enum TreeSamples {
  static let adapterPath = "/org/bluez/hci0"
  static let ours = "AA:BB:CC:00:00:01"
  static let path = path(of: ours)

  static func path(of address: String, adapter: String = adapterPath) -> String {
    adapter + "/dev_" + address.split(separator: ":").joined(separator: "_")
  }

  static func adapter(_ name: String = "hci0", address: String = "00:1A:7D:00:00:01", powered: Bool = true) -> BluezObject {
    BluezObject(
      path: "/org/bluez/" + name,
      interfaces: ["org.bluez.Adapter1": ["Address": .text(address), "Powered": .flag(powered), "Discovering": .flag(false)]])
  }

  static func device(_ address: String = ours, adapter: String = adapterPath, _ more: BluezProperties = [:]) -> BluezObject {
    var properties: BluezProperties = ["Address": .text(address), "AddressType": .text("random"), "Connected": .flag(false)]
    properties.merge(more) { $1 }
    return BluezObject(path: path(of: address, adapter: adapter), interfaces: ["org.bluez.Device1": properties])
  }

  static func uuid(_ short: String) -> String { "0000\(short)-0000-1000-8000-00805f9b34fb" }

  static func service(_ handle: String, _ short: String) -> BluezObject {
    BluezObject(path: path + "/service\(handle)", interfaces: ["org.bluez.GattService1": ["UUID": .text(uuid(short))]])
  }

  static func characteristic(_ service: String, _ handle: String, _ short: String) -> BluezObject {
    BluezObject(
      path: path + "/service\(service)/char\(handle)",
      interfaces: ["org.bluez.GattCharacteristic1": ["UUID": .text(uuid(short)), "Flags": .texts(["read", "notify"])]])
  }

  /// A tree that knows the adapter and has one device of interest, not yet announced.
  static func tree(interest: Set<String> = [ours]) -> BluezTree {
    var tree = BluezTree()
    tree.interest = interest
    tree.replace(with: [adapter()])
    return tree
  }

  static func changed(_ properties: BluezProperties) -> BusEvent { changed(path, properties) }

  static func changed(_ path: String, _ properties: BluezProperties) -> BusEvent {
    .changed(path: path, interface: "org.bluez.Device1", properties)
  }
}

private typealias S = TreeSamples

/// All orders of a few elements.
private func permutations<Element>(_ elements: [Element]) -> [[Element]] {
  guard let first = elements.first else { return [[]] }
  return permutations(Array(elements.dropFirst())).flatMap { rest in
    (0...rest.count).map { index in Array(rest[..<index]) + [first] + Array(rest[index...]) }
  }
}

@Suite struct TreeTests {
  @Test func aDeviceIsTakenOver() throws {
    var tree = S.tree()
    let changes = tree.apply(
      .added(
        S.device(
          S.ours.lowercased(),
          [
            "AddressType": .text("public"), "Name": .text("Nonin3230"), "Alias": .text("Oximeter"), "RSSI": .integer(-60),
            "Paired": .flag(true),
            "Trusted": .flag(true), "Connected": .flag(true), "ServicesResolved": .flag(true),
            "UUIDs": .texts([S.uuid("1822"), "rubbish"]),
            "ManufacturerData": .bytesByCompany([0x1234: [1, 2]]), "ServiceData": .bytesByUUID([S.uuid("fcd2"): [3]]),
          ])))
    let path = S.path(of: S.ours.lowercased())
    #expect(changes == [.device(path: path), .advertisement(path: path, [.signalStrength, .manufacturerData, .serviceData])])
    let expected = DeviceObject(
      path: path, adapterPath: S.adapterPath, address: S.ours, addressType: .publicAddress, name: "Nonin3230",
      services: [BluetoothUUID(short: 0x1822)], rssi: -60, isConnected: true, isPaired: true, isTrusted: true, servicesResolved: true,
      manufacturerData: [0x1234: [1, 2]], serviceData: [BluetoothUUID(short: 0xFCD2): [3]])
    #expect(tree.device(address: S.ours) == expected)
    #expect(tree.device(address: S.ours.lowercased()) == expected)
    #expect(tree.device(path: path) == expected)
    #expect(tree.allDevices == [expected])
  }

  @Test(arguments: [
    ("public", "C0:00:00:00:00:01", BluetoothAddress.Kind.publicDevice), ("random", "C0:00:00:00:00:01", .staticRandom),
    ("random", "FF:00:00:00:00:01", .staticRandom), ("random", "40:00:00:00:00:01", .resolvablePrivate),
    ("random", "7F:00:00:00:00:01", .resolvablePrivate), ("random", "00:00:00:00:00:01", .nonResolvablePrivate),
    ("random", "3F:00:00:00:00:01", .nonResolvablePrivate), ("random", "80:00:00:00:00:01", .reserved),
    ("random", "BF:00:00:00:00:01", .reserved),
  ])
  func theKindOfARandomAddressIsInItsTopBits(_ row: (type: String, address: String, kind: BluetoothAddress.Kind)) throws {
    var tree = S.tree(interest: [row.address])
    _ = tree.apply(.added(S.device(row.address, ["AddressType": .text(row.type)])))
    let device = try #require(tree.device(address: row.address))
    #expect(device.addressKind == row.kind)
  }

  @Test(arguments: ["", "AA:BB", "AA:BB:CC:DD:EE:FG", "AABBCCDDEEFF", "+1:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:FF:00", "Æ:BB:CC:DD:EE:FF"])
  func whatIsNoAddressIsNoDevice(_ address: String) {
    #expect(DeviceObject.normalized(address: address) == nil)
    var tree = S.tree()
    tree.keepsStrangers = true
    #expect(tree.apply(.added(BluezObject(path: S.path, interfaces: ["org.bluez.Device1": ["Address": .text(address)]]))) == [])
    #expect(tree.allDevices.isEmpty)
  }

  @Test func objectsMayComeInAnyOrder() {
    let objects = [
      S.device(), S.service("0010", "1822"), S.characteristic("0010", "0011", "2a5e"), S.characteristic("0010", "0014", "2a5f"),
    ]
    let uuids: Set = [BluetoothUUID(short: 0x2A5E), BluetoothUUID(short: 0x2A5F)]
    let orders = permutations(objects)
    #expect(orders.count == 24)
    for order in orders {
      var tree = S.tree()
      for object in order { _ = tree.apply(.added(object)) }
      #expect(tree.device(address: S.ours)?.characteristics.map(\.path) == [objects[2].path, objects[3].path])
      #expect(tree.device(address: S.ours)?.characteristics.allSatisfy { $0.service == BluetoothUUID(short: 0x1822) } == true)
      #expect(tree.sessionFacts(address: S.ours).characteristics == uuids)
      #expect(tree.orphans.isEmpty)
      // The same all at once.
      var loaded = S.tree()
      loaded.replace(with: order + [S.adapter()])
      #expect(loaded.allDevices == tree.allDevices)
    }
  }

  @Test func aCharacteristicWithoutItsServiceIsNotThereYet() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device()))
    #expect(tree.apply(.added(S.characteristic("0010", "0011", "2a5e"))) == [])
    #expect(tree.sessionFacts(address: S.ours).characteristics.isEmpty)
    #expect(tree.apply(.added(S.service("0010", "1822"))) == [.device(path: S.path)])
    #expect(tree.sessionFacts(address: S.ours).characteristics == [BluetoothUUID(short: 0x2A5E)])
  }

  @Test func oneUUIDInTwoServicesIsTwoCharacteristics() {
    var tree = S.tree()
    let date = BluetoothUUID(short: 0x2A08)
    for object in [
      S.device(), S.service("0030", "1810"), S.service("0010", "1809"), S.characteristic("0030", "0031", "2a08"),
      S.characteristic("0010", "0011", "2a08"),
    ] { _ = tree.apply(.added(object)) }
    func path(_ service: BluetoothUUID?) -> String? { tree.characteristic(address: S.ours, uuid: date, service: service)?.path }
    #expect(path(BluetoothUUID(short: 0x1810)) == S.path + "/service0030/char0031")
    #expect(path(BluetoothUUID(short: 0x1809)) == S.path + "/service0010/char0011")
    #expect(path(nil) == S.path + "/service0010/char0011")
    #expect(path(BluetoothUUID(short: 0x1822)) == nil)
    #expect(tree.characteristic(address: "11:22:33:44:55:66", uuid: date, service: nil) == nil)
  }

  @Test func attributesGoOneByOneOrWithTheirService() {
    var tree = S.tree()
    for object in [
      S.device(), S.service("0010", "1822"), S.characteristic("0010", "0011", "2a5e"), S.characteristic("0010", "0014", "2a5f"),
    ] { _ = tree.apply(.added(object)) }
    let gone = S.path + "/service0010/char0011"
    #expect(tree.apply(.removed(path: gone, interfaces: ["org.bluez.GattCharacteristic1"])) == [.device(path: S.path)])
    #expect(tree.apply(.removed(path: gone, interfaces: ["org.bluez.GattCharacteristic1"])) == [])
    #expect(tree.sessionFacts(address: S.ours).characteristics == [BluetoothUUID(short: 0x2A5F)])
    #expect(tree.apply(.removed(path: S.path + "/service0010", interfaces: ["org.bluez.GattService1"])) == [.device(path: S.path)])
    #expect(tree.sessionFacts(address: S.ours).characteristics.isEmpty)
  }

  @Test func propertiesOfAWrongTypeArePassedOver() throws {
    var tree = S.tree()
    _ = tree.apply(.added(S.device(S.ours, ["RSSI": .integer(-70), "Name": .text("cuff"), "Paired": .flag(true)])))
    let before = try #require(tree.device(address: S.ours))
    let wrong: BluezProperties = [
      "Address": .integer(1), "AddressType": .text("martian"), "Name": .flag(true), "Alias": .bytes([1]), "UUIDs": .text("x"),
      "RSSI": .text("-1"), "Connected": .integer(1), "Paired": .text("yes"), "Trusted": .bytes([1]), "ServicesResolved": .texts([]),
      "ManufacturerData": .bytes([1]), "ServiceData": .bytesByCompany([1: [1]]), "Something": .unknown,
    ]
    #expect(tree.apply(S.changed(wrong)) == [])
    #expect(tree.device(address: S.ours) == before)
    // One that is right beside them counts.
    #expect(tree.apply(S.changed(["Connected": .flag(true), "Paired": .integer(0)])) == [.device(path: S.path)])
    #expect(tree.device(address: S.ours)?.isConnected == true)
    #expect(tree.device(address: S.ours)?.isPaired == true)
  }

  @Test func whatIsHeardIsToldApartFromWhatChanged() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device()))
    #expect(tree.apply(S.changed(["RSSI": .integer(-50)])) == [.advertisement(path: S.path, .signalStrength)])
    // The same signal strength again is heard again.
    #expect(tree.apply(S.changed(["RSSI": .integer(-50)])) == [.advertisement(path: S.path, .signalStrength)])
    #expect(
      tree.apply(S.changed(["ManufacturerData": .bytesByCompany([1: [2]])]))
        == [.device(path: S.path), .advertisement(path: S.path, .manufacturerData)])
    #expect(
      tree.apply(S.changed(["ServiceData": .bytesByUUID([S.uuid("fcd2"): [2]])]))
        == [.device(path: S.path), .advertisement(path: S.path, .serviceData)])
    #expect(tree.apply(S.changed(["Connected": .flag(true)])) == [.device(path: S.path)])
    #expect(tree.apply(S.changed(["Connected": .flag(true)])) == [])
    // No longer heard: known to be unknown, and no advertisement.
    #expect(tree.apply(S.changed(["RSSI": .unknown])) == [])
    #expect(tree.device(address: S.ours)?.rssi == nil)
  }

  @Test func aBatteryBelongsToItsDevice() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device()))
    let battery = { (value: BluezValue) in BluezObject(path: S.path, interfaces: ["org.bluez.Battery1": ["Percentage": value]]) }
    #expect(tree.apply(.added(battery(.integer(80)))) == [.device(path: S.path)])
    #expect(tree.device(address: S.ours)?.battery == 80)
    for value in [BluezValue.integer(101), .integer(-1), .text("80"), .integer(80)] { #expect(tree.apply(.added(battery(value))) == []) }
    #expect(tree.apply(.changed(path: S.path, interface: "org.bluez.Battery1", ["Percentage": .integer(79)])) == [.device(path: S.path)])
    #expect(tree.apply(.removed(path: S.path, interfaces: ["org.bluez.Battery1"])) == [.device(path: S.path)])
    #expect(tree.device(address: S.ours)?.battery == nil)
  }

  @Test func aValueIsToldWithItsCharacteristic() {
    var tree = S.tree()
    for object in [S.device(), S.service("0010", "1822"), S.characteristic("0010", "0011", "2a5e")] { _ = tree.apply(.added(object)) }
    func value(_ path: String, _ value: BluezValue) -> [TreeChange] {
      tree.apply(.changed(path: path, interface: "org.bluez.GattCharacteristic1", ["Value": value]))
    }
    let path = S.path + "/service0010/char0011"
    #expect(value(path, .bytes([1])) == [.value(device: S.path, uuid: BluetoothUUID(short: 0x2A5E), bytes: [1])])
    #expect(value(path, .text("x")) == [])
    #expect(value(S.path + "/service0010/char0099", .bytes([1])) == [])
    #expect(value("/org/bluez/hci0/dev_11_22_33_44_55_66/service0010/char0011", .bytes([1])) == [])
  }

  // MARK: - Adapters

  @Test func theAdapterIsFoundByNameByAddressOrByItself() {
    var tree = BluezTree()
    #expect(tree.adapter(named: nil) == nil)
    tree.replace(with: [
      S.adapter("hci10", address: "00:00:00:00:00:10"), S.adapter("hci2", address: "00:00:00:00:00:AB", powered: false),
    ])
    #expect(tree.adapter(named: nil)?.name == "hci10")
    #expect(tree.adapter(named: "hci2")?.isPowered == false)
    #expect(tree.adapter(named: "00:00:00:00:00:ab")?.name == "hci2")
    #expect(tree.adapter(named: "hci0") == nil)
    let change = { (isOn: Bool) in BusEvent.changed(path: "/org/bluez/hci10", interface: "org.bluez.Adapter1", ["Powered": .flag(isOn)]) }
    #expect(tree.apply(change(false)) == [.adapter])
    #expect(tree.apply(change(false)) == [])
    #expect(tree.adapter(named: nil)?.name == "hci2")
    #expect(tree.apply(.changed(path: "/org/bluez/hci7", interface: "org.bluez.Adapter1", ["Powered": .flag(true)])) == [])
  }

  @Test func anAdapterTakesItsDevicesAlong() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device()))
    #expect(
      tree.apply(.removed(path: S.adapterPath, interfaces: ["org.bluez.Adapter1"])) == [.deviceRemoved(path: S.path), .adapter])
    #expect(tree.sessionFacts(address: S.ours) == SessionFacts())
    #expect(tree.adapter(named: nil) == nil)
  }

  @Test func aDeviceOfTwoAdaptersIsLookedUpAtTheChosenOne() {
    var tree = S.tree()
    let second = "/org/bluez/hci1"
    _ = tree.apply(.added(S.device(S.ours, adapter: second)))
    _ = tree.apply(.added(S.device()))
    #expect(tree.device(address: S.ours)?.adapterPath == S.adapterPath)
    tree.adapterPath = second
    #expect(tree.device(address: S.ours)?.adapterPath == second)
    tree.adapterPath = "/org/bluez/hci9"
    #expect(tree.device(address: S.ours) == nil)
    tree.adapterPath = nil
    _ = tree.apply(.removed(path: S.path, interfaces: ["org.bluez.Device1"]))
    #expect(tree.device(address: S.ours)?.adapterPath == second)
  }

  @Test func aLostBluetoothdLeavesNothing() {
    var tree = S.tree()
    for object in [S.device(), S.device("11:22:33:44:55:66", ["Connected": .flag(true)])] { _ = tree.apply(.added(object)) }
    #expect(tree.apply(.serviceOwner(isPresent: false)) == [.adapter])
    #expect(tree.adapter(named: nil) == nil)
    #expect(tree.allDevices.isEmpty)
    #expect(tree.strangerCount == 0)
    #expect(tree.connectedOthers == 0)
    #expect(tree.interest == [S.ours])
    #expect(tree.apply(.serviceOwner(isPresent: true)) == [])
  }
}
