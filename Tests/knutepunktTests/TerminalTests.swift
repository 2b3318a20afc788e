// What others named never steers a terminal: escape sequences, line ends and marks of direction are shown, not obeyed.

import Foundation
import Testing

@testable import knutepunkt

@Suite struct TerminalTests {
  @Test(arguments: [
    ("\u{1B}[2J\u{1B}[HKari", "\u{FFFD}[2J\u{FFFD}[HKari"), ("Kari\r\nNils", "Kari\u{FFFD}\u{FFFD}Nils"), ("a\u{9B}31mb", "a\u{FFFD}31mb"),
    ("a\u{202E}b\u{2066}c\u{2028}d", "a\u{FFFD}b\u{FFFD}c\u{FFFD}d"), ("\u{07}\u{08}\u{7F}\u{0}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ("Åse Bråten 👩‍⚕️", "Åse Bråten 👩‍⚕️"), ("a\tb", "a b"),
  ])
  func aCellIsOneLineOfText(raw: String, shown: String) {
    let cell = Cell(raw)
    #expect(cell.text == shown && cell.plain == shown)
    #expect(Table(["x"], whenEmpty: "").lines(interactive: false).isEmpty)
  }

  @Test func aLineKeepsOurOwnColoursAndNobodyElsesEscapes() {
    #expect(
      Terminal.clean("\u{1B}[1;31mhigh\u{1B}[0m \u{1B}]0;title\u{07} \u{1B}[8m")
        == "\u{1B}[1;31mhigh\u{1B}[0m \u{FFFD}]0;title\u{FFFD} \u{FFFD}[8m")
    #expect(Terminal.clean("one\ntwo\tthree") == "one\ntwo\tthree", "lines of our own stay")
    #expect(Terminal.clean("a\rb") == "a\u{FFFD}b")
  }

  @Test func jsonStaysJSONAndHoldsTheSameText() throws {
    let name = "a\u{1B}[2Jb\u{9B}c\u{202E}d\u{7F}e\nf"
    let text = try Terminal.json(["name": name])
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x202E })
    #expect(try JSONDecoder().decode([String: String].self, from: Data(text.utf8)) == ["name": name])
  }
}
