// The keyboard's bytes become lines: letters of several bytes, backspace, arrows that mean nothing, and no end to a line.

import Testing

@testable import knutepunkt

@Suite struct LineEditorTests {
  private func lines(_ bytes: [UInt8]) -> (lines: [String], rest: String) {
    var editor = LineEditor()
    let lines = bytes.compactMap { editor.take($0) }
    return (lines, editor.text)
  }

  @Test(
    arguments: [
      (Array("1\n".utf8), ["1"], ""), (Array("Åse\r".utf8), ["Åse"], ""), (Array("a\nb\nc".utf8), ["a", "b"], "c"),
      (Array("\n".utf8), [""], ""),
      // Backspace takes a whole letter, and nothing where there is nothing.
      (Array("Å".utf8) + [0x7F, 0x0A], [""], ""), (Array("aÅ".utf8) + [0x08, 0x0A], ["a"], ""), ([0x7F, 0x31, 0x0A], ["1"], ""),
      // Ctrl-U empties the line; Ctrl-D on an empty line ends, elsewhere not.
      (Array("abc".utf8) + [0x15, 0x31, 0x0A], ["1"], ""), ([0x04], ["q"], ""), ([0x31, 0x04, 0x0A], ["1"], ""),
      // Arrows, Home and Alt-x are no text.
      ([0x1B, 0x5B, 0x41, 0x31, 0x0A], ["1"], ""), ([0x1B, 0x5B, 0x31, 0x7E, 0x32, 0x0A], ["2"], ""), ([0x1B, 0x4F, 0x48, 0x0A], [""], ""),
      ([0x1B, 0x78, 0x33, 0x0A], ["3"], ""), ([0x09, 0x31, 0x0A], [" 1"], ""), ([0x01, 0x31, 0x0A], ["1"], ""),
    ] as [([UInt8], [String], String)])
  func bytesBecomeLines(bytes: [UInt8], expected: [String], rest: String) {
    let result = lines(bytes)
    #expect(result.lines == expected)
    #expect(result.rest == rest)
  }

  @Test func aLineHasAnEnd() {
    let result = lines([UInt8](repeating: 0x61, count: 10_000) + [0x0A])
    #expect(result.lines.map(\.utf8.count) == [LineEditor.bytesMax])
  }

  @Test func everyByteIsTaken() {
    var editor = LineEditor()
    for byte in UInt8.min...UInt8.max { _ = editor.take(byte) }
    #expect(editor.take(0x0A) != nil)
  }
}
