// What the core has told is on the board whatever the store does: nothing vanishes at a bound, and the newest word counts.

import Testing
import VitalSigns

@testable import Console

@Suite struct HeardAlertsTests {
  private func card(_ number: UInt64, person: UInt32 = 1, state: AlertState = .raised, level: UInt8 = 0) -> BoardAlert {
    BoardAlert(
      id: AlertID(high: 1, low: number), rule: .sos, priority: .high, state: state,
      person: BoardPerson(id: PatientID(rawValue: person), displayName: "P\(person)"), raisedAt: WallTime(rawValue: Int64(number)),
      level: level)
  }

  private func mark(_ instant: Int64, _ revision: UInt16 = 0) -> HeardAlerts.Mark {
    HeardAlerts.Mark(instant: MonotonicInstant(rawValue: instant), revision: revision)
  }

  private func board(_ open: [BoardAlert] = []) -> BoardSnapshot { BoardSnapshot(open: open, takenAt: .unknown, core: .live) }

  @Test func whatTheJournalLacksIsShown() {
    var heard = HeardAlerts()
    heard.hear(card(1), mark(1))
    var snapshot = board()
    heard.merge(into: &snapshot, stored: [:])
    #expect(snapshot.open.map(\.id.low) == [1])
    // Still there at the next look, until the journal has it.
    snapshot = board()
    heard.merge(into: &snapshot, stored: [:])
    #expect(snapshot.open.count == 1)
    snapshot = board([card(1)])
    heard.merge(into: &snapshot, stored: [AlertID(high: 1, low: 1): mark(1)])
    #expect(snapshot.open.count == 1 && heard.count == 0)
  }

  /// The store stands still, and the alert goes on: the card shows its newest level, not the one that was stored.
  @Test func aNewerWordOnAStoredAlertCounts() {
    var heard = HeardAlerts()
    heard.hear(card(1, level: 2), mark(5, 3))
    var snapshot = board([card(1)])
    heard.merge(into: &snapshot, stored: [AlertID(high: 1, low: 1): mark(5, 2)])
    #expect(snapshot.open.map(\.level) == [2])
    heard.hear(card(1, level: 1), mark(4, 9))
    heard.merge(into: &snapshot, stored: [AlertID(high: 1, low: 1): mark(5, 2)])
    #expect(snapshot.open.map(\.level) == [2], "an older word changes nothing")
    heard.hear(card(1, state: .cleared), mark(6))
    heard.merge(into: &snapshot, stored: [AlertID(high: 1, low: 1): mark(5, 2)])
    #expect(snapshot.open.isEmpty, "over is over, also before it is stored")
  }

  /// A thousand presses of one button while nothing is stored: everybody else's alarms stay, and the number is told.
  @Test func aFloodTakesNobodysRoom() {
    var heard = HeardAlerts()
    heard.hear(card(1, person: 2), mark(1))
    for number in 2..<1_002 { heard.hear(card(UInt64(number)), mark(Int64(number))) }
    for person in 3..<503 { heard.hear(card(UInt64(5_000 + person), person: UInt32(person)), mark(Int64(5_000 + person))) }
    // An update of a held one is kept at the bound too.
    heard.hear(card(1, person: 2, level: 1), mark(9_999))
    var snapshot = board()
    heard.merge(into: &snapshot, stored: [:])
    #expect(Set(snapshot.open.compactMap(\.person?.id.rawValue)) == Set(1..<503))
    let flood = snapshot.open.filter { $0.person?.id.rawValue == 1 }
    #expect(flood.count == HeardAlerts.perGroupMax)
    #expect(flood.count + flood.reduce(0) { $0 + $1.alsoOpen } == 1_000)
    #expect(flood.contains { $0.id.low == 1_001 }, "the newest is kept")
    #expect(snapshot.open.first { $0.person?.id.rawValue == 2 }?.level == 1)
  }
}
