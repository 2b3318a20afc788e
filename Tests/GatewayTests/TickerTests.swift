// Work that comes again and again: at once, after each period, with what it keeps, and not after it was told to end.

import Foundation
import Synchronization
import Testing

@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct TickerTests {
  private final class Book: Sendable {
    let seen = Mutex<[Int]>([])
    let made = Atomic<Int>(0)
  }

  @Test func itWorksAtOnceAndAgainAndEndsWithItsTask() async throws {
    let (book, ticker) = (Book(), Ticker(name: "test-tick", period: .milliseconds(10)))
    let task = Task {
      await ticker.run {
        book.made.wrappingAdd(1, ordering: .relaxed)
        var count = 0
        return {
          count += 1
          book.seen.withLock { $0.append(count) }
        }
      }
    }
    try await eventually("five times") { book.seen.withLock { $0.count } >= 5 }
    task.cancel()
    await task.value
    let ended = book.seen.withLock { $0 }
    #expect(ended == Array(1...ended.count) && book.made.load(ordering: .relaxed) == 1)
    try await Task.sleep(for: .milliseconds(50))
    #expect(book.seen.withLock { $0.count } == ended.count, "nothing after its end")
  }

  @Test func anEndDoesNotWaitForThePeriod() async throws {
    let began = ContinuousClock.now
    let task = Task { await Ticker(name: "test-long", period: .seconds(3_600)).run { {} } }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await task.value
    #expect(ContinuousClock.now - began < .seconds(30))
  }
}
