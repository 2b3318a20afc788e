// What a damaged file holds in a row never ends the process: GRDB's `row["name"]` does, and the journal's `row[of: "name"]` throws.

import Testing

@Suite("The house: rows of the journal")
struct HouseRowTests {
  /// Text after a receiver: a dictionary's key has none before it, and one that a statement binds stands alone.
  private func readsByForce(_ line: String) -> Bool {
    let code = line.drop { $0 == " " }
    return !code.hasPrefix("//") && line.contains(/(?:\brow|\$0|\bline|\bcall|\bletter|\bnext|\bknown|\bwords)\["/)
  }

  @Test("No row of the journal is read by GRDB's own subscript", arguments: ["Journal", "JournalFiles", "JournalCopies"])
  func rowsThrow(target: String) throws {
    let files = try Repository.swiftFiles(below: "Sources/\(target)")
    #expect(files.count > 10)
    for file in files {
      for line in file.lines where readsByForce(line) { Issue.record("\(file.path): \(line)") }
    }
  }

  @Test("The rule finds what it is about") func finds() {
    #expect(readsByForce(#"      let name: String = row["name"]"#) && readsByForce(#"x.map { $0["name"] as Int64 }"#))
    #expect(!readsByForce(#"      let name: String = try row[of: "name"]"#) && !readsByForce(#"  ["name": value]"#))
  }
}
