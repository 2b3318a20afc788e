// States, rules, priorities and kinds are enums inside the product, and text in JSON alone.

import Testing

@Suite("The house: vocabularies")
struct HouseVocabularyTests {
  @Test("No type of the local API holds a vocabulary's word as text")
  func wordsAreValues() throws {
    let files = try House.sources.get().filter { $0.path.hasPrefix("Sources/LocalAPI/") }
    let fields = files.flatMap(\.declarations).count { $0.kind == .property && VocabularyRule.names.contains($0.name) }
    #expect(fields > 20, "the reader finds them")
    for finding in VocabularyRule.findings(files) { Issue.record("\(finding)") }
  }
}

@Suite("The rule about vocabularies")
struct VocabularyRuleTests {
  private func findings(_ text: String) -> [Finding] { VocabularyRule.findings([ReadFile(path: "Small.swift", text: text)]) }

  @Test(
    "A word that is held as text is found",
    arguments: [
      "struct S { public var state: String }", "struct S { public let kind: String? }", "struct S { package var rule: String = \"sos\" }",
      "enum A { struct S: Codable {\n  /// `forward` or `console`.\n  public var role: [String]\n} }",
      "struct S { public var priority: String { key } }", "struct S { public static let change: String = x ; public var id: String }",
    ])
  func breaks(text: String) {
    #expect(findings(text).count == 1)
  }

  @Test(
    "A value, another name, and what nobody else sees are not",
    arguments: [
      "struct S { public var state: Word<State> ; public var text: String }", "struct S { public var kind: Kind? }",
      "struct S { public var reason: String ; public var name: String? }", "struct S { private var state: String ; let kind: String }",
      "struct S { func f() -> String {\n  let state: String = key\n  return state\n} }",
      "struct S { public init(state: String, kind: String) {} }", "enum E: String { case state, kind }",
    ])
  func keeps(text: String) {
    #expect(findings(text).isEmpty)
  }
}
