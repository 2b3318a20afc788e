// What a card says of its person: where, how to get in, what to know and do, whom to call; and what it never says.

import Foundation
import HubRuntime
import People
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console

@Suite struct PersonCardTests {
  static let codes = ["4711-hemmelig", "nøkkelboks-9382", "reserve-5521"]
  let catalogue: Catalogue
  let now = WallTime(rawValue: 1_790_000_000_000)
  let zone: TimeZone

  init() throws {
    catalogue = try ConsoleResources(folder: nil, language: .nb).catalogue
    zone = try #require(TimeZone(identifier: "Europe/Oslo"))
  }

  static func record(_ fields: [(PersonField, String)]) throws -> PersonRecord {
    var record = PersonRecord()
    for (field, text) in fields { try record.set(field, to: text) }
    return record
  }

  /// As full as a record is in practice.
  static func full() throws -> PersonRecord {
    try record([
      (.birthDate, "1941-05-17"), (.street, "Storgata 4"), (.floor, "H0201"), (.postalCode, "0182"), (.city, "Oslo"),
      (.entry, "Ring på hos naboen, 2. etasje"), (.phone(1), "+47 22 22 55 55"), (.phone(2), "90011222"),
      (.kin(1, .name), "Per Nordmann"), (.kin(1, .relation), "sønn"), (.kin(1, .phone), "48011222"), (.kin(1, .consent), "ja"),
      (.kin(2, .name), "Liv Nordmann"), (.kin(2, .relation), "søster"), (.kin(2, .phone), "77777777"), (.kin(2, .consent), "nei"),
      (.kin(3, .name), "Odd Hansen"), (.kin(3, .phone), "66666666"), (.kin(4, .name), "Eva"), (.kin(4, .consent), "ja"),
      (.language, "pl"), (.interpreter, "ja"), (.critical, "Allergisk mot penicillin\nHund i gangen"),
      (.plan(nil), "Ring først"), (.plan(.sos), "Rykk ut med en gang"),
      (.doorCode, codes[0]), (.keyBox, codes[1]), (.otherAccess, codes[2]),
    ])
  }

  func alert(_ record: PersonRecord?, _ rule: AlertRule = .sos) -> BoardAlert {
    var alert = Fixture.alert(1, rule)
    alert.person?.record = record.map { ShownRecord($0) }
    return alert
  }

  func card(_ alert: BoardAlert) throws -> CardPerson {
    try #require(AlertCard(alert, now: now, catalogue: catalogue, zone: zone).person)
  }

  func html(_ alerts: [BoardAlert]) throws -> String {
    let pages = Pages(resources: try ConsoleResources(folder: nil, language: .nb), zone: zone)
    return pages.fragment(
      BoardState(
        snapshot: BoardSnapshot(open: alerts, takenAt: now, core: .live), revision: 1, core: .live, isReadable: true, health: .well))
  }

