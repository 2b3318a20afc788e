// The agent that bluetoothd asks while it pairs (org.bluez.Agent1). A question is kept under a number until somebody has
// answered it; BlueZ gives up by itself after 60 s and says Cancel. PIN codes are refused: they belong to classic Bluetooth,
// which the hub does not speak.

import CSystemd

/// A question that waits. Holds one reference to its message; whoever removes it from the list gives that up.
package struct PendingQuestion {
  package var request: AgentRequest
  package var message: OpaquePointer
}

extension BusConnection {
  /// Questions at a time. BlueZ asks one; what is beyond is a fault of bluetoothd's, and the oldest is refused.
  package static let questionsMax = 16
  package static let passkeyMax: UInt32 = 999_999

  /// Answers a question; once. A number that is not known (given up, answered) is ignored. An answer that does not fit the
  /// question, or a passkey above 999 999, is a no.
  package func answer(_ number: UInt64, _ answer: AgentAnswer) {
    guard let index = questions.firstIndex(where: { $0.request.number == number }) else { return }
    let question = questions.remove(at: index)
    defer { sd_bus_message_unref(question.message) }
    switch (question.request.question, answer) {
    case (.enterPasskey, .passkey(let passkey)) where passkey <= Self.passkeyMax:
      accept(question.message, passkey: passkey)
    case (.authorize, .yes), (.confirm, .yes), (.authorizeService, .yes):
      accept(question.message, passkey: nil)
    default:
      reject(question.message)
    }
  }

  /// Takes a method call; false when it is none of the agent's, and the library answers that there is no such object.
  package func question(_ message: BusMessage) -> Bool {
    guard message.path == Self.agentPath, message.interface == "org.bluez.Agent1" else { return false }
    // Anybody on the bus could ask for a passkey, or cancel somebody's pairing.
    guard owner != nil, message.sender == owner else {
      held.append(.malformed)
      refuse(message.handle, "org.freedesktop.DBus.Error.AccessDenied")
      return true
    }
    do throws(MalformedMessage) {
      return try ask(message)
    } catch {
      held.append(.malformed)
      refuse(message.handle, "org.freedesktop.DBus.Error.InvalidArgs")
      return true
    }
  }

  private func ask(_ message: BusMessage) throws(MalformedMessage) -> Bool {
    switch message.member {
    case "RequestPinCode", "DisplayPinCode":
      reject(message.handle)
    case "RequestPasskey":
      keep(message, try device(message, "o"), .enterPasskey)
    case "DisplayPasskey":
      let device = try device(message, "ouq")
      let passkey = try passkey(message)
      let entered = try message.uint16()
      let request = AgentRequest(number: nextNumber(), device: device, question: .display(passkey: passkey, entered: entered))
      displayed = (request.number, device)
      held.append(.agent(request))
      accept(message.handle, passkey: nil)
    case "RequestConfirmation":
      let device = try device(message, "ou")
      keep(message, device, .confirm(passkey: try passkey(message)))
    case "RequestAuthorization":
      keep(message, try device(message, "o"), .authorize)
    case "AuthorizeService":
      keep(message, try device(message, "os"), .authorizeService)
    case "Cancel", "Release":
      guard message.has(signature: "") else { throw MalformedMessage() }
      cancel()
      accept(message.handle, passkey: nil)
    default:
      return false
    }
    return true
  }

  /// Everything that was asked or shown is over.
  private func cancel() {
    for question in questions { cancelled(question.request.number, question.request.device) }
    if questions.isEmpty, let displayed { cancelled(displayed.number, displayed.device) }
    dropQuestions()
    displayed = nil
  }

  private func cancelled(_ number: UInt64, _ device: String) {
    held.append(.agent(AgentRequest(number: number, device: device, question: .cancel)))
  }

  /// Lets go of every question without an answer.
  package func dropQuestions() {
    for question in questions { sd_bus_message_unref(question.message) }
    questions.removeAll()
  }

  private func keep(_ message: BusMessage, _ device: String, _ question: AgentRequest.Question) {
    if questions.count >= Self.questionsMax {
      let oldest = questions.removeFirst()
      reject(oldest.message)
      sd_bus_message_unref(oldest.message)
      cancelled(oldest.request.number, oldest.request.device)
    }
    let request = AgentRequest(number: nextNumber(), device: device, question: question)
    questions.append(PendingQuestion(request: request, message: sd_bus_message_ref(message.handle)))
    held.append(.agent(request))
  }

  private func nextNumber() -> UInt64 {
    questionsAsked &+= 1
    return questionsAsked
  }

  private func device(_ message: BusMessage, _ signature: String) throws(MalformedMessage) -> String {
    guard message.has(signature: signature), let path = try message.text("o") else { throw MalformedMessage() }
    return path
  }

  private func passkey(_ message: BusMessage) throws(MalformedMessage) -> UInt32 {
    let passkey = try message.uint32()
    guard passkey <= Self.passkeyMax else { throw MalformedMessage() }
    return passkey
  }

  // MARK: - Answers. A failure to send one shows as a lost connection at the next `process`.

  private func accept(_ call: OpaquePointer, passkey: UInt32?) {
    var reply: OpaquePointer?
    defer { sd_bus_message_unref(reply) }
    guard sd_bus_message_get_expect_reply(call) > 0, sd_bus_message_new_method_return(call, &reply) >= 0, let reply else { return }
    if let passkey, BusWriter(reply).uint32(passkey) < 0 { return }
    _ = sd_bus_send(bus, reply, nil)
  }

  private func reject(_ call: OpaquePointer) { refuse(call, "org.bluez.Error.Rejected") }

  private func refuse(_ call: OpaquePointer, _ name: String) {
    name.withCString { name in
      "".withCString { message in
        var error = sd_bus_error(name: name, message: message, _need_free: 0)
        _ = sd_bus_reply_method_error(call, &error)
      }
    }
  }
}
