// Where a log line goes and what it looks like there.

import Foundation
import Logging
import Testing

@testable import Observability

@Suite struct JournaldLogHandlerTests {
  static let line = LogLine(
    level: .warning, message: "No MQTT broker;\ntrying again", label: "mqtt",
    metadata: ["error": "refused by \"them\"", "attempt": "3", "odd.näme": "a=b", "message-id": "0123456789abcdef0123456789abcdef"])

  @Test func thePlainLineIsOneLineInAStableOrder() {
    let text = Self.line.plain(at: Date(timeIntervalSince1970: 1_769_860_800.25))
    #expect(
      text == """
        2026-01-31T12:00:00.250Z warning mqtt: No MQTT broker; trying again attempt=3 error="refused by \\"them\\"" odd.näme="a=b"

        """)
  }

  @Test func theJournalsFields() {
    #expect(
      Self.line.fields.map { "\($0.0)=\($0.1)" } == [
        "MESSAGE=No MQTT broker;\ntrying again", "PRIORITY=4", "SYSLOG_IDENTIFIER=knutepunkt", "KNUTEPUNKT_LABEL=mqtt",
        "KNUTEPUNKT_ATTEMPT=3", "KNUTEPUNKT_ERROR=refused by \"them\"", "MESSAGE_ID=0123456789abcdef0123456789abcdef",
        "KNUTEPUNKT_ODD_N_ME=a=b",
      ])
  }

  @Test func prioritiesAreSyslogs() {
    let priorities = Logger.Level.allCases.map { LogLine(level: $0, message: "", label: "", metadata: [:]).priority }
    #expect(priorities == [7, 7, 6, 5, 4, 3, 2])
  }

  @Test func fieldNamesAreLegal() {
    #expect(LogLine.fieldName("") == "KNUTEPUNKT_")
    #expect(LogLine.fieldName(String(repeating: "a", count: 100)).count == 64)
  }

  @Test func longValuesAreCut() {
    let long = LogLine(level: .info, message: String(repeating: "ø", count: 5_000), label: "x", metadata: [:])
    #expect((long.fields.first?.1.utf8.count ?? 0) <= JournaldLogHandler.valueBytesMax + 3)
  }

  @Test func theJournalIsOnlyForTheStreamThatLeadsThere() {
    #expect(JournaldLogHandler.Destination.matches(stream: "8:1234", device: 8, inode: 1234))
    #expect(!JournaldLogHandler.Destination.matches(stream: "8:1234", device: 8, inode: 1235))
    #expect(!JournaldLogHandler.Destination.matches(stream: "", device: 0, inode: 0))
  }
}
