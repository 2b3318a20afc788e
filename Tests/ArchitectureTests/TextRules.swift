// Rules about text of any kind: no path of the machine that somebody works on, and no source file in the place of documentation.

import Foundation

enum TextRules {
  /// Paths that exist on one machine only. Each stands in two parts, or this file would break the rule. `root` is where this checkout
  /// stands, if that says more than a folder of the system's.
  static func machinePaths(_ text: String, root: String) -> [Finding] {
    let marks = ["/wo" + "rk/", "/tmp/" + "k-", "/ro" + "ot/", "/Us" + "ers/"] + (root.count > 5 ? [root + "/"] : [])
    // Most files hold none: one look at the whole is enough.
    guard marks.contains(where: { holds(text, $0) }) || holds(text, "/home/") else { return [] }
    return lines(of: text) { line in
      if let mark = marks.first(where: line.contains) { return mark }
      // The home of a person, but not the word "home" in a topic such as `home/<person>/sos`.
      return line.firstMatch(of: #/["' =(:]\/home\/[a-z0-9]+\//#).map { String($0.0) }
    }
  }

  /// Names of source files: an answer that sends its reader to the source says that there is no documentation.
  static func sourcePaths(_ text: String) -> [Finding] {
    guard holds(text, "Sources/") else { return [] }
    return lines(of: text) { line in
      guard holds(line, "Sources/") else { return nil }
      return line.firstMatch(of: #/Sources\/[A-Za-z0-9\/+]+\.swift/#).map { String($0.0) }
    }
  }

  /// The Swift files that a line's comment names, with as much of their folders as it says. `+part.swift` alone is no name.
  static func namedFiles(_ line: String) -> [String] {
    guard let comment = line.range(of: "//") else { return [] }
    return line[comment.upperBound...].matches(of: #/(?:^|[^A-Za-z0-9+\/])([A-Za-z][A-Za-z0-9+\/]*\.swift)/#).map { String($0.1) }
  }

  /// Byte for byte: a regular expression over the whole repository would take a minute.
  private static func holds(_ text: String, _ mark: String) -> Bool { text.range(of: mark, options: .literal) != nil }

  private static func lines(of text: String, _ judge: (String) -> String?) -> [Finding] {
    text.components(separatedBy: "\n").enumerated().compactMap { number, line in
      judge(line).map { Finding(path: "", line: number + 1, text: $0) }
    }
  }
}

extension Repository {
  /// Every text of the repository, with its path: what git would show, without what tools leave behind.
  static func texts() throws -> [(path: String, text: String)] {
    var texts: [(String, String)] = []
    for name in try visibleNames() where !name.hasPrefix(".") || [".ci", ".swift-format", ".gitignore", ".gitattributes"].contains(name) {
      for path in try paths(from: name) {
        let data = try Data(contentsOf: root.appendingPathComponent(path))
        // A picture or a captured packet is no text.
        if let text = String(data: data, encoding: .utf8) { texts.append((path, text)) }
      }
    }
    return texts
  }

  private static func paths(from path: String) throws -> [String] {
    guard isFolder(path) else { return [path] }
    return try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(path).path).sorted()
      .filter { !$0.hasPrefix(".") && $0 != "__pycache__" && $0 != "node_modules" }
      .flatMap { try paths(from: path + "/" + $0) }
  }
}
