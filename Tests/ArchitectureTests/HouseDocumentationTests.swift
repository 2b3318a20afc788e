// An answer that sends its reader to a source file says that there is no documentation. Pages for those who change the house may name
// files of it; what a user meets may not.

import Testing

@Suite("The house: documentation")
struct HouseDocumentationTests {
  @Test("No message, README or user's page names a source file")
  func noSourcePathAsDocumentation() throws {
    let forDevelopers: Set<String> = [
      "docs/architecture.md", "docs/state.md", "docs/style.md", "docs/simulation.md", "CONTRIBUTING.md", "CHANGELOG.md",
      "Sources/Simulation/Found.md",
    ]
    let texts = try Repository.texts().filter { path, _ in
      path.hasPrefix("Sources/") || path.hasSuffix(".md") && !path.hasPrefix("Tests/") && !forDevelopers.contains(path)
    }
    #expect(texts.count > 300)
    for (path, text) in texts {
      for finding in TextRules.sourcePaths(text) { Issue.record("\(path):\(finding.line): \(finding.text)") }
    }
  }

  @Test("A comment that names another file names one that exists")
  func namedFilesExist() throws {
    let files = try Repository.swiftFiles(below: "Sources")
    let paths = try (files + Repository.swiftFiles(below: "Tests")).map(\.path)
    var named = 0
    for file in files {
      for (number, line) in file.lines.enumerated() where line.contains(".swift") {
        for name in TextRules.namedFiles(line) {
          named += 1
          if !paths.contains(where: { ("/" + $0).hasSuffix("/" + name) }) { Issue.record("\(file.path):\(number + 1): \(name)") }
        }
      }
    }
    #expect(named > 10)
  }

  @Test("Names of files are found in a comment, and endings of names are none")
  func namedFilesInALine() {
    #expect(TextRules.namedFiles("// as the intake does (Links/AlarmEar.swift), and A+b.swift.") == ["Links/AlarmEar.swift", "A+b.swift"])
    #expect(TextRules.namedFiles("// +scan.swift holds the rest") == [])
    #expect(TextRules.namedFiles("let name = \"A.swift\"") == [])
  }
}
