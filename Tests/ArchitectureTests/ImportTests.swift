// The import table (docs/architecture.md), held against every `import` line of Sources.

import Foundation
import Testing

@Suite("Imports follow the design's table")
struct ImportTests {
  @Test("Every target of Sources has a rule, and every rule a target")
  func everyTargetHasARule() throws {
    let folders = Set(try Repository.visibleNames(in: "Sources").filter { Repository.isFolder("Sources/\($0)") })
    #expect(folders == Set(importRules.keys).union(shimTargets.intersection(folders)))
  }

  @Test("A target imports only what its rule allows", arguments: importRules.keys.sorted())
  func importsAreAllowed(target: String) throws {
    let rule = try #require(importRules[target])
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
    let manifest = try Repository.text("Package.swift")
    for target in importRules.keys where !manifest.contains("\"\(target)\"") {
      Issue.record("Package.swift does not name \(target)")
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
