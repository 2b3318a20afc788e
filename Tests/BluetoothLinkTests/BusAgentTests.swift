// The agent's side of pairing, asked over a real bus: every question, every answer, what is given up, and what is asked by
// somebody who is not bluetoothd.

import CSystemd
import Foundation
import Testing

@testable import BlueZ
@testable import BluetoothLink

@Suite struct BusAgentTests {
  private static let device = "/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF"

  private func ask(_ bench: BusBench, _ member: String, _ body: (BusWriter) -> Int32) throws {
    try bench.theBluez().call(try bench.name(), "/no/knutepunkt/agent", "org.bluez.Agent1", member, body)
  }

  /// Asks, and gives what the link heard.
  private func asked(_ bench: BusBench, _ member: String, _ body: (BusWriter) -> Int32) throws -> AgentRequest {
    _ = bench.takeEvents()
    try ask(bench, member, body)
    try bench.until("the question arrives") { !bench.events.isEmpty }
    guard case .agent(let request) = bench.takeEvents().first else { throw BenchFailure(what: "no question") }
    return request
  }

  /// The name of the error that bluetoothd got; nil for an answer.
  private func errorName(_ reply: BusMessage) -> String? {
    sd_bus_message_get_error(reply.handle)?.pointee.name.map { String(cString: $0) }
  }

  private func reply(_ bench: BusBench) throws -> BusMessage {
    let bluez = try bench.theBluez()
    try bench.until("the answer arrives") { !bluez.replies.isEmpty }
    return try bluez.takeReply()
  }

  struct Question: Sendable {
    var member: String
    var question: AgentRequest.Question
    var body: @Sendable (BusWriter) -> Int32
  }

  static let questions: [Question] = [
    Question(member: "RequestAuthorization", question: .authorize) { $0.text(device, "o") },
    Question(member: "RequestConfirmation", question: .confirm(passkey: 42)) { writer in
      writer.all({ writer.text(device, "o") }, { writer.uint32(42) })
    },
    Question(member: "AuthorizeService", question: .authorizeService) { writer in
      writer.all({ writer.text(device, "o") }, { writer.text("00001812-0000-1000-8000-00805f9b34fb") })
    },
  ]

  @Test func questionsWaitForTheirAnswer() throws {
    let bench = try BusBench()
    for question in Self.questions {
      for (answer, name) in [(AgentAnswer.yes, nil), (.no, "org.bluez.Error.Rejected"), (.passkey(1), "org.bluez.Error.Rejected")] {
        let request = try asked(bench, question.member, question.body)
        #expect(request.question == question.question)
        #expect(request.device == Self.device)
        #expect(try bench.theBluez().replies.isEmpty)
        bench.connection.answer(request.number, answer)
        let reply = try reply(bench)
        #expect(errorName(reply) == name, "\(question.member)")
        #expect(name != nil || reply.has(signature: ""))
        // Once is enough.
        bench.connection.answer(request.number, .yes)
      }
    }
    #expect(bench.connection.questions.isEmpty)
  }