  @Test func aCardSaysWhereHowAndWhatToDo() throws {
    let page = try html([alert(try Self.full())])
    for text in [
      #"<a href="/personer/P1">Kari Testesen</a>"#, #"<span class="place">Storgata 4, H0201, 0182 Oslo</span>"#,
      "<b>Viktig</b> <span>Allergisk mot penicillin · Hund i gangen</span>", "<b>Gjør dette:</b> <span>Rykk ut med en gang</span>",
      "<b>Inn:</b> <span>Ring på hos naboen, 2. etasje</span>", "Språk: polsk, trenger tolk",
      #"href="tel:+4722225555">+47"#, #"href="tel:90011222""#, "Pårørende (4)",
      #"Per Nordmann (sønn) <a class="tel" href="tel:48011222">480"#,
      "Liv Nordmann (søster) <em>skal ikke ringes: personen har ikke samtykket</em>",
      "Odd Hansen <em>samtykke er ikke avklart: spør personen først</em>", "Eva <em>telefon mangler</em>",
    ] { #expect(page.contains(text), "\(text)") }
    #expect(!page.contains("77777777") && !page.contains("66666666"), "who has not agreed is not offered for calling")
    #expect(!page.contains("Ring først"), "the rule's own line goes before the one for everything")
    #expect(try html([alert(try Self.full(), .fall)]).contains("Ring først"))
  }

  /// "No card with an address registered and an empty place", and none without one that looks as if.
  @Test func aPlaceIsNeverEmpty() throws {
    #expect(try html([alert(PersonRecord())]).contains(#"<span class="unplaced">Ingen adresse registrert</span>"#))
    #expect(try html([alert(nil)]).contains(#"<span class="unplaced">Adressen kan ikke leses nå</span>"#))
    #expect(try html([alert(try Self.record([(.city, "Oslo")]))]).contains(#"<span class="place">Oslo</span>"#))
    #expect(try !html([alert(PersonRecord())]).contains("class=\"help\""))
    var hub = alert(nil, .linkDown)
    hub.person = nil
    let page = try html([hub])
    #expect(page.contains("Gjelder driften, ikke en person") && !page.contains("/personer/"))
  }

  /// A thousand people with an alarm: whoever has an address registered has it beside the name, on a card or in the list below.
  @Test func ofAThousandNobodyHasAnEmptyPlace() throws {
    let alerts = try (1...1_000).map { (number: UInt64) in
      var alert = Fixture.alert(number, name: "Person \(number)", person: UInt32(number))
      alert.person?.record = ShownRecord(try Self.record(number.isMultiple(of: 4) ? [] : [(.street, "Gate \(number),")]))
      return alert
    }
    let view = BoardView(
      BoardSnapshot(open: alerts, takenAt: now, core: .live), isBlind: false, catalogue: catalogue, zone: zone)
    let places = view.cards.compactMap { $0.person?.place } + view.rest.map(\.restPlace)
    #expect(places.count == 1_000 && places.count { $0.hasPrefix("Gate ") } == 750)
    #expect(places.count { $0 == "Ingen adresse registrert" } == 250)
    let page = try html(alerts)
    for number in 1...1_000 where !number.isMultiple(of: 4) { #expect(page.contains(">Gate \(number),<"), "\(number)") }
  }

  @Test func noCodeIsOnAnyBoard() throws {
    let shown = try #require(alert(try Self.full()).person?.record)
    #expect(shown.withheld == [.doorCode, .keyBox, .otherAccess])
    let held = "\(shown)" + (try html([alert(try Self.full())]))
    for code in Self.codes { #expect(!held.contains(code)) }
  }

  @Test func whoHasNoScoreHasTheReasonInItsPlace() throws {
    let score = BoardNEWS2(low: 7, high: 7, band: .high, at: now)
    // 2026-09-21 by this clock: sixteen tomorrow, and today.
    for (birth, pregnant, text) in [
      ("2010-09-22", "nei", "NEWS2 lages ikke: personen er under 16 år"), ("2010-09-21", "nei", ""),
      ("2010-09-21", "ja", "NEWS2 lages ikke: personen er gravid"),
    ] {
      var alert = alert(try Self.record([(.birthDate, birth), (.pregnant, pregnant)]))
      alert.news2 = score
      let page = try html([alert])
      #expect(page.contains("news2-total") == text.isEmpty, "\(birth)")
      #expect(text.isEmpty ? !page.contains("not-scored") : page.contains(#"<p class="not-scored">\#(text)</p>"#), "\(birth)")
    }
  }

  @Test func aLongTextIsCutAtAWordAndLeadsToTheWhole() throws {
    let long = Array(repeating: "allergisk", count: 90).joined(separator: " ")
    let person = try card(alert(try Self.record([(.critical, long)])))
    #expect(person.critical.text.hasSuffix("allergisk …") && person.critical.text.count <= CardPerson.textMax + 2)
    #expect(try html([alert(try Self.record([(.critical, long)]))]).contains(#"… <a href="/personer/P1">les alt</a>"#))
    let exact = String(repeating: "x", count: CardPerson.textMax)
    #expect(CardText(exact).text == exact)
    #expect(CardText(exact + "x").text == exact + " …", "a word without an end is cut all the same")
    #expect(!CardText(nil).isAny && !CardText("\n").isAny)
  }

  @Test(arguments: [
    ("+4722225555", "+47 22 22 55 55"), ("90011222", "900 11 222"), ("22225555", "22 22 55 55"), ("113", "113"),
    ("+46701234567", "+46701234567"), ("+47116117", "+47116117"),
  ])
  func numbersAreReadInGroups(_ phone: String, _ text: String) {
    #expect(phoneText(phone) == text.replacing(" ", with: "\u{a0}"))
  }

  @Test func hostileTextsStayTexts() throws {
    let bad = "\"\u{301}><script>alert(1)</script>"
    let page = try html([
      alert(
        try Self.record([
          (.street, bad), (.critical, bad), (.entry, bad), (.plan(nil), bad), (.kin(1, .name), bad), (.kin(1, .relation), bad),
        ]))
    ])
    #expect(!page.contains("<script>") && page.contains("&lt;script&gt;") && !page.contains("\"\u{301}"))
  }

  /// A page that is larger takes its time on a phone in a stairwell.
  @Test func fiftyFullCardsStayBelow150kB() async throws {
    let record = ShownRecord(try Self.full())
    let alerts = (1...50).map { (number: UInt64) in
      let id = number << 33 | 0x1_2345_6789
      var alert = Fixture.alert(id, .news2High, state: .acknowledged, name: "Kari Nordmann Testesen", person: UInt32(number))
      alert.person?.record = record
      alert.device = "Trygghetsalarm, bad"
      alert.news2 = BoardNEWS2(
        low: 7, high: 12, band: .high, missing: [.respiration, .temperature],
        points: [
          NEWS2Points(parameter: .oxygenSaturation, points: 3), NEWS2Points(parameter: .pulse, points: 2),
          NEWS2Points(parameter: .systolic, points: 2),
        ], changeSinceLast: 2, at: now)
      alert.receipts = [BoardReceipt(receiver: "responssenteret", state: .delivered, at: now)]
      alert.acknowledgement = BoardMark(by: "Nina Nattevakt", at: now)
      return alert
    }
    try await Fixture(alerts).run { browser in
      let bytes = try await browser.signedIn().get("/").text.utf8.count
      #expect(bytes <= 150_000, "\(bytes) bytes")
    }
  }
}
