// A strict reader of YAML mappings with places. Every key is declared where it is read: name, type, default and meaning
// in one call. The declaration does three things: it reads the key, it makes every key that was not declared an error,
// and, in describing mode, it gives a row of docs/configuration.md. So the three cannot disagree.
//
// Errors are collected, never thrown: after an error a placeholder stands in, and the caller throws once at the end.
// Values and their notations are in ConfigurationKind.swift; what the keys mean is in KnutepunktConfiguration+read.swift.

import Yams

/// One pass over one file. Used by one thread, thrown away afterwards.
final class ConfigurationReader {
  let file: String
  /// Whether files that the configuration names are looked at, too.
  let checksFiles: Bool
  /// There is no file: every declaration gives a row of the reference, and nothing is missing.
  let isDescribing: Bool
  private(set) var diagnostics: [ConfigurationDiagnostic] = []
  fileprivate(set) var rows: [ConfigurationReference.Row] = []

  init(file: String, checksFiles: Bool, isDescribing: Bool = false) {
    self.file = file
    self.checksFiles = checksFiles
    self.isDescribing = isDescribing
  }

  func report(_ message: String, at mark: Mark?, severity: ConfigurationDiagnostic.Severity = .error) {
    if isDescribing { return }
    diagnostics.append(
      .init(severity: severity, file: file, line: mark?.line ?? 1, column: mark?.column ?? 1, message: message))
  }

  /// The file's one mapping, or nil with a diagnostic. An empty file is an empty mapping.
  func root(_ yaml: String) -> ConfigurationSection? {
    do {
      guard let node = try Yams.compose(yaml: yaml) else { return ConfigurationSection(self, nil, path: "", mark: nil) }
      if case .mapping(let mapping) = node { return ConfigurationSection(self, mapping, path: "", mark: mapping.mark) }
      report("the file holds \(node.kindName); allowed: a mapping of sections, `hub:` first", at: node.mark)
    } catch let error as YamlError {
      report(yamlError: error)
    } catch {
      report("the file is no YAML", at: nil)
    }
    return nil
  }

  private func report(yamlError: YamlError) {
    switch yamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      report("this is no YAML: \(problem); often the indentation or a missing quote on the line before", at: mark)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.map { "`\($0)`" }.joined(separator: ", ")
      report("\(names) stands here more than once; allowed: each key once", at: context.mark)
    case .reader(let problem, _, _, _):
      report("the file is no UTF-8 text: \(problem)", at: nil)
    default:
      report("the file is no YAML", at: nil)
    }
  }

  /// The diagnostics in the file's own order.
  var ordered: [ConfigurationDiagnostic] {
    diagnostics.enumerated().sorted { a, b in
      (a.element.line, a.element.column, a.offset) < (b.element.line, b.element.column, b.offset)
    }.map(\.element)
  }
}

/// A value with its place, for checks that need the whole file.
struct Located<Value> {
  var value: Value
  var mark: Mark?
}

