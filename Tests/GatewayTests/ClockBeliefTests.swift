// Whether the hub's own clock is believed: at a start, while it runs, and when a doubt is over. docs/clocks.md is the table in words.

import JournalValues
import Testing
import VitalSigns

@testable import HubCore
@testable import HubRuntime

@Suite struct ClockBeliefTests {
  private static let noon: Int64 = 1_780_315_200_000
  private static let day: Int64 = 86_400_000

  /// What one start is like.
  struct Start: Sendable, CustomTestStringConvertible {
    var name: String
    var wall: Int64
    var keeper = MachineClock.Keeper.batteryClock
    var wasSynchronised = false
    /// The newest time that was believed before, in another boot or this one; nil: a new journal.
    var believed: Int64? = noon
    var isSameBoot = false
    var expected: ClockDoubtReason?
    var testDescription: String { name }
  }

  static let starts: [Start] = [
    Start(name: "as it was left", wall: noon + 60_000),
    Start(name: "a board that is off for an hour", wall: noon + 3_600_000, keeper: .nobody, expected: .notSet),
    Start(name: "a board in 1970", wall: 12_000, keeper: .nobody, expected: .notSet),
    Start(name: "a board whose network was first", wall: noon + 60_000, keeper: .nobody, wasSynchronised: true),
    Start(name: "a new board", wall: noon, keeper: .nobody, believed: nil, expected: .notSet),
    Start(name: "a new hub in a machine of a host", wall: noon, keeper: .host, believed: nil),
    Start(name: "a new hub in 1970", wall: 0, keeper: .host, believed: nil, expected: .behind),
    Start(name: "an empty battery", wall: 946_684_800_000, expected: .behind),
    Start(name: "behind by the tolerance", wall: noon - 300_000),
    Start(name: "behind by more", wall: noon - 300_001, expected: .behind),
    Start(name: "a month in a cupboard", wall: noon + 31 * day),
    Start(name: "more than a month", wall: noon + 31 * day + 1, expected: .ahead),
    Start(name: "the year 2060", wall: 2_840_140_800_000, expected: .ahead),
    Start(name: "more than a month, and the network says so", wall: noon + 400 * day, wasSynchronised: true),
    Start(name: "the same boot, untouched", wall: noon + 1_000, keeper: .nobody, isSameBoot: true),
    Start(name: "the same boot, set forward", wall: noon + 1_000 + 300_001, isSameBoot: true, expected: .set),
    Start(name: "the same boot, set back", wall: noon + 1_000 - 300_001, isSameBoot: true, expected: .set),
  ]

  @Test(arguments: starts) func atAStart(start: Start) {
    let believed = start.believed.map {
      BelievedTime(bootID: start.isSameBoot ? "B" : "A", instant: at(0), wall: WallTime(rawValue: $0))
    }
    var notes: [ClockNote] = []
    let belief = ClockBelief(
      ClockBelief.Known(believed: believed), bootID: "B",
      at: look(1, WallTime(rawValue: start.wall), start.keeper, was: start.wasSynchronised), notes: &notes)
    #expect(reason(belief) == start.expected)
    #expect(belief.knowsDate == (start.expected == nil || start.expected == .set))
    // A doubt is in the journal before the first entry; a belief too, so that the next start can compare.
    switch notes.last {
    case .doubted(let doubt): #expect(doubt.reason == start.expected && doubt.firstSequence == 7 && doubt.isHeld)
    case .believed(let time): #expect(start.expected == nil && time.wall.rawValue == start.wall)
    default: Issue.record("nothing is kept")
    }
  }

  // MARK: While it runs

