// The promise, against a real mosquitto, for both protocol versions: the broker hears PUBACK when, and only when, the
// watermark covers what was read. The broker's own log is the witness.

import Foundation
import Testing

@testable import MQTTLink

@Suite(.serialized) struct AcknowledgeAfterDurableTests {
  static func configuration(_ broker: TestBroker, _ version: MQTTProtocolVersion = .v5) -> MQTTLinkConfiguration {
    var configuration = MQTTLinkConfiguration(clientID: "hub-07", host: "127.0.0.1", port: broker.port)
    configuration.protocolVersion = version
    return configuration
  }
  static let acknowledged = "Received PUBACK from hub-07"

  @Test(arguments: MQTTProtocolVersion.allCases)
  func heldUntilTheWatermarkThenSent(_ version: MQTTProtocolVersion) throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"], holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publishLines("vitals/a", ["one", "two", "three"])
    #expect(hub.handler.waitForFrames(3))
    #expect(hub.handler.texts == ["one", "two", "three"])

    // Another client's whole conversation passes through the broker meanwhile; ours is still silent.
    try broker.publish("elsewhere", "x")
    hub.watermark.move(to: 2)
    try broker.publish("elsewhere", "y")
    #expect(broker.count(Self.acknowledged) == 0, "the third is not durable, and it shares the queue")
    #expect(eventually { hub.watermark.commitRequests > 0 }, "somebody waits longer than the hold time")

    hub.watermark.move(to: 3)
    #expect(broker.logs(Self.acknowledged, times: 3))
    #expect(hub.stop())
    #expect(hub.link.statistics.acknowledgementsOwed == 0)
  }

  @Test(arguments: MQTTProtocolVersion.allCases)
  func whatWasNotDurableComesAgain(_ version: MQTTProtocolVersion) throws {
    let broker = try TestBroker()
    do {
      let hub = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"], holding: true)
      try #require(hub.handler.waitFor(.live))
      try broker.publishLines("vitals/a", ["one", "two", "three"])
      try #require(hub.handler.waitForFrames(3))
      // The watermark never comes: the link gives up without a word, as after a power cut.
      #expect(hub.stop(within: .zero))
    }
    #expect(broker.count(Self.acknowledged) == 0)
    do {
      let hub = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"])
      #expect(hub.handler.waitForFrames(3))
      #expect(hub.handler.texts == ["one", "two", "three"])
      #expect(broker.count("Sending PUBLISH to hub-07 (d1,") == 3, "the broker calls them duplicates")
      #expect(hub.handler.frames.map(\.delivery) == [.repeated, .repeated, .repeated], "and the link knows")
      #expect(hub.stop())
      #expect(hub.link.statistics.sessionPresent)
    }
    #expect(broker.count(Self.acknowledged) == 3)
    let hub = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"])
    try #require(hub.handler.waitFor(.live))
    try broker.publish("vitals/a", "four")
    #expect(hub.handler.waitForFrames(1))
    #expect(hub.handler.texts == ["four"], "what was acknowledged is not sent again")
    #expect(hub.handler.frames.map(\.delivery) == [.first])
  }

  @Test func anAlarmBehindRoutineDataIsReadWhileTheStoreFails() throws {
    let broker = try TestBroker()
    var configuration = Self.configuration(broker)
    configuration.storeStallMilliseconds = 100
    let hub = try RunningLink(configuration, holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publish("vitals/a", "routine")
    try #require(hub.handler.waitForFrames(1))
    #expect(eventually { hub.link.statistics.storeStalls == 1 })
    try broker.publish("alarm/a", "sos")
    #expect(hub.handler.waitForFrames(2))
    #expect(broker.count(Self.acknowledged) == 0)
    hub.watermark.move(to: 2)
    #expect(broker.logs(Self.acknowledged, times: 2))
  }

  @Test func readingStopsAfterTheHoldSoThatAcknowledgementsCanLeave() throws {
    let broker = try TestBroker()
    var configuration = Self.configuration(broker)
    configuration.storeStallMilliseconds = 60_000
    // As long as the quiet after which a commit is asked for: the request tells that the hold is over.
    configuration.ackHoldMilliseconds = Int(AcknowledgementGate.quietNanoseconds / 1_000_000)
    let hub = try RunningLink(configuration, holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publish("vitals/a", "one")
    try #require(hub.handler.waitForFrames(1))
    #expect(eventually { hub.watermark.commitRequests == 1 })
    try broker.publish("vitals/a", "two")
    #expect(broker.logs("Sending PUBLISH to hub-07", times: 2))
    #expect(hub.handler.texts == ["one"], "it is in the socket, and stays there")
    hub.watermark.move(to: 1)
    #expect(broker.logs(Self.acknowledged, times: 1))
    #expect(hub.handler.waitForFrames(2))
  }

  @Test func stopWaitsForTheDiskAndAcknowledges() throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker), holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publishLines("vitals/a", (1...10).map(String.init))
    try #require(hub.handler.waitForFrames(10))
    hub.link.stop(within: .seconds(15))
    try #require(hub.handler.waitFor(.draining))
    #expect(broker.count(Self.acknowledged) == 0)
    hub.watermark.move(to: 10)
    #expect(hub.join())
    #expect(broker.logs(Self.acknowledged, times: 10))
    #expect(broker.logs("Received DISCONNECT from hub-07"))
    #expect(hub.watermark.registrations == 0)
    #expect(hub.link.state == .stopped)
  }

  @Test func aBusyIntakeStopsTheReadingAndLosesNothing() throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker), isBusy: true)
    try #require(hub.handler.waitFor(.live))
    let lines = (1...200).map(String.init)
    try broker.publishLines("vitals/a", lines)
    #expect(hub.handler.waitForBusyOffers(3))
    #expect(hub.handler.frames.isEmpty)
    #expect(broker.count(Self.acknowledged) == 0, "what nobody took is not acknowledged")
    hub.handler.setBusy(false)
    #expect(hub.handler.waitForFrames(200))
    #expect(hub.handler.texts == lines)
    #expect(broker.logs(Self.acknowledged, times: 200))
  }

  @Test func refusedAndIgnoredMessagesAreAcknowledgedAtOnce() throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker), holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publish("x/ignored", "1")
    try broker.publish("x/malformed", "{")
    #expect(broker.logs(Self.acknowledged, times: 2))
    #expect(hub.stop())
    let statistics = hub.link.statistics
    #expect(statistics.framesIgnored == 1)
    #expect(statistics.framesRefused == [.malformed: 1])
  }
}
