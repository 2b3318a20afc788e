// When a client id counts as contested, when messages count as held up, and what a link's trouble is called.

import Testing
import VitalSigns

@testable import MQTTLink

@Suite struct ContestTests {
  private func second(_ seconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: seconds * 1_000_000_000) }

  @Test func threeClosingsInFiveMinutesAreAContest() {
    var contest = Contest()
    contest.closed(saysSo: false, at: second(0))
    contest.closed(saysSo: false, at: second(100))
    #expect(!contest.isContested(at: second(100)))
    contest.closed(saysSo: false, at: second(300))
    #expect(contest.isContested(at: second(300)))
    #expect(contest.isContested(at: second(899)))
    #expect(!contest.isContested(at: second(900)), "ten minutes without one end it")
  }

  @Test func closingsFarApartAreNone() {
    var contest = Contest()
    for time in [Int64(0), 151, 302, 453] { contest.closed(saysSo: false, at: second(time)) }
    #expect(!contest.isContested(at: second(453)))
  }

  @Test func theBrokersWordIsEnough() {
    var contest = Contest()
    contest.closed(saysSo: true, at: second(1))
    #expect(contest.isContested(at: second(1)))
  }

  @Test func aBrokerThatRestartsIsNoContest() {
    var contest = Contest()
    for time in Int64(0)..<20 {
      contest.closed(saysSo: false, at: second(time))
      contest.brokerWasAway()
    }
    #expect(!contest.isContested(at: second(20)))
  }

  @Test func aContestOutlivesABrokerThatWasAway() {
    var contest = Contest()
    contest.closed(saysSo: true, at: second(0))
    contest.brokerWasAway()
    #expect(contest.isContested(at: second(1)))
  }

  private func stranger(
    _ topic: String = "ble/neighbour/2a1c", _ messageID: UInt16 = 7, _ delivery: MQTTFrame.Delivery = .repeated
  ) -> MQTTFrame {
    MQTTFrame(topic: topic, payload: [1, 2], retained: false, messageID: messageID, qos: 1, delivery: delivery)
  }

  @Test func aMessageThatNobodyComesForEndsTheContest() {
    var contest = Contest()
    let isLeftWithoutContest = contest.leaves(stranger(), at: second(0))
    #expect(!isLeftWithoutContest)
    for time in Int64(1)...3 { contest.closed(saysSo: false, at: second(time)) }
    let leavings = (1...Contest.leavingsMax).map { attempt in
      contest.leaves(stranger("ble/neighbour/2a1c", 7, attempt == 1 ? .first : .repeated), at: second(3 + Int64(attempt)))
    }
    #expect(leavings.allSatisfy { $0 })
    let isLeftOnceMore = contest.leaves(stranger(), at: second(30))
    #expect(!isLeftOnceMore)
    #expect(!contest.isContested(at: second(30)))
    contest.closed(saysSo: false, at: second(31))
    #expect(!contest.isContested(at: second(31)), "it takes three closings again")
  }

  @Test func messagesThatTheOtherClientTakesGoOnBeingLeft() {
    var contest = Contest()
    contest.closed(saysSo: true, at: second(0))
    // Another number or topic is another message; and without the mark of a repetition it may be a new one that looks alike.
    let others = (UInt16(1)...40).flatMap { [stranger("ble/a/2a1c", $0), stranger("ble/b/2a1c", $0)] }
    let alike = (1...40).map { _ in stranger("ble/a/2a1c", 1, .first) }
    let leavings = (others + alike).map { contest.leaves($0, at: second(1)) }
    #expect(leavings.allSatisfy { $0 })
    #expect(contest.isContested(at: second(1)))
  }

  @Test func whileContestedPausesStayShort() {
    var pause = ReconnectPause(randomSeed: 1)
    pause.isContested = true
    for attempt in UInt32(1)...40 {
      #expect(pause.next(attempt: attempt, needsAPerson: false) <= .milliseconds(Contest.pauseMillisecondsMax))
    }
  }
}

