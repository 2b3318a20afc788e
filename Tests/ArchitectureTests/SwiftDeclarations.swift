// The declarations of one Swift file, found in its tokens: what is declared, with which words before it, how many parameters it has and
// where its body stands. Local variables are left out: the compiler warns of those that nobody uses.

/// One declaration at the top level of a file or in a type.
struct SwiftDeclaration {
  enum Kind: Equatable {
    case type, function, initialiser, property, enumCase, alias
  }

  let kind: Kind
  let name: String
  /// Counted from 1: the line of its keyword.
  let line: Int
  /// `mutating`, `static`, `package`, and attributes without their `@`.
  let modifiers: Set<String>
  /// Of a function or an initialiser.
  var parameterCount = 0
  /// Whether a parameter is `inout`.
  var hasInout = false
  /// Places in the tokens: the braces of the body themselves. Nothing if there is no body.
  var body: ClosedRange<Int>?
  /// The types and extensions around it, from the outside.
  let owners: [String]
  /// Of an enum case: whether its enum has raw values or lists all cases, so that a case is met without its name.
  var isMetUnnamed = false
}

/// Walks over the tokens once, and keeps for each open brace what it opened.
struct SwiftDeclarationReader {
  private enum Scope {
    case type(String, keyword: String, metUnnamed: Bool)
    /// A body, a closure, or anything else whose variables are local.
    case code(declaration: Int?)
  }

  private let tokens: [SwiftToken]
  private var declarations: [SwiftDeclaration] = []
  private var scopes: [Scope] = []
  /// Where the brace of each open scope stands.
  private var openings: [Int] = []

  static func declarations(in tokens: [SwiftToken]) -> [SwiftDeclaration] {
    var reader = SwiftDeclarationReader(tokens: tokens)
    reader.walk()
    return reader.declarations
  }

  private init(tokens: [SwiftToken]) { self.tokens = tokens }

  private static let typeKeywords: Set<String> = ["struct", "class", "enum", "actor", "protocol", "extension"]
  private static let modifierWords: Set<String> = [
    "public", "package", "internal", "private", "fileprivate", "static", "mutating", "nonmutating", "override", "final", "lazy",
    "nonisolated", "indirect", "weak", "unowned", "consuming", "borrowing", "convenience", "required", "dynamic", "open", "async", "set",
    "class", "sending", "isolated",
  ]

  private mutating func walk() {
    var place = 0
    while place < tokens.count {
      let token = tokens[place]
      switch token.text {
      case "{": open(.code(declaration: nil), at: place)
      case "}": close(at: place)
      case _ where token.kind == .word && !isMember(place): place = declare(at: place)
      default: break
      }
      place += 1
    }
  }

  /// Reads the declaration that begins here, if one does, and returns the place of its last token that was read.
  private mutating func declare(at place: Int) -> Int {
    let word = tokens[place].text
    guard let next = token(place + 1) else { return place }
    // Types begin with a capital: `guard let actor else` declares none.
    if Self.typeKeywords.contains(word), next.kind == .word, next.text.first?.isUppercase == true { return declareType(word, at: place) }
    switch word {
    case "func": return declareFunction(.function, name: next.text, from: place + 2, at: place)
    case "init" where ["(", "<", "?", "!"].contains(next.text) && !isLocal:
      return declareFunction(.initialiser, name: "init", from: place + 1, at: place)
    case "subscript" where next.text == "(" || next.text == "<":
      return declareFunction(.function, name: "subscript", from: place + 1, at: place)
    case "deinit" where next.text == "{": return declareFunction(.initialiser, name: "deinit", from: place + 1, at: place)
    case "typealias", "associatedtype":
      add(.alias, next.text, at: place)
      return place + 1
    case "var", "let": return isLocal ? place : declareProperty(at: place)
    case "case": return declareCases(at: place)
    default: return place
    }
  }

  private mutating func declareType(_ keyword: String, at place: Int) -> Int {
    var end = place + 1
    var name = tokens[end].text
    while token(end + 1)?.text == ".", let inner = token(end + 2), inner.kind == .word {
      name += "." + inner.text
      end += 2
    }
    var bases: Set<String> = []
    while let next = token(end + 1), next.text != "{" {
      if next.kind == .word { bases.insert(next.text) }
      if next.text == "}" || next.isFirstOfLine && Self.typeKeywords.contains(next.text) { return end }
      end += 1
    }
    if keyword != "extension" { add(.type, name, at: place) }
    let raw: Set<String> = ["CaseIterable", "String", "Int", "UInt8", "UInt16", "UInt32", "UInt64", "Int32", "Int64", "CodingKey"]
    open(.type(name, keyword: keyword, metUnnamed: !bases.isDisjoint(with: raw)), at: end + 1)
    return end + 1
  }

  private mutating func declareFunction(_ kind: SwiftDeclaration.Kind, name: String, from start: Int, at place: Int) -> Int {
    var end = start
    // An operator's name may be two signs to us; a generic clause holds no parenthesis that is not a pair.
    while let next = token(end), next.text != "(", next.text != "{" { end += 1 }
    var declaration = made(kind, name, at: place)
    if token(end)?.text == "(" {
      let list = parameters(from: end)
      declaration.parameterCount = list.count
      declaration.hasInout = list.hasInout
      end = list.end + 1
    }
    declarations.append(declaration)
    return openBody(from: end)
  }

