// The import table (docs/architecture.md), held against every `import` line of Sources.

import Foundation
import Testing

@Suite("Imports follow the design's table")
struct ImportTests {
  @Test("Every target of Sources has a rule, and every rule a target")
  func everyTargetHasARule() throws {
    let folders = Set(try Repository.visibleNames(in: "Sources").filter { Repository.isFolder("Sources/\($0)") })
    #expect(folders == Set(importRules.map(\.key)).union(shimTargets.intersection(folders)))
  }

  @Test("A target imports only targets that stand above it in the table, and Package.swift has the same order")
  func importsPointUpTheTable() throws {
    #expect(importsAgainstTheOrder(importRules.map { ($0.key, $0.value.own) }, shims: shimTargets) == [])
    let declared = try ManifestTarget.all(in: Repository.text("Package.swift")).map(\.name)
    #expect(declared == importRules.map(\.key))
  }

  @Test("A target imports only what its rule allows", arguments: importRules.map(\.key))
  func importsAreAllowed(target: String) throws {
    let rule = try #require(importRules.first { $0.key == target }?.value)
    let files = try Repository.swiftFiles(below: "Sources/\(target)")
    #expect(!files.isEmpty, "\(target) holds no Swift file")
    for file in files {
      for (number, line) in file.code.enumerated() {
        guard let module = importedModule(line) else { continue }
        #expect(rule.allows(module), "\(file):\(number + 1): \(target) may not import \(module)")
      }
    }
  }

  @Test("Package.swift gives no target more than its rule")
  func manifestAgrees() throws {
    let targets = try ManifestTarget.all(in: Repository.text("Package.swift"))
    for (name, rule) in importRules {
      guard let target = targets.first(where: { $0.name == name }) else {
        Issue.record("Package.swift does not name \(name)")
        continue
      }
      #expect(target.dependencies.subtracting(rule.own).subtracting(rule.external) == [], "\(name) in Package.swift")
    }
  }

  @Test("Shims hold a module map and headers, nothing else")
  func shimsAreThin() throws {
    for target in shimTargets where Repository.isFolder("Sources/\(target)") {
      for name in try Repository.visibleNames(in: "Sources/\(target)") {
        #expect(name == "module.modulemap" || name.hasSuffix(".h"), "Sources/\(target)/\(name)")
      }
    }
  }

  @Test("Process tests import no product code")
  func processTestsAreOutsiders() throws {
    #expect(try Repository.swiftFiles(below: "Tests/Process").isEmpty)
    #expect(try Repository.swiftFiles(below: "Deploy").isEmpty)
  }
}

/// Arrows of the table that point down, and names that it does not know.
func importsAgainstTheOrder(_ table: [(name: String, own: Set<String>)], shims: Set<String>) -> [String] {
  var above = shims
  var findings: [String] = []
  for (name, own) in table {
    findings += own.subtracting(above).sorted().map { "\(name) imports \($0), which does not stand above it" }
    if !above.insert(name).inserted { findings.append("\(name) stands there twice") }
  }
  return findings
}

/// What Package.swift says of one target of Sources.
struct ManifestTarget: Equatable {
  let name: String
  /// Targets by their own names, products by the name of their module.
  let dependencies: Set<String>

  /// In the manifest's order.
  static func all(in manifest: String) throws -> [ManifestTarget] {
    var modules: [String: String] = [:]
    for match in manifest.matches(of: #/let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/#) {
      modules[String(match.1)] = String(match.2)
    }
    let pattern = #/\n\s+(?:target\(|\.executableTarget\(\s*name:)\s*"(\w+)"\s*(?:,\s*(?:dependencies:\s*)?\[([^\]]*)\])?/#
    return manifest.matches(of: pattern).map { match in
      let words = (match.2 ?? "").split { ", \n".contains($0) }.map(String.init)
      return ManifestTarget(
        name: String(match.1),
        dependencies: Set(words.map { $0.hasPrefix("\"") ? $0.filter { $0 != "\"" } : modules[$0] ?? $0 }))
    }
  }
}

@Suite("The readers of the table and of the manifest")
struct ImportOrderTests {
  @Test("An arrow that points down is found, and one to nowhere, and a target that stands there twice")
  func order() {
    let table: [(name: String, own: Set<String>)] = [("A", []), ("B", ["A", "CShim"]), ("C", ["A", "B"])]
    #expect(importsAgainstTheOrder(table, shims: ["CShim"]) == [])
    #expect(importsAgainstTheOrder(table.reversed(), shims: ["CShim"]).count == 3)
    #expect(importsAgainstTheOrder([("A", ["A"])], shims: []) == ["A imports A, which does not stand above it"])
    #expect(importsAgainstTheOrder([("A", ["Gone"])], shims: []) == ["A imports Gone, which does not stand above it"])
    #expect(importsAgainstTheOrder([("A", []), ("A", [])], shims: []) == ["A stands there twice"])
  }

  @Test("Targets are read in order, with targets and modules that they depend on")
  func manifest() throws {
    let text = """
      let wire = Target.Dependency.product(name: "Wire", package: "swift-wire")
          target("A"),
          target("B", ["A", wire]),
          target(
            "C",
            [
              "A", "B",
              wire,
            ], resources: [.copy("Resources")]),
          .executableTarget(
            name: "d", dependencies: ["C"],
            swiftSettings: strict),
          tests("A", ["A", "B"]),
      """
    #expect(
      try ManifestTarget.all(in: "\n" + text) == [
        ManifestTarget(name: "A", dependencies: []), ManifestTarget(name: "B", dependencies: ["A", "Wire"]),
        ManifestTarget(name: "C", dependencies: ["A", "B", "Wire"]), ManifestTarget(name: "d", dependencies: ["C"]),
      ])
  }
}

/// The module that an import line names: `public import struct NIOCore.ByteBuffer` → `NIOCore`.
func importedModule(_ line: String) -> String? {
  var words = line.split(separator: " ").map(String.init)[...]
  while let word = words.first, word.hasPrefix("@") || ["public", "internal", "package", "private", "fileprivate"].contains(word) {
    words.removeFirst()
  }
  guard words.first == "import", var name = words.dropFirst().first else { return nil }
  if ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"].contains(name), words.count > 2 {
    name = words[words.startIndex + 2]
  }
  return name.split(separator: ".").first.map(String.init)
}

@Suite("The reader of import lines")
struct ImportedModuleTests {
  @Test(
    "It finds the module, and nothing in other lines",
    arguments: [
      ("import Foundation", "Foundation"), ("public import VitalSigns", "VitalSigns"),
      ("@preconcurrency import CMosquitto", "CMosquitto"), ("internal import struct NIOCore.ByteBuffer", "NIOCore"),
      ("@testable import Journal", "Journal"), ("let important = 1", nil), ("", nil),
    ] as [(String, String?)])
  func reads(line: String, module: String?) {
    #expect(importedModule(line) == module)
  }
}
