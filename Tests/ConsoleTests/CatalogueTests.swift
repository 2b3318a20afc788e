// Every text exists in every language, with the same places, and the templates ask for nothing else.

import Foundation
import HubRuntime
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console

@Suite struct CatalogueTests {
  func catalogue(_ language: TextLanguage) throws -> Catalogue {
    try ConsoleResources(folder: nil, language: language).catalogue
  }

  @Test(arguments: TextLanguage.allCases) func holdsEveryTextThatCodeAsksFor(_ language: TextLanguage) throws {
    let catalogue = try catalogue(language)
    for (group, names) in Catalogue.required {
      for name in names { #expect(catalogue.text(group, name) != "", "\(language.rawValue): \(group).\(name)") }
    }
  }

  /// A translation with a place too few or a name misspelt shows a hole at night.
  @Test(arguments: [TextLanguage.nn, .en]) func hasTheSameTextsAndPlacesAsBokmål(_ language: TextLanguage) throws {
    let original = try catalogue(.nb).groups
    let other = try catalogue(language).groups
    #expect(Set(original.keys) == Set(other.keys))
    for (group, texts) in original {
      #expect(Set(texts.keys) == Set((other[group] ?? [:]).keys), "\(group)")
      for (name, text) in texts {
        let places = { (text: String) in Set(text.matches(of: /\{(\w+)\}/).map { String($0.1) }) }
        #expect(places(text) == places(other[group]?[name] ?? ""), "\(group).\(name)")
      }
    }
  }

  @Test func templatesAskForWhatThePageGroupHoldsAndNothingIsLeftOver() throws {
    let resources = try ConsoleResources(folder: nil, language: .nb)
    var asked: Set<String> = ["actionFailed"]  // The script's.
    var askedOfPeople: Set<String> = []
    for name in ConsoleResources.templateNames {
      let path = "\(ConsoleResources.root(nil))/templates/\(name).mustache"
      let template = try String(contentsOfFile: path, encoding: .utf8)
      for match in template.matches(of: /\{\{t\.(\w+)\}\}/) { asked.insert(String(match.1)) }
      for match in template.matches(of: /\{\{p\.(\w+)\}\}/) { askedOfPeople.insert(String(match.1)) }
    }
    #expect(asked == Set((resources.catalogue.groups["page"] ?? [:]).keys))
    #expect(askedOfPeople == Set((resources.catalogue.groups["personPage"] ?? [:]).keys))
  }

  @Test func anAbsentTextStopsTheStart() {
    #expect(throws: TextCatalogueError.self) {
      try Catalogue(language: .nb, json: Data(#"{"rule": {"sos": "x"}}"#.utf8), path: "nb.json")
    }
    #expect(throws: TextCatalogueError.invalid(path: "nb.json", reason: "not an object of objects of texts")) {
      try Catalogue(language: .nb, json: Data("[]".utf8), path: "nb.json")
    }
  }

  @Test func aValueIsNeverReadAsAPlace() throws {
    let text = try catalogue(.nb).text("card", "announce", ["priority": "{who}", "who": "{what}", "what": "{x"])
    #expect(text == "Nytt varsel, prioritet {who}: {what}. {x.")
  }

  @Test func spansReadAsPeopleSayThem() throws {
    let nb = try catalogue(.nb)
    let now = WallTime(rawValue: 1_790_000_000_000)
    let cases: [(Int64, String)] = [
      (-9, "akkurat nå"), (4, "akkurat nå"), (5, "for 5 s siden"), (59, "for 59 s siden"), (60, "for 60 s siden"), (119, "for 119 s siden"),
      (120, "for 2 min siden"), (179, "for 2 min siden"), (3_599, "for 59 min siden"), (3_600, "for 60 min siden"),
      (7_199, "for 119 min siden"),
      (7_200, "for 2 t siden"), (7_260, "for 2 t 1 min siden"), (86_399, "for 23 t 59 min siden"), (86_400, "for 24 t siden"),
      (172_799, "for 47 t 59 min siden"),
      (172_800, "for 2 døgn siden"), (176_400, "for 2 døgn 1 t siden"),
    ]
    for (seconds, text) in cases { #expect(nb.age(from: now.adding(milliseconds: -seconds * 1_000), to: now) == text) }
    let waits: [(Int64, String)] = [
      (-1, "nå"), (0, "nå"), (1, "om 1 s"), (45, "om 45 s"), (119, "om 119 s"), (120, "om 2 min"), (7_199, "om 119 min"), (7_200, "om 2 t"),
      (10_740, "om 2 t 59 min"), (172_800, "om 2 døgn"), (259_140, "om 2 døgn 23 t"),
    ]
    for (seconds, text) in waits { #expect(nb.wait(from: now, until: now.adding(milliseconds: seconds * 1_000)) == text) }
    let lengths: [(Int32, String)] = [
      (-1, "0 s"), (119, "119 s"), (150, "2 min 30 s"), (300, "5 min"), (43_200, "12 t"), (108_000, "30 t"), (604_800, "7 døgn"),
    ]
    for (seconds, text) in lengths { #expect(nb.length(seconds: seconds) == text) }
    #expect(nb.age(from: .unknown, to: now) == "akkurat nå")
  }

  @Test func timesAreInTheHubsZone() throws {
    let oslo = try #require(TimeZone(identifier: "Europe/Oslo"))
    #expect(clockText(WallTime(rawValue: 1_768_872_000_000), in: oslo) == "02:20")  // Winter, +1.
    #expect(clockText(WallTime(rawValue: 1_784_510_400_000), in: oslo, seconds: true) == "03:20:00")  // Summer, +2.
  }
}

/// What is sent elsewhere says what the board says.
@Suite struct AlertSentencesTests {
  let raisedAt = WallTime(rawValue: 1_768_872_000_000)

  func transition(
    _ rule: AlertRule, _ value: Int32 = 7, limit: Int32 = 7, upper: Int32? = nil, subject: UInt32 = 0, also: AlertReason? = nil
  ) -> AlertTransition {
    AlertTransition(
      id: AlertID(high: 1, low: 2), rule: rule, priority: .high, state: .raised, previous: .suspected, kind: .raised, level: 0,
      deadline: .never, firstCause: 1, raisedAt: .zero, value: value, limit: limit, subject: subject, actor: .hub, upper: upper, also: also)
  }

  @Test func everyRuleHasASentenceInEveryLanguage() throws {
    let sentences = try AlertSentences(names: { _, _ in "hjem" })
    for rule in AlertRule.allCases {
      let texts = TextLanguage.allCases.map { sentences.sentence(transition(rule, limit: 5), raisedAt: raisedAt, language: $0) }
      for text in texts { #expect(text != "" && text != rule.key && !text.contains("{"), "\(rule.key)") }
      #expect(texts[2] != texts[0], "\(rule.key)")
    }
  }

  @Test func anIncompleteScoreIsToldAsItsLeast() throws {
    let sentences = try AlertSentences()
    let said = { sentences.sentence($0, raisedAt: raisedAt, language: .nb) }
    #expect(said(transition(.news2High)) == "NEWS2 er 7 – høy")
    #expect(said(transition(.news2High, upper: 12)) == "NEWS2 er minst 7 – høy")
    // The alert follows the score, and says what holds now.
    #expect(said(transition(.news2High, 6)) == "NEWS2 er 6 – middels")
    #expect(said(transition(.news2High, 3)) == "NEWS2 er 3")
    #expect(said(transition(.news2Medium, 3, upper: 9)) == "NEWS2 er ufullstendig: kan være 3–9")
    #expect(said(transition(.news2Medium, 5, upper: 19)) == "NEWS2 er minst 5 – middels eller høy")
    #expect(said(transition(.news2High, 0, upper: 20)) == "NEWS2 er ufullstendig: kan være 0–20")
    #expect(sentences.sentence(transition(.news2High, upper: 12), raisedAt: raisedAt, language: .en) == "NEWS2 is at least 7 – high")
    #expect(sentences.sentence(transition(.news2High, upper: 12), raisedAt: raisedAt, language: .nn) == "NEWS2 er minst 7 – høg")
  }

  /// Oxygen for somebody with COPD: 93 % is too much, and "under 94 %" would ask for more.
  @Test func aLimitThatIsNotToBeExceededSaysSo() throws {
    let sentences = try AlertSentences()
    let spo2 = UInt32(PlanSignal.oxygenSaturation.rawValue)
    let said = { (value: Int32, upper: Int32?) in
      sentences.sentence(
        transition(.planYellow, value, limit: 93, upper: upper, subject: spo2), raisedAt: raisedAt, language: .nb)
    }
    #expect(said(93, AlertReason.unbounded) == "Oksygenmetning 93 % – gul sone (over 92 %)")
    #expect(said(97, AlertReason.unbounded) == "Oksygenmetning 97 % – gul sone (over 92 %)")
    #expect(said(91, AlertReason.unbounded) == "Oksygenmetning 91 % – varslet for gul sone (grense 92 %)")
    #expect(said(93, nil) == "Oksygenmetning 93 % – gul sone (under 94 %)")
    let weight = transition(.planRed, 845, limit: 840, upper: AlertReason.unbounded, subject: UInt32(PlanSignal.weight.rawValue))
    #expect(sentences.sentence(weight, raisedAt: raisedAt, language: .nb) == "Vekt 84,5 kg – rød sone (over 83,9 kg)")
  }

  @Test func twoReasonsAreOneSentence() throws {
    let limit = AlertReason(rule: .planRed, value: 83, limit: 84, upper: 83, subject: UInt32(PlanSignal.oxygenSaturation.rawValue))
    let sentences = try AlertSentences()
    #expect(
      sentences.sentence(transition(.news2High, upper: 12, also: limit), raisedAt: raisedAt, language: .nb)
        == "NEWS2 er minst 7 – høy, og oksygenmetning 83 % – rød sone (under 85 %)")
    let score = AlertReason(rule: .news2Medium, value: 5, limit: 5, upper: 5, subject: 0)
    #expect(
      sentences.sentence(transition(.planRed, 83, limit: 84, also: score), raisedAt: raisedAt, language: .en)
        == "Oxygen saturation 83 % – red zone (below 85 %), and NEWS2 is 5 – medium")
  }

  /// A hospital's record system that is away for the night is no emergency for anybody: it gets everything later.
  @Test func aRecordSystemThatIsGoneNeedsNoEmergencyRoutine() throws {
    let sentences = try AlertSentences(names: { _, _ in "Sykehuset" }, files: { rule, _ in rule == .destinationDown })
    for language in TextLanguage.allCases {
      let texts = [
        sentences.sentence(transition(.destinationDown), raisedAt: raisedAt, language: language),
        sentences.hubProblem("destinationDown", name: "Sykehuset", variant: "files", language: language),
      ]
      for text in texts { #expect(text.hasPrefix("Sykehuset") && !text.contains("rutine") && !text.contains("Ring dem")) }
    }
    #expect(
      sentences.sentence(transition(.destinationDown), raisedAt: raisedAt, language: .nb)
        == "Sykehuset kan ikke nås: det som skal dit, venter og blir sendt senere. Si fra til drift")
  }

  @Test func hubAlertsNameWhatTheyConcern() throws {
    let sentences = try AlertSentences(names: { rule, subject in subject == 9 ? (rule == .roleDown ? "forward" : "Responssenteret") : nil })
    let said = { (rule: AlertRule, subject: UInt32) in
      sentences.sentence(transition(rule, subject: subject), raisedAt: raisedAt, language: .nb)
    }
    #expect(said(.destinationDown, 9) == "Responssenteret kan ikke nås: varsler dit venter. Følg nødrutinen")
    #expect(said(.destinationDown, 8) == "En mottaker kan ikke nås: varsler dit venter. Følg nødrutinen")
    #expect(said(.deadLetter, 9).hasPrefix("Responssenteret tok ikke imot en melding"))
    #expect(said(.linkDown, 9).contains("(Responssenteret)"))
    #expect(said(.roleDown, 9) == "Utsending av varsler er nede. Følg nødrutinen, og ring drift")
    #expect(said(.roleDown, 8) == "En del av knutepunktet er nede. Ring drift")
  }
}
