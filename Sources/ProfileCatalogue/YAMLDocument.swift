// YAML text to the compiler's neutral tree, with the places that Yams remembers. Anchors, aliases and tags are not
// part of the grammar: a profile reads from top to bottom.

import DeviceProfile
import Yams

enum YAMLDocument {
  /// The largest profile, bytes. The longest of the shipped ones has some 25 000.
  static let bytesMax = 256 * 1024
  /// Nesting of nodes. The grammar needs 8.
  static let depthMax = 32

  /// Yams' own rules for what a plain scalar is, as one rule. Only one thing is asked of them: whether a plain key and a quoted one
  /// are two keys (`true` and `"true"` are). Yams asks it for each key. One regular expression instead of seven saves 3 ms of a
  /// start.
  private static let resolver: Resolver = {
    let pattern = Resolver.default.rules.map(\.pattern).joined(separator: "|")
    return (try? Resolver.basic.appending(.bool, pattern)) ?? .default
  }()

  static func parse(_ text: String) throws(ProfileProblem) -> ProfileNode {
    let start = SourcePosition(line: 1, column: 1)
    if text.utf8.count > bytesMax { throw ProfileProblem(at: start, "the file has \(text.utf8.count) bytes; allowed: at most \(bytesMax)") }
    let node: Node?
    do {
      node = try Parser(yaml: text, resolver: resolver, constructor: .default, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw problem(error)
    } catch {
      throw ProfileProblem(at: start, "the file cannot be read as YAML; allowed: one YAML document")
    }
    guard let node else { throw ProfileProblem(at: start, "the file is empty; allowed: one profile") }
    return try convert(node, depth: 0, near: start)
  }

  private static func convert(_ node: Node, depth: Int, near: SourcePosition) throws(ProfileProblem) -> ProfileNode {
    let position = node.mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? near
    if depth > depthMax { throw ProfileProblem(at: position, "nested deeper than \(depthMax); allowed: the levels of the grammar") }
    switch node {
    case .scalar(let scalar):
      return ProfileNode(.scalar(scalar.string, isQuoted: scalar.style != .plain && scalar.style != .any), at: position)
    case .sequence(let sequence):
      var items: [ProfileNode] = []
      for item in sequence { items.append(try convert(item, depth: depth + 1, near: position)) }
      return ProfileNode(.sequence(items), at: position)
    case .mapping(let mapping):
      var entries: [ProfileNode.Entry] = []
      for (key, value) in mapping {
        entries.append(
          ProfileNode.Entry(
            key: try convert(key, depth: depth + 1, near: position), value: try convert(value, depth: depth + 1, near: position)))
      }
      return ProfileNode(.mapping(entries), at: position)
    case .alias:
      throw ProfileProblem(at: position, "an alias; allowed: write the value here")
    }
  }

  private static func problem(_ error: YamlError) -> ProfileProblem {
    func place(_ mark: Mark) -> SourcePosition { SourcePosition(line: mark.line, column: mark.column) }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      return ProfileProblem(at: place(mark), "this is not YAML: \(problem); allowed: one YAML document")
    case .duplicatedKeysInMapping(let keys, let context):
      return ProfileProblem(at: place(context.mark), "`\(keys.joined(separator: "`, `"))` stands twice in one mapping; allowed: once")
    default:
      return ProfileProblem(at: SourcePosition(line: 1, column: 1), "the file cannot be read as YAML; allowed: one YAML document in UTF-8")
    }
  }
}
