// Listeners hear of an alarm's commit at once, and of routine commits once a second however many there are.

import Testing
import VitalSigns

@testable import HubCore

@Suite struct CommitNewsTests {
  /// Whether listeners hear of it now.
  private func isTold(_ news: inout CommitNews, at milliseconds: Int64) -> Bool { news.takeDue(at: at(milliseconds)) }

  private func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: milliseconds * 1_000_000) }

  @Test func routineCommitsOfASecondAreOneWord() {
    var news = CommitNews()
    var words = 0
    for millisecond in stride(from: Int64(0), to: 10_000, by: 20) {
      news.committed(at: at(millisecond))
      if news.takeDue(at: at(millisecond)) { words += 1 }
    }
    #expect(words == 10, "five hundred flushes in ten seconds")
    #expect(news.nextDue <= at(10_000), "the last of them are told of, too")
    let told1 = isTold(&news, at: 10_000)
    #expect(told1)
    #expect(news.nextDue == .never)
  }

  @Test func theFirstAfterAQuietSecondIsToldAtOnce() {
    var news = CommitNews()
    news.committed(at: at(5_000))
    let told2 = isTold(&news, at: 5_000)
    #expect(told2)
    news.committed(at: at(6_000))
    let told3 = isTold(&news, at: 6_000)
    #expect(told3)
  }

  @Test func anAlarmWaitsForNothing() {
    var news = CommitNews()
    news.committed(at: at(0))
    let told4 = isTold(&news, at: 0)
    #expect(told4)
    news.committed(at: at(20))
    let told5 = isTold(&news, at: 20)
    #expect(!told5)
    news.cannotWait()
    news.committed(at: at(40))
    let told6 = isTold(&news, at: 40)
    #expect(told6)
    news.committed(at: at(60))
    let told7 = isTold(&news, at: 60)
    #expect(!told7, "what follows an alarm is routine again")
  }
}
