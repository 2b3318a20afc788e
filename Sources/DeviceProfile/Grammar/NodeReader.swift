// Typed reading of a profile's tree. Every method notes a problem and gives nil instead of stopping, so that a vendor
// sees all mistakes of a file at once.

import VitalSigns

/// Collects problems. Lives on one thread during one compilation.
final class ProblemList {
  private(set) var problems: [ProfileProblem] = []

  func note(_ position: SourcePosition, _ message: String) {
    let problem = ProfileProblem(at: position, message)
    if !problems.contains(problem) { problems.append(problem) }
  }
}

/// The known keys of one mapping.
struct Fields {
  let position: SourcePosition
  let problems: ProblemList
  private var values: [String: ProfileNode] = [:]
  /// Where each key stands. Problems about a key as such point there.
  private(set) var keyPositions: [String: SourcePosition] = [:]

  /// Nil (and a problem) when the node is no mapping. Unknown and repeated keys are problems.
  init?(_ node: ProfileNode, allowed: [String], what: String, _ problems: ProblemList) {
    guard let entries = node.entries else {
      problems.note(node.position, "\(what) is \(node.kindName); allowed: a mapping with \(allowed.joined(separator: ", "))")
      return nil
    }
    position = node.position
    self.problems = problems
    for entry in entries {
      guard let key = entry.key.scalar else {
        problems.note(entry.key.position, "a key of \(what) is \(entry.key.kindName); allowed: \(allowed.joined(separator: ", "))")
        continue
      }
      guard allowed.contains(key) else {
        let hint = Spelling.nearest(to: key, in: allowed).map { "did you mean `\($0)`?" } ?? "allowed: \(allowed.joined(separator: ", "))"
        problems.note(entry.key.position, "unknown key `\(key)` in \(what); \(hint)")
        continue
      }
      if values[key] != nil { problems.note(entry.key.position, "`\(key)` stands twice in \(what); allowed: once") }
      values[key] = entry.value
      keyPositions[key] = entry.key.position
    }
  }

  /// The same mapping, whose problems go to another list.
  func reporting(to list: ProblemList) -> Fields { Fields(self, problems: list) }

  private init(_ other: Fields, problems: ProblemList) {
    position = other.position
    self.problems = problems
    values = other.values
    keyPositions = other.keyPositions
  }

  func has(_ key: String) -> Bool { values[key] != nil }
  func node(_ key: String) -> ProfileNode? { values[key] }
  func position(_ key: String) -> SourcePosition { values[key]?.position ?? position }

  /// The node, or a problem that it is missing.
  func required(_ key: String, _ allowed: String) -> ProfileNode? {
    if let node = values[key] { return node }
    problems.note(position, "`\(key)` is missing; allowed: \(allowed)")
    return nil
  }

  func wrong(_ node: ProfileNode, _ key: String, _ allowed: String) {
    problems.note(node.position, "`\(key)` is \(node.kindName); allowed: \(allowed)")
  }

  func text(_ key: String) -> String? {
    guard let node = values[key] else { return nil }
    guard let text = node.scalar, !text.isEmpty else {
      wrong(node, key, "a text")
      return nil
    }
    return text
  }

  func requiredText(_ key: String, _ allowed: String) -> String? {
    required(key, allowed) == nil ? nil : text(key)
  }

  func choice<T: RawRepresentable & CaseIterable>(_ key: String, _ type: T.Type) -> T? where T.RawValue == String {
    guard let node = values[key] else { return nil }
    if let text = node.scalar, let value = T(rawValue: text) { return value }
    let allowed = T.allCases.map(\.rawValue)
    if let text = node.scalar, let nearest = Spelling.nearest(to: text, in: allowed) {
      problems.note(node.position, "`\(key)` is `\(text)`; did you mean `\(nearest)`? Allowed: \(allowed.joined(separator: ", "))")
    } else {
      wrong(node, key, allowed.joined(separator: ", "))
    }
    return nil
  }

  func flag(_ key: String) -> Bool? {
    guard let node = values[key] else { return nil }
    switch node.scalar {
    case "true": return true
    case "false": return false
    default:
      wrong(node, key, "true, false")
      return nil
    }
  }

  func integer(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
    guard let node = values[key] else { return nil }
    if let value = node.scalar.flatMap(Scalars.integer), range.contains(value) { return value }
    wrong(node, key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  func decimal(_ key: String) -> Quantity? {
    guard let node = values[key] else { return nil }
    if let value = node.scalar.flatMap({ Quantity(decimal: $0) }) { return value }
    wrong(node, key, "a decimal number such as 0.005 or -3")
    return nil
  }

  /// `30 s`, `10min`, `12 h`, `2 d`, in seconds.
  func seconds(_ key: String, never: Bool = false) -> UInt32? {
    guard let node = values[key] else { return nil }
    if never, node.scalar == "never" { return 0 }
    let text = node.scalar ?? ""
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let rest = text.dropFirst(digits.count)
    let units: [Substring: UInt32] = ["s": 1, "min": 60, "h": 3_600, "d": 86_400]
    if let count = UInt32(digits), count > 0, count <= 10_000, let unit = units[rest.hasPrefix(" ") ? rest.dropFirst() : rest] {
      return count * unit
    }
    wrong(node, key, "a whole number up to 10000 and s, min, h or d, such as `10 min`" + (never ? ", or never" : ""))
    return nil
  }

  /// The items of a list; a single value counts as a list of one.
  func list(_ key: String) -> [ProfileNode] {
    guard let node = values[key] else { return [] }
    if case .sequence(let items) = node.content { return items }
    return [node]
  }
}

/// What somebody may have meant.
enum Spelling {
  /// The one of `words` that `word` becomes after at most two slips, or nil. A slip is a letter missing, added or wrong, or two
  /// swapped.
  static func nearest(to word: String, in words: [String]) -> String? {
    let slipsMax = word.utf8.count <= 3 ? 1 : 2
    let ranked = words.map { (word: $0, slips: slips(Array(word.utf8), Array($0.utf8))) }.filter { $0.slips <= slipsMax }
    return ranked.min { ($0.slips, $0.word) < ($1.slips, $1.word) }?.word
  }

  /// The optimal string alignment distance. The words are a profile's, so they are short.
  private static func slips(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if abs(a.count - b.count) > 2 || a.count > 40 { return .max }
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in a.indices {
      for j in b.indices {
        var best = min(rows[i][j + 1] + 1, rows[i + 1][j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
        rows[i + 1][j + 1] = best
      }
    }
    return rows[a.count][b.count]
  }
}

/// Scalars as people write them.
enum Scalars {
  /// `12`, `-3`, `0xFF`.
  static func integer(_ text: String) -> Int64? {
    let negative = text.hasPrefix("-")
    let digits = negative ? String(text.dropFirst()) : text
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      guard let bits = UInt64(digits.dropFirst(2), radix: 16), !negative else { return nil }
      return Int64(bitPattern: bits)
    }
    guard let first = digits.utf8.first, first >= 0x30, first <= 0x39 else { return nil }
    return Int64(text)
  }

  static func isHex(_ text: String) -> Bool { text.hasPrefix("0x") || text.hasPrefix("0X") }

  /// Bytes as pairs of hexadecimal digits. Spaces, `-` and `:` may stand between pairs.
  static func hexBytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.filter { ![0x20, 0x0A, 0x0D, 0x09, 0x2D, 0x3A].contains($0) }
    return Hexadecimal.bytes(digits)
  }

  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy(isNameByte)
  }
}
