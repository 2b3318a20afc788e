// Calls that a destination refused for good: who still waits, and that nothing read late brings back what somebody has taken.

import Journal
import JournalValues
import Testing
import VitalSigns

@testable import HubCore

@Suite struct RefusedCallsTests {
  private func call(_ number: UInt64, _ destination: UInt32, at wall: Int64 = 1) -> RefusedCallRow {
    RefusedCallRow(
      alert: AlertID(high: 0xABCD_EF01_2345_6789, low: number), destination: destination, refused: WallTime(rawValue: wall))
  }

  @Test func theyWaitByDestinationUntilSomebodyTakesTheAlert() {
    let calls = RefusedCalls()
    calls.replace(with: [call(2, 9, at: 5), call(1, 9, at: 3), call(1, 7)])
    #expect(calls.waiting.map(\.destination) == [7, 9])
    #expect(calls.waiting.map(\.calls) == [1, 2])
    #expect(calls.waiting.map(\.since) == [WallTime(rawValue: 1), WallTime(rawValue: 3)])
    calls.hear(transition(.acknowledged, .acknowledged, number: 1))
    #expect(calls.waiting.map(\.destination) == [9])
    calls.hear(transition(.resolved, .resolved, number: 2))
    #expect(calls.waiting.isEmpty)
  }

  @Test func whatWasTakenWhileTheJournalWasReadStaysTaken() {
    let calls = RefusedCalls()
    calls.hear(transition(.acknowledged, .acknowledged))
    calls.replace(with: [call(1, 9)])
    #expect(calls.waiting.isEmpty)
    // It was told anew, and waits for somebody again.
    calls.hear(transition(.upgraded, .raised))
    calls.replace(with: [call(1, 9)])
    #expect(calls.waiting.count == 1)
  }

  @Test func takenAlertsAreBoundedInMemory() {
    let calls = RefusedCalls()
    for number in 1...UInt64(RefusedCalls.takenMax) + 1 { calls.hear(transition(.acknowledged, .acknowledged, number: number)) }
    calls.replace(with: [call(1, 9), call(2, 9)])
    #expect(calls.waiting.map(\.calls) == [1], "only the oldest is forgotten")
  }
}
