// The form of a record: what of it is a change, what is refused and kept, and how it meets what somebody else has written.

import Hummingbird
import HummingbirdTesting
import People
import Testing
import VitalSigns

@testable import Console

@Suite struct PersonFormTests {
  static let person = PatientID(rawValue: 1)

  private func file(_ records: [[(PersonField, String)]]) throws -> PersonFile {
    var file = PersonFile(id: Self.person, displayName: "Kari Testesen")
    for (index, fields) in records.enumerated() {
      file.versions.insert(
        PersonVersion(
          number: index + 1, author: "Ola Vakt", reason: "test", at: .unknown, record: ShownRecord(try PersonCardTests.record(fields)),
          changed: fields.map(\.0)), at: 0)
    }
    return file
  }

  private func changes(_ form: PersonForm, _ file: PersonFile) -> [PersonField: String]? {
    try? form.changes(from: file.base(of: form)).get()
  }

  @Test func onlyWhatDiffersIsAChange() throws {
    let file = try file([[(.street, "Storgata 1"), (.phone(1), "22225555"), (.doorCode, "1234"), (.critical, "a\nb")]])
    var form = PersonForm(file)
    #expect(form.basedOn == 1 && form.texts[.doorCode] == nil)
    #expect(changes(form, file) == [:])
    form.texts[.phone(1)] = " 22 22 55 55 "
    form.texts[.critical] = "a\r\nb"
    form.texts[.doorCode] = ""
    #expect(changes(form, file) == [:], "another spelling of the same is none, and an empty restricted field keeps what is set")
    form.texts[.street] = "Storgata 2"
    form.texts[.phone(1)] = ""
    form.texts[.doorCode] = "9999"
    form.removed = [.keyBox, .doorCode]
    #expect(changes(form, file) == [.street: "Storgata 2", .phone(1): "", .doorCode: "9999", .keyBox: ""])
  }

