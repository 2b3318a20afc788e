// The bus connection beside a real dbus-daemon: calls and what comes of them, bluetoothd's comings and goings, forged and
// damaged messages, and a bus that dies.

import CSystemd
import Foundation
import Testing

@testable import BlueZ
@testable import BluetoothLink

@Suite struct BusConnectionTests {
  private static let device = "/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF"
  private static let characteristic = device + "/service0010/char0011"

  @Test func theFirstEventSaysWhetherBluetoothdIsThere() throws {
    #expect(try BusBench(hasBluez: true).events == [.serviceOwner(isPresent: true)])
    #expect(try BusBench(hasBluez: false).events == [.serviceOwner(isPresent: false)])
  }

  @Test func comingsAndGoingsOfBluetoothdAreTold() throws {
    let bench = try BusBench(hasBluez: false)
    _ = bench.takeEvents()
    let bluez = try BusPeer(bench.bus.address, owning: "org.bluez")
    try bench.until("it is there", with: [bluez]) { bench.events == [.serviceOwner(isPresent: true)] }
    sd_bus_release_name(bluez.bus, "org.bluez")
    try bench.until("it is gone", with: [bluez]) {
      bench.events == [.serviceOwner(isPresent: true), .serviceOwner(isPresent: false)]
    }
    // Another name's owner is nobody's business.
    _ = bench.takeEvents()
    _ = try BusPeer(bench.bus.address, owning: "org.example")
    try BusPeer.check(sd_bus_request_name(bluez.bus, "org.bluez", 0), "name")
    try bench.until("it is there again", with: [bluez]) { !bench.events.isEmpty }
    #expect(bench.events == [.serviceOwner(isPresent: true)])
    #expect(bench.connection.matchRules == 3)
  }

  struct Expected: Sendable {
    var call: BusCall
    var path: String
    var interface: String
    var member: String
    var signature: String
  }

  static let expected: [Expected] = [
    Expected(call: .ping, path: "/", interface: "org.freedesktop.DBus.Peer", member: "Ping", signature: ""),
    Expected(
      call: .managedObjects, path: "/", interface: "org.freedesktop.DBus.ObjectManager", member: "GetManagedObjects", signature: ""),
    Expected(
      call: .registerAgent, path: "/org/bluez", interface: "org.bluez.AgentManager1", member: "RegisterAgent", signature: "os"),
    Expected(
      call: .setPowered(adapter: "/org/bluez/hci0", true), path: "/org/bluez/hci0", interface: "org.freedesktop.DBus.Properties",
      member: "Set", signature: "ssv"),
    Expected(
      call: .setDiscoveryFilter(adapter: "/org/bluez/hci0", uuids: []), path: "/org/bluez/hci0", interface: "org.bluez.Adapter1",
      member: "SetDiscoveryFilter", signature: "a{sv}"),
    Expected(
      call: .startDiscovery(adapter: "/org/bluez/hci0"), path: "/org/bluez/hci0", interface: "org.bluez.Adapter1",
      member: "StartDiscovery", signature: ""),
    Expected(
      call: .stopDiscovery(adapter: "/org/bluez/hci0"), path: "/org/bluez/hci0", interface: "org.bluez.Adapter1",
      member: "StopDiscovery", signature: ""),
    Expected(
      call: .removeDevice(adapter: "/org/bluez/hci0", device: device), path: "/org/bluez/hci0", interface: "org.bluez.Adapter1",
      member: "RemoveDevice", signature: "o"),
    Expected(call: .connect(device: device), path: device, interface: "org.bluez.Device1", member: "Connect", signature: ""),
    Expected(call: .disconnect(device: device), path: device, interface: "org.bluez.Device1", member: "Disconnect", signature: ""),
    Expected(call: .pair(device: device), path: device, interface: "org.bluez.Device1", member: "Pair", signature: ""),
    Expected(call: .cancelPairing(device: device), path: device, interface: "org.bluez.Device1", member: "CancelPairing", signature: ""),
    Expected(
      call: .trust(device: device), path: device, interface: "org.freedesktop.DBus.Properties", member: "Set", signature: "ssv"),
    Expected(
      call: .readValue(characteristic: characteristic), path: characteristic, interface: "org.bluez.GattCharacteristic1",
      member: "ReadValue", signature: "a{sv}"),
    Expected(
      call: .writeValue(characteristic: characteristic, bytes: [1], awaitsResponse: true), path: characteristic,
      interface: "org.bluez.GattCharacteristic1", member: "WriteValue", signature: "aya{sv}"),
    Expected(
      call: .acquireNotify(characteristic: characteristic), path: characteristic, interface: "org.bluez.GattCharacteristic1",
      member: "AcquireNotify", signature: "a{sv}"),
    Expected(
      call: .startNotify(characteristic: characteristic), path: characteristic, interface: "org.bluez.GattCharacteristic1",
      member: "StartNotify", signature: ""),
  ]

