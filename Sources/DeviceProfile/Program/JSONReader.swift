// A bounded reader of JSON (RFC 8259) that looks for the places a profile names and notes where they stand. One pass,
// no tree, no allocation; nesting ≤ 16. Numbers stay decimal text until `DecimalText` reads them, so no binary
// floating point is ever involved.
//
// Strict: NaN, Infinity, comments, trailing commas, lone surrogates and broken UTF-8 reject the frame. A key that the
// profile reads may stand only once in its object, because two parsers would choose differently between two.

/// Where a value stands in the frame, and what it is.
struct JSONSlot {
  enum Kind: UInt8 {
    case missing, number, string, escapedString, booleanTrue, booleanFalse, null, container
  }
  var kind: Kind = .missing
  /// The first byte; of a string, the one after its quotation mark.
  var start: UInt32 = 0
  var end: UInt32 = 0
}

/// The JSON pointers (RFC 6901) of one program.
struct JSONPointerSet: Sendable, Hashable {
  struct Segment: Sendable, Hashable {
    var key: [UInt8]
    /// The segment as an array index; nil when it cannot be one.
    var index: Int?
  }
  var pointers: [[Segment]] = []

  /// Adds a pointer and gives its slot; nil when it is no pointer.
  mutating func slot(for text: String) -> Int? {
    guard let segments = Self.parse(text) else { return nil }
    if let known = pointers.firstIndex(of: segments) { return known }
    pointers.append(segments)
    return pointers.count - 1
  }

  static func parse(_ text: String) -> [Segment]? {
    if text.isEmpty { return [] }
    guard text.hasPrefix("/") else { return nil }
    var segments: [Segment] = []
    for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      var key: [UInt8] = []
      var bytes = part.utf8.makeIterator()
      while let byte = bytes.next() {
        guard byte == UInt8(ascii: "~") else {
          key.append(byte)
          continue
        }
        switch bytes.next() {
        case UInt8(ascii: "0"): key.append(UInt8(ascii: "~"))
        case UInt8(ascii: "1"): key.append(UInt8(ascii: "/"))
        default: return nil
        }
      }
      let isIndex = part == "0" || !part.isEmpty && part.first != "0" && part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      segments.append(Segment(key: key, index: isIndex ? Int(part) : nil))
    }
    return segments.count <= DecodeLimits.jsonDepthMax ? segments : nil
  }
}

/// One pass over one frame.
struct JSONReader {
  private(set) var slots = InlineArray<32, JSONSlot>(repeating: JSONSlot())
  /// How many keys of the outermost object have a value, are read by no pointer and are not ignored. They are counted only when
  /// `ignored` was given.
  private(set) var unknownKeys = 0
  /// What kind of value the whole frame is.
  private(set) var root = JSONSlot.Kind.missing
  private var isArray = false
  private var cursor = 0

  /// Reads the whole frame. Afterwards `slots` tells where each pointer's value stands.
  ///
  /// - Parameter ignored: what else may stand in the outermost object; other keys are counted. Nil: unknown keys are not counted.
  mutating func read(_ frame: Span<UInt8>, pointers: JSONPointerSet, ignored: [IgnoredKey]? = nil) throws(FrameRejection) {
    let all: UInt32 = pointers.pointers.count >= 32 ? .max : (1 << UInt32(pointers.pointers.count)) - 1
    skipSpace(frame)
    isArray = cursor < frame.count && frame[cursor] == UInt8(ascii: "[")
    try readValue(frame, pointers, candidates: all, depth: 0, ignored)
    skipSpace(frame)
    if cursor < frame.count { throw invalid("something follows the JSON value") }
  }

  /// Whether the frame says something, but not as an object (a list, a word or `true` alone), while every pointer looks into an
  /// object.
  func isOfAnotherShape(_ set: JSONPointerSet) -> Bool {
    guard !set.pointers.isEmpty, root != .null, root != .container || isArray else { return false }
    return set.pointers.allSatisfy { $0.first.map { !isArray || $0.index == nil } ?? false }
  }

  /// Takes a payload that is no JSON as one text. False when the payload only looks like broken JSON, is no text, or nobody reads
  /// it.
  mutating func readText(_ frame: Span<UInt8>, pointers: JSONPointerSet) -> Bool {
    guard let root = pointers.pointers.firstIndex(where: \.isEmpty) else { return false }
    self = Self()
    skipSpace(frame)
    let start = cursor
    var end = frame.count
    while end > start, frame[end - 1] == 0x20 || frame[end - 1] == 0x0A || frame[end - 1] == 0x0D { end -= 1 }
    guard start < end, frame[start] != UInt8(ascii: "{"), frame[start] != UInt8(ascii: "["), frame[start] != UInt8(ascii: "\"") else {
      return false
    }
    while cursor < end {
      guard frame[cursor] >= 0x20 else { return false }
      guard let length = frame[cursor] < 0x80 ? 1 : JSONText.utf8Length(frame, at: cursor) else { return false }
      cursor += length
    }
    slots[root] = JSONSlot(kind: .string, start: UInt32(clamping: start), end: UInt32(clamping: end))
    return true
  }