  @Test func everyFieldThatDoesNotFitIsNamed() throws {
    let file = try file([])
    var form = PersonForm(file)
    let unfit: [PersonField: String] = [
      .birthDate: "17.05.41", .postalCode: "123", .phone(2): "ring meg", .language: "norsk språk", .interpreter: "kanskje",
      .street: String(repeating: "x", count: 121), .doorCode: String(repeating: "x", count: 121),
    ]
    form.texts = unfit.merging([.city: "Oslo"]) { first, _ in first }
    guard case .failure(let problems) = form.changes(from: PersonRecord()) else { return #expect(Bool(false)) }
    #expect(problems.unfit == Set(unfit.keys))
  }

  /// What the nurse changed stays; what she did not touch is as it has become, or saving again would take it back.
  @Test func aFormMeetsWhatOthersWrote() throws {
    let file = try file([
      [(.street, "Storgata 1"), (.city, "Oslo"), (.entry, "port til høyre")],
      [(.street, "Storgata 7"), (.city, "Bergen"), (.entry, "port til høyre")],
    ])
    var form = PersonForm(file)
    form.basedOn = 1
    form.texts = [.street: "Storgata 1", .city: "Drammen", .entry: "ring på", .doorCode: "1234"]
    let met = form.rebased(from: file.base(of: form), onto: file)
    #expect(met.basedOn == 2)
    #expect(met.texts == [.street: "Storgata 7", .city: "Drammen", .entry: "ring på", .doorCode: "1234"])
    #expect(changes(met, file) == [.city: "Drammen", .entry: "ring på", .doorCode: "1234"])
    #expect(file.since(1).map(\.number) == [2])
  }

  // MARK: Through the router

  private func fixture() async throws -> Fixture {
    let fixture = try Fixture()
    await fixture.source.write(
      try PersonCardTests.record([(.street, "Storgata 1"), (.city, "Oslo"), (.doorCode, PersonCardTests.codes[0])]), of: Self.person,
      by: "Siri", reason: "første besøk")
    return fixture
  }

  /// The fields of the form as a browser would post them.
  private func fields(_ whole: String) throws -> [(String, String)] {
    let page = whole[try #require(whole.firstRange(of: "record-form")).lowerBound...]
    var fields = page.matches(of: /<input(?: id="[^"]*")? (?:type="hidden" )?name="([^"]+)"[^>]* value="([^"]*)"/).map {
      (String($0.1), String($0.2))
    }
    fields += page.matches(of: /<textarea id="[^"]*" name="([^"]+)"[^>]*>\n([^<]*)<\/textarea>/).map { (String($0.1), String($0.2)) }
    return fields.filter { !$0.0.hasPrefix("remove.") }
  }

  private func with(_ fields: [(String, String)], _ changes: [String: String]) -> [(String, String)] {
    fields.map { ($0.0, changes[$0.0] ?? $0.1) }
  }

  @Test func theFormHasEveryFieldWithItsLabelAndWhatIsAllowed() async throws {
    try await fixture().run { browser in
      let page = try await browser.signedIn().get("/personer/P1/rediger").text
      for field in PersonField.allCases {
        #expect(page.contains("name=\"\(field.key)\"") && page.contains("for=\"f-\(field.key)\""), "\(field.key)")
      }
      for text in ["value=\"Storgata 1\"", "name=\"basedOn\" value=\"1\"", "Fire sifre.", "Tiltaksplan", "Noe er registrert og vises ikke"]
      {
        #expect(page.contains(text), "\(text)")
      }
      #expect(!page.contains(PersonCardTests.codes[0]))
    }
  }

  @Test func savingMakesAVersionInHerName() async throws {
    let fixture = try await fixture()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let form = try fields(try await nurse.get("/personer/P1/rediger").text)
      #expect(form.count > 40)
      let long = String(repeating: "æ", count: 1_000)
      let texts = ["street": "Storgata 2", "plan.sos": long, "plan.fall": long, "critical": long, "entry": long, "plan.planRed": long]
      let answer = try await nurse.post("/personer/P1/rediger", with(form, texts.merging(["reason": "flyttet"]) { first, _ in first }))
      #expect(answer.status == .seeOther && answer.headers[.location] == "/personer/P1")
      let saved = try #require(await fixture.source.edits.first)
      #expect(saved.actor == "Nina Nattevakt" && saved.edit.basedOn == 1 && saved.edit.reason == "flyttet")
      #expect(saved.edit.changes.count == 6 && saved.edit.changes[.street] == "Storgata 2" && saved.edit.changes[.city] == nil)
      let page = try await nurse.get("/personer/P1").text
      #expect(page.contains("Opplysningene om Kari Testesen er lagret.") && page.contains("Versjon 2, skrevet av Nina Nattevakt"))
    }
  }

  @Test func whatIsRefusedComesBackAsItWasWritten() async throws {
    let fixture = try await fixture()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let form = try fields(try await nurse.get("/personer/P1/rediger").text)
      let cases: [([String: String], Int, String)] = [
        (["street": "Ny gate", "reason": ""], 422, "skriv hvorfor du endrer"),
        (["street": "Ny gate", "reason": String(repeating: "x", count: 501)], 422, "Begrunnelsen er for lang"),
        (["street": "Ny gate", "postalCode": "12", "reason": "x"], 422, "1 felt passer ikke"),
      ]
      for (changes, status, text) in cases {
        let page = try await nurse.post("/personer/P1/rediger", with(form, changes))
        #expect(page.status.code == status && page.text.contains(text) && page.text.contains("value=\"Ny gate\""), "\(text)")
      }
      let refusals: [(PersonActionError, Int, String)] = [
        (.coreUnavailable, 503, "IKKE lagret"), (.outcomeUnknown, 504, "Usikkert om det ble lagret"), (.storeStands, 504, "Usikkert"),
        (.notAllowed, 409, "tok ikke imot"), (.conflict, 409, "noen andre lagrer nå"),
      ]
      for (error, status, text) in refusals {
        await fixture.source.refusePeople(error)
        let page = try await nurse.post("/personer/P1/rediger", with(form, ["street": "Ny gate", "reason": "x"]))
        #expect(page.status.code == status && page.text.contains(text) && page.text.contains("value=\"Ny gate\""), "\(error)")
      }
      await fixture.source.refusePeople(nil)
      let same = try await nurse.post("/personer/P1/rediger", with(form, ["reason": "x"]))
      #expect(same.status == .seeOther)
      #expect(try await nurse.get("/personer/P1").text.contains("Ingenting var endret"))
      #expect(try await nurse.post("/personer/P1/rediger", [form[0], ("basedOn", "1"), ("reason", "x")]).status == .seeOther)
      #expect(await fixture.source.edits.isEmpty, "a field that was not sent stays as it is")
    }
  }

  @Test func twoWhoWriteAtOnceLoseNothing() async throws {
    let fixture = try await fixture()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let form = try fields(try await nurse.get("/personer/P1/rediger").text)
      await fixture.source.write(
        try PersonCardTests.record([(.street, "Storgata 9"), (.city, "Oslo")]), of: Self.person, by: "Ola Vakt", reason: "rettet nummer",
        changed: [.street, .doorCode])
      let page = try await nurse.post("/personer/P1/rediger", with(form, ["city": "Moss", "reason": "flyttet"]))
      #expect(page.status == .conflict && !page.text.contains(PersonCardTests.codes[0]))
      for text in [
        "noen andre har endret opplysningene", "Versjon 2, Ola Vakt", "<b>Gateadresse:</b> Storgata 9",
        "<b>Dørkode:</b> endret (vises ikke her)",
        "value=\"Storgata 9\"", "value=\"Moss\"", "value=\"flyttet\"", "name=\"basedOn\" value=\"2\"", "Endret av en annen.",
      ] { #expect(page.text.contains(text), "\(text)") }
      #expect(await fixture.source.edits.isEmpty)
      let again = try await nurse.post("/personer/P1/rediger", try fields(page.text))
      #expect(again.status == .seeOther)
      #expect(await fixture.source.edits.map(\.edit.changes) == [[.city: "Moss"]])
    }
  }
}
