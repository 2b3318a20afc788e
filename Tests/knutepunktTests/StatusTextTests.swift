// What `status --watch` takes for a change: what is wrong, and not for how long it has been.

import HubRuntime
import LocalAPI
import Testing
import VitalSigns

@testable import knutepunkt

@Suite struct StatusTextTests {
  @Test(arguments: [0, 9, 59, 119, 120, 7_199, 7_200, 9_000, 172_799, 172_800, 180_000, 2_000_000] as [Int64])
  func howLongSomethingLastsIsNoChange(seconds: Int64) {
    let now = WallTime(rawValue: 1_790_000_000_000)
    let problem = API.Problem(
      kind: .rule(.linkDown), name: "home", since: now.adding(milliseconds: -seconds * 1_000).description, effect: .deaf, text: "",
      next: "knutepunkt doctor says what is wrong")
    #expect(StatusCommand.withoutAges("live, \(problem.words(now: now)), 3 people") == "live, link home not connected, 3 people")
  }

  /// A line that is compared must not change each second.
  @Test func aProblemsAgeHoldsForAWhile() {
    let now = WallTime(rawValue: 1_790_000_000_000)
    let words = { (seconds: Int64) in
      API.Problem(
        kind: .coreStill, since: now.adding(milliseconds: -seconds * 1_000).description, effect: .deaf, text: "", next: ""
      ).words(now: now)
    }
    let expected: [(Int64, String)] = [
      (-5, "0 s"), (9, "9 s"), (10, "10 s"), (19, "10 s"), (60, "60 s"), (119, "110 s"), (120, "2 min"), (179, "2 min"),
      (7_199, "119 min"), (7_200, "2 h"), (7_260, "2 h 1 min"), (172_800, "2 d"), (180_000, "2 d 2 h"),
    ]
    for (seconds, age) in expected { #expect(words(seconds) == "THE CORE STANDS STILL, no alarm goes out for \(age)") }
  }
}
