// The installers' catalogues: the same keys and places in all three languages, a text for every problem that the link can
// report, no key in the code without a text and no text that nobody asks for.

import Foundation
import HubRuntime
import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct InstallerTextsTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func keys(_ texts: InstallerTexts) -> Set<String> {
    Set(texts.groups.flatMap { group, names in names.keys.map { "\(group) \($0)" } })
  }

  private func places(_ text: String) -> [String] { text.matches(of: /\{([a-z0-9]+)\}/).map { String($0.1) }.sorted() }

  @Test(arguments: [TextLanguage.nn, .en]) func languagesHaveTheSameKeysAndPlaces(language: TextLanguage) throws {
    let first = try InstallerTexts.load(.nb)
    let other = try InstallerTexts.load(language)
    #expect(keys(first).symmetricDifference(keys(other)) == [])
    #expect(keys(first).count > 150)
    for (group, names) in first.groups {
      for (name, text) in names {
        let translated = try #require(other.groups[group]?[name])
        #expect(places(text) == places(translated), "\(group).\(name)")
        #expect(!translated.isEmpty)
      }
    }
  }

  @Test func languagesDiffer() throws {
    let texts = try TextLanguage.allCases.map { try InstallerTexts.load($0)("pair", "openHint") }
    #expect(Set(texts).count == 3)
  }

  /// The raw values stand in the link's vocabularies; this target cannot import them.
  private func cases(of name: String, in path: String) throws -> [String] {
    let source = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    let start = try #require(source.range(of: "public enum \(name)"))
    let body = source[start.upperBound...].prefix { $0 != "}" }
    return body.matches(of: /\n  case ([a-zA-Z]+)/).map { String($0.1) }
  }

  @Test(arguments: TextLanguage.allCases) func everyProblemSaysWhatToDo(language: TextLanguage) throws {
    let texts = try InstallerTexts.load(language)
    let problems = try cases(of: "BluetoothProblem", in: "Sources/BluetoothLink/Session/SessionVocabulary.swift")
    #expect(problems.count >= 9 && Set(problems) == Set(API.Bluetooth.Problem.allCases.map(\.key)))
    for name in problems {
      #expect(texts.has("problem", name) && texts.has("next", name), "\(name)")
      #expect(texts.problem(API.Word(key: name)).text != texts.problem(API.Word(key: name)).next)
    }
    let adapter = try cases(of: "AdapterProblem", in: "Sources/BluetoothLink/Adapter/AdapterVocabulary.swift") + ["notConfigured"]
    #expect(adapter.count >= 6 && Set(adapter) == Set(API.Bluetooth.Absence.allCases.map(\.key)))
    for name in adapter { #expect(texts.has("adapter", name) && texts.has("adapterNext", name), "\(name)") }
    // What a later version reports is shown by its name, with something to do.
    #expect(texts.problem(.unknown("newProblem")).text.contains("newProblem"))
    #expect(texts.adapterProblem(.unknown("newProblem")).text.contains("newProblem"))
    #expect(!texts.problem(.unknown("newProblem")).next.isEmpty)
  }

  /// Groups whose names come from the hub; every other name stands in the code.
  private static let open: Set<String> = [
    "problem", "next", "adapter", "adapterNext", "state", "liveness", "transport", "kind", "reading", "column", "signal",
  ]

  @Test func codeAndCatalogueNameTheSameTexts() throws {
    let texts = try InstallerTexts.load(.nb)
    let folder = Self.root.appendingPathComponent("Sources/knutepunkt")
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
    let code = try files.map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }.joined()
    let asked = code.matches(of: /(?:texts|self)\("([a-zA-Z]+)", "([a-zA-Z]+)"/).map { "\($0.1) \($0.2)" }
    #expect(asked.count > 60)
    for key in Set(asked) { #expect(keys(texts).contains(key), "\(key) has no text") }
    // The names of spans come from the rule that all parts share: just these, and all of them.
    let spans = TimeSpan.Unit.allCases.flatMap { [$0.rawValue, $0.nameWithRest].compactMap(\.self) }
    #expect(Set(texts.groups["span"]?.keys.map(\.self) ?? []) == Set(spans))
    for (group, names) in texts.groups where !Self.open.contains(group) && group != "span" {
      for name in names.keys {
        // Also as a choice between two ("a" : "b"), or with "Next" added.
        let stem = name.hasSuffix("Next") ? String(name.dropLast(4)) : name
        #expect(code.contains("\"\(name)\"") || code.contains("\"\(stem)\""), "\(group).\(name) is asked for by nobody")
      }
    }
  }

  @Test func aValueIsNeverReadAsAPlace() throws {
    let json = Data(#"{"a": {"b": "{x} and {y}, {z}."}}"#.utf8)
    let texts = try InstallerTexts(language: .en, json: json, path: "t")
    #expect(texts("a", "b", ["x": "{y}", "y": "1"]) == "{y} and 1, .")
    #expect(texts("a", "c") == "a.c")
  }

  @Test func aBrokenCatalogueIsSaid() {
    #expect(throws: CommandFailure.self) { try InstallerTexts(language: .nb, json: Data("[]".utf8), path: "nb.json") }
  }

  @Test(
    arguments: [
      (nil, nil, [:], .nb), (nil, nil, ["LANG": "C.UTF-8"], .nb), (nil, nil, ["LANG": "en_GB.UTF-8"], .en),
      (nil, nil, ["LANG": "nn_NO"], .nn), (nil, nil, ["LC_ALL": "no", "LANG": "en_US"], .nb),
      (nil, nil, ["LC_ALL": "", "LANG": "en"], .en), (nil, "nn", ["LANG": "en_GB"], .nn), (nil, "se", ["LANG": "en_GB"], .en),
      (.en, "nn", ["LANG": "nb_NO"], .en),
    ] as [(TextLanguage?, String?, [String: String], TextLanguage)])
  func theLanguageIsChosen(asked: TextLanguage?, hub: String?, environment: [String: String], chosen: TextLanguage) {
    #expect(TextLanguage.choose(asked: asked, hub: hub, environment: environment) == chosen)
  }
}
