// Every Swift file of the house can be read in one sitting.

import Testing

@Suite("The house: length of files")
struct HouseFileLengthTests {
  @Test("No Swift file is longer than 350 lines")
  func filesAreShort() throws {
    let files = try House.sources.get() + House.tests.get()
    #expect(files.count > 500)
    for finding in SizeRule.longFiles(files) { Issue.record("\(finding)") }
  }
}
