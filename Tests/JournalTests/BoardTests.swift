// The nurses' board from one read: what is open, what ended lately however long ago it rose, who did what, where it went.

import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct BoardTests {
  private let hour: Int64 = 3_600_000

  /// Entries far from each other in time, each with what it decided.
  private func commit(_ writer: JournalWriter, _ intake: inout Intake, at hours: Int64, _ transitions: [AlertTransition]) throws {
    var entry = intake.sos()
    entry.wall = WallTime(rawValue: Street.start + hours * hour)
    entry.instant = MonotonicInstant(rawValue: hours * hour * 1_000_000 + Int64(entry.sequence))
    var batch = JournalGroup()
    batch.append(entry)
    for (index, transition) in transitions.enumerated() { batch.append(outcome(entry, .alert(transition), after: Int64(index))) }
    try writer.commit(batch)
  }

  @Test func oneReadHoldsAll() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    try writer.setSharing(OutboxTests.rules)
    var intake = Intake()
    try writer.commit(intake.registration())
    let first = intake.next
    try commit(writer, &intake, at: 1, [transition(1, .raised, .raised, firstCause: first)])
    try commit(writer, &intake, at: 2, [transition(2, .raised, .raised, firstCause: first + 1)])
    try commit(writer, &intake, at: 3, [transition(2, .resolved, .resolved, firstCause: first + 1)])
    try commit(writer, &intake, at: 28, [transition(3, .suspected, .suspected, firstCause: first + 3)])
    var acknowledged = transition(4, .acknowledged, .acknowledged, firstCause: first + 4)
    acknowledged.actor = Street.nurse
    try commit(writer, &intake, at: 29, [transition(4, .raised, .raised, firstCause: first + 4), acknowledged])
    try commit(writer, &intake, at: 30, [transition(1, .cleared, .cleared, firstCause: first)])
    let board = try folder.reader().board(closedSince: WallTime(rawValue: Street.start + 29 * hour))
    #expect(board.open.map(\.id.low) == [4], "what is only suspected is nobody's news")
    #expect(board.closed.map(\.id.low) == [1], "raised a day ago and ended now; what ended a day ago is not there")
    #expect(board.steps[acknowledged.id]?.map(\.kind) == [.acknowledged])
    #expect(board.steps[acknowledged.id]?.first?.actor == Street.nurse)
    #expect(board.people[Street.kari]?.name == "Kari Test" && board.devices[Street.oximeter]?.label == "Oksymeter")
    // Both are told over both destinations, and nobody has confirmed.
    let waiting = board.deliveries[acknowledged.id] ?? []
    #expect(waiting.map(\.destination) == [1, 9] && waiting.allSatisfy { $0.state == .waiting(attempts: 0) })
  }

  @Test("A suspicion that ended was never raised: it is nobody's news, and not among what has ended") func endedSuspicion() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    let first = intake.next
    try commit(writer, &intake, at: 1, [transition(1, .suspected, .suspected, rule: .planRed, firstCause: first)])
    var ended = transition(1, .cleared, .cleared, rule: .planRed, firstCause: first)
    ended.previous = .suspected
    try commit(writer, &intake, at: 2, [ended])
    try commit(writer, &intake, at: 3, [transition(2, .suspected, .suspected, rule: .planRed, firstCause: first + 2)])
    try commit(writer, &intake, at: 4, [transition(2, .raised, .raised, rule: .planRed, firstCause: first + 2)])
    try commit(writer, &intake, at: 5, [transition(2, .cleared, .cleared, rule: .planRed, firstCause: first + 2)])
    let reader = try folder.reader()
    #expect(try reader.board(closedSince: .unknown).closed.map(\.id.low) == [2])
    let raised = try reader.alerts().sorted { $0.id.low < $1.id.low }.map(\.raisedWall)
    #expect(raised == [nil, WallTime(rawValue: Street.start + 4 * hour)])
  }

  /// Of a flood the newest are read, the rest is a number; somebody else's is there.
  @Test func aFloodCostsAThousandRows() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    let first = intake.next
    let flood = (1...1_300 as ClosedRange<UInt64>).map { transition($0, .raised, .raised, firstCause: first) }
    try commit(writer, &intake, at: 1, flood)
    var other = intake.sos()
    other.patient = Street.ola
    var batch = JournalGroup()
    batch.append(other)
    batch.append(outcome(other, .alert(transition(5_000, .raised, .raised, firstCause: other.sequence))))
    try writer.commit(batch)
    let reader = try folder.reader()
    let board = try reader.board(closedSince: .unknown)
    #expect(board.open.map(\.id.low) == Array(277...1_300) + [5_000])
    #expect(board.alsoOpen == [flood[1_299].id: 276])
    #expect(try reader.openAlertGroups().sorted() == [1, 1_300])
    #expect(try reader.waitingAlerts().count == 1_301)
    #expect(try reader.openAlerts(limit: 2).count == 2)
    #expect(try reader.openCalls().prefix(2).contains { $0.alert.low == 5_000 }, "everybody's newest first")
  }

  @Test func deliveriesAreToldByDestination() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    try writer.setSharing(OutboxTests.rules)
    var intake = Intake()
    try writer.commit(intake.registration())
    let raised = transition(1, .raised, .raised, firstCause: intake.next)
    try commit(writer, &intake, at: 1, [raised])
    let reader = try folder.reader()
    func settle(_ destination: UInt32, _ result: DeliveryReceipt.Result) throws {
      let row = try #require(try reader.outboxPending(destination: destination, lane: .alarm).first?.row)
      var batch = JournalGroup()
      batch.receipts = [DeliveryReceipt(destination: destination, lane: .alarm, item: .row(row), result: result)]
      try writer.commit(batch)
    }
    let states = { try reader.board(closedSince: .unknown).deliveries[raised.id]?.map(\.state) ?? [] }
    try settle(9, .failed(error: "503"))
    #expect(try states() == [.waiting(attempts: 0), .waiting(attempts: 1)])
    try settle(9, .delivered(remoteID: nil))
    try settle(1, .refused(reason: "400"))
    #expect(Set(try states()) == [.delivered, .refused])
  }

  @Test func anEmptyJournalIsAnEmptyBoard() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    let board = try folder.reader().board(closedSince: .unknown)
    #expect(board.open.isEmpty && board.closed.isEmpty && board.people.isEmpty)
  }
}
