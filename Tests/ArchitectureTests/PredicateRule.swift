// A predicate changes nothing: whoever reads `if isLost` looks for no effect. The compiler holds that for values that are not `mutating`;
// this rule holds it for `mutating` ones, for `inout` parameters, and for what classes and actors do to themselves, as far as tokens
// show it: an assignment, a call that changes a collection or an atomic, a call of a function that is declared `mutating` only.

enum PredicateRule {
  static let prefixes = ["is", "has", "may", "can", "should", "must", "needs", "was", "did", "will", "are"]

  /// Calls that change what they are called on, in the standard library.
  private static let changing: Set<String> = [
    "append", "insert", "remove", "removeAll", "removeFirst", "removeLast", "removeValue", "popFirst", "popLast", "store", "exchange",
    "wrappingAdd", "wrappingSubtract", "compareExchange", "formUnion", "subtract", "toggle", "swapAt", "updateValue", "removeSubrange",
  ]

  static func isPredicate(_ name: String) -> Bool {
    prefixes.contains { name.hasPrefix($0) && name.dropFirst($0.count).first?.isUppercase == true }
  }

  static func findings(_ files: [ReadFile]) -> [Finding] {
    let mutating = namesOnlyMutating(files)
    return SizeRule.declarations(of: files) { file, declaration in
      guard declaration.kind == .function || declaration.kind == .property, isPredicate(declaration.name) else { return nil }
      if declaration.modifiers.contains("mutating") { return "\(declaration.name) is mutating" }
      if declaration.hasInout { return "\(declaration.name) has an inout parameter" }
      guard let body = declaration.body, declaration.kind == .function || isComputed(file, body) else { return nil }
      return change(in: file.tokens[body], mutating: mutating).map { "\(declaration.name) changes \($0)" }
    }
  }

  /// Names of functions that are `mutating` wherever they are declared.
  private static func namesOnlyMutating(_ files: [ReadFile]) -> Set<String> {
    var names: Set<String> = []
    var others: Set<String> = []
    for file in files {
      for declaration in file.declarations where declaration.kind == .function {
        if declaration.modifiers.contains("mutating") { names.insert(declaration.name) } else { others.insert(declaration.name) }
      }
    }
    return names.subtracting(others)
  }

  /// A stored property with observers is no predicate by its code, nor is one that can be set.
  private static func isComputed(_ file: ReadFile, _ body: ClosedRange<Int>) -> Bool {
    !file.tokens[body].contains { ["didSet", "willSet", "set", "_modify"].contains($0.text) }
  }

  /// What of the outside a body changes first, if anything.
  private static func change(in body: ArraySlice<SwiftToken>, mutating: Set<String>) -> String? {
    let local = localNames(in: body)
    for place in body.indices {
      let token = body[place]
      let isAssignment = token.kind == .sign && (token.text == "=" || assignments.contains(token.text))
      let isCall =
        token.kind == .word && (changing.contains(token.text) || mutating.contains(token.text)) && place + 1 < body.endIndex
        && body[place + 1].text == "("
      guard isAssignment || isCall, let root = root(of: place, in: body) else { continue }
      if root == "$0" ? isUnderLock(place, in: body) : !local.contains(root) && !root.isEmpty { return root }
    }
    return nil
  }

  private static let assignments: Set<String> = ["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "&+=", "&-=", "<<=", ">>="]

  /// The first name of `a.b[c]?.d` before this place; empty where the sign declares something (`let a = b`, `case x = 1`).
  private static func root(of place: Int, in body: ArraySlice<SwiftToken>) -> String? {
    var here = place - 1
    if body[place].kind == .word {
      // A call of one's own: `note(x)` in a type of reference, `self` is meant.
      guard here > body.startIndex, body[here].text == "." else { return body[here].text == "func" ? nil : "self" }
      here -= 1
    }
    while here > body.startIndex {
      let token = body[here]
      if token.text == "?" {
        here -= 1
      } else if token.text == "]" || token.text == ")" {
        here = opening(of: here, in: body) - 1
      } else if token.kind == .word, body[here - 1].text == "." {
        here -= 2
      } else {
        break
      }
    }
    guard here > body.startIndex, body[here].kind == .word else { return nil }
    // The sign belongs to a pattern: `if case .gone = state`, `let (a, b) = pair`.
    if ["case", "let", "var"].contains(body[here].text) { return "" }
    let before = body[here - 1]
    let declares = ["let", "var", "case", ",", ":", "inout"].contains(before.text) && !body[here].isFirstOfLine
    return declares ? "" : body[here].text
  }

  private static func opening(of closing: Int, in body: ArraySlice<SwiftToken>) -> Int {
    var depth = 0
    for here in stride(from: closing, through: body.startIndex, by: -1) {
      if ["]", ")"].contains(body[here].text) { depth += 1 }
      if ["[", "("].contains(body[here].text) { depth -= 1 }
      if depth == 0 { return here }
    }
    return body.startIndex
  }

  /// Names that the body itself declares: variables, patterns and the parameters of closures.
  private static func localNames(in body: ArraySlice<SwiftToken>) -> Set<String> {
    var names: Set<String> = []
    for place in body.indices.dropLast() where body[place].kind == .word {
      if ["let", "var", "for"].contains(body[place].text), body[place + 1].kind == .word { names.insert(body[place + 1].text) }
      if body[place + 1].text == "in" { names.insert(body[place].text) }
      // `let (a, b) = pair`
      if ["let", "var", "for"].contains(body[place].text), body[place + 1].text == "(" {
        names.formUnion(body[(place + 2)...].prefix { $0.text != ")" }.map(\.text))
      }
    }
    return names
  }

  /// Whether the nearest closure around this place is a lock's: there `$0` is what the lock guards.
  private static func isUnderLock(_ place: Int, in body: ArraySlice<SwiftToken>) -> Bool {
    var depth = 0
    for here in stride(from: place, to: body.startIndex, by: -1) {
      if body[here].text == "}" { depth += 1 }
      if body[here].text == "{" {
        if depth == 0 { return body[here - 1].text == "withLock" }
        depth -= 1
      }
    }
    return false
  }
}
