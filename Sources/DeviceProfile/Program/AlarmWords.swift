// Words that are never passed over. A profile lists what says nothing (`ignore`), and the next firmware may put a call for help there: a
// key that a star takes in, or the value of an ignored key. What has such a word counts as unknown, and an alarm device is loud about that.
//
// Such a word does not become a call for help by itself: only a profile can say what its device means.

enum AlarmWords {
  /// The words in small letters. Each is also looked for inside longer keys, so none of them may be part of a usual setting's name.
  @_noAllocation private static func word(_ index: Int) -> StaticString? {
    switch index {
    case 0: "fall"
    case 1: "sos"
    case 2: "emergency"
    case 3: "panic"
    case 4: "help"
    default: nil
    }
  }

  /// Whether the key at `start..<end` contains an alarm word, in whatever letters.
  static func areIn(_ frame: Span<UInt8>, start: Int, end: Int) -> Bool {
    var index = 0
    while let word = word(index) {
      var at = start
      while at + word.utf8CodeUnitCount <= end {
        if isThere(word, frame, at: at) { return true }
        at += 1
      }
      index += 1
    }
    return false
  }

  /// Whether the JSON value at `start` is a text that is an alarm word.
  static func isWholeString(_ frame: Span<UInt8>, at start: Int) -> Bool {
    guard start < frame.count, frame[start] == UInt8(ascii: "\"") else { return false }
    var index = 0
    while let word = word(index) {
      let end = start + 1 + word.utf8CodeUnitCount
      if end < frame.count, frame[end] == UInt8(ascii: "\""), isThere(word, frame, at: start + 1) { return true }
      index += 1
    }
    return false
  }

  /// Whether the JSON value at `start` is a machine's word of several parts, one of which is an alarm word: `fall_down`,
  /// `SOS_PRESSED`. A name that a person gave (`SOS button 3`) is no machine's word.
  static func areInWord(_ frame: Span<UInt8>, at start: Int) -> Bool {
    guard start < frame.count, frame[start] == UInt8(ascii: "\"") else { return false }
    var (at, part, found) = (start + 1, start + 1, false)
    while at < frame.count {
      let letter = JSONText.smallLetter(frame[at])
      let isEnd = letter == UInt8(ascii: "\"")
      if isEnd || letter == UInt8(ascii: "_") {
        found = found || isWord(frame, start: part, end: at)
        if isEnd { return found }
        part = at + 1
      } else if letter < UInt8(ascii: "a") || letter > UInt8(ascii: "z") {
        return false
      }
      at += 1
    }
    return false
  }

  private static func isWord(_ frame: Span<UInt8>, start: Int, end: Int) -> Bool {
    var index = 0
    while let word = word(index) {
      if end - start == word.utf8CodeUnitCount, isThere(word, frame, at: start) { return true }
      index += 1
    }
    return false
  }

  private static func isThere(_ word: StaticString, _ frame: Span<UInt8>, at start: Int) -> Bool {
    let length = word.utf8CodeUnitCount
    guard start + length <= frame.count else { return false }
    return word.withUTF8Buffer { bytes in
      for offset in 0..<length where bytes[offset] != JSONText.smallLetter(frame[start + offset]) { return false }
      return true
    }
  }
}
