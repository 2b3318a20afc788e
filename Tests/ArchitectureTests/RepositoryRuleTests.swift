// Rules of the house that a compiler does not know: headers, words that must not appear, and the shape of the top level. Each failure
// names file and line. Sizes are in the files that begin with House.

import Foundation
import Testing

@Suite("Rules of the repository")
struct RepositoryRuleTests {
  @Test("Every Swift file starts by saying what it is for", arguments: ["Sources", "Tests"])
  func filesHaveHeaders(folder: String) throws {
    for file in try Repository.swiftFiles(below: folder) {
      let header = file.lines.prefix { $0.hasPrefix("//") }
      let words = header.joined(separator: " ").split(separator: " ").filter { $0 != "//" }
      #expect(words.count >= 8, "\(file): the header says too little (\(words.count) words)")
    }
  }

  @Test("No file is a stub, and none is named after nothing")
  func filesAreNamedAfterThings() throws {
    let empty = ["Stub", "Manager", "Helper", "Helpers", "Utils", "Utilities", "Misc", "Common"]
    for file in try Repository.swiftFiles(below: "Sources") + Repository.swiftFiles(below: "Tests") {
      let name = file.url.deletingPathExtension().lastPathComponent
      #expect(!empty.contains { name == $0 || ($0 != "Common" && name.hasSuffix($0)) }, "\(file)")
    }
  }

  @Test("Sources trap nowhere on the world's behalf")
  func noTraps() throws {
    let banned = ["try!", "as!", "fatalError(", "unsafeBitCast(", "@_silgen_name"]
    for file in try Repository.swiftFiles(below: "Sources") {
      for (number, line) in file.code.enumerated() {
        for word in banned where line.contains(word) {
          #expect(isExplained(file, number), "\(file):\(number + 1): \(word)")
        }
      }
    }
  }

  @Test("Whoever leaves the compiler's checks says which lock or thread makes it true")
  func uncheckedIsExplained() throws {
    for file in try Repository.swiftFiles(below: "Sources") {
      for (number, line) in file.code.enumerated()
      where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
        #expect(isExplained(file, number), "\(file):\(number + 1) has no comment within 3 lines")
      }
    }
  }

  @Test("The realtime targets know no async, no Foundation, no lock", arguments: ["RealtimeCore", "DeviceProfile", "VitalSigns"])
  func realtimeIsPlain(target: String) throws {
    // The compiler accepts `async` under @_noAllocation: this is the only check that catches it.
    let banned = [
      " async ", " async throws", "await ", "Task {", "Task.", "public actor ", "private actor ", "DispatchQueue", "NSLock", "Mutex<",
    ]
    for file in try Repository.swiftFiles(below: "Sources/\(target)") {
      for (number, line) in file.code.enumerated() {
        for word in banned where line.contains(word) {
          Issue.record("\(file):\(number + 1): '\(word)' in \(target)")
        }
      }
    }
  }

  @Test("No unfinished work is left in the sources", arguments: ["Sources", "Tests", "Deploy", "systemd", "DeviceProfiles"])
  func nothingUnfinished(folder: String) throws {
    let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
    let top = Repository.root.appendingPathComponent(folder)
    let walk = try #require(FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil))
    for case let url as URL in walk where ["swift", "py", "sh", "yaml", "conf", "service", "html", "js"].contains(url.pathExtension) {
      let words = Set(try String(contentsOf: url, encoding: .utf8).split { !$0.isLetter }.map(String.init))
      for mark in marks where words.contains(mark) { Issue.record("\(url.path): \(mark)") }
    }
  }

  /// A comment on the same line, or within the three lines before.
  private func isExplained(_ file: SourceFile, _ number: Int) -> Bool {
    file.lines[max(0, number - 3)...number].contains { $0.contains("//") }
  }
}

@Suite("The shape of the repository")
struct ShapeTests {
  @Test("The top level is the design's")
  func topLevel() throws {
    let allowed: Set<String> = [
      "Package.swift", "Sources", "Tests", "DeviceProfiles", "Deploy", "systemd", "README.md", "Makefile", ".ci", "docs",
      "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
      ".swift-format", ".swift-version", ".devcontainer", ".github", "LICENSE", ".gitignore", ".gitattributes", "Package.resolved",
    ]
    // A checkout in an editor or under continuous integration holds hidden folders that are not ours to judge.
    let names = try Repository.visibleNames().filter { !$0.hasPrefix(".") || allowed.contains($0) }
    #expect(Set(names).subtracting(allowed).isEmpty, "\(names)")
    let needed = [
      "Package.swift", "Sources", "Tests", "DeviceProfiles", "Deploy", "systemd", "Makefile", "LICENSE", "README.md", ".ci", "docs",
      "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ".swift-version", ".devcontainer", ".github",
    ]
    for name in needed { #expect(names.contains(name), "\(name) is missing") }
  }

  @Test("A profile is DeviceProfiles/<vendor>/<model>.yaml")
  func profileNames() throws {
    for vendor in try Repository.visibleNames(in: "DeviceProfiles") where Repository.isFolder("DeviceProfiles/\(vendor)") {
      let models = try Repository.visibleNames(in: "DeviceProfiles/\(vendor)")
      #expect(models.contains { $0.hasSuffix(".yaml") }, "DeviceProfiles/\(vendor) holds no model")
      for model in models {
        #expect([".yaml", ".sig"].contains { model.hasSuffix($0) }, "DeviceProfiles/\(vendor)/\(model)")
        #expect(model == model.lowercased(), "DeviceProfiles/\(vendor)/\(model)")
      }
    }
  }

  @Test("The pages name no make target that is not there")
  func makeTargets() throws {
    let makefile = try Repository.text("Makefile")
    let targets = Set(makefile.components(separatedBy: "\n").compactMap { $0.firstMatch(of: /^([a-z-]+):/).map { String($0.1) } })
    for name in ["demo", "test", "bench", "format", "lint", "build", "install"] {
      #expect(targets.contains(name), "the Makefile has no \(name)")
    }
    for page in try Pages.all() {
      // "make sure" is English; a target is named in code.
      for match in try Repository.text(page).matches(of: /`make ([a-z-]+)[ `\n]/) {
        #expect(targets.contains(String(match.1)), "\(page) names `make \(match.1)`")
      }
    }
  }
}
