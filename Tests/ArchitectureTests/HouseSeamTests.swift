// The parts that others lean on are each named in a test of their own language: the roles, the core's operations, the outbox, who may
// speak to the core, and what tells people at once. Process tests show that they work together; these show what each does alone.

import Testing

@Suite("The house: seams")
struct HouseSeamTests {
  @Test(
    "Every seam is declared in Sources and named in a Swift test",
    arguments: [
      "ForwardRole", "JournalBoardSource", "CoreService", "PeerPolicy", "PeerCredentials", "OutboxBook", "DispatchThread",
      "LocalAPIServer", "EventHub", "RecordBuilder", "HubProblems", "DestinationRunner", "JournalRequests", "Registry",
      "MQTTFrameIntake", "BluetoothFrameIntake", "DurableSequence", "IntakeRing", "LocalAPIClient",
    ])
  func everySeamIsTested(seam: String) throws {
    #expect(
      try House.sources.get().contains { $0.declarations.contains { $0.kind == .type && $0.name == seam } }, "\(seam) is not declared")
    #expect(try House.tests.get().contains { $0.tokens.contains { $0.text == seam } }, "\(seam) is named in no test")
  }
}
