// Writes that are no entries: their order, their bound, and what becomes of those who wait when the journal closes.

import Journal
import JournalValues
import Testing
import VitalSigns

@testable import HubCore
@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct JournalRequestsTests {
  private func record(_ number: Int) -> AccessRecord {
    AccessRecord(wall: Street.noon, actor: .hub, action: "read", detail: "\(number)")
  }

  @Test func changesComeInTheOrderOfTheirRequests() async throws {
    let requests = JournalRequests(wake: try Wake())
    let records = (0..<3).map(record)
    async let stored = requests.submit { $0.access.append(records[0]) }
    try await eventually("the request is taken") { !requests.isEmpty }
    requests.enqueue { $0.access.append(records[1]) }
    requests.enqueue { $0.access.append(records[2]) }
    let (changes, waiters) = requests.take()
    #expect(requests.isEmpty)
    #expect(waiters.count == 1)
    var group = JournalGroup()
    for change in changes { change(&group) }
    #expect(group.access == records)
    for waiter in waiters { waiter(true) }
    #expect(await stored)
  }

  @Test func beyondTheBoundNothingIsTakenAndEverybodyHearsSo() async throws {
    let requests = JournalRequests(wake: try Wake())
    for _ in 0..<JournalRequests.waitingMax { requests.enqueue { _ in } }
    #expect(requests.dropped == 0)
    #expect(!requests.enqueue { _ in })
    #expect(requests.dropped == 1)
    #expect(await !requests.submit { _ in })
    #expect(requests.take().changes.count == JournalRequests.waitingMax)
    #expect(requests.enqueue { _ in })
    #expect(requests.dropped == 1)
    #expect(requests.take().changes.count == 1)
  }

  /// Frames that nobody understands must not take the place of who saw what.
  @Test func aFloodOfQuarantineLeavesRoomForTheAccessLog() throws {
    let requests = JournalRequests(wake: try Wake())
    while requests.enqueue(.quarantine, { _ in }) {}
    #expect(requests.dropped == 1)
    for number in 0..<JournalRequests.reserved {
      let record = record(number)
      #expect(requests.enqueue { $0.access.append(record) })
    }
    #expect(requests.dropped == 1)
    #expect(!requests.enqueue { _ in })
  }

  @Test func closingAnswersFalse() async throws {
    let requests = JournalRequests(wake: try Wake())
    async let waiting = requests.submit { _ in }
    try await eventually("the request is taken") { !requests.isEmpty }
    requests.close()
    #expect(await !waiting)
    #expect(await !requests.submit { _ in })
    requests.enqueue { _ in }
    #expect(requests.dropped == 1)
  }
}
