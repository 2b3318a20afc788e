// A profile's text as a tree that remembers where everything stood, and the problems found in it. The tree is neutral:
// ProfileCatalogue makes it from YAML, so that the compiler needs no YAML library.

/// A place in the profile's file, counted from 1.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public var description: String { "\(line):\(column)" }
  public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One node of the tree.
public struct ProfileNode: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    /// Text as written; `isQuoted` tells "1" from 1.
    case scalar(String, isQuoted: Bool)
    case sequence([ProfileNode])
    case mapping([Entry])
  }
  public struct Entry: Sendable, Hashable {
    public var key: ProfileNode
    public var value: ProfileNode
    public init(key: ProfileNode, value: ProfileNode) {
      self.key = key
      self.value = value
    }
  }
  public var content: Content
  public var position: SourcePosition

  public init(_ content: Content, at position: SourcePosition) {
    self.content = content
    self.position = position
  }

  var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }
  var isQuoted: Bool { if case .scalar(_, true) = content { true } else { false } }
  var entries: [Entry]? { if case .mapping(let entries) = content { entries } else { nil } }

  /// The value under a key of a mapping, or nil.
  public func value(of key: String) -> ProfileNode? { entries?.first { $0.key.scalar == key }?.value }

  /// What kind of node it is, in words.
  var kindName: String {
    switch content {
    case .scalar(let text, _): text.isEmpty ? "nothing" : "`\(text)`"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// Something wrong in a profile: where, what, and what is allowed instead.
public struct ProfileProblem: Error, Sendable, Hashable, CustomStringConvertible {
  public var position: SourcePosition
  public var message: String

  public init(at position: SourcePosition, _ message: String) {
    self.position = position
    self.message = message
  }

  public var description: String { "\(position): \(message)" }
}

/// All problems of one profile, in the order of the file.
public struct ProfileProblems: Error, Sendable {
  public var problems: [ProfileProblem]
}
