// A real dbus-daemon on a socket of its own, and other programs on that bus: one that plays bluetoothd, and strangers. All
// run on the test's thread, turn by turn with the connection under test; waiting is for a condition, with a limit.

import CSystemd
import Foundation
import Testing

@testable import BlueZ
@testable import BluetoothLink

struct BenchFailure: Error {
  var what: String
}

/// A private bus. Everybody may do everything on it: what must be refused is to be refused by the product.
final class TestBus {
  let address: String
  let process = Process()
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "busbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let configuration = folder.appending(path: "bus.conf")
    try """
    <busconfig><type>session</type><listen>unix:path=\(folder.path)/bus</listen><auth>EXTERNAL</auth>
    <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
    """.write(to: configuration, atomically: true, encoding: .utf8)
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/dbus-daemon")
    process.arguments = ["--nofork", "--print-address=1", "--config-file=\(configuration.path)"]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    // The daemon prints its address when it listens.
    var line = Data()
    while !line.contains(UInt8(ascii: "\n")) {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw BenchFailure(what: "dbus-daemon ended") }
      line.append(more)
    }
    address = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The bus dies, as when its service is killed.
  func kill() {
    guard process.isRunning else { return }
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit {
    kill()
    try? FileManager.default.removeItem(at: folder)
  }
}

/// Another program on the bus.
final class BusPeer {
  let bus: OpaquePointer
  /// Method calls that came and wait for an answer, oldest first; each is a reference of ours.
  private(set) var calls: [BusMessage] = []
  /// Replies to our own calls, oldest first; as above.
  private(set) var replies: [BusMessage] = []
  private var kept: [OpaquePointer] = []

  init(_ address: String, owning name: String? = nil) throws {
    var opened: OpaquePointer?
    try Self.check(sd_bus_new(&opened), "new")
    guard let opened else { throw BenchFailure(what: "new") }
    bus = opened
    try Self.check(sd_bus_set_address(bus, address), "address")
    try Self.check(sd_bus_set_bus_client(bus, 1), "client")
    try Self.check(sd_bus_negotiate_fds(bus, 1), "descriptors")
    try Self.check(sd_bus_start(bus), "start")
    // Callbacks run in `turn` only, on a living object.
    let context = Unmanaged.passUnretained(self).toOpaque()
    try Self.check(
      sd_bus_add_filter(
        bus, nil,
        { message, context, _ in
          guard let message, let context else { return 0 }
          return Unmanaged<BusPeer>.fromOpaque(context).takeUnretainedValue().took(message) ? 1 : 0
        }, context), "filter")
    if let name { try Self.check(sd_bus_request_name(bus, name, 0), "name") }
  }

  deinit {
    for message in kept { sd_bus_message_unref(message) }
    sd_bus_flush_close_unref(bus)
  }

  static func check(_ result: Int32, _ what: String) throws {
    guard result >= 0 else { throw BenchFailure(what: "\(what): \(-result)") }
  }

  var uniqueName: String {
    var name: UnsafePointer<CChar>?
    guard sd_bus_get_unique_name(bus, &name) >= 0, let name else { return "" }
    return String(cString: name)
  }

  private func took(_ message: OpaquePointer) -> Bool {
    var type: UInt8 = 0
    sd_bus_message_get_type(message, &type)
    switch Int(type) {
    case SD_BUS_MESSAGE_METHOD_CALL: calls.append(keep(message))
    case SD_BUS_MESSAGE_METHOD_RETURN, SD_BUS_MESSAGE_METHOD_ERROR: replies.append(keep(message))
    default: return false
    }
    return true
  }

  private func keep(_ message: OpaquePointer) -> BusMessage {
    kept.append(sd_bus_message_ref(message))
    return BusMessage(message)
  }

  func turn() { while sd_bus_process(bus, nil) > 0 {} }

  func takeCall() throws -> BusMessage {
    guard !calls.isEmpty else { throw BenchFailure(what: "no call has come") }
    return calls.removeFirst()
  }

  func takeReply() throws -> BusMessage {
    guard !replies.isEmpty else { throw BenchFailure(what: "no reply has come") }
    return replies.removeFirst()
  }

  /// Lets go of messages that were taken; needed only where there are thousands.
  func forget() {
    for message in kept { sd_bus_message_unref(message) }
    kept.removeAll()
    calls.removeAll()
    replies.removeAll()
  }

  func answer(_ call: BusMessage, _ body: (BusWriter) -> Int32 = { _ in 0 }) throws {
    var reply: OpaquePointer?
    defer { sd_bus_message_unref(reply) }
    try Self.check(sd_bus_message_new_method_return(call.handle, &reply), "return")
    guard let reply else { throw BenchFailure(what: "return") }
    try Self.check(body(BusWriter(reply)), "body")
    try Self.check(sd_bus_send(bus, reply, nil), "send")
  }

  func fail(_ call: BusMessage, _ name: String, _ message: String) throws {
    try name.withCString { name in
      try message.withCString { message in
        var error = sd_bus_error(name: name, message: message, _need_free: 0)
        try Self.check(sd_bus_reply_method_error(call.handle, &error), "error")
      }
    }
  }

