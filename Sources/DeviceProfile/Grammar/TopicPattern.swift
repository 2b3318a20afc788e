// MQTT topic patterns with named captures: `zigbee2mqtt/{device}`, `owntracks/{user}/{device}`. A capture matches
// exactly one level; `+` one level without a name; `#`, last, the rest. The captures, joined by `/`, are the address
// by which one device is told from another.

import VitalSigns

/// A compiled topic pattern.
public struct TopicPattern: Sendable, Hashable, CustomStringConvertible {
  enum Level: Sendable, Hashable {
    case literal(String)
    case capture(String)
    case any
    case rest
  }
  let levels: [Level]
  public let description: String

  /// Nil when the text is no pattern: an empty level, a wildcard within a level, `#` before the end, a capture twice.
  public init?(_ text: String) {
    var levels: [Level] = []
    var names: Set<String> = []
    let parts = text.topicLevels
    for (index, part) in parts.enumerated() {
      if part == "+" {
        levels.append(.any)
      } else if part == "#" {
        guard index == parts.count - 1 else { return nil }
        levels.append(.rest)
      } else if part.hasPrefix("{"), part.hasSuffix("}"), part.count > 2 {
        let name = String(part.dropFirst().dropLast())
        guard name.utf8.allSatisfy(isNameByte), names.insert(name).inserted else { return nil }
        levels.append(.capture(name))
      } else {
        guard !part.isEmpty, !part.holdsByte(of: "+#{}\0") else { return nil }
        levels.append(.literal(part))
      }
    }
    self.levels = levels
    description = text
  }

  /// The names of the captures, in order.
  public var captures: [String] {
    levels.compactMap { if case .capture(let name) = $0 { name } else { nil } }
  }

  var hasWildcards: Bool { levels.contains { $0 == .any || $0 == .rest } }

  /// The address in a topic that fits (`anna/phone`; empty without captures), or nil when it does not fit.
  public func address(in topic: String) -> String? {
    var address = ""
    var rest = topic.utf8[...]
    var ended = false
    for level in levels {
      if case .rest = level { return address }
      if ended { return nil }
      let end = rest.firstIndex(of: UInt8(ascii: "/"))
      let part = rest[..<(end ?? rest.endIndex)]
      switch level {
      case .literal(let literal):
        guard part.elementsEqual(literal.utf8) else { return nil }
      case .capture:
        guard !part.isEmpty else { return nil }
        if !address.isEmpty { address.append("/") }
        address.append(String(Substring(part)))
      case .any, .rest:
        break
      }
      if let end {
        rest = rest[rest.index(after: end)...]
      } else {
        ended = true
      }
    }
    return ended ? address : nil
  }

  /// Whether a topic fits. Cheaper than `address(in:)`: it makes no text.
  package func matches(_ topic: String) -> Bool {
    var rest = topic.utf8[...]
    var ended = false
    for level in levels {
      if case .rest = level { return true }
      if ended { return false }
      let end = rest.firstIndex(of: UInt8(ascii: "/"))
      let part = rest[..<(end ?? rest.endIndex)]
      if case .literal(let literal) = level, !part.elementsEqual(literal.utf8) { return false }
      if case .capture = level, part.isEmpty { return false }
      if let end { rest = rest[rest.index(after: end)...] } else { ended = true }
    }
    return ended
  }

  /// The topic of one device; the filter for it when the pattern holds wildcards. Nil when the address does not fit: it needs one
  /// non-empty level without wildcards for each capture.
  public func filter(for address: String) -> String? {
    guard var parts = Self.addressLevels(address, count: captures.count)?[...] else { return nil }
    let texts = levels.map { level in
      switch level {
      case .literal(let text): text
      case .capture: parts.popFirst() ?? ""
      case .any: "+"
      case .rest: "#"
      }
    }
    return texts.joined(separator: "/")
  }

  /// The filter that matches every device of the pattern: `ble/{device}/2a5f` gives `ble/+/2a5f`.
  public var wildcardFilter: String {
    levels.map { level in
      switch level {
      case .literal(let text): text
      case .capture, .any: "+"
      case .rest: "#"
      }
    }.joined(separator: "/")
  }

  static func addressLevels(_ address: String, count: Int) -> [String]? {
    if count == 0 { return address.isEmpty ? [] : nil }
    let parts = address.topicLevels
    guard parts.count == count, parts.allSatisfy({ !$0.isEmpty && !$0.holdsByte(of: "+#\0") }) else { return nil }
    return parts
  }
}

/// Letters, digits, `-` and `_`: what names inside a profile are made of.
func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
  default: false
  }
}

extension TopicPattern {
  /// Whether one topic can fit both patterns.
  public func overlaps(_ other: TopicPattern) -> Bool {
    var mine = levels[...]
    var theirs = other.levels[...]
    while let a = mine.popFirst() {
      if case .rest = a { return true }
      guard let b = theirs.popFirst() else { return false }
      if case .rest = b { return true }
      if case .literal(let x) = a, case .literal(let y) = b, x != y { return false }
    }
    if case .rest? = theirs.first { return true }
    return theirs.isEmpty
  }
}