  /// Reads one value; `candidates` are the pointers whose first `depth` segments led here.
  private mutating func readValue(
    _ frame: Span<UInt8>, _ set: JSONPointerSet, candidates: UInt32, depth: Int, _ ignored: [IgnoredKey]? = nil
  ) throws(FrameRejection) {
    guard cursor < frame.count else { throw invalid("the JSON ends early") }
    let start = cursor
    var slot = JSONSlot()
    switch frame[cursor] {
    case UInt8(ascii: "{"):
      slot.kind = .container
      try readObject(frame, set, candidates: candidates, depth: depth, ignored)
    case UInt8(ascii: "["):
      slot.kind = .container
      try readArray(frame, set, candidates: candidates, depth: depth)
    case UInt8(ascii: "\""):
      slot.kind = try readString(frame) ? .escapedString : .string
      slot.start = UInt32(clamping: start + 1)
      slot.end = UInt32(clamping: cursor - 1)
    case UInt8(ascii: "t"):
      try readLiteral(frame, "true")
      slot.kind = .booleanTrue
    case UInt8(ascii: "f"):
      try readLiteral(frame, "false")
      slot.kind = .booleanFalse
    case UInt8(ascii: "n"):
      try readLiteral(frame, "null")
      slot.kind = .null
    default:
      try readNumber(frame)
      slot.kind = .number
      slot.start = UInt32(clamping: start)
      slot.end = UInt32(clamping: cursor)
    }
    if depth == 0 { root = slot.kind }
    var rest = candidates
    while rest != 0 {
      let pointer = rest.trailingZeroBitCount
      rest &= rest - 1
      guard set.pointers[pointer].count == depth else { continue }
      if slots[pointer].kind != .missing {
        throw FrameRejection(reason: .duplicateKey, offset: start, explanation: "this key stands twice")
      }
      slots[pointer] = slot
    }
  }

  private mutating func readObject(
    _ frame: Span<UInt8>, _ set: JSONPointerSet, candidates: UInt32, depth: Int, _ ignored: [IgnoredKey]?
  ) throws(FrameRejection) {
    try enter(depth)
    skipSpace(frame)
    if take(frame, UInt8(ascii: "}")) { return }
    while true {
      guard cursor < frame.count, frame[cursor] == UInt8(ascii: "\"") else { throw invalid("a key in quotation marks is missing") }
      let keyStart = cursor + 1
      _ = try readString(frame)
      let keyEnd = cursor - 1
      let matching = narrowed(candidates, set, frame, start: keyStart, end: keyEnd, depth: depth)
      var isKnown = ignored.map { matching != 0 || isIgnored($0, frame, start: keyStart, end: cursor - 1) } ?? true
      skipSpace(frame)
      guard take(frame, UInt8(ascii: ":")) else { throw invalid("a colon is missing") }
      skipSpace(frame)
      if isKnown, matching == 0, ignored != nil, saysAlarm(frame, keyStart, keyEnd) { isKnown = false }
      // Null says nothing, whatever its key means, so such a key does not count as unknown.
      if !isKnown, cursor < frame.count, frame[cursor] != UInt8(ascii: "n") { unknownKeys += 1 }
      try readValue(frame, set, candidates: matching, depth: depth + 1)
      skipSpace(frame)
      if take(frame, UInt8(ascii: "}")) { return }
      guard take(frame, UInt8(ascii: ",")) else { throw invalid("a comma or closing brace is missing") }
      skipSpace(frame)
    }
  }

  private mutating func readArray(
    _ frame: Span<UInt8>, _ set: JSONPointerSet, candidates: UInt32, depth: Int
  ) throws(FrameRejection) {
    try enter(depth)
    skipSpace(frame)
    if take(frame, UInt8(ascii: "]")) { return }
    var index = 0
    while true {
      var matching: UInt32 = 0
      var rest = candidates
      while rest != 0 {
        let pointer = rest.trailingZeroBitCount
        rest &= rest - 1
        if set.pointers[pointer].count > depth, set.pointers[pointer][depth].index == index { matching |= 1 << UInt32(pointer) }
      }
      try readValue(frame, set, candidates: matching, depth: depth + 1)
      index += 1
      skipSpace(frame)
      if take(frame, UInt8(ascii: "]")) { return }
      guard take(frame, UInt8(ascii: ",")) else { throw invalid("a comma or closing bracket is missing") }
      skipSpace(frame)
    }
  }

  /// The candidates whose next segment is the key at `start..<end`.
  private func narrowed(
    _ candidates: UInt32, _ set: JSONPointerSet, _ frame: Span<UInt8>, start: Int, end: Int, depth: Int
  ) -> UInt32 {
    var matching: UInt32 = 0
    var rest = candidates
    while rest != 0 {
      let pointer = rest.trailingZeroBitCount
      rest &= rest - 1
      guard set.pointers[pointer].count > depth else { continue }
      if JSONText.equals(frame, start: start, end: end, set.pointers[pointer][depth].key) { matching |= 1 << UInt32(pointer) }
    }
    return matching
  }

