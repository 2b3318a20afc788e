// A person's page and what is restricted, through the router: what is shown to whom, what is written of it, and what is never there.

import HTTPTypes
import Hummingbird
import HummingbirdTesting
import People
import Testing
import VitalSigns

@testable import Console

@Suite struct PersonPageTests {
  static let person = PatientID(rawValue: 1)
  static let alert = AlertID(high: 7, low: 1)
  static let code = PersonCardTests.codes[0]
  static let json: HTTPFields = [.accept: "application/json"]

  private func fixture(_ alerts: [BoardAlert] = [], isLogged: Bool = true) async throws -> Fixture {
    let fixture = try Fixture(alerts)
    await fixture.source.write(
      try PersonCardTests.record([(.street, "Storgata 1"), (.doorCode, "gammel-kode")]), of: Self.person, by: "Siri Saksbehandler",
      reason: "første besøk", changed: [.street, .doorCode])
    await fixture.source.write(
      try PersonCardTests.full(), of: Self.person, by: "Ola Vakt", reason: "flyttet", changed: [.street, .keyBox])
    await fixture.source.give(
      ShownAccess(fields: [.init(field: .doorCode, text: Self.code)], isLogged: isLogged))
    return fixture
  }

  @Test func aPageHasTheRecordAndWhoWroteIt() async throws {
    let fixture = try await fixture([Fixture.alert()])
    try await fixture.run { browser in
      let page = try await browser.signedIn().get("/personer/P1").text
      for text in [
        "Kari Testesen <span class=\"number\">P1</span>", "Versjon 2, skrevet av Ola Vakt 21.09.2026 16:13: flyttet", "17.05.1941",
        "<dt>Gateadresse</dt><dd>Storgata 4", "polsk (pl)", "<dt>Ved: Trygghetsalarm</dt><dd>Rykk ut med en gang",
        "Per Nordmann (sønn) <a class=\"tel\" href=\"tel:48011222\">", "Liv Nordmann (søster) 77", "skal ikke ringes",
        "Versjon 1, Siri Saksbehandler", "/personer/P1?versjon=1", "Endret: Gateadresse, Nøkkelboks", "Har trykket på trygghetsalarmen",
        "href=\"/personer/P1/rediger\"", "Dørkode, Nøkkelboks, Annen adgang",
      ] { #expect(page.contains(text), "\(text)") }
      for code in PersonCardTests.codes + ["gammel-kode"] { #expect(!page.contains(code)) }
    }
  }

  @Test func anOlderVersionStaysReadable() async throws {
    try await fixture().run { browser in
      let nurse = try await browser.signedIn()
      let page = try await nurse.get("/personer/P1?versjon=1").text
      #expect(page.contains("<dd>Storgata 1") && page.contains("Dette er en eldre versjon") && !page.contains("/rediger"))
      #expect(!page.contains("gammel-kode") && !page.contains("/adgang"))
      #expect(try await nurse.get("/personer/P1?versjon=9").status == .notFound)
    }
  }

  @Test func whoIsNotThereOrNotSignedInSeesNothing() async throws {
    let fixture = try await fixture()
    try await fixture.run { browser in
      for path in ["/personer/P1", "/personer/P1/rediger"] {
        let page = try await browser.get(path)
        #expect(page.status == .unauthorized && !page.text.contains("Kari"))
      }
      for path in ["/personer/P1/rediger", "/personer/P1/adgang", "/varsler/\(Self.alert)/adgang"] {
        #expect(try await browser.post(path, [("reason", "x")]).status == .unauthorized)
      }
      let nurse = try await browser.signedIn()
      for path in ["/personer/P9", "/personer/0", "/personer/x", "/personer/P9/rediger"] {
        #expect(try await nurse.get(path).status == .notFound, "\(path)")
      }
      await fixture.source.failRecords()
      let page = try await nurse.get("/personer/P1")
      #expect(page.status == .serviceUnavailable && page.text.contains("kan ikke leses nå"))
    }
  }

  /// A look at the board is none at the page: each is told by itself, once a quarter of an hour.
  @Test func aPageIsALookOfItsOwn() async throws {
    let fixture = try await fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      for _ in 0..<2 {
        _ = try await nurse.get("/")
        _ = try await nurse.get("/personer/P1")
      }
      try await eventually("both are told") { await fixture.source.looks.count == 2 }
      let looks = await fixture.source.looks
      #expect(Set(looks.map(\.place)) == [.board, .personPage])
      #expect(looks.allSatisfy { $0.people == [Self.person] && $0.actor == "Nina Nattevakt" })
    }
  }

  // MARK: What is restricted

  @Test func underAnAlertTheBoardShowsItOnceToWhoAsked() async throws {
    let fixture = try await fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      let answer = try await nurse.post("/varsler/\(Self.alert)/adgang", [("csrf", csrf)], headers: Self.json)
      #expect(answer.status == .ok && answer.headers[.cacheControl] == "no-store")
      for text in [Self.code, "Dørkode", "\"seconds\":60", "Oppslaget er skrevet i loggen."] { #expect(answer.text.contains(text)) }
      #expect(await fixture.source.accesses.map(\.purpose) == [.alert(Self.alert)])
      #expect(await fixture.source.accesses.first?.actor == "Nina Nattevakt")
      for path in ["/", "/personer/P1", "/personer/P1/rediger"] { #expect(try await !nurse.get(path).text.contains(Self.code)) }
      // Without a script it is a page that leaves by itself.
      let page = try await nurse.post("/varsler/\(Self.alert)/adgang", [("csrf", csrf)])
      #expect(page.status == .ok && page.text.contains("<dd>\(Self.code)</dd>"))
      #expect(page.text.contains(#"<noscript><meta http-equiv="refresh" content="60;url=/"></noscript>"#))
    }
  }

  @Test func theButtonIsThereOnlyWhereSomethingIsSet() async throws {
    let (full, empty) = (ShownRecord(try PersonCardTests.full()), ShownRecord(PersonRecord()))
    for (record, isThere) in [(full, true), (empty, false)] {
      var alert = Fixture.alert()
      alert.person?.record = record
      try await Fixture([alert]).run { browser in
        let page = try await browser.signedIn().get("/").text
        #expect(page.contains("Vis dørkode / nøkkelboks") == isThere)
      }
    }
  }

  @Test func aShowingThatIsNotLoggedSaysSo() async throws {
    try await fixture([Fixture.alert()], isLogged: false).run { browser in
      let nurse = try await browser.signedIn()
      let answer = try await nurse.post("/varsler/\(Self.alert)/adgang", [("csrf", try await nurse.csrf())], headers: Self.json)
      #expect(answer.text.contains(Self.code) && answer.text.contains("IKKE skrevet i loggen"))
    }
  }

  @Test func withoutAnAlertAReasonIsDemanded() async throws {
    let fixture = try await fixture()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try Browser.csrf(in: try await nurse.get("/personer/P1").text)
      for reason in ["", "   "] {
        let page = try await nurse.post("/personer/P1/adgang", [("csrf", csrf), ("reason", reason)])
        #expect(page.status == .unprocessableContent && page.text.contains("Skriv hvorfor") && !page.text.contains(Self.code))
      }
      let long = String(repeating: "x", count: PersonEdit.reasonCharactersMax + 1)
      #expect(try await nurse.post("/personer/P1/adgang", [("csrf", csrf), ("reason", long)]).status == .unprocessableContent)
      #expect(await fixture.source.accesses.isEmpty)
      let page = try await nurse.post("/personer/P1/adgang", [("csrf", csrf), ("reason", "Planlagt tilsyn")])
      #expect(page.text.contains(Self.code) && page.text.contains("data-leave=\"/personer/P1\""))
      #expect(await fixture.source.accesses.map(\.purpose) == [.reason("Planlagt tilsyn")])
      await fixture.source.refusePeople(.storeStands)
      let refused = try await nurse.post("/personer/P1/adgang", [("csrf", csrf), ("reason", "Planlagt tilsyn")])
      #expect(refused.status == .serviceUnavailable && refused.text.contains("loggen tar ikke imot nå"))
      #expect(refused.text.contains("value=\"Planlagt tilsyn\""), "what was written is not lost")
    }
  }

  @Test func forgedAndOutdatedRequestsShowNothing() async throws {
    let fixture = try await fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let foreign = try await browser.signedIn(as: "Per Vakt").csrf()
      let own = try await nurse.csrf()
      for path in ["/varsler/\(Self.alert)/adgang", "/personer/P1/adgang", "/personer/P1/rediger"] {
        for csrf in ["", foreign] {
          #expect(try await nurse.post(path, [("csrf", csrf), ("reason", "x"), ("street", "x")]).status == .forbidden)
        }
        let crossed = try await nurse.post(path, [("csrf", own), ("reason", "x")], headers: [.named("Sec-Fetch-Site"): "cross-site"])
        #expect(crossed.status == .forbidden)
      }
      for id in [AlertID(high: 7, low: 9).description, "7"] {
        #expect(try await nurse.post("/varsler/\(id)/adgang", [("csrf", own)], headers: Self.json).status == .conflict)
      }
      #expect(await fixture.source.accesses.isEmpty)
      #expect(await fixture.source.edits.isEmpty)
      let refusals: [(PersonActionError, Int, String)] = [
        (.conflict, 409, "fikk ikke svar"), (.unknownPerson, 404, "Fant ikke personen"), (.coreUnavailable, 503, "fikk ikke svar"),
        (.outcomeUnknown, 503, "fikk ikke svar"), (.storeStands, 503, "loggen tar ikke imot"), (.notAllowed, 503, "fikk ikke svar"),
      ]
      for (error, status, text) in refusals {
        await fixture.source.refusePeople(error)
        let answer = try await nurse.post("/varsler/\(Self.alert)/adgang", [("csrf", own)], headers: Self.json)
        #expect(answer.status.code == status && answer.text.contains(text), "\(error)")
      }
    }
  }
}
