// Closing an alert: a comment is required, usefulness is recorded, and what was written is never lost.

import AlertTexts
import Hummingbird
import HummingbirdTesting
import Testing
import VitalSigns

@testable import Console

@Suite struct ResolveFlowTests {
  static let path = "/varsler/\(AlertID(high: 7, low: 1))/avslutt"

  static func form(_ csrf: String, comment: String = "Ringte. Alt i orden.", useful: String = "yes") -> [(String, String)] {
    [("csrf", csrf), ("comment", comment), ("cause", "mistakenPress"), ("measure", "phoned"), ("useful", useful)]
  }

  @Test func closesWithEverythingThatWasSaid() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try Browser.csrf(in: try await nurse.get(Self.path).text)
      let response = try await nurse.post(Self.path, Self.form(csrf, comment: "  Ringte.\r\nAlt i \u{7}orden æøå.  ", useful: "no"))
      #expect(response.status == .seeOther)
      let resolution = BoardResolution(
        comment: "Ringte.\nAlt i orden æøå.", cause: .mistakenPress, measure: .phoned, usefulness: .notActionable)
      #expect(await fixture.source.acts.map(\.action) == [.resolve(resolution)])
      let page = try await nurse.get("/").text
      #expect(page.contains("Varselet om Kari Testesen er avsluttet."))
      #expect(page.contains("Ingen åpne varsler") && page.contains("Avsluttet av Nina Nattevakt"))
    }
  }

  @Test(arguments: ["comment", "cause", "measure", "useful"])
  func whatIsMissingIsAskedForAndTheRestKept(_ missing: String) async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let fields = Self.form(try await nurse.csrf()).map { $0.0 == missing ? ($0.0, " ") : $0 }
      let response = try await nurse.post(Self.path, fields)
      #expect(response.status == .unprocessableContent)
      #expect(response.text.contains(missing == "comment" ? "Skriv en kommentar" : "Velg årsak"))
      if missing != "comment" { #expect(response.text.contains(">Ringte. Alt i orden.</textarea>")) }
      if missing != "cause" { #expect(response.text.contains("value=\"mistakenPress\" selected")) }
      if missing != "useful" { #expect(response.text.contains("value=\"yes\" required checked")) }
      #expect(await fixture.source.acts.isEmpty)
    }
  }

  @Test func aCommentTooLongIsRefused() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      let most = BoardResolution.commentCharactersMax
      let response = try await nurse.post(Self.path, Self.form(csrf, comment: String(repeating: "å", count: most + 1)))
      #expect(response.status == .unprocessableContent && response.text.contains("høyst 2000 tegn"))
      #expect(try await nurse.post(Self.path, Self.form(csrf, comment: String(repeating: "å", count: most))).status == .seeOther)
    }
  }

  /// The core is away: the form comes back with every word in it, and says that nothing is recorded.
  @Test func aRefusedFormKeepsEveryWord() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      await fixture.source.refuse(.coreUnavailable)
      let response = try await nurse.post(Self.path, Self.form(csrf, comment: "Satt på <gulvet>"))
      #expect(response.status == .serviceUnavailable)
      #expect(response.text.contains(">Satt på &lt;gulvet&gt;</textarea>") && response.text.contains("IKKE registrert"))
    }
  }

  @Test func anAlertThatIsAlreadyClosedSaysSo() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      _ = try await nurse.post(Self.path, Self.form(csrf))
      _ = try await nurse.get("/")
      #expect(try await nurse.get(Self.path).status == .seeOther)
      #expect(try await nurse.get("/").text.contains("Varselet er allerede avsluttet."))
      #expect(try await nurse.post(Self.path, Self.form(csrf)).status == .seeOther)
      #expect(try await nurse.get("/").text.contains("Varselet er allerede avsluttet."))
    }
  }
}