  /// Whether the value of an ignored key is an alarm word; the cursor stands on the value. The name that a person gave a device may
  /// have such a word in it.
  private func saysAlarm(_ frame: Span<UInt8>, _ keyStart: Int, _ keyEnd: Int) -> Bool {
    if AlarmWords.isWholeString(frame, at: cursor) { return true }
    guard AlarmWords.areInWord(frame, at: cursor) else { return false }
    return !JSONText.equals(frame, start: keyStart, end: keyEnd, Array("name".utf8))
      && !JSONText.equals(frame, start: keyStart, end: keyEnd, Array("device".utf8))
      && !JSONText.equals(frame, start: keyStart, end: keyEnd, Array("id".utf8))
      && !JSONText.equals(frame, start: keyStart, end: keyEnd, Array("model".utf8))
  }

  private func isIgnored(_ list: [IgnoredKey], _ frame: Span<UInt8>, start: Int, end: Int) -> Bool {
    list.contains { key in
      guard key.isPrefix else { return JSONText.equals(frame, start: start, end: end, key.bytes) }
      // A pattern such as `human_*` also covers `human_fall`, which must not be passed over.
      guard end - start >= key.bytes.count, !AlarmWords.areIn(frame, start: start, end: end) else { return false }
      return key.bytes.indices.allSatisfy { frame[start + $0] == key.bytes[$0] }
    }
  }

  private mutating func enter(_ depth: Int) throws(FrameRejection) {
    if depth >= DecodeLimits.jsonDepthMax {
      throw FrameRejection(
        reason: .jsonTooDeep, offset: cursor, explanation: "JSON is nested deeper than \(DecodeLimits.jsonDepthMax)")
    }
    cursor += 1
  }

  /// Reads a string, cursor on its quotation mark. True when it holds escapes.
  private mutating func readString(_ frame: Span<UInt8>) throws(FrameRejection) -> Bool {
    cursor += 1
    var escaped = false
    while cursor < frame.count {
      let byte = frame[cursor]
      if byte == UInt8(ascii: "\"") {
        cursor += 1
        return escaped
      }
      if byte == UInt8(ascii: "\\") {
        escaped = true
        guard let length = JSONText.escapeLength(frame, at: cursor, end: frame.count) else { throw invalid("this escape is not JSON") }
        cursor += length
      } else if byte < 0x20 {
        throw invalid("a control character stands in a string")
      } else if byte < 0x80 {
        cursor += 1
      } else {
        guard let length = JSONText.utf8Length(frame, at: cursor) else { throw invalid("this is not UTF-8") }
        cursor += length
      }
    }
    throw invalid("a string does not end")
  }

  private mutating func readLiteral(_ frame: Span<UInt8>, _ literal: StaticString) throws(FrameRejection) {
    let matches = literal.withUTF8Buffer { bytes in
      frame.count - cursor >= bytes.count && bytes.indices.allSatisfy { frame[cursor + $0] == bytes[$0] }
    }
    guard matches else { throw invalid("this is no JSON value") }
    cursor += literal.utf8CodeUnitCount
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
  private mutating func readNumber(_ frame: Span<UInt8>) throws(FrameRejection) {
    _ = take(frame, UInt8(ascii: "-"))
    if take(frame, UInt8(ascii: "0")) {
      if cursor < frame.count, isDigit(frame[cursor]) { throw invalid("a number starts with 0") }
    } else {
      try readDigits(frame)
    }
    if take(frame, UInt8(ascii: ".")) { try readDigits(frame) }
    if take(frame, UInt8(ascii: "e")) || take(frame, UInt8(ascii: "E")) {
      if !take(frame, UInt8(ascii: "+")) { _ = take(frame, UInt8(ascii: "-")) }
      try readDigits(frame)
    }
  }

  private mutating func readDigits(_ frame: Span<UInt8>) throws(FrameRejection) {
    guard cursor < frame.count, isDigit(frame[cursor]) else { throw invalid("this is no JSON value") }
    while cursor < frame.count, isDigit(frame[cursor]) { cursor += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private mutating func take(_ frame: Span<UInt8>, _ byte: UInt8) -> Bool {
    guard cursor < frame.count, frame[cursor] == byte else { return false }
    cursor += 1
    return true
  }

  private mutating func skipSpace(_ frame: Span<UInt8>) {
    while cursor < frame.count {
      switch frame[cursor] {
      case 0x20, 0x09, 0x0A, 0x0D: cursor += 1
      default: return
      }
    }
  }

  private func invalid(_ explanation: String) -> FrameRejection {
    FrameRejection(reason: .invalidJSON, offset: cursor, explanation: explanation)
  }
}
