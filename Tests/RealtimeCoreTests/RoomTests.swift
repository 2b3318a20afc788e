// The rooms of the core: each uses only the rooms before it, so that a rule is found in one place and touches only what it names. And no
// function that asks a question changes anything, also not through a pointer.

import Foundation
import Testing

/// The rooms in order, as RealtimeCore.swift names them. What lies beside them (the core itself) may use all.
private let rooms = [
  "AlertLifecycle", "State", "Memory", "Time", "Outcomes", "Intake", "Alerts", "NEWS2", "Limits", "Judgement", "Devices", "Fence",
  "Schedule", "Registry", "Timers", "Events",
]

/// One file of the core, without its comments.
private struct SourceFile {
  let name: String
  /// Its place in `rooms`; nil: beside them.
  let room: Int?
  let code: String

  init(name: String, folder: String?, text: String) {
    self.name = name
    room = folder.flatMap { rooms.firstIndex(of: $0) }
    code = text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? String(line) }.joined(separator: "\n")
  }

  /// Types that it declares, not counting what is nested in them.
  var types: [String] {
    code.matches(of: #/(?m)^(?:public |private |final )*(?:struct|enum|class) (\w+)/#).map { String($0.output.1) }
  }

  /// Functions that ask a question by their name and have an effect in their body.
  var predicatesWithEffects: [String] {
    code.matches(of: #/(?s)func ((?:is|has|may|can|should|was)[A-Z]\w*)\((.*?)\n  \}/#).compactMap { match in
      let body = String(match.output.2)
      let changes = body.contains(#/pointee[\w.\[\]]* (?:[-+*|&]|&[-+])?= /#) || body.contains("inout ") || body.contains("&outcomes")
      return changes ? String(match.output.1) : nil
    }
  }
}

/// "file uses Type of a later room", for each such use.
private func upwardUses(_ files: [SourceFile]) -> [String] {
  var home: [String: Int] = [:]
  for file in files { for type in file.types { home[type] = file.room } }
  return files.flatMap { file -> [String] in
    guard let room = file.room else { return [] }
    let words = Set(file.code.matches(of: #/\b[A-Z]\w+/#).map { String($0.output) })
    return words.sorted().compactMap { word in
      guard let other = home[word], other > room else { return nil }
      return "\(file.name) uses \(word) of \(rooms[other])"
    }
  }
}

private func sources() throws -> [SourceFile] {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/RealtimeCore").resolvingSymlinksInPath()
  let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
  return try all.filter { $0.pathExtension == "swift" }.map { url in
    let folder = url.deletingLastPathComponent()
    return SourceFile(
      name: url.lastPathComponent, folder: folder.path == root.path ? nil : folder.lastPathComponent,
      text: try String(contentsOf: url, encoding: .utf8))
  }
}

@Suite struct RoomTests {
  @Test func everyFileLiesInAKnownRoom() throws {
    let files = try sources()
    #expect(files.count > 40)
    #expect(Set(files.filter { $0.room == nil }.map(\.name)) == ["RealtimeCore.swift", "CoreConfiguration.swift"])
    #expect(Set(files.compactMap(\.room)) == Set(rooms.indices))
  }

  @Test func arrowsBetweenRoomsPointDown() throws {
    #expect(upwardUses(try sources()) == [])
    let control = [
      SourceFile(name: "a.swift", folder: "State", text: "struct Low { var high: High } // Higher"),
      SourceFile(name: "b.swift", folder: "Events", text: "struct High {}\nstruct Higher { var low: Low }"),
    ]
    #expect(upwardUses(control) == ["a.swift uses High of Events"])
  }

  @Test func noPredicateChangesAnything() throws {
    for file in try sources() { #expect(file.predicatesWithEffects == [], "\(file.name)") }
    let control = SourceFile(
      name: "a.swift", folder: nil,
      text: """
          func isLost(_ slot: Int) -> Bool {
            state.pointee.count += 1
            return true
          }

          func isHere(_ slot: Int) -> Bool {
            state.pointee.count == 1
          }
        """)
    #expect(control.predicatesWithEffects == ["isLost"])
  }
}