  /// Goes on to the body's brace, over effects, the result and a `where` clause; a requirement of a protocol has none.
  private mutating func openBody(from start: Int) -> Int {
    var end = start
    while let next = token(end) {
      if next.text == "{" {
        open(.code(declaration: declarations.count - 1), at: end)
        return end
      }
      let goesOn = ["->", "where", "throws", "async", ")", "(", "["].contains(next.text)
      if next.text == "}" || next.text == ";" || next.isFirstOfLine && !goesOn { return end - 1 }
      end += 1
    }
    return end
  }

  private mutating func declareProperty(at place: Int) -> Int {
    var end = place + 1
    guard let first = token(end), first.kind == .word else { return place }
    add(.property, first.text, at: place)
    let index = declarations.count - 1
    while token(end + 1)?.text == ",", let other = token(end + 2), other.kind == .word {
      add(.property, other.text, at: place)
      end += 2
    }
    // A type without a value before a brace: the brace is the property's own code. After `=` it is a closure's.
    var depth = 0
    while let next = token(end + 1) {
      switch next.text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0:
        open(.code(declaration: index), at: end + 1)
        return end + 1
      case "=", "}", ";": return end
      case _ where next.isFirstOfLine && depth == 0: return end
      default: break
      }
      end += 1
    }
    return end
  }

  /// `case a, b(Int), c = 3` in an enum; a `case` of a switch stands in code.
  private mutating func declareCases(at place: Int) -> Int {
    guard case .type(_, "enum", let metUnnamed)? = scopes.last else { return place }
    var end = place
    repeat {
      guard let name = token(end + 1), name.kind == .word else { return end }
      var declaration = made(.enumCase, name.text, at: place)
      declaration.isMetUnnamed = metUnnamed
      declarations.append(declaration)
      end += 1
      if token(end + 1)?.text == "(" { end = parameters(from: end + 1).end }
      if token(end + 1)?.text == "=" { end += token(end + 2)?.text == "-" ? 3 : 2 }
    } while advance(over: ",", &end)
    return end
  }

  private func advance(over sign: String, _ end: inout Int) -> Bool {
    guard token(end + 1)?.text == sign else { return false }
    end += 1
    return true
  }

  /// How many parameters stand between the parenthesis here and its partner.
  private func parameters(from start: Int) -> (count: Int, hasInout: Bool, end: Int) {
    var depth = 0
    var angles = 0
    var commas = 0
    var hasInout = false
    var end = start
    while let next = token(end) {
      switch next.text {
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth -= 1
      case "<" where tokens[end - 1].kind == .word: angles += 1
      case "," where depth == 1 && angles == 0:
        // The last parameter may end with a comma.
        if token(end + 1)?.text != ")" { commas += 1 }
      case "inout" where depth == 1: hasInout = true
      default:
        if next.kind == .sign, next.text != "->", angles > 0 { angles -= next.text.count { $0 == ">" } }
      }
      if depth == 0 { break }
      end += 1
    }
    return (end == start + 1 ? 0 : commas + 1, hasInout, end)
  }

  private mutating func add(_ kind: SwiftDeclaration.Kind, _ name: String, at place: Int) {
    declarations.append(made(kind, name, at: place))
  }

  private func made(_ kind: SwiftDeclaration.Kind, _ name: String, at place: Int) -> SwiftDeclaration {
    let owners = scopes.compactMap { scope -> String? in
      if case .type(let name, _, _) = scope { name } else { nil }
    }
    return SwiftDeclaration(kind: kind, name: name, line: tokens[place].line, modifiers: modifiers(before: place), owners: owners)
  }

  /// The words before a keyword, back to what can be none: `@available(x) public static` gives three.
  private func modifiers(before place: Int) -> Set<String> {
    var found: Set<String> = []
    var here = place - 1
    while here >= 0 {
      let word = tokens[here]
      if word.kind == .word, Self.modifierWords.contains(word.text) {
        found.insert(word.text)
      } else if word.kind == .word, here > 0, tokens[here - 1].text == "@" {
        found.insert(word.text)
        here -= 1
      } else if word.text == ")" {
        // `private(set)`, `nonisolated(unsafe)` and the arguments of an attribute.
        guard let opening = partner(of: here), opening > 0, tokens[opening - 1].kind == .word else { return found }
        guard Self.modifierWords.contains(tokens[opening - 1].text) || opening > 1 && tokens[opening - 2].text == "@" else { return found }
        here = opening
      } else {
        return found
      }
      here -= 1
    }
    return found
  }

  private func partner(of closing: Int) -> Int? {
    var depth = 0
    for here in stride(from: closing, through: 0, by: -1) {
      if tokens[here].text == ")" { depth += 1 }
      if tokens[here].text == "(" { depth -= 1 }
      if depth == 0 { return here }
    }
    return nil
  }

  private func token(_ place: Int) -> SwiftToken? { place < tokens.count ? tokens[place] : nil }

  private func isMember(_ place: Int) -> Bool { place > 0 && tokens[place - 1].text == "." }

  private var isLocal: Bool {
    scopes.contains { scope in
      if case .code = scope { true } else { false }
    }
  }

  private mutating func open(_ scope: Scope, at place: Int) {
    scopes.append(scope)
    openings.append(place)
  }

  private mutating func close(at place: Int) {
    guard let scope = scopes.popLast(), let opening = openings.popLast() else { return }
    if case .code(let declaration?) = scope { declarations[declaration].body = opening...place }
  }
}
