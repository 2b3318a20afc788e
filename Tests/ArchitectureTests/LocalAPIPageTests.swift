// docs/local-api.md, held against the sources: the routes that the core's server registers, the events that it sends, and the fields of
// every type that travels. A route or a field that is added without a line on the page fails, and so does a line about one that has gone.

import Foundation
import Testing

/// What the sources say of the local API.
private struct LocalAPISources {
  /// `GET /v1/patients/:id`.
  var routes: Set<String> = []
  /// Of each type its fields; a question mark where one may be absent.
  var types: [String: Set<String>] = [:]

  init() throws {
    for file in try Repository.swiftFiles(below: "Sources") {
      let text = file.lines.joined(separator: "\n")
      if text.contains("RouterGroup<LocalAPIContext>") { readRoutes(file.lines) }
      if text.contains("extension API") || text.contains("enum API ") { readTypes(file.lines) }
    }
  }

  /// `group.get("patients/:id")` is below `/v1`, `router.get("livez")` at the top. One loop registers a path for each of its words.
  private mutating func readRoutes(_ lines: [String]) {
    var words: [String] = []
    for line in lines {
      if line.contains(/for \(path, \w+\) in \[/) { words = line.matches(of: /\("(\w+)",/).map { String($0.1) } }
      guard let match = line.firstMatch(of: /\b(group|router)\.(get|post|put|patch|delete)\("([^"]+)"\)/) else { continue }
      let path = (match.1 == "group" ? "/v1/" : "/") + match.3
      let paths = path.contains("\\(path)") ? words.map { path.replacingOccurrences(of: "\\(path)", with: $0) } : [path]
      for path in paths { routes.insert("\(match.2.uppercased()) \(path)") }
    }
  }

  /// Stored properties of the `Codable` types below `API`; where a type names its keys itself, those.
  private mutating func readTypes(_ lines: [String]) {
    var scopes: [(name: String, depth: Int, isStored: Bool)] = []
    var depth = 0
    for raw in lines {
      let line = raw.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("//") { continue }
      let path = scopes.map(\.name).joined(separator: ".")
      if let match = line.firstMatch(of: /^(?:public |package |private |fileprivate )?(struct|enum|extension) ([\w.]+)(.*)\{/) {
        let isCoded = match.3.contains("Codable") || match.3.contains("Encodable") || match.3.contains("Decodable")
        let isType = match.1 == "struct" && isCoded
        scopes.append((String(match.2), depth, isType))
        if isType, path == "API" || path.hasPrefix("API.") { types[name(scopes), default: []] = [] }
      } else if let scope = scopes.last, depth == scope.depth + 1, path.hasPrefix("API.") {
        if scope.name == "CodingKeys" {
          // `case a, b = "c",` and what goes on in the next line.
          let list = line.hasPrefix("case ") ? String(line.dropFirst(5)) : line
          let keys = list.matches(of: /(?:^|,) *(\w+)/).map { "\($0.1)*" }
          types[name(scopes.dropLast()), default: []].formUnion(keys)
        } else if scope.isStored, let match = line.firstMatch(of: /^(?:public |package )?(?:var|let) (\w+): ([^={]+?)\s*(?:= .*)?$/) {
          types[name(scopes), default: []].insert(match.1 + (match.2.hasSuffix("?") ? "?" : ""))
        }
      }
      depth += line.filter { $0 == "{" }.count - line.filter { $0 == "}" }.count
      while let last = scopes.last, depth <= last.depth { scopes.removeLast() }
    }
  }

  private func name(_ scopes: some Collection<(name: String, depth: Int, isStored: Bool)>) -> String {
    let path = scopes.map(\.name).joined(separator: ".")
    return path.hasPrefix("API.") ? String(path.dropFirst(4)) : path
  }
}

@Suite("The page about the local API")
struct LocalAPIPageTests {
  private let page: String
  private let sources: LocalAPISources

  init() throws {
    page = try Repository.text("docs/local-api.md")
    sources = try LocalAPISources()
  }

  @Test("It lists exactly the routes that the server registers")
  func routes() {
    let rows = Pages.rows(of: page).filter { ["GET", "POST", "PUT", "PATCH", "DELETE"].contains($0[0]) }
    let told = rows.map { row in "\(row[0]) \(row[1].filter { $0 != "`" }.split(separator: "?")[0])" }
    #expect(sources.routes.count > 40)
    #expect(Set(told).count == told.count, "a route stands twice")
    #expect(sources.routes.subtracting(told).isEmpty, "not on the page: \(sources.routes.subtracting(told).sorted())")
    #expect(Set(told).subtracting(sources.routes).isEmpty, "not in the program: \(Set(told).subtracting(sources.routes).sorted())")
    for row in rows { #expect(row.count == 5 && row[4].count > 5, "\(row)") }
  }

  @Test("It lists exactly the fields of every type")
  func fields() {
    var told: [String: Set<String>] = [:]
    var heading: String?
    for line in page.components(separatedBy: "\n") {
      if line.hasPrefix("### ") { heading = String(line.dropFirst(4)) }
      if line.hasPrefix("## ") { heading = nil }
      guard let heading else { continue }
      told[heading, default: []].formUnion(line.firstMatch(of: /^\| `(\w+\??)` \|/).map { [String($0.1)] } ?? [])
    }
    #expect(sources.types.count > 50)
    #expect(Set(told.keys) == Set(sources.types.keys), "types: \(Set(told.keys).symmetricDifference(sources.types.keys).sorted())")
    for (name, fields) in sources.types {
      let known = told[name] ?? []
      // A type that names its keys itself says nothing about which may be absent.
      let hasKeys = fields.contains { $0.hasSuffix("*") }
      let wanted = hasKeys ? Set(fields.filter { $0.hasSuffix("*") }.map { String($0.dropLast()) }) : fields
      let given = hasKeys ? Set(known.map { $0.filter { $0 != "?" } }) : known
      #expect(wanted == given, "\(name): \(wanted.symmetricDifference(given).sorted())")
    }
  }

  @Test("It lists exactly the events of the stream")
  func events() throws {
    let kinds = try #require(
      try Repository.text("Sources/LocalAPI/LocalAPIEvents.swift").firstMatch(of: /enum Kind: .*\n\s+case ([\w, ]+)/))
    let sent = Set(kinds.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    let part = try #require(page.components(separatedBy: "\n## Events\n").last?.components(separatedBy: "\n## ").first)
    let told = Set(Pages.rows(of: part).map { $0[0].filter { $0 != "`" } }).subtracting(["Event"])
    #expect(sent == told && sent.count >= 4, "\(sent.symmetricDifference(told))")
  }
}
