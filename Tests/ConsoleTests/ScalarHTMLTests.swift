// Nothing that people or devices write can become markup.

import Testing

@testable import Console

@Suite struct ScalarHTMLTests {
  @Test func everyMarkupScalarIsEscapedWhateverFollowsIt() {
    for mark in ["<", ">", "&", "\"", "'"] {
      for tail in ["", "\u{301}", "\u{FE0F}", "\u{200D}", "\u{20DD}", "a\u{301}"] {
        let escaped = ScalarHTML().escapeText(mark + tail)
        #expect(escaped.unicodeScalars.first == "&" && !escaped.unicodeScalars.contains("<"))
        #expect(!escaped.unicodeScalars.dropFirst().contains("\""), "\(mark) + \(tail.unicodeScalars.map(\.value))")
      }
    }
    #expect(ScalarHTML().escapeText("Åse & Øystein") == "Åse &amp; Øystein")
  }
}