  func signal(
    _ path: String, _ interface: String, _ member: String, to destination: String? = nil, _ body: (BusWriter) -> Int32
  ) throws {
    var message: OpaquePointer?
    defer { sd_bus_message_unref(message) }
    try Self.check(sd_bus_message_new_signal(bus, &message, path, interface, member), "signal")
    guard let message else { throw BenchFailure(what: "signal") }
    if let destination { try Self.check(sd_bus_message_set_destination(message, destination), "destination") }
    try Self.check(body(BusWriter(message)), "body")
    try Self.check(sd_bus_send(bus, message, nil), "send")
  }

  /// A call whose reply comes into `replies`.
  func call(_ destination: String, _ path: String, _ interface: String, _ member: String, _ body: (BusWriter) -> Int32 = { _ in 0 }) throws
  {
    var message: OpaquePointer?
    defer { sd_bus_message_unref(message) }
    try Self.check(sd_bus_message_new_method_call(bus, &message, destination, path, interface, member), "call")
    guard let message else { throw BenchFailure(what: "call") }
    try Self.check(body(BusWriter(message)), "body")
    var cookie: UInt64 = 0
    try Self.check(sd_bus_send(bus, message, &cookie), "send")
  }

  /// `PropertiesChanged` of a device with one signal strength.
  func rssi(_ value: Int16, path: String, to destination: String? = nil) throws {
    try signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", to: destination) { writer in
      writer.all(
        { writer.text("org.bluez.Device1") },
        { writer.container("a", "{sv}") { writer.entry("RSSI", "n") { writer.scalar("n", value) } } },
        { writer.container("a", "s") { 0 } })
    }
  }
}

extension BusWriter {
  func scalar<Value: BitwiseCopyable>(_ type: Unicode.Scalar, _ value: Value) -> Int32 {
    var value = value
    return sd_bus_message_append_basic(handle, CChar(truncatingIfNeeded: type.value), &value)
  }
}

/// The connection under test with the bus, the program that plays bluetoothd, and what the connection said.
final class BusBench {
  let bus: TestBus
  let bluez: BusPeer?
  let connection: BusConnection
  var events: [BusEvent] = []

  init(hasBluez: Bool = true) throws {
    bus = try TestBus()
    bluez = hasBluez ? try BusPeer(bus.address, owning: "org.bluez") : nil
    connection = try BusConnection(address: bus.address)
    try connection.process(into: &events, most: 100)
  }

  func theBluez() throws -> BusPeer {
    guard let bluez else { throw BenchFailure(what: "no bluetoothd here") }
    return bluez
  }

  /// The connection's own name on the bus.
  func name() throws -> String {
    var name: UnsafePointer<CChar>?
    try BusPeer.check(sd_bus_get_unique_name(connection.bus, &name), "name")
    guard let name else { throw BenchFailure(what: "name") }
    return String(cString: name)
  }

  /// Gives everybody turns until the condition holds; fails after a minute.
  func until(
    _ what: Comment, with others: [BusPeer] = [], at location: SourceLocation = #_sourceLocation, _ condition: () -> Bool
  ) throws {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(60)
    while true {
      try connection.process(into: &events, most: 100)
      let peers = others + (bluez.map { [$0] } ?? [])
      for peer in peers { peer.turn() }
      try connection.process(into: &events, most: 100)
      if condition() { return }
      guard clock.now < deadline else {
        Issue.record(what, sourceLocation: location)
        throw BenchFailure(what: "\(what)")
      }
      var polled = peers.map { pollfd(fd: sd_bus_get_fd($0.bus), events: Int16(POLLIN), revents: 0) }
      polled.append(pollfd(fd: connection.descriptor, events: connection.pollEvents, revents: 0))
      let now = csystemd_monotonic_microseconds()
      let wait = connection.timeoutMicroseconds.map { $0 <= now ? 0 : min(50, ($0 - now) / 1_000 + 1) } ?? 50
      poll(&polled, nfds_t(polled.count), Int32(wait))
    }
  }

  func takeEvents() -> [BusEvent] {
    defer { events.removeAll() }
    return events
  }

  /// Sends a call and gives bluetoothd's side of it.
  func called(_ call: BusCall, ticket: UInt64 = 1, timeout: Duration = .seconds(20)) throws -> BusMessage {
    let bluez = try theBluez()
    connection.call(call, ticket: ticket, timeout: timeout)
    try until("the call arrives") { !bluez.calls.isEmpty }
    return try bluez.takeCall()
  }

  /// The outcome of the one call under way.
  func outcome(ticket: UInt64 = 1) throws -> Result<BusReply, BluezFailure> {
    var found: Result<BusReply, BluezFailure>?
    try until("the reply arrives") {
      for case .replied(ticket, let result) in self.events { found = result }
      return found != nil
    }
    events.removeAll()
    guard let found else { throw BenchFailure(what: "no reply") }
    return found
  }
}
