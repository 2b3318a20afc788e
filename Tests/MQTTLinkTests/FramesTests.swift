// What comes through, against a real mosquitto: order, odd sizes, many topics, garbage.

import Foundation
import Testing
import VitalSigns

@testable import MQTTLink

@Suite(.serialized) struct FramesTests {
  static func configuration(_ broker: TestBroker) -> MQTTLinkConfiguration {
    MQTTLinkConfiguration(clientID: "hub-01", host: "127.0.0.1", port: broker.port)
  }

  @Test(arguments: [UInt8(0), 1]) func keepTheirOrder(qos: UInt8) throws {
    let broker = try TestBroker(options: "max_inflight_messages 500\nmax_queued_messages 10000")
    let hub = try RunningLink(Self.configuration(broker), qos: qos)
    try #require(hub.handler.waitFor(.live))
    let lines = (1...3_000).map { "reading \($0)" }
    try broker.publishLines("vitals/a", lines)
    #expect(hub.handler.waitForFrames(3_000))
    #expect(hub.handler.texts == lines)
    #expect(hub.handler.frames.allSatisfy { $0.qos == qos && ($0.messageID == 0) == (qos == 0) && !$0.retained })
    #expect(hub.stop())
    let statistics = hub.link.statistics
    #expect(statistics.framesReceived == 3_000)
    #expect(statistics.framesAccepted == 3_000)
    #expect(statistics.bytesReceived == UInt64(lines.map(\.utf8.count).reduce(0, +)))
  }

  @Test func emptyAndOddPayloadsAndManyTopics() throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker), filters: (0..<150).map { "home/\($0)/+" } + ["edge/#"])
    try #require(hub.handler.waitFor(.live))
    try command("/usr/bin/mosquitto_pub", ["-h", "127.0.0.1", "-p", "\(broker.port)", "-t", "edge/æøå", "-q", "1", "-n"])
    try broker.publish("edge/nul", "a\u{0}b")
    for index in stride(from: 0, to: 150, by: 30) { try broker.publish("home/\(index)/x", "\(index)") }
    try broker.publish("home/150/x", "nobody asked")
    try broker.publish("edge/end", "end")
    #expect(hub.handler.waitForFrames(8))
    #expect(hub.handler.frames.map(\.topic) == ["edge/æøå", "edge/nul"] + [0, 30, 60, 90, 120].map { "home/\($0)/x" } + ["edge/end"])
    #expect(hub.handler.frames.first?.payload == [])
    #expect(hub.handler.frames.dropFirst().first?.payload == [0x61, 0, 0x62])
  }

  @Test func oversizedOnesAreCountedCutAndNeverStopTheLink() throws {
    let broker = try TestBroker()
    var configuration = Self.configuration(broker)
    configuration.maximumPayloadBytes = 2_000
    let hub = try RunningLink(configuration, holding: true)
    try #require(hub.handler.waitFor(.live))
    try broker.publish("x/big", String(repeating: "b", count: 1_000_000))
    try broker.publish("x/limit", String(repeating: "l", count: 2_000))
    try broker.publish("x/over", String(repeating: "o", count: 2_001))
    #expect(hub.handler.waitForOversized(2))
    #expect(hub.handler.waitForFrames(1))
    let cut = hub.handler.oversizedFrames
    #expect(cut.map(\.payloadBytes) == [1_000_000, 2_001])
    #expect(cut.map(\.frame.payload.count) == [1_024, 1_024])
    #expect(hub.handler.frames.map(\.payload.count) == [2_000])
    hub.watermark.move(to: 1)
    #expect(broker.logs("Received PUBACK from hub-01", times: 3), "a refused message is not sent for ever")
    #expect(hub.stop())
    #expect(hub.link.statistics.framesRefused == [.oversized: 2])
  }

  @Test func retainedMessagesSayThatTheyAre() throws {
    let broker = try TestBroker()
    try broker.publish("state/a", "old", retain: true)
    let hub = try RunningLink(Self.configuration(broker))
    #expect(hub.handler.waitForFrames(1))
    try #require(hub.handler.waitFor(.live))
    try broker.publish("state/a", "new", retain: true)
    #expect(hub.handler.waitForFrames(2))
    #expect(hub.handler.frames.map(\.retained) == [true, false])
  }

  @Test func tenThousandPiecesOfGarbage() throws {
    let broker = try TestBroker(options: "max_inflight_messages 500\nmax_queued_messages 20000")
    let hub = try RunningLink(Self.configuration(broker))
    try #require(hub.handler.waitFor(.live))
    var random = SeededRandom(seed: 99)
    let lines = (0..<10_000).map { _ in
      String(decoding: (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random) }, as: UTF8.self)
    }
    try broker.publishLines("garbage/malformed", lines)
    try broker.publish("vitals/a", "valid")
    #expect(hub.handler.waitForFrames(10_001))
    #expect(hub.stop())
    #expect(hub.link.statistics.framesRefused == [.malformed: 10_000])
    #expect(hub.link.statistics.framesAccepted == 1)
    #expect(broker.count("Received PUBACK from hub-01") == 10_001)
  }

  @Test func subscriptionsChangeAtRunTime() throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker), filters: [])
    try #require(hub.handler.waitFor(.live))
    try hub.link.subscribe([.init(filter: "a"), .init(filter: "b")])
    #expect(broker.logs("Sending SUBACK to hub-01"))
    try broker.publish("a", "1")
    try hub.link.subscribe([.init(filter: "b"), .init(filter: "c")])
    #expect(broker.logs("Sending SUBACK to hub-01", times: 2))
    #expect(broker.logs("Received UNSUBSCRIBE from hub-01"))
    try broker.publish("a", "2")
    try broker.publish("c", "3")
    #expect(hub.handler.waitForFrames(2))
    #expect(hub.handler.texts == ["1", "3"])
    #expect(throws: MQTTRequestError.self) { try hub.link.subscribe([.init(filter: "a#")]) }
    #expect(throws: MQTTRequestError.invalidQoS(2)) { try hub.link.subscribe([.init(filter: "a", qos: 2)]) }
  }
}