  @Test(arguments: [86_400, -86_400, 301, 31 * 86_400] as [Int64])
  func aStepIsDoubtedUntilItIsTakenBackOrAnHourOld(off: Int64) {
    var (clock, _) = believing()
    #expect(clock.look(look(1, wall(1))).isEmpty)
    let notes = clock.look(look(2, wall(2, off: off)))
    #expect(reason(clock) == .set && clock.step == off * 1_000 && clock.knowsDate)
    // What came in since the last look may be of either time.
    guard case .doubted(let doubt) = notes.last else { return #expect(Bool(false), "the doubt is kept") }
    #expect(doubt.firstInstant > at(1) && doubt.firstInstant < at(2))
    var back = clock
    #expect(ended(back.look(look(3, wall(3)))) == wall(3).milliseconds(aheadOf: at(3)))
    #expect(back.isBelieved && back.step == 0)
    _ = clock.look(look(3_600, wall(3_600, off: off)))
    #expect(!clock.isBelieved)
    #expect(ended(clock.look(look(3_602, wall(3_602, off: off)))) == wall(0, off: off).milliseconds(aheadOf: at(0)))
    #expect(clock.isBelieved)
    _ = clock.look(look(3_603, wall(3_603)))
    #expect(!clock.isBelieved)
  }

  /// Decades ahead is believed from nobody but the network, however long it stays so.
  @Test func aLeapOfYearsIsNeverBelievedByTime() {
    var (clock, _) = believing()
    let off = 34 * 366 * Int64(86_400)
    _ = clock.look(look(2, wall(2, off: off)))
    for hour in 1...200 as ClosedRange<UInt32> { _ = clock.look(look(hour * 3_600, wall(hour * 3_600, off: off))) }
    #expect(reason(clock) == .set)
    _ = clock.look(look(800_000, wall(800_000, off: off), is: true))
    #expect(clock.isBelieved)
  }

  @Test func whatTheNetworkSetsAndDriftAreNoDoubt() {
    var (clock, _) = believing()
    #expect(clock.look(look(1, wall(1, off: 290))).isEmpty)
    #expect(clock.look(look(2, wall(2, off: 580))).isEmpty, "each look is compared with the one before")
    _ = clock.look(look(3, wall(3, off: 5_000), is: true))
    #expect(clock.isBelieved)
  }

  @Test func whatIsBelievedIsKeptOnceAnHour() {
    var (clock, _) = believing()
    var kept = 0
    for second in 1...7_200 as ClosedRange<UInt32> { kept += clock.look(look(second, wall(second))).count }
    #expect(kept == 2)
  }

  // MARK: Without a clock

  @Test(arguments: [(false, 0), (true, 2), (true, 3_600), (true, 50 * 365 * 86_400), (false, -5)] as [(Bool, Int64)])
  func aBoardBelievesTheFirstForwardStep(isPlausible: Bool, off: Int64) {
    // Its clock stands where it was saved; or in 1970, and then only the right year is plausible.
    let saved = off > 40 * 365 * 86_400 ? WallTime(rawValue: Self.noon - off * 1_000) : wall(0)
    var notes: [ClockNote] = []
    var clock = ClockBelief(
      ClockBelief.Known(believed: BelievedTime(bootID: "A", instant: .zero, wall: wall(0))), bootID: "B",
      at: look(0, saved, .nobody), notes: &notes)
    _ = clock.look(look(5, saved.adding(milliseconds: 5_000), .nobody))
    #expect(reason(clock) == .notSet)
    let right = saved.adding(milliseconds: 9_000 + off * 1_000)
    let line = ended(clock.look(look(9, right, .nobody)))
    #expect(clock.isBelieved == isPlausible)
    #expect(line == (isPlausible ? right.milliseconds(aheadOf: at(9)) : nil))
  }

  @Test func aBoardIsNotBelievedByTimeAloneAndItsRecordsWaitAnHour() {
    var notes: [ClockNote] = []
    var clock = ClockBelief(ClockBelief.Known(), bootID: "B", at: look(0, wall(0), .nobody), notes: &notes)
    #expect(clock.look(look(3_599, wall(3_599), .nobody)).isEmpty)
    #expect(clock.look(look(3_600, wall(3_600), .nobody)) == [.released(first: at(0))])
    #expect(clock.look(look(90_000, wall(90_000), .nobody)).isEmpty)
    #expect(reason(clock) == .notSet)
    // Slewed by the network, without a step.
    #expect(ended(clock.look(look(90_001, wall(90_001), .nobody, was: true))) != nil)
  }

  @Test func aRestartGoesOnWithTheDoubtOfItsBootAndLeavesAnothers() {
    var notes: [ClockNote] = []
    let doubt = ClockDoubt(
      firstSequence: 3, firstInstant: at(0), bootID: "B", reason: .notSet, recorded: wall(0).milliseconds(aheadOf: at(0)))
    let same = ClockBelief(ClockBelief.Known(doubt: doubt), bootID: "B", at: look(60, wall(60), .nobody), notes: &notes)
    #expect(same.state == .doubtful(doubt) && notes.isEmpty)
    var set = ClockBelief(ClockBelief.Known(doubt: doubt), bootID: "B", at: look(60, wall(60, off: 100), .nobody), notes: &notes)
    #expect(set.isBelieved && ended(notes) == wall(0, off: 100).milliseconds(aheadOf: at(0)))
    notes = []
    set = ClockBelief(ClockBelief.Known(doubt: doubt), bootID: "C", at: look(60, wall(60), .nobody), notes: &notes)
    #expect(notes.first == .ended(first: at(0), last: at(60), difference: nil))
    #expect(reason(set) == .notSet)
  }

  // MARK: Ways to say it

  private func at(_ seconds: UInt32) -> MonotonicInstant { MonotonicInstant(rawValue: 1_000_000_000).adding(seconds: seconds) }
  private func wall(_ seconds: UInt32, off: Int64 = 0) -> WallTime { WallTime(rawValue: Self.noon + (Int64(seconds) + off) * 1_000) }

  private func look(
    _ seconds: UInt32, _ wall: WallTime, _ keeper: MachineClock.Keeper = .batteryClock, was: Bool = false, is: Bool = false
  ) -> ClockBelief.Look {
    ClockBelief.Look(
      wall: wall, instant: at(seconds), machine: MachineClock(isSynchronised: `is`, wasSynchronised: was || `is`, keeper: keeper),
      nextSequence: 7)
  }

  private func believing() -> (ClockBelief, [ClockNote]) {
    var notes: [ClockNote] = []
    let clock = ClockBelief(ClockBelief.Known(), bootID: "B", at: look(0, wall(0)), notes: &notes)
    return (clock, notes)
  }

  private func reason(_ clock: ClockBelief) -> ClockDoubtReason? {
    if case .doubtful(let doubt) = clock.state { doubt.reason } else { nil }
  }

  /// The line of the doubt that these notes end.
  private func ended(_ notes: [ClockNote]) -> Int64? {
    for note in notes { if case .ended(_, _, let difference) = note { return difference } }
    return nil
  }
}
