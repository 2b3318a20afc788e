// Pauses after failures: their steps, their bounds, the chance in them, and that a seed gives them again.

import Testing
import VitalSigns

@Suite struct BackOffTests {
  static let steps = BackOff(first: .milliseconds(100), upTo: .seconds(10))

  @Test func stepsDoubleUpToTheLongest() {
    let expected: [Int64] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]
    #expect((1...9).map { Self.steps.step(failures: $0) } == expected.map { .milliseconds($0) })
    #expect(Self.steps.step(failures: .max) == .seconds(10))
  }

  @Test(arguments: [0, -1, Int.min]) func lessThanOneFailureCountsAsOne(failures: Int) {
    #expect(Self.steps.step(failures: failures) == Self.steps.first)
  }

  /// The first step may lie below the shortest: the doubling starts from it all the same.
  @Test func noStepIsShorterThanTheShortest() {
    let steps = BackOff(first: .milliseconds(100), within: .seconds(4)...(.seconds(60)))
    #expect((1...6).allSatisfy { steps.step(failures: $0) == .seconds(4) })
    #expect(steps.step(failures: 7) == .milliseconds(6_400))
    #expect(steps.step(failures: 11) == .seconds(60))
  }

  @Test func aPauseIsBetweenHalfAStepAndTheStepAndDiffers() {
    var random = SeededRandom(seed: 1)
    for failures in 1...40 {
      let step = Self.steps.step(failures: failures)
      let pauses = (0..<200).map { _ in Self.steps.pause(failures: failures, random: &random) }
      #expect(pauses.allSatisfy { $0 >= step / 2 && $0 <= step }, "\(failures) failures")
      #expect(Set(pauses).count > 190, "\(failures) failures: hubs would come back together")
      // All of the upper half is used, not a corner of it.
      #expect((pauses.min() ?? step) < step * 0.55 && (pauses.max() ?? .zero) > step * 0.95, "\(failures) failures")
    }
  }

  @Test func afterASuccessThePausesAreShortAgain() {
    var random = SeededRandom(seed: 3)
    #expect(Self.steps.pause(failures: 30, random: &random) >= .seconds(5))
    #expect(Self.steps.pause(failures: 1, random: &random) <= .milliseconds(100))
  }

  @Test func aSeedGivesTheSamePauses() {
    var (one, two, other) = (SeededRandom(seed: 42), SeededRandom(seed: 42), SeededRandom(seed: 43))
    let pauses = { (random: inout SeededRandom) in (1...20).map { Self.steps.pause(failures: $0, random: &random) } }
    let first = pauses(&one)
    #expect(first == pauses(&two))
    #expect(first != pauses(&other))
  }

  /// Each pause takes one number, so that what follows from a seed does not depend on how long the pauses were.
  @Test func aPauseTakesOneNumber() {
    var (paused, plain) = (SeededRandom(seed: 7), SeededRandom(seed: 7))
    for failures in 1...9 {
      _ = Self.steps.pause(failures: failures, random: &paused)
      _ = plain.next()
    }
    #expect(paused == plain)
  }

  @Test func nothingOverflows() {
    var random = SeededRandom(seed: 1)
    let endless = BackOff(first: .seconds(1 << 33), upTo: .seconds(Int64.max))
    for failures in [1, 2, 41, 64, Int.max] {
      #expect(endless.step(failures: failures) <= .nanoseconds(Int64.max))
      #expect(endless.pause(failures: failures, random: &random) >= .seconds(1 << 32))
    }
    let least = BackOff(first: .nanoseconds(1), upTo: .nanoseconds(1))
    #expect(least.pause(failures: 1, random: &random) == .nanoseconds(1))
    // Less than a nanosecond counts as one.
    let less = BackOff(first: Duration(secondsComponent: 0, attosecondsComponent: 1), upTo: .seconds(1))
    #expect(less.pause(failures: 1, random: &random) == .nanoseconds(1))
  }
}

@Suite struct SeededRandomTests {
  @Test func theFirstNumbersAreThoseOfItsAuthors() {
    var zero = SeededRandom(seed: 0)
    #expect([zero.next(), zero.next(), zero.next()] == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F])
  }

  @Test func aSeedGivesTheSameNumbers() {
    var (a, b) = (SeededRandom(seed: 9), SeededRandom(seed: 9))
    #expect((0..<100).map { _ in a.next() } == (0..<100).map { _ in b.next() })
  }
}
