// Our end of the system bus: one connection, one filter for everything that comes in, a fixed set of match rules, and the
// agent that bluetoothd asks while pairing. Calls go out without waiting; what comes back leaves as `BusEvent`s in the bus's
// order. It decides nothing about devices.
//
// Who may speak: signals, answers and questions are taken only from the connection that owns `org.bluez` now. Match rules
// alone would not do, because anybody may address a signal to us directly.

import CSystemd
import Glibc

/// Owned and used by the link's thread, and by no other. Not Sendable.
package final class BusConnection {
  package static let service = "org.bluez"
  package static let agentPath = "/no/knutepunkt/agent"
  /// How long opening may block: a bus that is slower than this is as good as none, and the loop tries again later.
  package static let openMicrosecondsMax: UInt64 = 5_000_000
  /// Calls without an answer at a time. A session has one at a time, so only a fault of ours reaches this. A call beyond it is
  /// answered with a failure.
  package static let pendingMax = 1_024

  /// The library's connection; nil once closed.
  package var bus: OpaquePointer?
  private var filter: OpaquePointer?
  /// The unique name of the connection that owns `org.bluez`.
  package var owner: String?
  /// Calls under way, by the cookie of their message. The library owns their slots ("floating") and frees each with its
  /// answer, its time-out or the connection; an answer whose cookie is not here any more is dropped.
  package var pending: [UInt64: PendingCall] = [:]
  /// The agent's questions in their order, oldest first; each holds a reference to its message.
  package var questions: [PendingQuestion] = []
  package var questionsAsked: UInt64 = 0
  /// The last passkey that was displayed, for a Cancel that follows it.
  package var displayed: (number: UInt64, device: String)?
  /// What is to be handed over by `process`.
  package var held: [BusEvent] = []

  /// Rules in force at the bus for this connection. Constant after `init`: rules are never added for a device.
  package private(set) var matchRules = 0

  /// Opens the bus, adds the match rules and learns whether bluetoothd is there: the first event of `process`.
  /// - Parameter address: a D-Bus address; nil is the system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured).
  /// - Throws: `BusFailure` when the bus is not there or does not answer within 5 s. Blocks for as long at most.
  package init(address: String?) throws(BusFailure) {
    var opened: OpaquePointer?
    if let address {
      try Self.check(sd_bus_new(&opened), "open")
      bus = opened
      try Self.check(sd_bus_set_address(opened, address), "open")
      try Self.check(sd_bus_set_bus_client(opened, 1), "open")
      try Self.check(sd_bus_negotiate_fds(opened, 1), "open")
      try Self.check(sd_bus_start(opened), "open")
    } else {
      try Self.check(sd_bus_open_system(&opened), "open")
      bus = opened
    }
    guard let opened else { throw BusFailure(code: EIO, step: "open") }
    let deadline = csystemd_monotonic_microseconds() &+ Self.openMicrosecondsMax
    try Self.waitUntilReady(opened, deadline: deadline)
    // The context is this object, unretained: callbacks run inside `sd_bus_process` only, which `process` calls on a living
    // object, and `close` frees the connection before the object goes.
    let context = Unmanaged.passUnretained(self).toOpaque()
    try Self.check(
      sd_bus_add_filter(opened, &filter, { message, context, _ in BusConnection.received(message, context) }, context), "add filter")
    for rule in Self.rules {
      _ = try driverCall("AddMatch", rule, "add match", deadline: deadline) { _ in true }
      matchRules += 1
    }
    owner = try driverCall("GetNameOwner", Self.service, "find bluetoothd", deadline: deadline) { try? $0.text() }
    held.append(.serviceOwner(isPresent: owner != nil))
  }

  deinit {
    close()
    closeUndelivered()
  }

  package static let rules = [
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
      + "member='NameOwnerChanged',arg0='org.bluez'",
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.ObjectManager'",
    "type='signal',sender='org.bluez',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
      + "path_namespace='/org/bluez',arg0namespace='org.bluez'",
  ]

  // MARK: - The loop's side

  /// To be polled for `pollEvents`; -1 when closed. May change with every call of this object.
  package var descriptor: Int32 { bus.map { max(-1, sd_bus_get_fd($0)) } ?? -1 }

  /// POLLIN, POLLOUT as poll(2) wants them.
  package var pollEvents: Int16 { bus.map { Int16(clamping: max(0, sd_bus_get_events($0))) } ?? 0 }

  /// When `process` must be called at the latest: microseconds of CLOCK_MONOTONIC, 0 for now, nil for never.
  package var timeoutMicroseconds: UInt64? {
    guard held.isEmpty else { return 0 }
    guard let bus else { return nil }
    var timeout = UInt64.max
    guard sd_bus_get_timeout(bus, &timeout) >= 0, timeout != UInt64.max else { return nil }
    return timeout
  }

  /// Reads and writes what the socket allows, at most `most` messages, and appends what they say. Never blocks.
  /// - Throws: `BusFailure` when the connection is lost: it is closed then, and `events` holds a `stackGone` for every call
  ///   that was under way. After `close` it hands over the rest, once, and throws ENOTCONN from then on.
  package func process(into events: inout [BusEvent], most: Int) throws(BusFailure) {
    var failure: BusFailure?
    if let bus {
      for _ in 0..<max(1, most) {
        let result = sd_bus_process(bus, nil)
        if result < 0 { failure = BusFailure(code: -result, step: "process") }
        // The library would answer each open call with an error of its own, one a time; one word for all is enough.
        if result >= 0, sd_bus_is_open(bus) <= 0 { failure = BusFailure(code: ECONNRESET, step: "process") }
        if result <= 0 || failure != nil { break }
      }
    } else if held.isEmpty {
      failure = BusFailure(code: ENOTCONN, step: "process")
    }
    if failure != nil { close() }
    events.append(contentsOf: held)
    held.removeAll(keepingCapacity: true)
    if let failure { throw failure }
  }

  /// Ends the connection. The next `process` gives a `stackGone` for every call that was under way. May be called again.
  package func close() {
    failPending()
    dropQuestions()
    displayed = nil
    owner = nil
    matchRules = 0
    if let filter { sd_bus_slot_unref(filter) }
    filter = nil
    // Without flushing: that would wait for a bus that has stopped reading.
    if let bus { sd_bus_close_unref(bus) }
    bus = nil
  }

  /// Closes descriptors that were given to us and that nobody has taken.
  private func closeUndelivered() {
    for case .replied(_, .success(.notifications(let descriptor, _))) in held { Glibc.close(descriptor) }
    held.removeAll()
  }

  // MARK: - The bus's side

  /// The one way in from C, for everything that is no answer to a call of ours. Returns 1 for what is dealt with.
  private static func received(_ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let message, let context else { return 0 }
    let connection = Unmanaged<BusConnection>.fromOpaque(context).takeUnretainedValue()
    var type: UInt8 = 0
    guard sd_bus_message_get_type(message, &type) >= 0 else { return 0 }
    switch Int(type) {
    case SD_BUS_MESSAGE_SIGNAL:
      connection.signal(BusMessage(message))
      return 1
    case SD_BUS_MESSAGE_METHOD_CALL:
      return connection.question(BusMessage(message)) ? 1 : 0
    default:
      return 0
    }
  }

  private func signal(_ message: BusMessage) {
    do throws(MalformedMessage) {
      switch (message.interface, message.member) {
      case ("org.freedesktop.DBus", "NameOwnerChanged"): try ownerChanged(message)
      case ("org.freedesktop.DBus.Properties", "PropertiesChanged"): try changed(message)
      case ("org.freedesktop.DBus.ObjectManager", "InterfacesAdded"): try added(message)
      case ("org.freedesktop.DBus.ObjectManager", "InterfacesRemoved"): try removed(message)
      default: break
      }
    } catch {
      held.append(.malformed)
    }
  }

  private func ownerChanged(_ message: BusMessage) throws(MalformedMessage) {
    // The bus itself is the only connection without a unique name of its own.
    guard message.sender == "org.freedesktop.DBus" else { return }
    guard message.has(signature: "sss") else { throw MalformedMessage() }
    guard try message.text() == Self.service else { return }
    _ = try message.text()
    guard let new = try message.text() else { throw MalformedMessage() }
    let next = new.isEmpty ? nil : new
    guard next != owner else { return }
    // The answers of the old one can no longer come, and its questions need no answer.
    failPending()
    dropQuestions()
    displayed = nil
    if owner != nil { held.append(.serviceOwner(isPresent: false)) }
    owner = next
    if next != nil { held.append(.serviceOwner(isPresent: true)) }
  }

  private func isFromOwner(_ message: BusMessage) -> Bool { owner != nil && message.sender == owner }

  private func changed(_ message: BusMessage) throws(MalformedMessage) {
    guard isFromOwner(message) else { return }
    guard message.has(signature: "sa{sv}as"), let path = message.path else { throw MalformedMessage() }
    guard let interface = try message.text() else { throw MalformedMessage() }
    guard interface.hasPrefix("org.bluez.") else { return }
    var properties = try message.properties()
    // A property that is gone (RSSI of a device that is no longer heard) is one whose value is unknown.
    for name in try message.texts("s") ?? [] where properties.count < BusLimits.properties { properties[name] = .unknown }
    held.append(.changed(path: path, interface: interface, properties))
  }

  private func added(_ message: BusMessage) throws(MalformedMessage) {
    guard isFromOwner(message) else { return }
    guard message.has(signature: "oa{sa{sv}}"), let path = try message.text("o") else { throw MalformedMessage() }
    let interfaces = try message.interfaces()
    if !interfaces.isEmpty { held.append(.added(BluezObject(path: path, interfaces: interfaces))) }
  }

  private func removed(_ message: BusMessage) throws(MalformedMessage) {
    guard isFromOwner(message) else { return }
    guard message.has(signature: "oas"), let path = try message.text("o") else { throw MalformedMessage() }
    let interfaces = (try message.texts("s") ?? []).filter { $0.hasPrefix("org.bluez.") }
    if !interfaces.isEmpty { held.append(.removed(path: path, interfaces: interfaces)) }
  }

  // MARK: - Opening

  private static func check(_ result: Int32, _ step: String) throws(BusFailure) {
    guard result >= 0 else { throw BusFailure(code: -result, step: step) }
  }

  /// The library's own limit for the greeting is 25 s and more; a caller that raises alarms cannot wait for that.
  private static func waitUntilReady(_ bus: OpaquePointer, deadline: UInt64) throws(BusFailure) {
    while true {
      let result = sd_bus_process(bus, nil)
      try check(result, "open")
      let isReady = sd_bus_is_ready(bus)
      try check(isReady, "open")
      if isReady > 0 { return }
      if result > 0 { continue }
      let now = csystemd_monotonic_microseconds()
      guard now < deadline else { throw BusFailure(code: ETIMEDOUT, step: "open") }
      try check(sd_bus_wait(bus, deadline - now), "open")
    }
  }

  /// Asks the bus itself, and waits. An error reply is nil: the name has no owner.
  private func driverCall<Answer>(
    _ member: String, _ argument: String, _ step: String, deadline: UInt64, read: (BusMessage) -> Answer?
  ) throws(BusFailure) -> Answer? {
    var call: OpaquePointer?
    defer { sd_bus_message_unref(call) }
    try Self.check(
      sd_bus_message_new_method_call(
        bus, &call, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member), step)
    try Self.check(sd_bus_message_append_basic(call, CChar(UInt8(ascii: "s")), argument), step)
    let now = csystemd_monotonic_microseconds()
    guard now < deadline else { throw BusFailure(code: ETIMEDOUT, step: step) }
    var reply: OpaquePointer?
    var error = sd_bus_error()
    defer {
      sd_bus_message_unref(reply)
      sd_bus_error_free(&error)
    }
    let result = sd_bus_call(bus, call, deadline - now, &error, &reply)
    if result < 0, let name = error.name, String(cString: name) == "org.freedesktop.DBus.Error.NameHasNoOwner" { return nil }
    try Self.check(result, step)
    return reply.flatMap { read(BusMessage($0)) }
  }
}
