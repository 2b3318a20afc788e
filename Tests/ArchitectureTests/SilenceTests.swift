// docs/silence.md, the table of silence, held against the repository: no cell is empty, every alert rule stands there, every test
// that it names exists, every Norwegian text that it quotes begins a sentence of a catalogue, and what nobody is told of is listed with the
// issue that closes it. Whether the statements are true is for the tests that it names.

import Foundation
import Testing

/// The page as rows and cells.
private struct SilencePage {
  /// Of every table about things, without the heads. Each has as many cells as the head.
  var rows: [[String]] = []
  /// The list at the end: its number, what nobody is told, and who closes it.
  var gaps: [[String]] = []
  let text: String

  static let columns = ["Thing", "Silent", "Late", "Full", "Doubled", "Wrong", "Behind", "Ahead", "Gone", "Told where, within", "Test"]

  init() throws {
    text = try Repository.text("docs/silence.md")
    var head: [String] = []
    for line in text.components(separatedBy: "\n") {
      guard line.hasPrefix("|"), line.hasSuffix("|") else {
        head = []
        continue
      }
      let cells = line.dropFirst().dropLast().components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      if head.isEmpty {
        head = cells
      } else if cells.contains(where: { !$0.allSatisfy { $0 == "-" } }) || cells.contains("") {
        if head == Self.columns { rows.append(cells) } else { gaps.append(cells) }
      }
    }
  }

  /// What stands in backticks.
  static func names(in cell: String) -> [String] { cell.matches(of: /`([^`]+)`/).map { String($0.1) } }
}

@Suite("The table of silence")
struct SilenceTests {
  private let page: SilencePage

  init() throws { page = try SilencePage() }

  @Test("It holds links, devices, destinations, queues, tables, clocks, rules, roles and files")
  func groups() {
    for group in ["Links", "Devices", "Destinations", "Queues", "Tables", "Clocks", "Rules", "Roles and people", "Store, files, ports"] {
      #expect(page.text.contains("\n## \(group)\n\n"), "no section \(group)")
    }
    #expect(page.rows.count >= 80)
  }

  @Test("No cell is empty: what cannot be says why")
  func noEmptyCell() {
    for row in page.rows {
      #expect(row.count == SilencePage.columns.count, "\(row[0]): \(row.count) cells")
      for (cell, column) in zip(row, SilencePage.columns) {
        #expect(cell.contains { $0.isLetter }, "\(row[0]), \(column): '\(cell)'")
        #expect(!cell.hasSuffix("cannot:") && cell != "cannot", "\(row[0]), \(column): says no reason")
      }
    }
  }

  @Test("Every alert rule stands in the table of rules")
  func everyRule() throws {
    let declaration = try #require(Repository.text("Sources/VitalSigns/Alert.swift").components(separatedBy: "isTechnical").first)
    let rules = declaration.matches(of: /\n  case (\w+) = \d+/).map { String($0.1) }
    #expect(rules.count >= 33)
    let told = Set(page.rows.flatMap { SilencePage.names(in: $0[0]) })
    for rule in rules { #expect(told.contains(rule), "\(rule) has no row") }
  }

  @Test("Every test that it names exists")
  func everyTestExists() throws {
    let known = try allTests()
    for row in page.rows {
      let tests = SilencePage.names(in: row[10])
      #expect(!tests.isEmpty, "\(row[0]): no test")
      for test in tests { #expect(known.contains(test), "\(row[0]): \(test)") }
    }
  }

  @Test("Every text that it quotes begins a sentence of the catalogues")
  func everySentenceIsTheCatalogues() throws {
    let catalogues = ["Sources/AlertTexts/Resources/catalogue/nb.json", "Sources/knutepunkt/Resources/installer/nb.json"]
    let sentences = Set(try catalogues.flatMap { texts(in: try JSONSerialization.jsonObject(with: Data(Repository.text($0).utf8))) })
    let quotes = page.text.matches(of: /«([^»]*)»/).map { String($0.1) }
    #expect(quotes.count >= 100)
    for quote in quotes { #expect(!quote.isEmpty && sentences.contains { $0.hasPrefix(quote) }, "«\(quote)»") }
  }

  @Test("What nobody is told of is listed, with the issue that closes it")
  func everyGapIsListed() {
    let inCells = Set(page.rows.flatMap { $0.flatMap { $0.matches(of: #/Gap (G[0-9]+):/#).map { String($0.1) } } })
    #expect(inCells == Set(page.gaps.map { $0[0] }))
    for row in page.rows {
      for cell in row where cell.contains("Gap ") { #expect(cell.contains(#/Gap G[0-9]+: /#), "\(row[0]): a gap without a number") }
    }
    for gap in page.gaps {
      #expect(gap.count == 3 && gap.last?.contains(#/^issue [0-9]+, /#) == true, "\(gap)")
    }
  }

  @Test("The README names every page of docs")
  func readmeNamesThePages() throws {
    let readme = try Repository.text("README.md")
    for name in try Repository.visibleNames(in: "docs") where name.hasSuffix(".md") {
      #expect(readme.contains("docs/\(name)"), "README.md does not name docs/\(name)")
    }
  }

  /// `test_file.py` and `test_file.py::test_name` of the process tests; suites, files and `Suite.function` of the others.
  private func allTests() throws -> Set<String> {
    var names: Set<String> = []
    for file in try Repository.visibleNames(in: "Tests/Process") where file.hasPrefix("test_") {
      names.insert(file)
      for line in try Repository.text("Tests/Process/\(file)").split(separator: "\n") where line.hasPrefix("def test_") {
        names.insert("\(file)::\(line.dropFirst(4).prefix { $0 != "(" })")
      }
    }
    for file in try Repository.swiftFiles(below: "Tests") {
      var suites = [file.url.deletingPathExtension().lastPathComponent]
      var functions: [String] = []
      for line in file.lines {
        let words = line.split(separator: " ")
        // A suite may be an extension in a second file.
        if let place = words.firstIndex(where: { $0 == "struct" || $0 == "extension" }), place + 1 < words.count {
          suites.append(String(words[place + 1].prefix { $0.isLetter || $0.isNumber }))
        }
        if let place = words.firstIndex(of: "func"), place + 1 < words.count {
          functions.append(String(words[place + 1].prefix { $0.isLetter || $0.isNumber }))
        }
      }
      for suite in suites {
        names.insert(suite)
        for function in functions { names.insert("\(suite).\(function)") }
      }
    }
    return names
  }

  /// All texts of a catalogue, however deep.
  private func texts(in node: Any) -> [String] {
    if let text = node as? String { return [text] }
    return (node as? [String: Any])?.values.flatMap(texts) ?? []
  }
}
