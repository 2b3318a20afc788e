// Calls to bluetoothd: how each becomes a message, and how its answer becomes a reply. Nothing here waits.
//
// A call goes to the unique name of the bluetoothd that we know, not to `org.bluez`: after a restart it fails instead of
// reaching a successor that knows nothing of our agent, our discovery or our objects.

import CSystemd
import Glibc

/// A call that waits for its answer.
package struct PendingCall {
  package enum Answer {
    case done
    case bytes
    case objects
    case notifications
    /// RegisterAgent: RequestDefaultAgent follows under the same ticket.
    case agentRegistered
  }
  package var ticket: UInt64
  package var answer: Answer
  /// For the call that follows this one.
  package var timeoutMicroseconds: UInt64
}

extension BusConnection {
  /// Sends a call and returns at once. Exactly one `.replied` with this ticket follows in a later `process`: the answer,
  /// `noReply` after `timeout`, or `stackGone` when bluetoothd or the bus goes away first.
  package func call(_ call: BusCall, ticket: UInt64, timeout: Duration) {
    let (seconds, attoseconds) = timeout.components
    let microseconds = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000)
    // 0 would mean the library's default. An hour is longer than any call of BlueZ's takes.
    let limit = microseconds.overflow ? 3_600_000_000 : microseconds.partialValue &+ UInt64(clamping: attoseconds / 1_000_000_000_000)
    send(call.request, PendingCall(ticket: ticket, answer: call.answer, timeoutMicroseconds: min(max(1, limit), 3_600_000_000)))
  }

  private func send(_ request: BusRequest, _ pendingCall: PendingCall) {
    guard let bus, let owner else { return reply(pendingCall.ticket, .failure(.stackGone)) }
    guard pending.count < Self.pendingMax else {
      return reply(pendingCall.ticket, .failure(.other(name: "no.knutepunkt.TooManyCalls", message: "")))
    }
    var message: OpaquePointer?
    defer { sd_bus_message_unref(message) }
    var result = sd_bus_message_new_method_call(bus, &message, owner, request.path, request.interface, request.member)
    if result >= 0 { result = sd_bus_message_set_auto_start(message, 0) }
    if result >= 0, let message { result = request.append(to: BusWriter(message)) }
    var cookie: UInt64 = 0
    if result >= 0 {
      let context = Unmanaged.passUnretained(self).toOpaque()  // Safe as in `init`: the connection ends before the object.
      result = sd_bus_call_async(
        bus, nil, message, { reply, context, _ in BusConnection.answered(reply, context) }, context, pendingCall.timeoutMicroseconds)
    }
    if result >= 0 { result = sd_bus_message_get_cookie(message, &cookie) }
    guard result >= 0 else {
      let isLost = sd_bus_is_open(bus) <= 0
      return reply(pendingCall.ticket, .failure(isLost ? .stackGone : .other(name: "no.knutepunkt.NotSent", message: "errno \(-result)")))
    }
    pending[cookie] = pendingCall
  }

  package func reply(_ ticket: UInt64, _ result: Result<BusReply, BluezFailure>) { held.append(.replied(ticket: ticket, result)) }

  /// Ends every call that is under way, in the order of the tickets.
  package func failPending() {
    let tickets = pending.values.map(\.ticket).sorted()
    pending.removeAll()
    for ticket in tickets { reply(ticket, .failure(.stackGone)) }
  }

  private static func answered(_ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let message, let context else { return 0 }
    let connection = Unmanaged<BusConnection>.fromOpaque(context).takeUnretainedValue()
    var cookie: UInt64 = 0
    guard sd_bus_message_get_reply_cookie(message, &cookie) >= 0, let call = connection.pending.removeValue(forKey: cookie) else {
      return 1
    }
    connection.take(BusMessage(message), for: call)
    return 1
  }

  private func take(_ message: BusMessage, for call: PendingCall) {
    guard let bus, sd_bus_is_open(bus) > 0 else { return reply(call.ticket, .failure(.stackGone)) }
    if let error = sd_bus_message_get_error(message.handle) {
      return failed(
        error.pointee.name.map { String(cString: $0) } ?? "", error.pointee.message.map { String(cString: $0) } ?? "", call)
    }
    // The bus answers in another's name only with errors.
    guard message.sender == owner else {
      held.append(.malformed)
      return reply(call.ticket, .failure(.other(name: "no.knutepunkt.WrongSender", message: "")))
    }
    if call.answer == .agentRegistered { return send(.requestDefaultAgent, PendingCall(call, answer: .done)) }
    do throws(MalformedMessage) {
      reply(call.ticket, .success(try read(message, as: call.answer)))
    } catch {
      held.append(.malformed)
      reply(call.ticket, .failure(.other(name: "no.knutepunkt.MalformedReply", message: "")))
    }
  }

  private func failed(_ name: String, _ text: String, _ call: PendingCall) {
    if call.answer == .agentRegistered, name == "org.bluez.Error.AlreadyExists" {
      return send(.requestDefaultAgent, PendingCall(call, answer: .done))
    }
    // How dbus-daemon tells that the other end went while we waited; NameOwnerChanged may be right behind.
    let isGone = name == "org.freedesktop.DBus.Error.NoReply" && text.hasPrefix("Message recipient disconnected")
    reply(call.ticket, .failure(isGone ? .stackGone : BluezFailure(name: name, message: text)))
  }

  private func read(_ message: BusMessage, as answer: PendingCall.Answer) throws(MalformedMessage) -> BusReply {
    switch answer {
    case .done, .agentRegistered:
      return .done
    case .bytes:
      guard message.has(signature: "ay"), let bytes = try message.bytes() else { throw MalformedMessage() }
      return .bytes(bytes)
    case .objects:
      guard message.has(signature: "a{oa{sa{sv}}}") else { throw MalformedMessage() }
      return .objects(try message.objects())
    case .notifications:
      guard message.has(signature: "hq") else { throw MalformedMessage() }
      let theirs = try message.descriptor()
      let mtu = try message.uint16()
      // The message closes its own copy.
      let descriptor = fcntl(theirs, F_DUPFD_CLOEXEC, 3)
      guard descriptor >= 0 else {
        throw MalformedMessage()
      }
      let flags = fcntl(descriptor, F_GETFL)
      guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) >= 0 else {
        Glibc.close(descriptor)
        throw MalformedMessage()
      }
      return .notifications(descriptor: descriptor, mtu: mtu)
    }
  }
}

extension PendingCall {
  fileprivate init(_ earlier: PendingCall, answer: Answer) {
    self.init(ticket: earlier.ticket, answer: answer, timeoutMicroseconds: earlier.timeoutMicroseconds)
  }
}
