// What nobody calls is not kept: it would be read, translated, tested and believed.

import Foundation
import Testing

@Suite("The house: unused declarations")
struct HouseUnusedTests {
  @Test("Everything that Sources declares is named elsewhere in Sources")
  func nothingIsUnused() throws {
    let calledFromOutside = UnusedRule.calledFromOutside.values.reduce(into: Set<String>()) { $0.formUnion($1) }
    var met: Set<String> = []
    for (name, finding) in UnusedRule.unused(try House.sources.get(), others: try namesInPages()) {
      if calledFromOutside.contains(String(name.split(separator: ".").last ?? "")) { continue }
      if UnusedRule.forTests[name] != nil { met.insert(name) } else { Issue.record("\(finding)") }
    }
    #expect(met == Set(UnusedRule.forTests.keys), "an exception that nobody needs any more goes")
  }

  /// Templates, scripts and catalogues name what Swift declares.
  private func namesInPages() throws -> Set<String> {
    let top = Repository.root.appendingPathComponent("Sources")
    let walk = try #require(FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil))
    var names: Set<String> = []
    for case let url as URL in walk where ["html", "mustache", "js", "json"].contains(url.pathExtension) {
      let text = try String(contentsOf: url, encoding: .utf8)
      names.formUnion(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    }
    #expect(names.count > 500)
    return names
  }
}
