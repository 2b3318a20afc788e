// The DUP flag out of libmosquitto's log: exactly its own words, and nothing that only looks like them.

import Testing

@testable import MQTTLink

@Suite struct PublishLogLineTests {
  @Test func theLibrarysWordsAreRead() throws {
    let first = try #require(PublishLogLine("Client hub-01 received PUBLISH (d0, q1, r0, m65535, 'zigbee2mqtt/bath', ... (21 bytes))"))
    #expect(!first.isDuplicate && first.qos == 1 && first.messageID == 65_535)
    let again = try #require(PublishLogLine("Client hub-01 received PUBLISH (d1, q2, r1, m7, 'a', ... (0 bytes))"))
    #expect(again.isDuplicate && again.qos == 2 && again.messageID == 7)
  }

  @Test func aLongTopicMayCutTheLine() {
    #expect(PublishLogLine("Client h received PUBLISH (d1, q1, r0, m9, 'aaaaaaaa")?.isDuplicate == true)
  }

  @Test func aTopicCannotImitateThem() {
    let line = PublishLogLine("Client h received PUBLISH (d0, q1, r0, m3, ' received PUBLISH (d1, q1, r0, m3, 'x', ... (1 bytes))")
    #expect(line?.isDuplicate == false)
  }

  @Test(arguments: [
    "", "Client hub-01 sending PUBACK (m7, rc0)", "Client h received PUBLISH (d2, q1, r0, m3, 'a'", "Client h received PUBLISH (d1",
    "Client h received PUBLISH (d1, q3, r0, m3, 'a'", "Client h received PUBLISH (d1, q1, r0, m65536, 'a'",
    "Client h received PUBLISH (d1, q1, r0, m, 'a'", "Client h received PUBLISH (D1, q1, r0, m3, 'a'",
    "Client h received PUBLISH (d1, q1, r0, m1234567, 'a'",
  ]) func otherWordsSayNothing(_ text: String) {
    #expect(PublishLogLine(text) == nil)
  }
}
