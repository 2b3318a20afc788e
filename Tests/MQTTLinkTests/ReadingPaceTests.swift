// When the link leaves the socket alone for a moment: under a steady flow of small reads, and never for longer than the rest.

import Testing
import VitalSigns

@testable import MQTTLink

@Suite struct ReadingPaceTests {
  static func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: 5_000_000_000 + milliseconds * 1_000_000) }

  /// A pace after `seconds` of one message each `interval` milliseconds, and the time then.
  static func after(seconds: Int64, interval: Int64) -> (pace: ReadingPace, now: Int64) {
    var pace = ReadingPace()
    var now: Int64 = 0
    while now < seconds * 1_000 {
      pace.read(1, mayRest: true, at: at(now))
      now += interval
    }
    return (pace, now)
  }

  @Test func aLoneMessageIsNeverFollowedByARest() {
    var (pace, now) = Self.after(seconds: 5, interval: 11)
    for _ in 0..<200 {
      pace.read(1, mayRest: true, at: Self.at(now))
      #expect(!pace.rests(at: Self.at(now)))
      now += 11
    }
  }

  @Test func aSteadyFlowIsReadEachTenMilliseconds() {
    var (pace, now) = Self.after(seconds: 2, interval: 5)
    pace.read(2, mayRest: true, at: Self.at(now))
    #expect(pace.restsUntil == Self.at(now + 10))
    #expect(pace.rests(at: Self.at(now + 9)) && !pace.rests(at: Self.at(now + 10)))
    #expect(pace.restEnds(by: Self.at(now + 9)) == false)
    #expect(pace.restEnds(by: Self.at(now + 10)) == true)
    #expect(pace.restEnds(by: Self.at(now + 11)) == false, "told once")
  }

  @Test(arguments: [0, 9, 64]) func noRestAfterAnEmptyOrALargeRead(frames: Int) {
    var (pace, now) = Self.after(seconds: 2, interval: 5)
    pace.read(frames, mayRest: true, at: Self.at(now))
    #expect(!pace.rests(at: Self.at(now)))
  }

  @Test func noRestWhenTheBrokerWasAnsweredAtOnce() {
    var (pace, now) = Self.after(seconds: 2, interval: 5)
    pace.read(1, mayRest: false, at: Self.at(now))
    #expect(!pace.rests(at: Self.at(now)), "with a window of one it waits for us")
  }

  @Test func aFlowThatStoppedIsNotSteady() {
    var (pace, now) = Self.after(seconds: 2, interval: 5)
    now += 5_000
    pace.read(1, mayRest: true, at: Self.at(now))
    #expect(!pace.rests(at: Self.at(now)), "the first after a silence may be a call for help, and has no company")
  }

  @Test func aRestEndsWhenTheConnectionHasSomethingToSay() {
    var (pace, now) = Self.after(seconds: 2, interval: 5)
    pace.read(1, mayRest: true, at: Self.at(now))
    pace.wake()
    #expect(!pace.rests(at: Self.at(now)))
  }
}
