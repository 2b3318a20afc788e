// The rules of the house, held against the repository. What each rule finds and does not find is shown in HouseRulesTests.

import Foundation
import Testing

@Suite("The house")
struct HouseTests {
  @Test("No file holds a path of one machine")
  func noMachinePaths() throws {
    let texts = try Repository.texts()
    #expect(texts.count > 500)
    for (path, text) in texts {
      for finding in TextRules.machinePaths(text, root: Repository.root.path) { Issue.record("\(path):\(finding.line): \(finding.text)") }
    }
  }

  @Test("Every target of Sources is imported by a test")
  func everyTargetIsTested() throws {
    // Benchmarks measures the others, and its figures are judged by people. Fuzzing is run by a process test.
    let untested: Set<String> = ["Benchmarks", "Fuzzing"]
    let imported = try Repository.swiftFiles(below: "Tests").flatMap { $0.lines.compactMap(importedModule) }
    #expect(Set(importRules.map(\.key)).subtracting(imported) == untested)
  }
}
