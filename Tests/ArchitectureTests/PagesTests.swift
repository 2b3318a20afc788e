// The pages, held against the repository: what a page or a comment names is there, and what the pages for receivers say of formats is
// what the connectors write. Whether a sentence is true is for its reader; whether it leads anywhere is for these tests.

import Foundation
import Testing

/// The repository's pages.
enum Pages {
  /// Every Markdown file that is ours, by its path.
  static func all() throws -> [String] {
    var pages = try Repository.visibleNames().filter { $0.hasSuffix(".md") }
    for folder in ["docs", "Deploy", "DeviceProfiles", "Tests", "Sources"] {
      let top = Repository.root.appendingPathComponent(folder).resolvingSymlinksInPath()
      guard let walk = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil) else { continue }
      for case let url as URL in walk where url.pathExtension == "md" { pages.append(folder + url.path.dropFirst(top.path.count)) }
    }
    return pages.sorted()
  }

  /// The folder of a page, with a slash at its end; empty for the top.
  static func folder(of page: String) -> String { page.lastIndex(of: "/").map { String(page[...$0]) } ?? "" }

  /// A path without `..` and `.`.
  static func plain(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: Repository.root.appendingPathComponent(path).path)
  }

  /// Code blocks taken out: what is inside is an example, not a link.
  static func prose(_ text: String) -> [String] {
    var isCode = false
    return text.components(separatedBy: "\n").filter { line in
      if line.hasPrefix("```") { isCode.toggle() }
      return !isCode && !line.hasPrefix("    ")
    }
  }

  /// The anchors of a page's headings, as the usual renderers make them: lower case, signs dropped, a hyphen for each space.
  static func anchors(of text: String) -> Set<String> {
    Set(
      prose(text).filter { $0.hasPrefix("#") }.map { line in
        let words = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        return String(words.compactMap { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : $0 == " " ? "-" : nil })
      })
  }

  /// The cells of each row of a page's tables, without the heads' lines of dashes.
  static func rows(of text: String) -> [[String]] {
    text.components(separatedBy: "\n").filter { $0.hasPrefix("|") && $0.hasSuffix("|") && !$0.hasPrefix("|--") }.map {
      $0.dropFirst().dropLast().components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }
}

