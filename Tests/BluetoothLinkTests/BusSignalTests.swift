// What bluetoothd tells without being asked, and what others tell in its name; objects and properties of every shape, of
// wrong shapes, and of sizes that nobody needs. Descriptors, and ten thousand calls.

import CSystemd
import Foundation
import Testing

@testable import BlueZ
@testable import BluetoothLink

@Suite struct BusSignalTests {
  private static let device = "/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF"
  private static let characteristic = device + "/service0010/char0011"

  @Test func signalsOfBluetoothdBecomeEvents() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    let bluez = try bench.theBluez()
    try bluez.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded") { writer in
      writer.all(
        { writer.text(Self.device, "o") },
        {
          writer.container("a", "{sa{sv}}") {
            writer.all(
              { writer.container("e", "sa{sv}") { writer.all({ writer.text("org.bluez.Battery1") }, { Self.percentage(writer, 77) }) } },
              {
                writer.container("e", "sa{sv}") {
                  writer.all({ writer.text("org.freedesktop.DBus.Introspectable") }, { writer.container("a", "{sv}") { 0 } })
                }
              })
          }
        })
    }
    try bluez.rssi(-61, path: Self.device)
    try bluez.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved") { writer in
      writer.all(
        { writer.text(Self.device, "o") },
        { writer.container("a", "s") { writer.all({ writer.text("org.bluez.Device1") }, { writer.text("org.example.Other") }) } })
    }
    try bench.until("three signals") { bench.events.count == 3 }
    #expect(
      bench.events == [
        .added(BluezObject(path: Self.device, interfaces: ["org.bluez.Battery1": ["Percentage": .integer(77)]])),
        .changed(path: Self.device, interface: "org.bluez.Device1", ["RSSI": .integer(-61)]),
        .removed(path: Self.device, interfaces: ["org.bluez.Device1"]),
      ])
  }

  private static func percentage(_ writer: BusWriter, _ value: UInt8) -> Int32 {
    writer.container("a", "{sv}") { writer.entry("Percentage", "y") { writer.scalar("y", value) } }
  }

  @Test func aPropertyThatIsGoneIsUnknown() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    try bench.theBluez().signal(Self.device, "org.freedesktop.DBus.Properties", "PropertiesChanged") { writer in
      writer.all(
        { writer.text("org.bluez.Device1") }, { writer.container("a", "{sv}") { 0 } },
        { writer.container("a", "s") { writer.text("RSSI") } })
    }
    try bench.until("the signal") { !bench.events.isEmpty }
    #expect(bench.events == [.changed(path: Self.device, interface: "org.bluez.Device1", ["RSSI": .unknown])])
  }

  @Test func nobodyElseSpeaksForBluetoothd() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    let stranger = try BusPeer(bench.bus.address)
    let hub = try bench.name()
    // To all, and straight to the hub, past every match rule.
    try stranger.rssi(-1, path: Self.device)
    try stranger.rssi(-2, path: Self.device, to: hub)
    try stranger.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", to: hub) { writer in
      writer.all({ writer.text(Self.device, "o") }, { writer.container("a", "s") { writer.text("org.bluez.Device1") } })
    }
    try stranger.signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", to: hub) { writer in
      writer.all({ writer.text("org.bluez") }, { writer.text("") }, { writer.text(stranger.uniqueName) })
    }
    // The bus answers what came later than the forgeries, and so they have been delivered when this has.
    try stranger.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId")
    try bench.until("the bus has passed them on", with: [stranger]) { !stranger.replies.isEmpty }
    try bench.theBluez().rssi(-3, path: Self.device)
    try bench.until("the true one", with: [stranger]) { !bench.events.isEmpty }
    #expect(bench.events == [.changed(path: Self.device, interface: "org.bluez.Device1", ["RSSI": .integer(-3)])])
  }

  @Test func aMessageOfAnotherShapeIsCountedAndNoMore() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    let bluez = try bench.theBluez()
    for (interface, member) in [
      ("org.freedesktop.DBus.Properties", "PropertiesChanged"), ("org.freedesktop.DBus.ObjectManager", "InterfacesAdded"),
      ("org.freedesktop.DBus.ObjectManager", "InterfacesRemoved"),
    ] {
      // With arg0 as the match rule wants it, and nothing after it.
      try bluez.signal(Self.device, interface, member) { $0.text("org.bluez.Device1") }
    }
    try bench.until("all are told") { bench.events.count == 3 }
    #expect(bench.events == [.malformed, .malformed, .malformed])
  }

  /// One object with the given property, as the answer to GetManagedObjects.
  private func read(_ bench: BusBench, _ contents: String, _ body: @escaping (BusWriter) -> Int32) throws -> BluezValue? {
    try bench.theBluez().answer(try bench.called(.managedObjects)) { writer in
      writer.container("a", "{oa{sa{sv}}}") {
        writer.container("e", "oa{sa{sv}}") {
          writer.all(
            { writer.text(Self.device, "o") },
            {
              writer.container("a", "{sa{sv}}") {
                writer.container("e", "sa{sv}") {
                  writer.all(
                    { writer.text("org.bluez.Device1") },
                    { writer.container("a", "{sv}") { writer.entry("P", contents) { body(writer) } } })
                }
              }
            })
        }
      }
    }
    guard case .success(.objects(let objects)) = try bench.outcome() else { return nil }
    return objects.first?.interfaces["org.bluez.Device1"]?["P"]
  }

  @Test func everyShapeOfAPropertyIsRead() throws {
    let bench = try BusBench()
    #expect(try read(bench, "b") { $0.flag(true) } == .flag(true))
    #expect(try read(bench, "y") { $0.scalar("y", UInt8(200)) } == .integer(200))
    #expect(try read(bench, "n") { $0.scalar("n", Int16(-90)) } == .integer(-90))
    #expect(try read(bench, "q") { $0.scalar("q", UInt16(65_535)) } == .integer(65_535))
    #expect(try read(bench, "i") { $0.scalar("i", Int32(-1)) } == .integer(-1))
    #expect(try read(bench, "u") { $0.uint32(.max) } == .integer(4_294_967_295))
    #expect(try read(bench, "x") { $0.scalar("x", Int64.min) } == .integer(.min))
    #expect(try read(bench, "t") { $0.scalar("t", UInt64(5)) } == .integer(5))
    #expect(try read(bench, "t") { $0.scalar("t", UInt64.max) } == .unknown)
    #expect(try read(bench, "s") { $0.text("Måler") } == .text("Måler"))
    #expect(try read(bench, "o") { $0.text("/a", "o") } == .text("/a"))
    #expect(try read(bench, "g") { $0.text("a{sv}", "g") } == .text("a{sv}"))
    #expect(try read(bench, "as") { writer in writer.container("a", "s") { writer.text("read") } } == .texts(["read"]))
    #expect(try read(bench, "ao") { writer in writer.container("a", "o") { writer.text("/a", "o") } } == .texts(["/a"]))
    #expect(try read(bench, "ay") { $0.bytes([1, 2]) } == .bytes([1, 2]))
    #expect(try read(bench, "d") { $0.scalar("d", 1.5) } == .unknown)
    #expect(
      try read(bench, "(yy)") { writer in
        writer.container("r", "yy") { writer.all({ writer.scalar("y", UInt8(1)) }, { writer.scalar("y", UInt8(2)) }) }
      } == .unknown)
    let manufacturer = try read(bench, "a{qv}") { writer in
      writer.container("a", "{qv}") {
        writer.container("e", "qv") {
          writer.all({ writer.scalar("q", UInt16(0x004C)) }, { writer.container("v", "ay") { writer.bytes([9]) } })
        }
      }
    }
    #expect(manufacturer == .bytesByCompany([0x004C: [9]]))
    let service = try read(bench, "a{sv}") { writer in
      writer.container("a", "{sv}") { writer.entry("0000fcd2-0000-1000-8000-00805f9b34fb", "ay") { writer.bytes([8]) } }
    }
    #expect(service == .bytesByUUID(["0000fcd2-0000-1000-8000-00805f9b34fb": [8]]))
    let wrong = try read(bench, "a{sv}") { writer in writer.container("a", "{sv}") { writer.entry("u", "s") { writer.text("x") } } }
    #expect(wrong == .unknown)
  }

  @Test func sizesHaveLimits() throws {
    let bench = try BusBench()
    let text = String(repeating: "a", count: BusLimits.textBytes)
    #expect(try read(bench, "s") { $0.text(text) } == .text(text))
    #expect(try read(bench, "s") { $0.text(text + "a") } == .unknown)
    let bytes = [UInt8](repeating: 1, count: BusLimits.bytes)
    #expect(try read(bench, "ay") { $0.bytes(bytes) } == .bytes(bytes))
    #expect(try read(bench, "ay") { $0.bytes(bytes + [1]) } == .unknown)
    func list(_ count: Int) throws -> BluezValue? {
      try read(bench, "as") { writer in
        writer.container("a", "s") {
          for _ in 0..<count where writer.text("x") < 0 { return -1 }
          return 0
        }
      }
    }
    #expect(try list(BusLimits.texts) == .texts(Array(repeating: "x", count: BusLimits.texts)))
    #expect(try list(BusLimits.texts + 1) == .unknown)
  }

  @Test func aHugeTreeIsCutAndStillRead() throws {
    let bench = try BusBench()
    try bench.theBluez().answer(try bench.called(.managedObjects)) { writer in
      writer.container("a", "{oa{sa{sv}}}") {
        for index in 0..<(BusLimits.objects + 10) {
          let result = writer.container("e", "oa{sa{sv}}") {
            writer.all(
              { writer.text("/org/bluez/o\(index)", "o") },
              {
                writer.container("a", "{sa{sv}}") {
                  writer.container("e", "sa{sv}") {
                    writer.all({ writer.text("org.bluez.Thing1") }, { Self.properties(writer, index == 0 ? BusLimits.properties + 10 : 1) })
                  }
                }
              })
          }
          if result < 0 { return result }
        }
        return 0
      }
    }
    guard case .success(.objects(let objects)) = try bench.outcome() else {
      Issue.record("not read")
      return
    }
    #expect(objects.count == BusLimits.objects)
    #expect(objects.first?.interfaces["org.bluez.Thing1"]?.count == BusLimits.properties)
    #expect(objects.last?.path == "/org/bluez/o\(BusLimits.objects - 1)")
  }

  private static func properties(_ writer: BusWriter, _ count: Int) -> Int32 {
    writer.container("a", "{sv}") {
      for index in 0..<count {
        let result = writer.entry("P\(index)", "b") { writer.flag(true) }
        if result < 0 { return result }
      }
      return 0
    }
  }

  // MARK: - Descriptors

  /// A pair of seqpacket sockets; the caller closes both.
  private func pair() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1])
  }

  @Test func aNotificationSocketArrivesOnceAndFitForPolling() throws {
    let bench = try BusBench()
    let (theirs, ours) = try pair()
    try bench.theBluez().answer(try bench.called(.acquireNotify(characteristic: Self.characteristic))) { writer in
      writer.all({ writer.scalar("h", ours) }, { writer.scalar("q", UInt16(517)) })
    }
    close(ours)
    guard case .success(.notifications(let descriptor, 517)) = try bench.outcome() else {
      Issue.record("no descriptor")
      return
    }
    defer { close(descriptor) }
    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
    try bench.theBluez().forget()
    #expect(write(theirs, [1, 2, 3], 3) == 3)
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(recv(descriptor, &bytes, 16, 0) == 3)
    // It is the only copy that is left: the device's end of the link reads an end of file when it is closed.
    close(theirs)
    #expect(recv(descriptor, &bytes, 16, 0) == 0)
  }

  @Test func aSocketThatNobodyTakesIsClosed() throws {
    let (theirs, ours) = try pair()
    defer { close(theirs) }
    do {
      let bench = try BusBench()
      try bench.theBluez().answer(try bench.called(.acquireNotify(characteristic: Self.characteristic))) { writer in
        writer.all({ writer.scalar("h", ours) }, { writer.scalar("q", UInt16(23)) })
      }
      close(ours)
      try bench.theBluez().forget()
      // The bus has it when it has answered what came later. The hub does not look meanwhile.
      let bluez = try bench.theBluez()
      try bluez.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId")
      let clock = ContinuousClock()
      let deadline = clock.now + .seconds(60)
      while bluez.replies.isEmpty, clock.now < deadline {
        bluez.turn()
        var polled = pollfd(fd: sd_bus_get_fd(bluez.bus), events: Int16(POLLIN), revents: 0)
        poll(&polled, 1, 50)
      }
      try #require(!bluez.replies.isEmpty)
      // Received, and not handed over.
      while bench.connection.held.isEmpty, clock.now < deadline { _ = sd_bus_process(bench.connection.bus, nil) }
      guard case .replied(1, .success(.notifications)) = try #require(bench.connection.held.first) else {
        Issue.record("no descriptor is held")
        return
      }
    }
    // Nobody has the other end any more.
    var byte: UInt8 = 0
    #expect(recv(theirs, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
  }

  // MARK: - Many

  @Test func tenThousandCallsLeaveNothingBehind() throws {
    let bench = try BusBench()
    let bluez = try bench.theBluez()
    var growths: [Int] = []
    var ticket: UInt64 = 0
    for round in 0..<6 {
      let before = try Self.bytesResident()
      // Ten at a time, half of them refused.
      for _ in 0..<200 {
        for _ in 0..<10 {
          ticket += 1
          bench.connection.call(.readValue(characteristic: Self.characteristic), ticket: ticket, timeout: .seconds(20))
        }
        var answered = 0
        try bench.until("ten replies") {
          while let call = try? bluez.takeCall() {
            answered += 1
            if answered % 2 == 0 {
              try? bluez.fail(call, "org.bluez.Error.Failed", "Not connected")
            } else {
              try? bluez.answer(call) { $0.bytes([1, 2, 3, 4]) }
            }
          }
          return bench.events.count { if case .replied = $0 { true } else { false } } == 10
        }
        bluez.forget()
        _ = bench.takeEvents()
      }
      if round > 0 { growths.append(try Self.bytesResident() - before) }
    }
    #expect(ticket == 12_000)
    #expect(bench.connection.pending.isEmpty)
    #expect(bench.connection.matchRules == 3)
    // Other tests use memory at the same time, so that a round may grow without a fault of ours; with a leak each does, by
    // 2 000 messages of half a kilobyte and more.
    #expect(try #require(growths.min()) < 500_000, "\(growths)")
  }

  /// The process's resident memory.
  private static func bytesResident() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return try #require(pages) * Int(getpagesize())
  }
}
