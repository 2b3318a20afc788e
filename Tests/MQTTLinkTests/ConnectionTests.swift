// Coming and going, against a real mosquitto: restart, will and retained state, our own publications, a broker that is
// absent, silent, or taken over by a twin.

import Foundation
import Testing

@testable import MQTTLink

@Suite(.serialized) struct ConnectionTests {
  static func configuration(_ broker: TestBroker, _ version: MQTTProtocolVersion = .v5) -> MQTTLinkConfiguration {
    var configuration = MQTTLinkConfiguration(clientID: "hub-02", host: "127.0.0.1", port: broker.port)
    configuration.protocolVersion = version
    configuration.stateTopic = "hub/state"
    return configuration
  }

  @Test(arguments: MQTTProtocolVersion.allCases)
  func aBrokerThatRestartsIsFoundAgain(_ version: MQTTProtocolVersion) throws {
    let broker = try TestBroker()
    let hub = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"])
    try #require(hub.handler.waitFor(.live))
    try broker.publish("vitals/a", "before")
    try #require(hub.handler.waitForFrames(1))
    broker.stop()
    #expect(hub.handler.waitFor(.backingOff, times: 2), "lost, then refused at least once")
    #expect(hub.handler.lastErrors.contains { if case .unreachable = $0 { true } else { false } })
    try broker.start()
    #expect(hub.handler.waitFor(.live, times: 2))
    try broker.publish("vitals/a", "after")
    #expect(hub.handler.waitForFrames(2), "subscribed again, though the broker forgot the session")
    #expect(try broker.retained("hub/state") == "online")
    #expect(hub.link.statistics.reconnects == 1)
    #expect(!hub.link.statistics.sessionPresent)
  }

  @Test(arguments: MQTTProtocolVersion.allCases)
  func theStateIsRetainedBothWays(_ version: MQTTProtocolVersion) throws {
    let broker = try TestBroker()
    let first = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"], holding: true)
    try #require(first.handler.waitFor(.live))
    #expect(eventually { (try? broker.retained("hub/state")) == "online" })
    #expect(first.stop())
    #expect(try broker.retained("hub/state") == "offline", "said by ourselves: a clean goodbye cancels the will")

    let second = try RunningLink(Self.configuration(broker, version), filters: ["vitals/#"], holding: true)
    try #require(second.handler.waitFor(.live))
    #expect(eventually { (try? broker.retained("hub/state")) == "online" })
    try broker.publish("vitals/a", "never durable")
    try #require(second.handler.waitForFrames(1))
    #expect(second.stop(within: .milliseconds(50)))
    #expect(eventually { (try? broker.retained("hub/state")) == "offline" }, "said by the broker")
  }

  @Test func ourPublicationsEndExactlyOnce() throws {
    let acl = TestBroker.self
    let folder = try TemporaryFolder()
    try folder.write("acl", "topic read #\ntopic write allowed/#\n")
    let broker = try acl.init(options: "acl_file \(folder.path("acl"))", folder: folder)
    var configuration = Self.configuration(broker)
    configuration.stateTopic = nil
    let hub = try RunningLink(configuration, filters: ["allowed/#"])
    // Queued before there is a connection.
    let early = try hub.link.publish(topic: "allowed/a", payload: Array("1".utf8), qos: 1, retain: false)
    let unacknowledged = try hub.link.publish(topic: "allowed/a", payload: Array("2".utf8), qos: 0, retain: false)
    let forbidden = try hub.link.publish(topic: "forbidden", payload: [], qos: 1, retain: false)
    #expect(hub.handler.waitForOutcome(early) == .acknowledged)
    #expect(hub.handler.waitForOutcome(unacknowledged) == .sent)
    #expect(hub.handler.waitForOutcome(forbidden) == .refused(reasonCode: 0x87))
    #expect(hub.handler.waitForFrames(2))
    #expect(hub.handler.texts == ["1", "2"])
    #expect(throws: MQTTRequestError.self) { try hub.link.publish(topic: "a/#", payload: [], qos: 1, retain: false) }
    #expect(throws: MQTTRequestError.invalidQoS(2)) { try hub.link.publish(topic: "a", payload: [], qos: 2, retain: false) }
    #expect(hub.stop())
    #expect(throws: MQTTRequestError.stopping) { try hub.link.publish(topic: "a", payload: [], qos: 1, retain: false) }
  }

  @Test func publicationsWaitForABrokerThatIsAway() throws {
    let broker = try TestBroker()
    broker.stop()
    var configuration = Self.configuration(broker)
    configuration.publishQueueLimit = 30
    let hub = try RunningLink(configuration)
    var ids: [MQTTPublishID] = []
    for index in 0..<30 { ids.append(try hub.link.publish(topic: "out", payload: Array("\(index)".utf8), qos: 1, retain: false)) }
    #expect(throws: MQTTRequestError.queueFull(limit: 30)) { try hub.link.publish(topic: "out", payload: [], qos: 1, retain: false) }
    try #require(hub.handler.waitFor(.backingOff))
    try broker.start()
    for id in ids { #expect(hub.handler.waitForOutcome(id) == .acknowledged) }
    #expect(broker.count("Received PUBLISH from hub-02 (d0, q1, r0") == 30)
  }

  @Test func whatTheLinkCouldNotPublishIsReturnedAtTheEnd() throws {
    let broker = try TestBroker()
    broker.stop()
    let hub = try RunningLink(Self.configuration(broker))
    let id = try hub.link.publish(topic: "out", payload: [], qos: 1, retain: false)
    #expect(hub.stop())
    #expect(hub.handler.outcomeOf[id] == .lost)
  }

  @Test func aSilentListenerIsGivenUp() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0 ? getsockname(listener, $0, &length) : -1
      }
    }
    try #require(result == 0)
    var configuration = MQTTLinkConfiguration(clientID: "hub-02", host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
    configuration.connectTimeoutSeconds = 1
    let hub = try RunningLink(configuration)
    #expect(hub.handler.waitForError { $0 == .noAnswer(seconds: 1) })
    #expect(hub.stop())
  }

  @Test func aTwinWithTheSameIdentityIsNamed() throws {
    let broker = try TestBroker()
    let first = try RunningLink(Self.configuration(broker))
    try #require(first.handler.waitFor(.live))
    let second = try RunningLink(Self.configuration(broker))
    try #require(second.handler.waitFor(.live))
    // mosquitto 2.0.11 says nothing when a persistent session is taken over; the hint is all that a person gets.
    #expect(first.handler.waitForError { $0.description.contains("same client id") })
    #expect(first.handler.waitFor(.backingOff, times: 3), "both go on, ever slower: neither lives for ten seconds")
    #expect(first.stop())
  }

  @Test func keepAliveIsSpokenWhenNothingElseIs() throws {
    let broker = try TestBroker()
    var configuration = Self.configuration(broker)
    configuration.keepAliveSeconds = 5
    let hub = try RunningLink(configuration)
    try #require(hub.handler.waitFor(.live))
    #expect(broker.logs("Sending PINGRESP to hub-02", times: 2))
    #expect(hub.link.state == .live)
  }

  @Test func aRefusedSubscriptionIsSeen() throws {
    let folder = try TemporaryFolder()
    try folder.write("acl", "topic read allowed/#\n")
    let broker = try TestBroker(options: "acl_file \(folder.path("acl"))", folder: folder)
    let hub = try RunningLink(Self.configuration(broker), filters: ["$SYS/secret", "allowed/a"])
    #expect(hub.handler.waitFor(.live), "the others work")
  }
}