  @Test func everyCallIsWhatBlueZExpects() throws {
    let bench = try BusBench()
    for expected in Self.expected {
      let call = try bench.called(expected.call)
      #expect(call.path == expected.path)
      #expect(call.interface == expected.interface)
      #expect(call.member == expected.member)
      #expect(call.has(signature: expected.signature), "\(expected.call)")
      // A bluetoothd that is not running is systemd's to start, not ours.
      #expect(sd_bus_message_get_auto_start(call.handle) == 0)
      try bench.theBluez().fail(call, "org.bluez.Error.NotReady", "Resource Not Ready")
      #expect(try bench.outcome() == .failure(.notReady))
    }
  }

  @Test func argumentsAreWritten() throws {
    let bench = try BusBench()
    var call = try bench.called(.setPowered(adapter: "/org/bluez/hci0", false))
    #expect(try call.text() == "org.bluez.Adapter1")
    #expect(try call.text() == "Powered")
    #expect(try call.value() == .flag(false))
    call = try bench.called(.trust(device: Self.device))
    #expect(try call.text() == "org.bluez.Device1")
    #expect(try call.text() == "Trusted")
    #expect(try call.value() == .flag(true))
    call = try bench.called(.setDiscoveryFilter(adapter: "/org/bluez/hci0", uuids: []))
    #expect(try call.properties() == ["Transport": .text("le"), "DuplicateData": .flag(true)])
    let uuid = "00001822-0000-1000-8000-00805f9b34fb"
    call = try bench.called(.setDiscoveryFilter(adapter: "/org/bluez/hci0", uuids: [uuid]))
    #expect(try call.properties() == ["Transport": .text("le"), "DuplicateData": .flag(true), "UUIDs": .texts([uuid])])
    for (awaitsResponse, type) in [(true, "request"), (false, "command")] {
      call = try bench.called(.writeValue(characteristic: Self.characteristic, bytes: [1, 0, 255], awaitsResponse: awaitsResponse))
      #expect(try call.bytes() == [1, 0, 255])
      #expect(try call.properties() == ["type": .text(type)])
    }
    call = try bench.called(.removeDevice(adapter: "/org/bluez/hci0", device: Self.device))
    #expect(try call.text("o") == Self.device)
  }

  @Test func anEmptyAnswerIsDoneAndBytesAreBytes() throws {
    let bench = try BusBench()
    try bench.theBluez().answer(try bench.called(.connect(device: Self.device)))
    #expect(try bench.outcome() == .success(.done))
    for bytes: [UInt8] in [[], [7], Array(repeating: 0xA5, count: 512)] {
      try bench.theBluez().answer(try bench.called(.readValue(characteristic: Self.characteristic))) { $0.bytes(bytes) }
      #expect(try bench.outcome() == .success(.bytes(bytes)))
    }
  }

