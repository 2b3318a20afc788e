// Other people's devices: counted, never kept; and the one time when they are looked at, while somebody pairs a device.
// Identities that become known, limits, and a storm of whatever.

import DeviceProfile
import Testing

@testable import BlueZ
@testable import BluetoothLink

private typealias S = TreeSamples

@Suite struct TreeStrangersTests {
  private static let stranger = "11:22:33:44:55:66"
  private static let strangerPath = S.path(of: stranger)

  /// Everything that the tree holds, as text.
  private func content(_ tree: BluezTree) -> String {
    var text = ""
    dump(tree, to: &text)
    return text
  }

  @Test func strangersAreCountedAndNothingIsKept() {
    var tree = S.tree()
    #expect(tree.apply(.added(S.device(Self.stranger, ["RSSI": .integer(-80), "Name": .text("Somebody's watch")]))) == [.heardStranger])
    #expect(tree.apply(S.changed(Self.strangerPath, ["RSSI": .integer(-81)])) == [.heardStranger])
    #expect(tree.apply(S.changed(S.path(of: "11:22:33:44:55:77"), ["ManufacturerData": .bytesByCompany([1: [1]])])) == [.heardStranger])
    // Their attributes neither.
    _ = tree.apply(
      .added(BluezObject(path: Self.strangerPath + "/service0001", interfaces: ["org.bluez.GattService1": ["UUID": .text(S.uuid("1800"))]]))
    )
    #expect(tree.strangerCount == 2)
    #expect(tree.allDevices.isEmpty)
    let text = content(tree)
    for trace in ["11:22:33", "11_22_33", "watch"] { #expect(!text.contains(trace)) }
    #expect(text.contains(S.ours))
    _ = tree.apply(.removed(path: Self.strangerPath, interfaces: ["org.bluez.Device1"]))
    #expect(tree.strangerCount == 1)
  }

  @Test func theirConnectionsAreCounted() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device(Self.stranger, ["Connected": .flag(true)])))
    _ = tree.apply(.added(S.device(S.ours, ["Connected": .flag(true)])))
    #expect(tree.connectedOthers == 1)
    #expect(tree.apply(S.changed(Self.strangerPath, ["RSSI": .integer(-1)])) == [.heardStranger])
    #expect(tree.connectedOthers == 1)
    #expect(tree.apply(S.changed(Self.strangerPath, ["Connected": .flag(false)])) == [])
    #expect(tree.connectedOthers == 0)
    _ = tree.apply(S.changed(Self.strangerPath, ["Connected": .flag(true)]))
    _ = tree.apply(.removed(path: Self.strangerPath, interfaces: ["org.bluez.Device1"]))
    #expect(tree.connectedOthers == 0)
  }

  @Test func whilePairingStrangersAreSeenAndThenForgotten() {
    var tree = S.tree()
    tree.keepsStrangers = true
    tree.replace(with: [S.adapter(), S.device(), S.device(Self.stranger, ["Name": .text("Somebody's watch"), "Connected": .flag(true)])])
    #expect(tree.device(address: Self.stranger)?.name == "Somebody's watch")
    #expect(tree.strangerCount == 1)
    #expect(tree.connectedOthers == 1)
    #expect(tree.apply(S.changed(Self.strangerPath, ["RSSI": .integer(-40)])) == [.advertisement(path: Self.strangerPath, .signalStrength)])
    tree.forgetStrangers()
    #expect(tree.device(address: Self.stranger) == nil)
    #expect(tree.strangerCount == 1)
    #expect(tree.connectedOthers == 1)
    #expect(tree.device(address: S.ours) != nil)
    for trace in ["11:22:33", "11_22_33", "watch"] { #expect(!content(tree).contains(trace)) }
  }

  @Test func whoIsNoLongerOursIsForgottenAtOnce() {
    var tree = S.tree()
    _ = tree.apply(.added(S.device(S.ours, ["Connected": .flag(true)])))
    tree.interest = []
    #expect(tree.device(address: S.ours) == nil)
    #expect(tree.strangerCount == 1)
    #expect(tree.connectedOthers == 1)
    #expect(!content(tree).contains("AA:BB:CC"))
    // And back: bluetoothd has to be asked, and then it is there and no stranger.
    tree.interest = [S.ours]
    #expect(tree.device(address: S.ours) == nil)
    tree.replace(with: [S.adapter(), S.device()])
    #expect(tree.device(address: S.ours) != nil)
    #expect(tree.strangerCount == 0)
  }

  @Test func aStrangerThatAppearsAgainAsOursIsNoStranger() {
    var tree = S.tree(interest: [])
    _ = tree.apply(.added(S.device()))
    #expect(tree.strangerCount == 1)
    tree.interest = [S.ours]
    #expect(tree.apply(.added(S.device())) == [.device(path: S.path)])
    #expect(tree.strangerCount == 0)
  }

  // MARK: - Identities

  @Test func theAddressMayChangeAndThePathStays() {
    let changing = "5A:00:00:00:00:01"
    let path = S.path(of: changing)
    var tree = S.tree()
    tree.keepsStrangers = true
    _ = tree.apply(.added(S.device(changing, ["Name": .text("cuff")])))
    #expect(tree.device(address: changing)?.addressKind == .resolvablePrivate)
    #expect(tree.apply(S.changed(path, ["Address": .text(S.ours), "AddressType": .text("public")])) == [.device(path: path)])
    #expect(tree.device(address: changing) == nil)
    #expect(tree.device(address: S.ours)?.path == path)
    #expect(tree.device(address: S.ours)?.name == "cuff")
    #expect(tree.device(address: S.ours)?.addressType == .publicAddress)
    // What comes for the path is the device's, and it stays when the strangers go.
    #expect(tree.apply(S.changed(path, ["Paired": .flag(true)])) == [.device(path: path)])
    tree.forgetStrangers()
    #expect(tree.sessionFacts(address: S.ours).isPaired)
    #expect(tree.apply(.removed(path: path, interfaces: ["org.bluez.Device1"])) == [.deviceRemoved(path: path)])
    #expect(tree.device(address: S.ours) == nil)
  }

  @Test func aCountedStrangerThatTurnsOutToBeOursAsksForANewLoad() {
    let changing = "5A:00:00:00:00:01"
    let path = S.path(of: changing)
    var tree = S.tree()
    _ = tree.apply(.added(S.device(changing)))
    #expect(tree.apply(S.changed(path, ["Address": .text(S.ours)])) == [])
    #expect(tree.isIncomplete)
    var object = S.device(S.ours)
    object.path = path
    tree.replace(with: [S.adapter(), object])
    #expect(!tree.isIncomplete)
    #expect(tree.device(address: S.ours)?.path == path)
    #expect(tree.strangerCount == 0)
  }

  // MARK: - Limits

  @Test func strangersAreCountedUpToALimit() {
    var count = StrangerCount()
    for index in 0..<(StrangerCount.max + 50) { count.note(path: "/d\(index)", connected: true) }
    #expect(count.count == StrangerCount.max)
    #expect(count.connected == StrangerCount.max)
    for index in 0..<(StrangerCount.max + 50) { count.remove(path: "/d\(index)") }
    #expect(count.count == 0)
    #expect(count.connected == 0)
  }

  @Test func theSaltMakesTheNumbersAnew() {
    var first = StrangerCount(salt: 1)
    var second = StrangerCount(salt: 2)
    first.note(path: "/a")
    second.note(path: "/a")
    var texts = ["", ""]
    dump(first, to: &texts[0])
    dump(second, to: &texts[1])
    #expect(
      texts[0].split(separator: "\n").filter { $0.contains("key:") } != texts[1].split(separator: "\n").filter { $0.contains("key:") })
  }

  @Test func ourDeviceFindsRoomAmongStrangers() {
    var tree = S.tree()
    tree.keepsStrangers = true
    func address(_ index: Int) -> String {
      let (high, low) = (String(index / 256 + 16, radix: 16), String(index % 256 + 256, radix: 16).dropFirst())
      return "10:00:00:00:\(high):\(low)".uppercased()
    }
    for index in 0..<(BluezTree.devicesMax + 20) { _ = tree.apply(.added(S.device(address(index)))) }
    #expect(tree.devices.count == BluezTree.devicesMax)
    #expect(tree.strangerCount == BluezTree.devicesMax + 20)
    #expect(tree.apply(.added(S.device())) == [.device(path: S.path)])
    #expect(tree.devices.count == BluezTree.devicesMax)
    #expect(tree.strangerCount == BluezTree.devicesMax + 20)
  }

  @Test func aDeviceHasSoManyCharacteristicsAndNoMore() {
    var tree = S.tree()
    for object in [S.device(), S.service("0010", "1822")] { _ = tree.apply(.added(object)) }
    for index in 0..<(BluezTree.characteristicsMax + 20) {
      _ = tree.apply(.added(S.characteristic("0010", String(index + 0x1000, radix: 16), "2a5e")))
    }
    #expect(tree.device(address: S.ours)?.characteristics.count == BluezTree.characteristicsMax)
    var early = S.tree()
    for index in 0..<(BluezTree.orphansMax + 20) {
      _ = early.apply(.added(S.characteristic("0010", String(index + 0x1000, radix: 16), "2a5e")))
    }
    #expect(early.orphans.count == BluezTree.orphansMax)
    // They turn out to be a stranger's.
    early.interest = []
    _ = early.apply(.added(S.device()))
    #expect(early.orphans.isEmpty)
  }

  // MARK: - A storm

  /// Small, seeded, and the same on every machine.
  private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private func event(_ dice: inout Dice) -> BusEvent {
    let addresses = [S.ours, Self.stranger, "5A:00:00:00:00:01", "C0:00:00:00:00:02"]
    let device = S.path(of: addresses.randomElement(using: &dice) ?? S.ours)
    let service = device + "/service00" + ["10", "20"][Int.random(in: 0...1, using: &dice)]
    let paths = [
      device, service, service + "/char0011", service + "/char0012", S.adapterPath, "/", "", "//", "/org/bluez/hci0/dev_", "dev_",
    ]
    let interfaces = ["Adapter1", "Device1", "Battery1", "GattService1", "GattCharacteristic1", "Nothing1"].map { "org.bluez." + $0 }
    let path = paths.randomElement(using: &dice) ?? ""
    let interface = interfaces.randomElement(using: &dice) ?? ""
    let values: [BluezValue] = [
      .flag(true), .flag(false), .integer(.max), .integer(-1), .integer(50), .text(addresses.randomElement(using: &dice) ?? ""),
      .text(S.uuid("2a5f")),
      .text(""), .texts([S.uuid("1822"), ""]), .bytes([]), .bytesByCompany([1: []]), .bytesByUUID(["": [1], S.uuid("fcd2"): []]), .unknown,
    ]
    let names = [
      "Address", "AddressType", "Name", "Alias", "UUIDs", "RSSI", "Connected", "Paired", "Trusted", "ServicesResolved", "ManufacturerData",
      "ServiceData", "Percentage", "UUID", "Flags", "Value", "Powered", "Discovering",
    ]
    var properties: BluezProperties = [:]
    for name in names where Bool.random(using: &dice) { properties[name] = values.randomElement(using: &dice) }
    switch Int.random(in: 0..<20, using: &dice) {
    case 0..<9: return .added(BluezObject(path: path, interfaces: [interface: properties]))
    case 9..<16: return .changed(path: path, interface: interface, properties)
    case 16..<19: return .removed(path: path, interfaces: [interface, interfaces.randomElement(using: &dice) ?? ""])
    default: return .serviceOwner(isPresent: Bool.random(using: &dice))
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func aStormLeavesTheTreeInOrder(seed: UInt64) {
    var dice = Dice(state: seed)
    var tree = S.tree()
    for step in 0..<2_000 {
      _ = tree.apply(event(&dice))
      if step % 97 == 0 { tree.interest = Bool.random(using: &dice) ? [S.ours] : [S.ours, "C0:00:00:00:00:02"] }
      if step % 131 == 0 { tree.keepsStrangers.toggle() }
      if step % 263 == 0 { tree.forgetStrangers() }
      let listed = tree.paths.flatMap { entry in entry.value.map { "\(entry.key) \($0)" } }.sorted()
      let kept = tree.allDevices.map { "\($0.address) \($0.path)" }.sorted()
      #expect(listed == kept, "seed \(seed), step \(step)")
      #expect(tree.allDevices.allSatisfy { $0.characteristics.map(\.path) == $0.characteristics.map(\.path).sorted() })
      #expect((0...tree.strangerCount).contains(tree.connectedOthers), "seed \(seed), step \(step)")
      if listed != kept { return }
    }
    tree.interest = [S.ours]
    tree.forgetStrangers()
    #expect(tree.allDevices.allSatisfy { $0.address == S.ours })
  }
}
