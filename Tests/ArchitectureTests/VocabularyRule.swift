// A word of a vocabulary is a value inside the product. Where a field of the local API's types holds it as text, somebody compares text with
// text, and a word that is added is met by nobody's `switch`.

enum VocabularyRule {
  /// What fields are called that hold a word of a vocabulary, not a sentence or a name.
  static let names: Set<String> = [
    "state", "rule", "priority", "kind", "phase", "change", "outcome", "role", "lane", "effect", "band", "origin", "liveness", "store",
    "scheduling",
  ]

  /// Fields with such a name that others see as text: `String`, `String?`, `[String]`.
  static func findings(_ files: [ReadFile]) -> [Finding] {
    SizeRule.declarations(of: files) { file, declaration in
      guard declaration.kind == .property, names.contains(declaration.name),
        !declaration.modifiers.isDisjoint(with: ["public", "package"]), isText(declaration, in: file.tokens)
      else { return nil }
      return "\(declaration.name) holds a word as text; an enum behind API.Word says what it may be"
    }
  }

  private static func isText(_ declaration: SwiftDeclaration, in tokens: [SwiftToken]) -> Bool {
    let name = tokens.indices.dropLast(2).first {
      tokens[$0].line == declaration.line && tokens[$0].text == declaration.name && tokens[$0 + 1].text == ":"
    }
    guard let name else { return false }
    return tokens[(name + 2)...].first { $0.text != "[" }?.text == "String"
  }
}
