// A target says one thing, and no target is the house itself.

import Testing

@Suite("The house: size of targets")
struct HouseTargetSizeTests {
  @Test("No target of Sources has 6000 lines", arguments: importRules.map(\.key))
  func targetsAreSmall(target: String) throws {
    let lines = try House.sources.get().filter { $0.path.hasPrefix("Sources/\(target)/") }.reduce(0) { $0 + $1.lineCount }
    #expect((1..<SizeRule.targetLinesMax).contains(lines), "\(target): \(lines) lines")
  }
}
