// When a snapshot is asked for and stored: every step from every state, and that none is stored while what it saw is not on the disk.

import Testing

@testable import HubCore

@Suite struct SnapshotTurnTests {
  /// Ten entries between two; the last covers 100.
  private func resting() -> SnapshotTurn { SnapshotTurn(last: 100, every: 10) }

  private func asked() -> SnapshotTurn {
    var turn = resting()
    #expect(turn.next(durable: 110, isGathering: false) == .ask)
    return turn
  }

  private func arrived() -> SnapshotTurn {
    var turn = asked()
    turn.arrived()
    return turn
  }

  @Test(arguments: [false, true])
  func asksOnceWhenEnoughEntriesAreCommitted(isGathering: Bool) {
    var turn = resting()
    #expect(turn.next(durable: 109, isGathering: isGathering) == .wait)
    #expect(turn.next(durable: 110, isGathering: isGathering) == .ask)
    #expect(turn.next(durable: 1_000, isGathering: isGathering) == .wait)
  }

  @Test func storesOnlyWhenNothingThatItSawWaitsForACommit() {
    var turn = arrived()
    #expect(turn.next(durable: 115, isGathering: true) == .wait)
    #expect(turn.next(durable: 115, isGathering: false) == .store)
    #expect(turn.stored(115) == false)
    #expect(turn.next(durable: 124, isGathering: false) == .wait)
    #expect(turn.next(durable: 125, isGathering: false) == .ask)
  }

  @Test func aMarkThatNobodyAskedForIsStored() {
    var turn = resting()
    turn.arrived()
    #expect(turn.next(durable: 101, isGathering: false) == .store)
    #expect(turn.stored(101) == false)
  }

  @Test func whatIsWantedOutOfTurnIsAskedAtOnceOrAfterTheOneOnItsWay() {
    var turn = resting()
    #expect(turn.want() == true)
    #expect(turn.next(durable: 100, isGathering: false) == .wait)

    for late in [false, true] {
      turn = late ? arrived() : asked()
      #expect(turn.want() == false)
      #expect(turn.want() == false)
      if !late { turn.arrived() }
      #expect(turn.next(durable: 112, isGathering: false) == .store)
      #expect(turn.stored(112) == true)
      #expect(turn.next(durable: 200, isGathering: false) == .wait)
      turn.arrived()
      #expect(turn.next(durable: 200, isGathering: false) == .store)
      #expect(turn.stored(200) == false)
    }
  }

  @Test func theHighestSequenceAsks() {
    var turn = SnapshotTurn(last: .max - 10, every: 10)
    #expect(turn.next(durable: .max - 1, isGathering: false) == .wait)
    #expect(turn.next(durable: .max, isGathering: false) == .ask)
  }
}
