// Whoever reads `if isLost` looks for no effect.

import Testing

@Suite("The house: predicates")
struct HousePredicateTests {
  @Test("No predicate of Sources changes anything")
  func predicatesOnlyLook() throws {
    let files = try House.sources.get()
    let predicates = files.flatMap(\.declarations).count { PredicateRule.isPredicate($0.name) }
    #expect(predicates > 300, "the reader finds them")
    for finding in PredicateRule.findings(files) { Issue.record("\(finding)") }
  }
}