  @Test func anAnswerOfAnotherTypeIsMalformedAndStillAReply() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    for call in [
      BusCall.readValue(characteristic: Self.characteristic), .managedObjects, .acquireNotify(characteristic: Self.characteristic),
    ] {
      try bench.theBluez().answer(try bench.called(call)) { $0.text("what?") }
      try bench.until("both are told") { bench.events.count == 2 }
      let failure = BluezFailure.other(name: "no.knutepunkt.MalformedReply", message: "")
      #expect(bench.takeEvents() == [.malformed, .replied(ticket: 1, .failure(failure))])
    }
  }

  @Test func theAgentIsRegisteredAndMadeTheDefault() throws {
    let bench = try BusBench()
    let bluez = try bench.theBluez()
    for isThere in [false, true] {
      let call = try bench.called(.registerAgent)
      #expect(try call.text("o") == "/no/knutepunkt/agent")
      #expect(try call.text() == "KeyboardDisplay")
      if isThere { try bluez.fail(call, "org.bluez.Error.AlreadyExists", "Already Exists") } else { try bluez.answer(call) }
      try bench.until("the second call") { !bluez.calls.isEmpty }
      let second = try bluez.takeCall()
      #expect(second.member == "RequestDefaultAgent")
      #expect(try second.text("o") == "/no/knutepunkt/agent")
      try bluez.answer(second)
      #expect(try bench.outcome() == .success(.done))
    }
    try bluez.fail(try bench.called(.registerAgent), "org.bluez.Error.InvalidArguments", "no")
    #expect(try bench.outcome() == .failure(.other(name: "org.bluez.Error.InvalidArguments", message: "no")))
  }

  @Test func aCallThatIsNeverAnsweredEndsInTime() throws {
    let bench = try BusBench()
    let call = try bench.called(.connect(device: Self.device), timeout: .milliseconds(150))
    #expect(try bench.outcome() == .failure(.noReply))
    // An answer that comes too late is no second reply.
    try bench.theBluez().answer(call)
    try bench.theBluez().answer(try bench.called(.connect(device: Self.device), ticket: 2))
    try bench.until("the second call is answered") { !bench.events.isEmpty }
    #expect(bench.events == [.replied(ticket: 2, .success(.done))])
  }

  @Test func withoutBluetoothdACallIsAnsweredAtOnce() throws {
    let bench = try BusBench(hasBluez: false)
    _ = bench.takeEvents()
    bench.connection.call(.managedObjects, ticket: 9, timeout: .seconds(20))
    #expect(bench.connection.timeoutMicroseconds == 0)
    try bench.connection.process(into: &bench.events, most: 1)
    #expect(bench.events == [.replied(ticket: 9, .failure(.stackGone))])
  }

  @Test func aPathThatIsNoneIsAFailureOfTheCall() throws {
    let bench = try BusBench()
    bench.connection.call(.connect(device: "no path"), ticket: 1, timeout: .seconds(20))
    guard case .failure(.other(let name, _)) = try bench.outcome() else {
      Issue.record("it was sent")
      return
    }
    #expect(name == "no.knutepunkt.NotSent")
  }

  @Test func everyCallUnderWayEndsWhenBluetoothdGoes() throws {
    let bench = try BusBench(hasBluez: false)
    var bluez: BusPeer? = try BusPeer(bench.bus.address, owning: "org.bluez")
    try bench.until("it is there") { bench.events.last == .serviceOwner(isPresent: true) }
    _ = bench.takeEvents()
    for ticket: UInt64 in 1...3 { bench.connection.call(.connect(device: Self.device), ticket: ticket, timeout: .seconds(20)) }
    try bench.until("the calls are there", with: [bluez].compactMap(\.self)) { bluez?.calls.count == 3 }
    bluez = nil
    try bench.until("it is gone") { bench.events.count == 4 }
    // A call's end may come by itself or with the news; each comes once, before the news.
    #expect(bench.events.last == .serviceOwner(isPresent: false))
    #expect(Set(bench.events.dropLast()) == Set((1...3).map { .replied(ticket: $0, .failure(.stackGone)) }))
    #expect(bench.connection.pending.isEmpty)
  }

  @Test func aDeadBusEndsEveryCallAndThrows() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    for ticket: UInt64 in 1...3 { bench.connection.call(.connect(device: Self.device), ticket: ticket, timeout: .seconds(20)) }
    try bench.until("the calls are there") { bench.bluez?.calls.count == 3 }
    bench.bus.kill()
    #expect(throws: (any Error).self) { try bench.until("never") { false } }
    #expect(bench.events == (1...3).map { .replied(ticket: $0, .failure(.stackGone)) })
    #expect(bench.connection.descriptor == -1)
    _ = bench.takeEvents()
    bench.connection.call(.managedObjects, ticket: 4, timeout: .seconds(1))
    try bench.connection.process(into: &bench.events, most: 1)
    #expect(bench.events == [.replied(ticket: 4, .failure(.stackGone))])
    #expect(throws: BusFailure(code: ENOTCONN, step: "process")) { try bench.connection.process(into: &bench.events, most: 1) }
  }

  @Test func closingAnswersWhatIsUnderWay() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    bench.connection.call(.connect(device: Self.device), ticket: 5, timeout: .seconds(20))
    bench.connection.close()
    bench.connection.close()
    try bench.connection.process(into: &bench.events, most: 1)
    #expect(bench.events == [.replied(ticket: 5, .failure(.stackGone))])
    #expect(bench.connection.matchRules == 0)
  }

  @Test func aBusThatIsNotThereOrSaysNothingIsAnErrorInTime() throws {
    #expect(throws: BusFailure.self) { try BusConnection(address: "unix:path=/nonexistent/bus") }
    #expect(throws: BusFailure.self) { try BusConnection(address: "no address") }
    // Somebody listens and never speaks.
    let path = "/tmp/knutepunkt-silent-\(UUID().uuidString)"
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      close(listener)
      unlink(path)
    }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    try #require(bound == 0 && listen(listener, 4) == 0)
    let clock = ContinuousClock()
    let start = clock.now
    #expect(throws: BusFailure(code: ETIMEDOUT, step: "open")) { try BusConnection(address: "unix:path=\(path)") }
    #expect(clock.now - start < .seconds(60))
  }
}
