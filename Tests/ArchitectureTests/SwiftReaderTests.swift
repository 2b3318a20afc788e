// The readers of Swift that the house's rules stand on, on small sources: what is a token, what is a declaration, and where its body ends.

import Testing

@Suite("Swift as tokens")
struct SwiftTokensTests {
  private func words(_ text: String) -> [String] { SwiftTokenReader.tokens(of: text).filter { $0.kind == .word }.map(\.text) }

  @Test(
    "Comments and texts hold no words, interpolations do",
    arguments: [
      ("let a = 1 // let b", ["let", "a"]),
      ("let a /* b /* c */ d */ = e", ["let", "a", "e"]),
      (#"f("x y", z)"#, ["f", "z"]),
      (#"f("\(a) and \(g("b", c))", z)"#, ["f", "a", "g", "c", "z"]),
      (#"f("a \" b", z)"#, ["f", "z"]),
      (##"f(#"a "b" \(c) \#(d)"#, z)"##, ["f", "d", "z"]),
      ("f(\"\"\"\n  a \"b\" // c\n  \\(d)\n  \"\"\", z)", ["f", "d", "z"]),
      ("let a = /b \"c/; d", ["let", "a", "d"]),
      ("let a = #/b/c\"/#; d", ["let", "a", "d"]),
      ("let a = b / c / d", ["let", "a", "b", "c", "d"]),
      ("`default`.x", ["default", "x"]),
      ("$0.a + 0x1F + 1_000.5", ["$0", "a"]),
      ("\"unfinished\nlet a", ["let", "a"]),
    ])
  func words(text: String, expected: [String]) {
    #expect(words(text) == expected)
  }

  @Test("A token knows its line, and whether it is the first there")
  func lines() {
    let tokens = SwiftTokenReader.tokens(of: "a b\n\n  /* c\n */ d\n\"\"\"\n\n\"\"\" e")
    #expect(tokens.map(\.text) == ["a", "b", "d", "\"", "e"])
    #expect(tokens.map(\.line) == [1, 1, 4, 5, 7])
    #expect(tokens.map(\.isFirstOfLine) == [true, false, true, true, true])
  }

  @Test("Signs that belong together are one; a range ends a number")
  func signs() {
    #expect(SwiftTokenReader.tokens(of: "a -> b &+= 0..<5").map(\.text) == ["a", "->", "b", "&+=", "0", ".", ".", "<", "5"])
  }
}

@Suite("Swift as declarations")
struct SwiftDeclarationsTests {
  private func read(_ text: String) -> ReadFile { ReadFile(path: "Small.swift", text: text) }

  private func names(_ text: String) -> [String] { read(text).declarations.map { ($0.owners + [$0.name]).joined(separator: ".") } }

  @Test("Types, members, cases and requirements are found, local variables are not")
  func finds() {
    let text = """
      public enum Light: Sendable {
        case red, green(Int, String), blue
        static let first = Light.red
        var next: Light {
          let local = 1
          switch self { case .red: return .blue }
        }
      }
      extension Light.Inner { func inside<T>(_ x: T) -> Int where T: Equatable { 1 } }
      protocol Wire {
        associatedtype Item
        func send(_ item: Item) throws(Failure)
        var isOpen: Bool { get }
      }
      final class Box { init?(a: Int) { } ; deinit { } ; subscript(i: Int) -> Int { 0 } ; typealias Index = Int }
      func + (a: Box, b: Box) -> Box { a }
      let (one, two) = (1, 2)
      """
    #expect(
      names(text) == [
        "Light", "Light.red", "Light.green", "Light.blue", "Light.first", "Light.next", "Light.Inner.inside", "Wire", "Wire.Item",
        "Wire.send", "Wire.isOpen", "Box", "Box.init", "Box.deinit", "Box.subscript", "Box.Index", "+",
      ])
  }

  @Test("Words that only look like declarations are none")
  func findsNothing() {
    let text = "x = self.init(a: 1)\ny = .init(b: 2)\nguard let actor else { }\ng(class: 1)\nx.func\nif case .red = y { }"
    #expect(names("func f() {\n\(text)\n}") == ["f"])
  }

  @Test("Modifiers and attributes belong to their declaration")
  func modifiers() throws {
    let file = read("@discardableResult @available(macOS 1, *) package private(set) static mutating func f() { }\nvar g = 1")
    #expect(file.declarations[0].modifiers == ["discardableResult", "available", "package", "private", "static", "mutating"])
    #expect(file.declarations[1].modifiers == [])
  }

  @Test(
    "Parameters are counted, not the commas inside of them",
    arguments: [
      ("func f() {}", 0), ("func f(a: Int) {}", 1), ("func f(_ a: [Int: (B, C)], b: Dictionary<A, B>) {}", 2),
      ("func f(a: @escaping (A, B) -> C = { x, y in x }, b: Int,) {}", 2), ("init<A, B>(a: A, b: B) {}", 2),
      ("func f(a: inout Int, b: Array<Array<Int>>, c: Int) {}", 3), ("func < (a: A, b: A) -> Bool { true }", 2),
    ])
  func parameters(text: String, count: Int) {
    let declaration = read("struct S {\n" + text + "\n}").declarations.last
    #expect(declaration?.parameterCount == count)
    #expect(declaration?.hasInout == text.contains("inout"))
  }

  @Test("A body is what stands between its own braces")
  func bodies() {
    let file = read(
      """
      struct S {
        func short() { if a { b } }
        func long(_ f: () -> Int = { 1 })
          -> Int
        {
          let x = { 1 }

          return x()
        }
        var stored = { 1 }()
        var computed: Int {
          1
        }
      }
      protocol P { func none() ; func other() }
      """)
    let lines = file.declarations.map { ($0.name, file.bodyLines(of: $0)) }
    #expect(lines.map(\.0) == ["S", "short", "long", "stored", "computed", "P", "none", "other"])
    #expect(lines.map(\.1) == [0, 0, 3, 0, 1, 0, 0, 0])
  }
}