  @Test func aPasskeyIsTypedByTheInstaller() throws {
    let bench = try BusBench()
    for (answer, passkey) in [
      (AgentAnswer.passkey(0), 0 as UInt32?), (.passkey(999_999), 999_999), (.passkey(1_000_000), nil), (.yes, nil), (.no, nil),
    ] {
      let request = try asked(bench, "RequestPasskey") { $0.text(Self.device, "o") }
      #expect(request.question == .enterPasskey)
      bench.connection.answer(request.number, answer)
      let reply = try reply(bench)
      if let passkey { #expect(try reply.uint32() == passkey) } else { #expect(errorName(reply) == "org.bluez.Error.Rejected") }
    }
  }

  @Test func aPasskeyToShowIsAnsweredAtOnce() throws {
    let bench = try BusBench()
    let request = try asked(bench, "DisplayPasskey") { writer in
      writer.all({ writer.text(Self.device, "o") }, { writer.uint32(123_456) }, { writer.scalar("q", UInt16(2)) })
    }
    #expect(request.question == .display(passkey: 123_456, entered: 2))
    #expect(errorName(try reply(bench)) == nil)
    // Cancel tells which display it is that goes away.
    let cancelled = try asked(bench, "Cancel") { _ in 0 }
    #expect(cancelled == AgentRequest(number: request.number, device: Self.device, question: .cancel))
  }

  @Test func classicPINCodesAreRefused() throws {
    let bench = try BusBench()
    _ = bench.takeEvents()
    try ask(bench, "RequestPinCode") { $0.text(Self.device, "o") }
    #expect(errorName(try reply(bench)) == "org.bluez.Error.Rejected")
    try ask(bench, "DisplayPinCode") { writer in writer.all({ writer.text(Self.device, "o") }, { writer.text("0000") }) }
    #expect(errorName(try reply(bench)) == "org.bluez.Error.Rejected")
    #expect(bench.events.isEmpty)
  }

  @Test func whatBluetoothdGivesUpIsOver() throws {
    let bench = try BusBench()
    let request = try asked(bench, "RequestAuthorization") { $0.text(Self.device, "o") }
    let cancelled = try asked(bench, "Cancel") { _ in 0 }
    #expect(cancelled == AgentRequest(number: request.number, device: Self.device, question: .cancel))
    #expect(errorName(try reply(bench)) == nil)
    bench.connection.answer(request.number, .yes)
    // Had it been answered, that answer would have come before this one.
    try ask(bench, "RequestPinCode") { $0.text(Self.device, "o") }
    #expect(errorName(try reply(bench)) == "org.bluez.Error.Rejected")
  }

  @Test func tooManyQuestionsRefuseTheOldest() throws {
    let bench = try BusBench()
    let first = try asked(bench, "RequestAuthorization") { $0.text(Self.device, "o") }
    for _ in 1..<BusConnection.questionsMax { _ = try asked(bench, "RequestAuthorization") { $0.text(Self.device, "o") } }
    #expect(bench.connection.questions.count == BusConnection.questionsMax)
    _ = bench.takeEvents()
    try ask(bench, "RequestAuthorization") { $0.text(Self.device, "o") }
    #expect(errorName(try reply(bench)) == "org.bluez.Error.Rejected")
    #expect(bench.events.first == .agent(AgentRequest(number: first.number, device: Self.device, question: .cancel)))
    #expect(bench.connection.questions.count == BusConnection.questionsMax)
  }

  @Test func questionsEndWithBluetoothd() throws {
    let bench = try BusBench()
    let request = try asked(bench, "RequestAuthorization") { $0.text(Self.device, "o") }
    sd_bus_release_name(try bench.theBluez().bus, "org.bluez")
    try bench.until("it is gone") { bench.events == [.serviceOwner(isPresent: false)] }
    #expect(bench.connection.questions.isEmpty)
    bench.connection.answer(request.number, .yes)
  }

  @Test func nobodyElseMayAsk() throws {
    let bench = try BusBench()
    let waiting = try asked(bench, "RequestAuthorization") { $0.text(Self.device, "o") }
    let stranger = try BusPeer(bench.bus.address)
    for member in ["RequestPasskey", "Cancel"] {
      try stranger.call(try bench.name(), "/no/knutepunkt/agent", "org.bluez.Agent1", member) {
        member == "Cancel" ? 0 : $0.text(Self.device, "o")
      }
      try bench.until("it is refused", with: [stranger]) { !stranger.replies.isEmpty }
      #expect(errorName(try stranger.takeReply()) == "org.freedesktop.DBus.Error.AccessDenied")
    }
    #expect(bench.takeEvents() == [.malformed, .malformed])
    #expect(bench.connection.questions.map(\.request) == [waiting])
  }

  @Test func aDamagedQuestionIsRefusedAndCounted() throws {
    let bench = try BusBench()
    let bodies: [(String, (BusWriter) -> Int32)] = [
      ("RequestConfirmation", { writer in writer.all({ writer.text(Self.device, "o") }, { writer.uint32(1_000_000) }) }),
      ("RequestConfirmation", { $0.text("x") }), ("RequestPasskey", { _ in 0 }), ("RequestAuthorization", { $0.uint32(1) }),
      ("DisplayPasskey", { $0.text(Self.device, "o") }), ("AuthorizeService", { $0.text(Self.device, "o") }), ("Cancel", { $0.uint32(1) }),
    ]
    for (member, body) in bodies {
      _ = bench.takeEvents()
      try ask(bench, member, body)
      #expect(errorName(try reply(bench)) == "org.freedesktop.DBus.Error.InvalidArgs", "\(member)")
      #expect(bench.events == [.malformed])
    }
    _ = bench.takeEvents()
    try ask(bench, "Sing") { _ in 0 }
    #expect(try errorName(reply(bench)) != nil)
    #expect(bench.events.isEmpty)
  }
}
