// How a length of time is parted into a unit and a number: at each border, one below and one above.

import HubRuntime
import Testing

@Suite struct TimeSpanTests {
  @Test(
    arguments: [
      (.min, "0 s"), (-1, "0 s"), (0, "0 s"), (1, "1 s"), (119, "119 s"), (120, "2 min"), (121, "2 min 1 s"), (599, "9 min 59 s"),
      (600, "10 min"), (601, "10 min"), (7_199, "119 min"), (7_200, "2 h"), (7_259, "2 h"), (7_260, "2 h 1 min"),
      (172_799, "47 h 59 min"), (172_800, "2 d"), (176_399, "2 d"), (176_400, "2 d 1 h"), (.max, "106751991167300 d 15 h"),
    ] as [(Int64, String)])
  func text(seconds: Int64, text: String) {
    #expect(TimeSpan(seconds: seconds).text == text)
  }

  /// What is said is never less than half of what is meant by it, and loses less than one of the smallest unit that it says.
  @Test func nothingThatMattersIsRoundedAway() {
    for seconds in Int64(0)..<400_000 {
      let span = TimeSpan(seconds: seconds)
      let rest = span.rest * (span.unit.smaller ?? span.unit).seconds
      let lost = seconds - span.count * span.unit.seconds - rest
      let least =
        span.unit == .minutes && span.count >= TimeSpan.Unit.minutes.restMattersBelow ? 60 : (span.unit.smaller ?? span.unit).seconds
      #expect((0..<max(least, 1)).contains(lost), "\(seconds) s")
      #expect(span.unit == .seconds || span.count >= 2, "\(seconds) s")
    }
  }

  @Test func aCatalogueWithoutWordsForTheRestLeavesItOut() {
    let span = TimeSpan(seconds: 7_260)
    let (all, few) = (span.words { _ in true }, span.words { $0 == "hours" })
    #expect(all.name == "hoursMinutes" && all.values == ["n": "2", "rest": "1"])
    #expect(few.name == "hours" && few.values["n"] == "2")
    #expect(TimeSpan(seconds: 7_200).words { _ in true }.name == "hours")
    #expect(TimeSpan.Unit.allCases.map(\.nameWithRest) == [nil, "minutesSeconds", "hoursMinutes", "daysHours"])
  }
}
