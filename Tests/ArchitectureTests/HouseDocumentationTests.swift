// An answer that sends its reader to a source file says that there is no documentation. Pages for those who change the house may name
// files of it; what a user meets may not.

import Testing

@Suite("The house: documentation")
struct HouseDocumentationTests {
  @Test("No message, README or user's page names a source file")
  func noSourcePathAsDocumentation() throws {
    let forDevelopers: Set<String> = ["docs/architecture.md", "docs/style.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    let texts = try Repository.texts().filter { path, _ in
      path.hasPrefix("Sources/") || path.hasSuffix(".md") && !path.hasPrefix("Tests/") && !forDevelopers.contains(path)
    }
    #expect(texts.count > 300)
    for (path, text) in texts {
      for finding in TextRules.sourcePaths(text) { Issue.record("\(path):\(finding.line): \(finding.text)") }
    }
  }
}
