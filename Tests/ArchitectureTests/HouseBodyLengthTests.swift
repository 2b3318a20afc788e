// Every function, initialiser and computed property of the house fits on a screen.

import Testing

@Suite("The house: length of bodies")
struct HouseBodyLengthTests {
  @Test("No body has more than 70 lines")
  func bodiesAreShort() throws {
    let files = try House.sources.get() + House.tests.get()
    #expect(files.reduce(0) { $0 + $1.declarations.count { $0.body != nil } } > 3_000, "the reader finds the bodies")
    for finding in SizeRule.longBodies(files) { Issue.record("\(finding)") }
  }
}
