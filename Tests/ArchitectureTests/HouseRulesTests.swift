// The rules of the house, each on small sources that keep it and that break it: a check that cannot fail is a defect.

import Testing

private func small(_ text: String, _ path: String = "Small.swift") -> ReadFile { ReadFile(path: path, text: text) }

@Suite("The rules about sizes")
struct SizeRuleTests {
  @Test("A file may have 350 lines, not one more, however it ends")
  func files() {
    let most = Array(repeating: "x", count: 350).joined(separator: "\n")
    #expect(SizeRule.longFiles([small(most), small(most + "\n")]) == [])
    #expect(SizeRule.longFiles([small(most + "\nx\n", "Long.swift")]).map(\.description) == ["Long.swift:1: 351 lines"])
  }

  @Test("A body may have 70 lines, of a function, an initialiser or a property", arguments: ["func f()", "init()", "var x: Int"])
  func bodies(head: String) {
    let most = "struct S {\n  \(head) {\n" + String(repeating: "    call()\n", count: 70) + "  }\n}"
    #expect(SizeRule.longBodies([small(most)]) == [])
    let long = SizeRule.longBodies([small(most.replacing("\n  }", with: "\n    call()\n  }"))])
    #expect(long.count == 1)
    #expect(long.first?.line == 2)
    #expect(long.first?.text.hasSuffix("has 71 lines") == true)
  }

  @Test("A list may have 9 parameters")
  func parameters() {
    let most = (1...9).map { "a\($0): Int" }.joined(separator: ", ")
    #expect(SizeRule.longParameterLists([small("func f(\(most)) {}")]) == [])
    #expect(
      SizeRule.longParameterLists([small("struct S { init(\(most), b: Int) {} }")]).map(\.text) == ["S.init has 10 parameters"])
  }
}

@Suite("The rule about predicates")
struct PredicateRuleTests {
  @Test(
    "A predicate that changes something is found",
    arguments: [
      "struct S { mutating func isFirst() -> Bool { true } }",
      "struct S { var isFirst: Bool { mutating get { n += 1; return true } } ; var n = 0 }",
      "struct S { func hasRoom(_ n: inout Int) -> Bool { true } }",
      "class C { var n = 0 ; func mayAsk() -> Bool { n += 1 ; return true } }",
      "class C { var a = A() ; func mayAsk() -> Bool { self.a.b[1]?.c = 2 ; return true } }",
      "class C { var seen: Set<Int> = [] ; func isFirst(_ x: Int) -> Bool { seen.insert(x).inserted } }",
      "class C { let n = Atomic(0) ; var isFirst: Bool { n.exchange(1, ordering: .relaxed) == 0 } }",
      "class C { let n = Mutex(0) ; func isFirst() -> Bool { n.withLock { $0 += 1 ; return $0 == 1 } } }",
      "struct Book { mutating func note() -> Bool { true } }\nclass C { var book = Book() ; func isNew() -> Bool { book.note() } }",
      "class C { var n = 0 ; func didMove() -> Bool {\n  let old = n\n  n = 2\n  return old != n\n} }",
    ])
  func breaks(text: String) {
    #expect(PredicateRule.findings([small(text)]).count == 1)
  }

  @Test(
    "One that only looks is not, nor is another name",
    arguments: [
      "class C { var n = 0 ; func count() -> Int { n += 1 ; return n } }",
      "class C { var n = 0 ; func issue() { n += 1 } ; func island() { n = 1 } }",
      "class C { func isFirst() -> Bool { var n = 0 ; n += 1 ; let (a, b) = (1, 2) ; return n == a + b } }",
      "class C { var s: S ; var isGone: Bool { if case .gone = s { return true } else { return false } } }",
      "class C { func hasAll(_ x: [Int]) -> Bool { var seen: Set<Int> = [] ; for i in x { seen.insert(i) } ; return seen.count > 1 } }",
      "class C { func areEven(_ x: [Int]) -> Bool { x.reduce(into: 0) { $0 += $1 } == 2 } }",
      "class C { let n = Mutex(0) ; var isFirst: Bool { n.withLock { $0 == 0 } } }",
      "class C { var isOn = false { didSet { n += 1 } } ; var n = 0 }",
      "class C { var n = 0 ; var isOn: Bool { get { n == 1 } set { n = 1 } } }",
      "class C { func mayAsk() -> Bool { guard let x = y, x.isOpen else { return false } ; let z: Int = 2 ; return z == x } }",
    ])
  func keeps(text: String) {
    #expect(PredicateRule.findings([small(text)]) == [])
  }
}

@Suite("The rule about declarations that nothing names")
struct UnusedRuleTests {
  private func unused(_ texts: String..., others: Set<String> = []) -> [String] {
    UnusedRule.unused(texts.map { small($0) }, others: others).map(\.name)
  }

  @Test("A function, a property, a case, a type and an alias that nothing names are found")
  func breaks() {
    #expect(unused("struct S { func f() {} }", "let x = S()") == ["S.f", "x"])
    #expect(unused("enum E { case a, b }", "func g() { _ = E.a ; g() }") == ["E.b"])
    #expect(unused("typealias T = Int ; struct Lonely { }") == ["T", "Lonely"])
    // A requirement and its witness name each other, and nobody calls either.
    #expect(unused("protocol P { func f() }", "struct S: P { func f() {} }", "func use(s: P) { use(S()) }") == ["P.f", "S.f"])
  }

  @Test("A comment and a text use nothing, an interpolation does")
  func texts() {
    #expect(unused("let x = 1 // x\nlet y = 2\nlet z = 3", "f(\"x \\(y) z\")") == ["x", "z"])
  }

  @Test("What is used, or is met without its name, is not found")
  func keeps() {
    #expect(unused("struct S { @State var f = 1 }", "S().$f") == [])
    #expect(unused("enum E: String { case a, b }\nenum C: CaseIterable { case d }", "use(E(\"a\"), C.self)") == [])
    #expect(unused("class C: D { override func f() {} ; init() {} ; deinit {} }", "C()") == [])
    #expect(unused("@main struct Program { enum CodingKeys: CodingKey { case a } }") == [])
    #expect(unused("@_cdecl(\"f\") func f() {}") == [])
    #expect(unused("struct S { let name = 1 }", "S()", others: ["name"]) == [])
  }
}

@Suite("The rules about texts")
struct TextRulesTests {
  @Test(
    "A path of one machine is found",
    arguments: [
      "see /wo" + "rk/main", "TMP=/tmp/" + "k-1/x", "/ro" + "ot/.bashrc", "a \"/home/kari" + "/src\"", "open /srv/build/7" + "/x",
    ])
  func machinePaths(text: String) {
    #expect(TextRules.machinePaths("first\n" + text, root: "/srv/build/7").map(\.line) == [2])
  }

  @Test(
    "Folders of any system, topics and words are none",
    arguments: ["/var/lib/knutepunkt", "home/kari/sos", "/tmp/x", "network/", "/home/x"])
  func otherPaths(text: String) {
    #expect(TextRules.machinePaths(text, root: "/srv/build/7") == [])
  }

  @Test("A source file's path is found, a folder's is not")
  func sourcePaths() {
    let path = "Sources" + "/Gateway/LocalAPI/LocalAPITypes.swift"
    #expect(TextRules.sourcePaths("first\nsee `\(path)`").map(\.text) == [path])
    #expect(TextRules.sourcePaths("`Sources/Gateway` and `Tests/ArchitectureTests/ImportRules.swift`") == [])
  }
}
