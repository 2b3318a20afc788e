// The repository as these tests see it: folders and source files, read from disk. It knows nothing of the build; what it
// reads is what a reviewer reads.

import Foundation

/// One Swift file.
struct SourceFile: CustomStringConvertible {
  let url: URL
  /// Below the root, e.g. `Sources/Journal/Journal.swift`.
  let path: String
  let lines: [String]

  var description: String { path }

  /// The lines with comments and the content of string literals taken out, so that a rule about code does not trip over
  /// a sentence about it. One entry a line, so that line numbers stay.
  var code: [String] {
    var inString = false
    return lines.map { line in
      if line.contains("\"\"\"") {
        if line.components(separatedBy: "\"\"\"").count == 2 { inString.toggle() }
        return ""
      }
      return inString ? "" : Self.withoutCommentAndStrings(line)
    }
  }

  private static func withoutCommentAndStrings(_ line: String) -> String {
    var result = ""
    var quoted = false
    var previous: Character = " "
    for character in line {
      if character == "\"", previous != "\\" {
        quoted.toggle()
        result.append("\"")
      } else if !quoted {
        result.append(character)
        if result.hasSuffix("//") { return String(result.dropLast(2)) }
      }
      previous = previous == "\\" && character == "\\" ? " " : character
    }
    return result
  }
}

enum Repository {
  /// Found from this very file, which stands two folders below it.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func swiftFiles(below folder: String) throws -> [SourceFile] {
    let top = root.appendingPathComponent(folder).resolvingSymlinksInPath()
    guard let walk = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil) else { return [] }
    var files: [SourceFile] = []
    for case let url as URL in walk where url.pathExtension == "swift" {
      let text = try String(contentsOf: url, encoding: .utf8)
      let path = folder + url.path.dropFirst(top.path.count)
      files.append(SourceFile(url: url, path: path, lines: text.components(separatedBy: "\n")))
    }
    return files.sorted { $0.path < $1.path }
  }

  /// The names in a folder that git would show, sorted.
  static func visibleNames(in folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)
      .filter { $0 != ".git" && !$0.hasPrefix(".build") }.sorted()
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  static func isFolder(_ path: String) -> Bool {
    var folder: ObjCBool = false
    return FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path, isDirectory: &folder) && folder.boolValue
  }
}
