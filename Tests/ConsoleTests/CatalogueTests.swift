// Every text exists in every language, with the same places, and the templates ask for nothing else.

import Foundation
import Testing
import VitalSigns

@testable import Console

@Suite struct CatalogueTests {
  func catalogue(_ language: ConsoleLanguage) throws -> Catalogue {
    try ConsoleResources(folder: nil, language: language).catalogue
  }

  @Test(arguments: ConsoleLanguage.allCases) func holdsEveryTextThatCodeAsksFor(_ language: ConsoleLanguage) throws {
    let catalogue = try catalogue(language)
    for (group, names) in Catalogue.required {
      for name in names { #expect(catalogue.text(group, name) != "", "\(language.rawValue): \(group).\(name)") }
    }
  }

  /// A translation with a place too few or a name misspelt shows a hole at night.
  @Test(arguments: [ConsoleLanguage.nn, .en]) func hasTheSameTextsAndPlacesAsBokmål(_ language: ConsoleLanguage) throws {
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
    for name in ConsoleResources.templateNames {
      let path = "\(ConsoleResources.root(nil))/templates/\(name).mustache"
      let template = try String(contentsOfFile: path, encoding: .utf8)
      for match in template.matches(of: /\{\{t\.(\w+)\}\}/) { asked.insert(String(match.1)) }
    }
    #expect(asked == Set((resources.catalogue.groups["page"] ?? [:]).keys))
  }

  @Test func anAbsentTextStopsTheStart() {
    #expect(throws: ConsoleStartError.self) {
      try Catalogue(language: .nb, json: Data(#"{"rule": {"sos": "x"}}"#.utf8), path: "nb.json")
    }
    #expect(throws: ConsoleStartError.resourceInvalid(path: "nb.json", reason: "not an object of objects of texts")) {
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
      (-9, "akkurat nå"), (4, "akkurat nå"), (5, "for 5 s siden"), (59, "for 59 s siden"), (60, "for 1 min siden"),
      (3_599, "for 59 min siden"), (3_600, "for 1 t 0 min siden"), (86_399, "for 23 t 59 min siden"), (86_400, "for 1 døgn siden"),
    ]
    for (seconds, text) in cases { #expect(nb.age(from: now.adding(milliseconds: -seconds * 1_000), to: now) == text) }
    #expect(nb.wait(from: now, until: now.adding(milliseconds: 45_000)) == "om 45 s")
    #expect(nb.wait(from: now, until: now) == "nå")
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
  @Test func everyRuleHasASentenceInEveryLanguage() throws {
    let sentences = try AlertSentences()
    for rule in AlertRule.allCases {
      let transition = AlertTransition(
        id: AlertID(high: 1, low: 2), rule: rule, priority: .high, state: .raised, previous: .suspected, kind: .raised, level: 0,
        deadline: .never, firstCause: 1, raisedAt: .zero, value: 7, limit: 5, subject: 0, actor: .hub)
      let texts = ConsoleLanguage.allCases.map { sentences.sentence(transition, language: $0) }
      for text in texts { #expect(text != "" && text != rule.key && !text.contains("{"), "\(rule.key)") }
      #expect(texts[2] != texts[0], "\(rule.key)")
    }
    let high = AlertTransition(
      id: AlertID(high: 1, low: 2), rule: .news2High, priority: .high, state: .raised, previous: .suspected, kind: .raised, level: 0,
      deadline: .never, firstCause: 1, raisedAt: .zero, value: 7, limit: 7, subject: 0, actor: .hub)
    #expect(sentences.sentence(high, language: .nb) == "NEWS2 er 7 (høy)")
    #expect(sentences.sentence(high, isBound: true, language: .nb) == "NEWS2 er minst 7 (høy)")
  }
}
