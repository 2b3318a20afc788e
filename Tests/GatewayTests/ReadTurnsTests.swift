// A read that began before the asking is no answer: what was acknowledged meanwhile would not be on the board until something else
// happened.

import Testing

@testable import Console

@Suite struct ReadTurnsTests {
  @Test func whoAsksWhileNobodyReadsBeginsAndIsAnsweredByThatRead() {
    var turns = ReadTurns()
    #expect(turns.ask() == (1, true))
    #expect(turns.end(stillWanted: [1]) == false && turns.ended == 1)
    #expect(turns.ask() == (2, true))
  }

  @Test func whoAsksDuringAReadIsAnsweredByTheNext() {
    var turns = ReadTurns()
    _ = turns.ask()
    #expect(turns.ask() == (2, false))
    #expect(turns.ask() == (2, false), "all of them by the same one")
    #expect(turns.end(stillWanted: [2, 2]) == true && turns.ended == 1 && turns.begun == 2)
    #expect(turns.ask() == (3, false))
    #expect(turns.end(stillWanted: [2, 3]) == true)
    #expect(turns.end(stillWanted: [3]) == false && turns.ended == 3)
  }

  @Test func nobodyWaitsAnyMore() {
    var turns = ReadTurns()
    _ = turns.ask()
    _ = turns.ask()
    #expect(turns.end(stillWanted: []) == false)
    #expect(turns.ask() == (2, true))
  }
}
