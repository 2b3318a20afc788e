// Words of a core that is newer than this command line: each is shown as it came, put where it does no harm, and taken for nothing that it
// may not be.

import LocalAPI
import Testing
import VitalSigns

@testable import knutepunkt

@Suite("Words of a newer core") struct NewerCoreTests {
  private typealias Fixtures = InstallerFixtures

  private func alert(_ priority: String, state: String = "raised", change: String = "raised", at time: String) throws -> API.Alert {
    try Fixtures.decoded([
      "id": "a40e2b93-1ce3-8c58-bdf8-532617880f58", "rule": "aRuleOfTomorrow", "priority": priority, "state": state, "change": change,
      "value": 0, "limit": 0, "subject": 0, "level": 0, "raisedAt": time, "changedAt": time, "text": "t", "firstCause": 1, "changeID": "c",
    ])
  }

  @Test("An alert is listed with its own words, before those whose urgency is known")
  func alerts() throws {
    let alerts = try [alert("urgent", state: "parked", at: "9"), alert("low", at: "1"), alert("high", at: "2"), alert("high", at: "3")]
    let sorted = alerts.sorted(by: AlertText.isMoreUrgent)
    #expect(sorted.map(\.raisedAt) == ["9", "3", "2", "1"])
    let row = try #require(AlertText.table(sorted, whenEmpty: "").lines(interactive: false).first { $0.contains("urgent") })
    #expect(row.contains("urgent") && row.contains("parked"))
    #expect(try StatusText.line(alert("urgent", change: "moved", at: "1")).contains("\tmoved\turgent\t"))
  }

  @Test("A step of an explanation is told by its word alone")
  func explanation() throws {
    let explanation: API.Explanation = try Fixtures.decoded([
      "subject": "a", "rule": "aRuleOfTomorrow", "reason": "r", "evidence": [Any](),
      "history": [["at": "x", "change": "moved", "state": "parked", "priority": "urgent", "level": 3]],
    ])
    let lines = ExplanationText.lines(explanation, interactive: false)
    #expect(lines.first?.hasSuffix("a: rule aRuleOfTomorrow") == true)
    #expect(lines.last == "  x  moved")
  }

  @Test("A problem says its kind and its name, and is grave unless its effect is known not to be")
  func problems() throws {
    func problem(_ effect: String) throws -> API.Problem {
      try Fixtures.decoded(["kind": "problemOfTomorrow", "name": "home", "effect": effect, "text": "t"])
    }
    #expect(try problem("deaf").wordsAndDetail(now: .unknown) == "problemOfTomorrow home")
    #expect(try problem("deaf").isGrave && !problem("partial").isGrave && problem("harmOfTomorrow").isGrave)
  }

  @Test("A plan's item is shown by its word")
  func planItem() throws {
    let item: API.PlanItem = try Fixtures.decoded(["kind": "itemOfTomorrow", "seconds": 5])
    #expect(PlanText.sentence(item) == "itemOfTomorrow")
  }

  @Test("A pairing in an unknown state is waited through where a person is, and ends where nobody is")
  func pairing() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    #expect(try transcript.give(.pairing(Fixtures.pairing("stateOfTomorrow"))) == [])
    transcript.give(.pairing(try Fixtures.pairing("testing")))
    #expect(try transcript.give(.pairing(Fixtures.pairing("stateOfTomorrow"))) == [])
    #expect(try Fixtures.pairing("testing").keepsWindow && !Fixtures.pairing("closed").keepsWindow)
    #expect(try !Fixtures.pairing("stateOfTomorrow").keepsWindow, "the window is left to end, and ends the waiting")
    var unattended = UnattendedPairing(address: "C0:26:DA:01:A1:B2", waitsForReading: true, acceptsComparison: true)
    #expect(try unattended.next(Fixtures.pairing("searching")) == .choose)
    #expect(try unattended.next(Fixtures.pairing("stateOfTomorrow")) == .fail(.problem(.unknown("stateOfTomorrow"))))
  }

  @Test("A question that is not known is answered with what is typed, and refused where nobody can type")
  func question() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("sing", 7))))
    #expect(transcript.type("") == ["> answer 7 false -"])
    var unattended = UnattendedPairing(address: "C0:26:DA:01:A1:B2", waitsForReading: true, acceptsComparison: true)
    _ = try unattended.next(Fixtures.pairing("searching"))
    #expect(try unattended.next(Fixtures.pairing("prompt", prompt: ("sing", 7))) == .answer(number: 7, accept: false))
  }
}
