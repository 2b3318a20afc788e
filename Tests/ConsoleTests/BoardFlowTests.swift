// The board through the router: what is shown, what the buttons do, and what is refused.

import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing
import VitalSigns

@testable import Console

@Suite struct BoardFlowTests {
  static let id = AlertID(high: 7, low: 1)
  static let path = "/varsler/\(id)"

  @Test func showsTheAlertAndItsButtons() async throws {
    try await Fixture([Fixture.alert()]).run { browser in
      let page = try await browser.signedIn().get("/").text
      for text in [
        "Kari Testesen", "Har trykket på trygghetsalarmen", "***", "Høy", "for 2 min siden", "Kvitter", "Jeg rykker ut", "Avslutt …",
        "1 åpent varsel", "<html lang=\"nb\">", "http-equiv=\"refresh\"",
      ] { #expect(page.contains(text), "\(text)") }
      #expect(page.contains("id=\"banner-core\" role=\"alert\" hidden"))
    }
  }

  /// A grapheme-wise escaper lets a quote with a combining mark through; a name is put in attributes too.
  @Test func hostileNamesStayText() async throws {
    for name in [
      "<script>alert(1)</script>", "\"\u{301} onmouseover=alert(1) x=\"", "'\u{20DD}><img src=x>", "{{t.product}}", "a\ndata: x",
    ] {
      try await Fixture([Fixture.alert(name: name)]).run { browser in
        let nurse = try await browser.signedIn(as: "Nina <b>")
        for path in ["/", "\(Self.path)/avslutt"] {
          let page = try await nurse.get(path).text
          #expect(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("Nina <b>"))
          #expect(!page.unicodeScalars.contains("\u{301}") || page.contains("&quot;\u{301}"))
          #expect(!page.unicodeScalars.contains("\u{20DD}") || page.contains("&#39;\u{20DD}"))
        }
      }
    }
  }

  @Test func acknowledging() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let response = try await nurse.post("\(Self.path)/kvitter", [("csrf", try await nurse.csrf())])
      #expect(response.status == .seeOther && response.headers[.location] == "/")
      #expect(await fixture.source.acts == [.init(alert: Self.id, action: .acknowledge, actor: "Nina Nattevakt")])
      let page = try await nurse.get("/").text
      #expect(page.contains("Du har kvittert for varselet om Kari Testesen."))
      #expect(page.contains("Kvittert av Nina Nattevakt kl. "))
      #expect(!page.contains("\(Self.path)/kvitter"))
      #expect(!(try await nurse.get("/").text.contains("Du har kvittert")), "a notice is shown once")
    }
  }

  /// Two nurses press at once: the second is told who was first, and nothing is recorded twice.
  @Test func theSecondToAcknowledgeIsToldWhoWasFirst() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let first = try await browser.signedIn(as: "Nina Nattevakt")
      let second = try await browser.signedIn(as: "Per Vakt")
      let csrf = (try await first.csrf(), try await second.csrf())
      async let a = first.post("\(Self.path)/kvitter", [("csrf", csrf.0)], headers: [.accept: "application/json"])
      async let b = second.post("\(Self.path)/kvitter", [("csrf", csrf.1)], headers: [.accept: "application/json"])
      let answers = try await [a, b]
      #expect(answers.map(\.status.code).sorted() == [200, 409])
      let loser = try #require(answers.first { $0.status == .conflict })
      let winner = try #require(await fixture.source.acts.first?.actor)
      #expect(loser.text.contains("Allerede kvittert av \(winner).") && loser.text.contains("information"))
      #expect(await fixture.source.acts.count == 1)
    }
  }

  @Test func aSecondClickOfTheSamePersonIsDone() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      for _ in 0..<2 {
        let answer = try await nurse.post("\(Self.path)/kvitter", [("csrf", csrf)], headers: [.accept: "application/json"])
        #expect(answer.status == .ok && answer.text.contains("Du har kvittert"))
      }
      #expect(await fixture.source.acts.count == 1)
    }
  }

  /// Forty presses are one card and one press of a nurse; what came after she looked stays open.
  @Test func aPressActsOnAllOfTheCardThatWasSeen() async throws {
    let at = { @Sendable (seconds: Int64) in WallTime(rawValue: 1_789_999_000_000 + seconds * 1_000) }
    let fixture = try Fixture(
      (1...40).map { Fixture.alert($0, at: at(Int64($0))) } + [
        Fixture.alert(90, .fall, at: at(0)), Fixture.alert(91, person: 2, at: at(0)),
      ])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      await fixture.source.add(Fixture.alert(41, at: at(41)))
      let answer = try await nurse.post(
        "/varsler/\(AlertID(high: 7, low: 40))/kvitter", [("csrf", csrf)], headers: [.accept: "application/json"])
      #expect(answer.status == .ok)
      #expect(Set(await fixture.source.acts.map(\.alert.low)) == Set(1...40))
    }
  }

  @Test func responding() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      _ = try await nurse.post("\(Self.path)/rykk-ut", [("csrf", try await nurse.csrf())])
      #expect(await fixture.source.acts.map(\.action) == [.respond])
      #expect(try await nurse.get("/").text.contains("Nina Nattevakt er på vei, fra kl. "))
    }
  }

  @Test func forgedPostsAreRefused() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let other = try await browser.signedIn(as: "Per Vakt")
      let (own, foreign) = (try await nurse.csrf(), try await other.csrf())
      for path in ["kvitter", "rykk-ut", "avslutt"] {
        for csrf in ["", "x", foreign] {
          let response = try await nurse.post("\(Self.path)/\(path)", [("csrf", csrf), ("comment", "x")])
          #expect(response.status == .forbidden && response.text.contains("siden var for gammel"))
        }
        for headers: HTTPFields in [[.named("Sec-Fetch-Site"): "cross-site"], [.origin: "https://evil.example"]] {
          #expect(try await nurse.post("\(Self.path)/\(path)", [("csrf", own)], headers: headers).status == .forbidden)
        }
      }
      #expect(await fixture.source.acts.isEmpty)
    }
  }

  @Test(arguments: [
    (BoardActionError.coreUnavailable, 503, "IKKE registrert: varslingen svarer ikke."), (.outcomeUnknown, 504, "Usikkert"),
    (.notOpen, 409, "allerede avsluttet"), (.unknownAlert, 404, "Fant ikke varselet"), (.notAllowed, 409, "endret tilstand"),
    (.alreadyTaken(by: "Per", state: .responding), 409, "Per er allerede på vei."),
    (.alreadyTaken(by: "Per", state: .resolved), 409, "Allerede avsluttet av Per."),
  ])
  func everyRefusalIsToldPlainly(_ error: BoardActionError, _ status: Int, _ text: String) async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      await fixture.source.refuse(error)
      let answer = try await nurse.post("\(Self.path)/kvitter", [("csrf", csrf)], headers: [.accept: "application/json"])
      #expect(answer.status.code == status && answer.text.contains(text))
      #expect(try await nurse.post("\(Self.path)/kvitter", [("csrf", csrf)]).status == .seeOther)
      #expect(try await nurse.get("/").text.contains(text))
    }
  }

  @Test func anAddressThatIsNoAlertIsRefused() async throws {
    try await Fixture([Fixture.alert()]).run { browser in
      let nurse = try await browser.signedIn()
      let answer = try await nurse.post(
        "/varsler/7/kvitter", [("csrf", try await nurse.csrf())], headers: [.accept: "application/json"])
      #expect(answer.status == .notFound)
    }
  }

  @Test func aBodyTooLargeIsRefused() async throws {
    try await Fixture([Fixture.alert()]).run { browser in
      let nurse = try await browser.signedIn()
      let huge = String(repeating: "a", count: ConsoleContext.bodyBytesMax)
      let response = try await nurse.post("\(Self.path)/avslutt", [("csrf", try await nurse.csrf()), ("comment", huge)])
      #expect(response.status == .contentTooLarge && response.text.contains("for stor"))
    }
  }

  @Test func probesAnswerWithoutASession() async throws {
    let fixture = try Fixture()
    await fixture.source.failReads(BoardReadError(reason: "test"))
    try await fixture.run { browser in
      #expect(try await browser.get("/livez").status == .ok)
      #expect(try await browser.get("/readyz").status == .serviceUnavailable)
      await fixture.source.failReads(nil)
      await fixture.source.say(.alert(Self.id))
      try await eventually("ready") { try await browser.get("/readyz").status == .ok }
    }
  }
}
