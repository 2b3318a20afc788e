// What docs/webhook.md and docs/fhir.md say of HTTP answers, held against the table that decides (HTTPVerdict).

import Forwarding
import Foundation
import Testing

@Suite("The pages for receivers")
struct AnswerPagesTests {
  private func rows(of page: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/\(page)"), encoding: .utf8).components(separatedBy: "\n").filter {
      $0.hasPrefix("| ")
    }
  }

  /// The numbers of a row's first cell: `401 to 407, 410` are eight.
  private func statuses(in row: String) -> Set<Int> {
    let cell = row.components(separatedBy: "|")[1]
    var found = Set(cell.matches(of: /\b(\d{3})\b/).compactMap { Int($0.1) })
    for match in cell.matches(of: /\b(\d{3}) to (\d{3})\b/) {
      if let low = Int(match.1), let high = Int(match.2), low <= high { found.formUnion(low...high) }
    }
    return found.filter { $0 >= 400 }
  }

  @Test("They name every status that means a wrong configuration", arguments: ["webhook.md", "fhir.md"])
  func wrongConfiguration(page: String) throws {
    let row = try #require(rows(of: page).first { $0.hasPrefix("| 401 to 407") })
    let decided = (400...599).filter { status in
      switch HTTPVerdict(status: status) {
      case .retry(.unauthorised), .retry(.wrongAddress): true
      default: false
      }
    }
    // A web page in the receiver's place is told with its status: 400 is named for that, not for its own sake.
    #expect(statuses(in: row).subtracting([400]) == Set(decided))
  }

  @Test("The webhook's page names every status that means: again soon")
  func busy() throws {
    let row = try #require(rows(of: "webhook.md").first { $0.hasPrefix("| 408") })
    let decided = (400...599).filter { if case .retry(.busy) = HTTPVerdict(status: $0) { true } else { false } }
    #expect(statuses(in: row) == Set(decided))
  }
}
