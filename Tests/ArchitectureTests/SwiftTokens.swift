// Swift source as tokens: words, numbers and signs with their lines. Comments and the text of string literals are left out;
// code in an interpolation stays, because a name that is used there is used. This is no parser of Swift: it knows as much as the
// rules of the house need, and SwiftTokensTests says how much that is.

/// One token. A string literal is the sign `"`, whatever it says; a regex literal is the sign `/.../`.
struct SwiftToken: Equatable {
  enum Kind { case word, number, sign }

  let kind: Kind
  let text: String
  /// Counted from 1.
  let line: Int
  /// Whether only blanks stand before it on its line.
  let isFirstOfLine: Bool
}

/// Reads a text from its start to its end once.
struct SwiftTokenReader {
  private let bytes: [UInt8]
  private var place = 0
  private var line = 1
  private var isAtLineStart = true
  private(set) var tokens: [SwiftToken] = []

  static func tokens(of text: String) -> [SwiftToken] {
    var reader = SwiftTokenReader(bytes: Array(text.utf8))
    reader.readCode(untilParenthesis: false)
    return reader.tokens
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
    tokens.reserveCapacity(bytes.count / 5)
  }

  /// Code up to the end of the text, or up to the parenthesis that ends an interpolation.
  private mutating func readCode(untilParenthesis: Bool) {
    var depth = 0
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): advance()
      case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"): skipLine()
      case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): skipBlockComment()
      case UInt8(ascii: "\""): readString(hashes: 0)
      case UInt8(ascii: "#") where startsRawLiteral(): readRawLiteral()
      case UInt8(ascii: "/") where startsRegex(): readRegex()
      case UInt8(ascii: "("):
        depth += 1
        addSign(1)
      case UInt8(ascii: ")"):
        if untilParenthesis, depth == 0 { return }
        depth -= 1
        addSign(1)
      case _ where Self.isWordStart(byte): readWord()
      case _ where Self.isDigit(byte): readNumber()
      case _ where Self.isOperator(byte): readOperator()
      default: addSign(1)
      }
    }
  }

  private func peek(_ ahead: Int = 0) -> UInt8? { place + ahead < bytes.count ? bytes[place + ahead] : nil }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where place < bytes.count {
      if bytes[place] == UInt8(ascii: "\n") {
        line += 1
        isAtLineStart = true
      }
      place += 1
    }
  }

  private mutating func add(_ kind: SwiftToken.Kind, _ text: String) {
    tokens.append(SwiftToken(kind: kind, text: text, line: line, isFirstOfLine: isAtLineStart))
    isAtLineStart = false
  }

  private mutating func addSign(_ count: Int) {
    add(.sign, String(decoding: bytes[place..<place + count], as: UTF8.self))
    advance(count)
  }

  private mutating func skipLine() {
    while let byte = peek(), byte != UInt8(ascii: "\n") { place += 1 }
  }

  /// Block comments nest in Swift.
  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
        depth += 1
        advance(2)
      } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        depth -= 1
        advance(2)
      } else {
        advance()
      }
    } while depth > 0 && place < bytes.count
  }
}

extension SwiftTokenReader {
  private mutating func readWord() {
    let isQuoted = peek() == UInt8(ascii: "`")
    if isQuoted { place += 1 }
    let start = place
    place += 1
    while let byte = peek(), Self.isWordStart(byte) && byte != UInt8(ascii: "`") || Self.isDigit(byte) { place += 1 }
    add(.word, String(decoding: bytes[start..<place], as: UTF8.self))
    if isQuoted, peek() == UInt8(ascii: "`") { place += 1 }
  }

  /// `0x1F`, `1_000`, `2.5e3`; the range `0..<5` ends before its dots.
  private mutating func readNumber() {
    let start = place
    while let byte = peek(), Self.isDigit(byte) || Self.isWordStart(byte) || isDecimalPoint(byte) { place += 1 }
    add(.number, String(decoding: bytes[start..<place], as: UTF8.self))
  }

  private func isDecimalPoint(_ byte: UInt8) -> Bool {
    guard byte == UInt8(ascii: "."), let next = peek(1) else { return false }
    return Self.isDigit(next)
  }

  private mutating func readOperator() {
    var count = 1
    while let byte = peek(count), Self.isOperator(byte) { count += 1 }
    addSign(count)
  }

  /// A `#` before a quotation mark or a slash, however many of them.
  private func startsRawLiteral() -> Bool {
    var ahead = 1
    while peek(ahead) == UInt8(ascii: "#") { ahead += 1 }
    return peek(ahead) == UInt8(ascii: "\"") || peek(ahead) == UInt8(ascii: "/")
  }

  private mutating func readRawLiteral() {
    var hashes = 0
    while peek(hashes) == UInt8(ascii: "#") { hashes += 1 }
    if peek(hashes) == UInt8(ascii: "\"") {
      place += hashes
      return readString(hashes: hashes)
    }
    add(.sign, "/.../")
    advance(hashes + 1)
    while place < bytes.count, !isEnd(UInt8(ascii: "/"), count: 1, hashes: hashes) { advance() }
    advance(hashes + 1)
  }

  /// A slash is a regex where a value is expected, no blank follows, and the line holds the closing slash.
  private func startsRegex() -> Bool {
    guard let next = peek(1), next != UInt8(ascii: " "), next != UInt8(ascii: "="), next != UInt8(ascii: ")") else { return false }
    guard tokens.last.map({ ["(", ",", "=", ":", "{", "[", "return"].contains($0.text) }) ?? true else { return false }
    var ahead = 1
    while let byte = peek(ahead), byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "/") { return true }
      ahead += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return false
  }

  private mutating func readRegex() {
    add(.sign, "/.../")
    place += 1
    while let byte = peek(), byte != UInt8(ascii: "/") { place += byte == UInt8(ascii: "\\") ? 2 : 1 }
    place += 1
  }

  private mutating func readString(hashes: Int) {
    let quotes = peek(1) == UInt8(ascii: "\"") && peek(2) == UInt8(ascii: "\"") ? 3 : 1
    add(.sign, "\"")
    advance(quotes)
    while let byte = peek(), !isEnd(UInt8(ascii: "\""), count: quotes, hashes: hashes) {
      guard byte == UInt8(ascii: "\\"), (0..<hashes).allSatisfy({ peek(1 + $0) == UInt8(ascii: "#") }) else {
        // A string of one line ends with its line: what is wrong here must not swallow the file.
        if quotes == 1, byte == UInt8(ascii: "\n") { return }
        advance()
        continue
      }
      place += 1 + hashes
      if peek() == UInt8(ascii: "(") {
        place += 1
        readCode(untilParenthesis: true)
      }
      advance()
    }
    advance(quotes + hashes)
  }

  private func isEnd(_ mark: UInt8, count: Int, hashes: Int) -> Bool {
    (0..<count).allSatisfy { peek($0) == mark } && (0..<hashes).allSatisfy { peek(count + $0) == UInt8(ascii: "#") }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// Letters, the underscore, `$` of `$0`, the back quote, and all that is not ASCII.
  private static func isWordStart(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$") || byte == UInt8(ascii: "`")
  }

  private static func isOperator(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "<"),
      UInt8(ascii: ">"), UInt8(ascii: "!"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "^"), UInt8(ascii: "~"), UInt8(ascii: "%"):
      return true
    default:
      return false
    }
  }
}