/// One mapping of the file, present or not.
package final class ConfigurationSection {
  let reader: ConfigurationReader
  /// `journal`, `links.mqtt[0]`; empty for the whole file.
  let path: String
  /// Where the section's own key or item stands.
  let mark: Mark?
  let isPresent: Bool
  private var entries: [String: (key: Node, value: Node)] = [:]
  private var unread: [(key: String, mark: Mark?)] = []
  private var declared: [String] = []

  init(_ reader: ConfigurationReader, _ mapping: Node.Mapping?, path: String, mark: Mark?) {
    self.reader = reader
    self.path = path
    self.mark = mark
    isPresent = mapping != nil
    for (key, value) in mapping ?? [:] {
      guard case .scalar(let name) = key else {
        reader.report("a key must be a word, here it is \(key.kindName)", at: key.mark)
        continue
      }
      entries[name.string] = (key, value)
      unread.append((name.string, name.mark))
    }
  }

  /// The full name of a key, for messages and the reference.
  func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// The place of a key's value; of the section when the key is absent.
  func place(_ key: String) -> Mark? { entries[key].map { $0.value.mark ?? $0.key.mark } ?? mark }

  func has(_ key: String) -> Bool { entries[key] != nil }

  func isList(_ key: String) -> Bool {
    if case .sequence = entries[key]?.value { return true }
    return false
  }

  /// A finding about a key: at its value, or at the section when the key is absent.
  func report(_ key: String, _ message: String, severity: ConfigurationDiagnostic.Severity = .error) {
    reader.report("\(name(key)) \(message)", at: place(key), severity: severity)
  }

  // MARK: Declarations

  /// A key that must be there. After an error gives `placeholder`.
  func required<Value>(_ key: String, _ kind: ConfigurationKind<Value>, placeholder: Value, _ meaning: String) -> Value {
    guard let node = take(key, type: kind.type, default: "required", meaning) else {
      let owner = path.isEmpty ? "the file" : "`\(path)`"
      reader.report("\(owner) lacks `\(key)`; allowed: \(kind.allowed)", at: mark)
      return placeholder
    }
    return scalar(node, name(key), kind) ?? placeholder
  }

  /// A key with a default; `shown` is how the reference writes the default.
  func value<Value>(_ key: String, _ kind: ConfigurationKind<Value>, default fallback: Value, shown: String, _ meaning: String) -> Value {
    guard let node = take(key, type: kind.type, default: shown, meaning) else { return fallback }
    return scalar(node, name(key), kind) ?? fallback
  }

  /// A key that may be absent; `shown` says what then happens.
  func optional<Value>(_ key: String, _ kind: ConfigurationKind<Value>, shown: String = "none", _ meaning: String) -> Value? {
    guard let node = take(key, type: kind.type, default: shown, meaning) else { return nil }
    return scalar(node, name(key), kind)
  }

  /// A list of scalars within `count`.
  func list<Value>(
    _ key: String, _ kind: ConfigurationKind<Value>, count: ClosedRange<Int>, default fallback: [Value]?, shown: String, _ meaning: String
  ) -> [Located<Value>] {
    guard let node = take(key, type: "list of \(kind.type)", default: shown, meaning) else {
      if fallback == nil {
        reader.report("`\(path)` lacks `\(key)`; allowed: a list of \(kind.allowed)", at: mark)
      }
      return (fallback ?? []).map { Located(value: $0, mark: mark) }
    }
    guard case .sequence(let sequence) = node else {
      reader.report("\(name(key)) is \(node.kindName); allowed: a list, [\(kind.example)]", at: node.mark)
      return []
    }
    if !count.contains(sequence.count) {
      reader.report("\(name(key)) has \(sequence.count) items; allowed: \(count.lowerBound) to \(count.upperBound)", at: node.mark)
    }
    return sequence.enumerated().compactMap { index, item in
      scalar(item, "\(name(key))[\(index)]", kind).map { Located(value: $0, mark: item.mark) }
    }
  }

  /// A mapping below this one; its body declares the keys. Absent: the body reads defaults.
  func section<Value>(_ key: String, _ body: (ConfigurationSection) -> Value) -> Value {
    let node = takeUndescribed(key)
    var mapping: Node.Mapping?
    if case .mapping(let found) = node {
      mapping = found
    } else if let node, !node.isEmptyScalar {
      reader.report("\(name(key)) is \(node.kindName); allowed: a mapping", at: node.mark)
    }
    let section = ConfigurationSection(reader, mapping, path: name(key), mark: entries[key]?.key.mark ?? mark)
    let value = body(section)
    section.finish()
    return value
  }

  /// A list of mappings; the body declares the keys of one.
  func sections<Value>(_ key: String, countMax: Int, _ body: (ConfigurationSection) -> Value) -> [Value] {
    let node = takeUndescribed(key)
    if reader.isDescribing {
      return [body(ConfigurationSection(reader, nil, path: "\(name(key))[]", mark: nil))]
    }
    guard let node, !node.isEmptyScalar else { return [] }
    guard case .sequence(let sequence) = node else {
      reader.report("\(name(key)) is \(node.kindName); allowed: a list of mappings, each after `- `", at: node.mark)
      return []
    }
    if sequence.count > countMax {
      reader.report("\(name(key)) has \(sequence.count) items; allowed: at most \(countMax)", at: node.mark)
    }
    var values: [Value] = []
    for (index, item) in sequence.enumerated() {
      guard case .mapping(let mapping) = item else {
        reader.report("\(name(key))[\(index)] is \(item.kindName); allowed: a mapping", at: item.mark)
        continue
      }
      let section = ConfigurationSection(reader, mapping, path: "\(name(key))[\(index)]", mark: item.mark)
      values.append(body(section))
      section.finish()
    }
    return values
  }

  /// Makes every key that was not declared an error. Called once, after the last declaration.
  func finish() {
    for (key, mark) in unread {
      let place = path.isEmpty ? "" : " in `\(path)`"
      if let replacement = Self.secretKeys[key], declared.contains(replacement) {
        reader.report("`\(key)`: a secret never stands in this file; allowed: `\(replacement): PATH` or `credential: NAME`", at: mark)
      } else {
        let guess = closest(to: key, among: declared).map { "; did you mean `\($0)`?" } ?? ""
        reader.report("unknown key `\(key)`\(place)\(guess) Allowed: \(declared.joined(separator: ", "))".sentence(guess.isEmpty), at: mark)
      }
    }
    unread = []
  }

  /// What people write first for a secret, and the key that takes it.
  private static let secretKeys = ["password": "passwordFile", "secret": "secretFile", "token": "tokenFile"]

  // MARK: Reading

  private func take(_ key: String, type: String, default shown: String, _ meaning: String) -> Node? {
    // A key of two variants (`credential` of both kinds of destination) is described once.
    if reader.isDescribing, !reader.rows.contains(where: { $0.key == name(key) }) {
      reader.rows.append(.init(key: name(key), type: type, default: shown, meaning: meaning))
    }
    return takeUndescribed(key)
  }

  private func takeUndescribed(_ key: String) -> Node? {
    if !declared.contains(key) { declared.append(key) }
    unread.removeAll { $0.key == key }
    return entries[key]?.value
  }

  private func scalar<Value>(_ node: Node, _ name: String, _ kind: ConfigurationKind<Value>) -> Value? {
    guard case .scalar(let scalar) = node else {
      reader.report("\(name) is \(node.kindName); allowed: \(kind.allowed)", at: node.mark)
      return nil
    }
    if node.isEmptyScalar {
      reader.report("\(name) is empty; allowed: \(kind.allowed)", at: node.mark)
      return nil
    }
    switch kind.read(scalar.string, self) {
    case .value(let value): return value
    case .refused(nil):
      reader.report("\(name): \"\(scalar.string.prefix(80))\" is not allowed; allowed: \(kind.allowed)", at: node.mark)
    case .refused(.some(let why)):
      reader.report("\(name): \"\(scalar.string.prefix(80))\" \(why); allowed: \(kind.allowed)", at: node.mark)
    case .warned(let value, let why):
      reader.report("\(name): \(why)", at: node.mark, severity: .warning)
      return value
    }
    return nil
  }
}

extension String {
  /// Where no key is close enough to be suggested, "unknown key `x` Allowed: …" becomes "unknown key `x`; allowed: …".
  fileprivate func sentence(_ joins: Bool) -> String {
    joins ? replacing(" Allowed: ", with: "; allowed: ", maxReplacements: 1) : self
  }
}

extension Node {
  fileprivate var kindName: String {
    switch self {
    case .scalar: isEmptyScalar ? "empty" : "a single value"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  /// `key:` with nothing after it, `~` or `null`.
  fileprivate var isEmptyScalar: Bool {
    guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }
}

/// The name at most two slips of the finger away, or nil.
private func closest(to word: String, among names: [String]) -> String? {
  let ranked = names.map { ($0, editDistance(word.lowercased(), $0.lowercased())) }
  guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= min(2, word.count / 2) else { return nil }
  return best.0
}

/// Levenshtein's distance.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (x, y) = (Array(a.utf8), Array(b.utf8))
  guard x.count <= 64, y.count <= 64 else { return Int.max }
  var row = Array(0...y.count)
  for i in x.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in y.indices {
      let above = row[j + 1]
      row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x[i] == y[j] ? 0 : 1))
      diagonal = above
    }
  }
  return row[y.count]
}
