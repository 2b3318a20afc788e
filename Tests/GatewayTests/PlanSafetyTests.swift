// Slips of the keyboard in a care plan: what is refused, what is let through, and what is said.

import Testing

@testable import CoreAPI
@testable import LocalAPI

@Suite("Slips in a care plan")
struct PlanSafetyTests {
  private static func limits(
    _ signal: String, redLow: String? = nil, yellowLow: String? = nil, yellowHigh: String? = nil, redHigh: String? = nil
  ) -> API.PlanItem {
    var limits = API.PlanItem.Limits(signal: API.Word(key: signal))
    (limits.redLow, limits.yellowLow, limits.yellowHigh, limits.redHigh) = (redLow, yellowLow, yellowHigh, redHigh)
    return .limits(limits)
  }

  @Test(
    "What cannot be meant is refused with what was meant",
    arguments: [
      (limits("spo2", redHigh: "86"), "did you mean red<85?"), (limits("spo2", yellowHigh: "93"), "did you mean yellow<92?"),
      (limits("spo2", redLow: "8"), "allowed: 50 to 99"), (limits("pulse", redLow: "129"), "did you mean red>130?"),
      (limits("pulse", redHigh: "41"), "did you mean red<40?"), (limits("temperature", redHigh: "380"), "allowed: 36 to 43"),
      (limits("temperature", redHigh: "35.1"), "did you mean red<35.0?"), (limits("respiration", redLow: "25"), "did you mean red>26?"),
      (limits("glucose", redHigh: "-3"), "allowed: 3 to 40"), (limits("systolic", redLow: "200"), "did you mean red>201?"),
    ])
  func refused(_ item: API.PlanItem, _ words: String) throws {
    let problem = try #require(PlanSafety.problem(item))
    #expect(problem.contains(words), "\(problem)")
  }

  @Test(
    "What can be meant is taken",
    arguments: [
      limits("spo2", redLow: "84", yellowLow: "87"), limits("spo2", redLow: "84", yellowHigh: "93"), limits("spo2"),
      limits("pulse", redLow: "39", yellowLow: "50", yellowHigh: "110", redHigh: "131"), limits("temperature", redHigh: "38.5"),
      limits("weight", yellowLow: "60.5"), .news2Alerts(nil),
    ])
  func taken(_ item: API.PlanItem) { #expect(PlanSafety.problem(item) == nil) }

  @Test("A limit that is not named again is dropped, and said to be")
  func dropped() {
    let present = [Self.limits("spo2", redLow: "84", yellowLow: "87"), Self.limits("pulse", redHigh: "131")]
    #expect(PlanSafety.dropped(by: [Self.limits("spo2", redLow: "82")], from: present) == ["spo2: yellow at 87 and below"])
    #expect(
      PlanSafety.dropped(by: [Self.limits("spo2", yellowHigh: "97", redHigh: "99")], from: present) == [
        "spo2: red at 84 and below", "spo2: yellow at 87 and below",
      ])
    #expect(PlanSafety.dropped(by: [Self.limits("spo2", redLow: "70", yellowLow: "75", redHigh: "99")], from: present).isEmpty)
    #expect(PlanSafety.dropped(by: [Self.limits("spo2")], from: present).isEmpty, "none is said in so many words")
    #expect(PlanSafety.dropped(by: [Self.limits("temperature", redHigh: "39")], from: present).isEmpty)
  }
}