@Suite struct PressureTests {
  private func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: 5_000_000_000 + milliseconds * 1_000_000) }

  @Test func anAcknowledgementThatWaitsLongHoldsTheRestUp() {
    var pressure = Pressure(hold: .zero)
    #expect(pressure.look(owes: true, at: at(0)) == false)
    #expect(pressure.again == at(250))
    #expect(pressure.look(owes: true, at: at(249)) == false)
    #expect(pressure.look(owes: true, at: at(250)) == true)
    #expect(pressure.isHeldUp)
    #expect(pressure.look(owes: true, at: at(1_000)) == false)
    #expect(pressure.look(owes: false, at: at(30_999)) == false, "it lasts")
    #expect(pressure.look(owes: false, at: at(31_000)) == true)
    #expect(!pressure.isHeldUp)
  }

  @Test func acknowledgementsThatLeaveHoldNothingUp() {
    var pressure = Pressure(hold: .zero)
    for time in stride(from: Int64(0), to: 10_000, by: 10) {
      #expect(pressure.look(owes: true, at: at(time)) == false)
      pressure.nothingIsOwed()
    }
  }

  @Test func manyFramesInASecondDo() {
    var pressure = Pressure(hold: .zero)
    for time in 0..<Int64(Pressure.framesPerSecond) - 1 { pressure.frame(at: at(time)) }
    #expect(pressure.look(owes: false, at: at(300)) == false)
    pressure.frame(at: at(301))
    #expect(pressure.look(owes: false, at: at(301)) == true)
    // As many, spread over ten seconds, do not.
    var calm = Pressure(hold: .zero)
    for time in 0..<Int64(Pressure.framesPerSecond) {
      calm.frame(at: at(time * 33))
      #expect(calm.look(owes: false, at: at(time * 33)) == false)
    }
  }
}

@Suite struct MQTTLinkProblemTests {
  private static let configuration = MQTTLinkConfiguration(clientID: "hub-1", host: "broker.example", port: 1883)

  static let cases: [(MQTTLinkError, MQTTLinkProblem.Kind)] = [
    (.unreachable("the name broker.example: Name or service not known"), .nameNotFound), (.unreachable("Connection refused"), .unreachable),
    (.noAnswer(seconds: 10), .noAnswer), (.closedBeforeAnswer, .closedBeforeAnswer), (.connectionLost("x"), .connectionLost),
    (.refusedByBroker(code: 4, text: ""), .badCredentials), (.refusedByBroker(code: 5, text: ""), .badCredentials),
    (.refusedByBroker(code: 0x86, text: ""), .badCredentials), (.refusedByBroker(code: 0x87, text: ""), .notAllowed),
    (.refusedByBroker(code: 3, text: ""), .refused), (.disconnectedByBroker(code: 0x8E, text: ""), .clientIDContested),
    (.fileUnreadable(path: "/p", detail: ""), .fileUnreadable), (.packetTooLong, .connectionLost),
    (.tls("the broker's certificate is for another name than x (certificate verify failed)"), .certificateName),
    (.tls("… (certificate verify failed)"), .certificateNotTrusted), (.tls("wrong version number"), .noTLS), (.tls("else"), .tls),
    (.tls("tlsv13 alert certificate required"), .clientCertificate),
  ]

  @Test(arguments: cases) func eachFailureHasAKindAndANextStep(_ error: MQTTLinkError, _ kind: MQTTLinkProblem.Kind) {
    let problem = MQTTLinkProblem(error, Self.configuration)
    #expect(problem.kind == kind)
    #expect(!problem.text.isEmpty && !problem.next.isEmpty && !problem.next.hasSuffix("."))
  }

  @Test func onlyThreeDeafenALiveLink() {
    let deaf = MQTTLinkProblem.Kind.allCases.filter { MQTTLinkProblem(kind: $0, text: "", next: "").deafensLiveLink }
    #expect(deaf == [.clientIDContested, .subscriptionsRefused, .subscriptionsMissing])
  }
}
