// What travels beside an entry: left once, taken once.

import Journal
import JournalValues
import Testing

@testable import HubCore

@Suite struct CompanionsTests {
  private func companion(_ reason: String) -> Companion {
    Companion(attachment: JournalValues.Attachment(reason: reason), mark: DeliveryMark(link: 1, message: 2, hash: 3))
  }

  @Test func eachIsTakenOnce() {
    let companions = Companions()
    let first = companions.leave(companion("first"))
    let second = companions.leave(companion("second"))
    #expect(first != second)
    #expect(companions.take(second)?.attachment?.reason == "second")
    #expect(companions.take(first)?.attachment?.reason == "first")
    #expect(companions.take(first) == nil)
  }

  @Test func zeroIsNobody() {
    let companions = Companions()
    #expect(companions.leave(companion("first")) != 0)
    #expect(companions.take(0) == nil)
  }
}
