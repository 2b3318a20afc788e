// docs/architecture.md, held against the import table and Package.swift: a target that is missing there, or has gone, or may import
// something else than the page says, fails.

import Foundation
import Testing

@Suite("The page about the architecture")
struct ArchitecturePageTests {
  /// The rows of the table of targets: name, what it does, what it may import of ours, and from elsewhere.
  private func targets() throws -> [[String]] {
    let text = try Repository.text("docs/architecture.md")
    let part = try #require(text.components(separatedBy: "\n## Targets\n").last?.components(separatedBy: "\n## ").first)
    return Pages.rows(of: part).filter { $0[0] != "Target" }
  }

  private let rules = Dictionary(uniqueKeysWithValues: importRules.map { ($0.key, $0.value) })

  private func names(in cell: String) -> [String] { cell.matches(of: /`(\w+)`/).map { String($0.1) } }

  @Test("Its table has exactly the targets of the import table, each with exactly its imports")
  func tableAgrees() throws {
    var seen: Set<String> = []
    for row in try targets() {
      let name = try #require(names(in: row[0]).first, "\(row)")
      let rule = try #require(rules[name], "docs/architecture.md: there is no target \(name)")
      #expect(row.count == 4 && row[1].count > 20, "\(name): says too little")
      #expect(Set(names(in: row[2])) == rule.own, "\(name), ours: \(rule.own.sorted())")
      #expect(Set(names(in: row[3])) == rule.external, "\(name), from elsewhere: \(rule.external.sorted())")
      #expect(seen.insert(name).inserted, "\(name) stands twice")
    }
    #expect(seen == Set(rules.keys), "missing: \(Set(rules.keys).subtracting(seen).sorted())")
  }

  @Test("Its order is that of Package.swift")
  func orderAgrees() throws {
    let manifest = try Repository.text("Package.swift")
    var declared: [String] = []
    for match in manifest.matches(of: /(?:^|\n) +(?:target\(\s*|\.executableTarget\(\s*name: )"(\w+)"/) { declared.append(String(match.1)) }
    #expect(try targets().compactMap { names(in: $0[0]).first } == declared)
  }

  @Test("Every arrow points at a target further up")
  func arrowsPointOneWay() throws {
    var above = shimTargets
    for row in try targets() {
      let name = try #require(names(in: row[0]).first)
      let below = Set(names(in: row[2])).subtracting(above)
      #expect(below.isEmpty, "\(name) imports what stands below it: \(below.sorted())")
      above.insert(name)
    }
  }

  @Test("It says where to add what is asked for most, and which test holds it")
  func whereToAdd() throws {
    let text = try Repository.text("docs/architecture.md")
    let part = try #require(text.components(separatedBy: "\n## Where do I add").last?.components(separatedBy: "\n## ").first)
    let rows = Pages.rows(of: part).filter { $0[0] != "To add" }
    for thing in ["rule", "technical alert", "destination", "a device", "page", "configuration key", "route"] {
      #expect(rows.contains { $0[0].contains(thing) }, "no row for a \(thing)")
    }
    for row in rows { #expect(row.count == 3 && row[2].contains(#/test|vectors/#.ignoresCase()), "\(row[0]): no test") }
  }

  @Test("Every room, file and type that the two walks name is there")
  func walksLead() throws {
    let text = try Repository.text("docs/architecture.md")
    let walks = text.components(separatedBy: "\n## ").filter { $0.hasPrefix("The walk of") }
    let files = try Repository.swiftFiles(below: "Sources")
    let stems = Set(files.map { $0.url.deletingPathExtension().lastPathComponent })
    var named: Set<String> = []
    for walk in walks { named.formUnion(walk.matches(of: /`([A-Z][\w\/]+)`/).map { String($0.1) }) }
    #expect(walks.count == 2 && named.count > 20)
    for name in named where !Repository.isFolder("Sources/\(name)") && !stems.contains(name) {
      let kinds = ["struct", "class", "enum", "actor", "protocol"].map { "\($0) \(name)" }
      let isDeclared = files.contains { file in file.lines.contains { line in kinds.contains(where: line.contains) } }
      #expect(isDeclared, "docs/architecture.md: there is no \(name)")
    }
  }

  @Test("Each promise stands there once, by its number")
  func promises() throws {
    let text = try Repository.text("docs/architecture.md")
    let numbers = text.matches(of: /\n(\d+)\. \*\*/).compactMap { Int($0.1) }
    #expect(numbers == Array(1...12))
  }
}