@Suite("The pages lead somewhere")
struct PagesTests {
  @Test("Every relative link leads to a file, and its anchor to a heading")
  func linksResolve() throws {
    var links = 0
    for page in try Pages.all() {
      for line in Pages.prose(try Repository.text(page)) {
        for match in line.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
          links += 1
          let parts = match.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
          let target = parts[0].isEmpty ? page : Pages.plain(Pages.folder(of: page) + parts[0])
          guard Pages.exists(target) else {
            Issue.record("\(page): \(match.1) leads nowhere")
            continue
          }
          if parts.count == 2 {
            #expect(Pages.anchors(of: try Repository.text(target)).contains(parts[1]), "\(page): no heading for \(match.1)")
          }
        }
      }
    }
    #expect(links > 100)
  }

  @Test("No file names a page that is not in the repository")
  func namedPagesExist() throws {
    let names = Set(try Pages.all().map { String($0.split(separator: "/").last ?? "") })
    let kinds = ["swift", "py", "sh", "md", "yaml", "service", "target", "conf", "json", "c", "h"]
    for folder in ["Sources", "Tests", "Deploy", "systemd", "DeviceProfiles", "docs", ""] {
      for file in try files(in: folder) where kinds.contains(URL(fileURLWithPath: file).pathExtension) || file == "Makefile" {
        // Only lines that may name one: a regular expression over every file takes minutes in a debug build.
        let lines = try Repository.text(file).components(separatedBy: "\n").filter { $0.contains(".md") }
        for match in lines.joined(separator: "\n").matches(of: /[A-Za-z0-9_.\/-]*[A-Za-z0-9_-]\.md\b/) {
          let named = String(match.0)
          // What a build or a measurement writes is in no clone.
          if named.hasPrefix(".build/") { continue }
          let installed = named.components(separatedBy: "doc/knutepunkt/").last ?? named
          let places = [installed, Pages.plain(Pages.folder(of: file) + installed)]
          // A name alone is a page of any folder: "README.md" in a comment beside it.
          let isKnown = places.contains(where: Pages.exists) || !installed.contains("/") && names.contains(installed)
          #expect(isKnown, "\(file) names \(named)")
        }
      }
    }
  }

  @Test("Every path in code quotes on a page is there")
  func quotedPathsExist() throws {
    let folders = ["Sources/", "Tests/", "Deploy/", "docs/", "systemd/", "DeviceProfiles/"]
    for page in try Pages.all() where page != "CHANGELOG.md" {
      for line in Pages.prose(try Repository.text(page)) {
        for match in line.matches(of: /`([A-Za-z]+\/[A-Za-z0-9_+.\/-]*)`/) where folders.contains(where: match.1.hasPrefix) {
          let path = String(match.1)
          #expect(Pages.exists(path) || Pages.exists(Pages.folder(of: page) + path), "\(page): `\(path)` is not there")
        }
      }
    }
  }

  @Test("The glossary has at most twenty words, each once")
  func glossaryIsShort() throws {
    let text = try Repository.text("docs/style.md")
    let glossary = try #require(text.components(separatedBy: "\n## Glossary\n").last)
    let words = Pages.rows(of: glossary).map { $0[0] }.filter { $0 != "Word" }
    #expect(words.count <= 20 && words.count >= 10, "\(words.count) words")
    #expect(Set(words).count == words.count && words == words.sorted(), "\(words)")
  }

  @Test("The README is one screen and its pictures are small")
  func readmeIsShort() throws {
    #expect(try Repository.text("README.md").components(separatedBy: "\n").count <= 90)
    for name in try Repository.visibleNames(in: "docs/pictures") {
      let file = Repository.root.appendingPathComponent("docs/pictures/\(name)")
      #expect(try Data(contentsOf: file).count <= 150_000, "\(name)")
    }
  }

  @Test("The webhook's page names every member that the connector writes")
  func webhookMembers() throws {
    let page = try Repository.text("docs/webhook.md")
    let code = try Repository.text("Sources/WebhookForwarder/WebhookEvent.swift")
    let members = Set(code.matches(of: #/"([a-z]\w*)": /#).map { String($0.1) })
    #expect(members.count > 30)
    for member in members {
      #expect(page.contains("`\(member)`") || page.contains("\"\(member)\":"), "docs/webhook.md does not name \(member)")
    }
  }

  @Test("The FHIR page names every resource and system that the connector writes")
  func fhirResources() throws {
    let page = try Repository.text("docs/fhir.md")
    let code = try Repository.swiftFiles(below: "Sources/FHIRForwarder").flatMap(\.lines).joined(separator: "\n")
    let resources = Set(code.matches(of: /"resourceType": "(\w+)"/).map { String($0.1) }).subtracting(["Bundle"])
    let systems = Set(code.matches(of: /"(urn:knutepunkt:[a-z-]+)"/).map { String($0.1) })
    #expect(resources.count >= 3 && !systems.isEmpty, "\(resources), \(systems)")
    for name in resources.union(systems) { #expect(page.contains("`\(name)`"), "docs/fhir.md does not name \(name)") }
  }

  private func files(in folder: String) throws -> [String] {
    if folder.isEmpty { return try Repository.visibleNames().filter { !Repository.isFolder($0) } }
    let top = Repository.root.appendingPathComponent(folder).resolvingSymlinksInPath()
    guard let walk = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil) else { return [] }
    return walk.compactMap { ($0 as? URL).map { folder + $0.path.dropFirst(top.path.count) } }.filter { !Repository.isFolder($0) }.sorted()
  }
}
