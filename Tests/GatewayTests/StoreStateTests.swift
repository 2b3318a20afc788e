// Every state of the store with every kind of error and both kinds of success.

import Journal
import Testing

@testable import Gateway

@Suite struct StoreStateTests {
  private static let states: [StoreState] = [.writing, .shedding, .failing(reason: "before")]

  private static let errors: [(JournalError, StoreState.Action)] = [
    (.cannotOpen(path: "/x", detail: "d"), .giveUp), (.writerRunning(path: "/x"), .giveUp), (.foreignFile(applicationID: 1), .giveUp),
    (.newerVersion(found: 9, supported: 1), .giveUp), (.notReady(found: 0, needed: 1), .retry(milliseconds: 250)),
    (.notDurable(journalMode: "delete", synchronous: 1), .giveUp), (.full(detail: "d"), .retry(milliseconds: 250)),
    (.inputOutput(code: 266, detail: "d"), .retry(milliseconds: 250)), (.busy(detail: "d"), .retry(milliseconds: 250)),
    (.corrupt(detail: "d"), .giveUp), (.unreadable(table: "entry", sequence: 1), .giveUp), (.refused(code: 1, detail: "d"), .giveUp),
  ]

  @Test(arguments: states) func failures(_ before: StoreState) {
    for (error, expected) in Self.errors {
      var state = before
      #expect(state.failed(error) == expected, "\(error)")
      #expect(state == .failing(reason: "\(error)"))
      #expect(state.key == "failing")
      #expect(state.reason == "\(error)")
    }
  }

  @Test(arguments: states) func successes(_ before: StoreState) {
    var state = before
    #expect(state.committed(isShedding: false) == .proceed)
    #expect(state == .writing)
    #expect(state.key == "writing")
    #expect(state.reason == nil)
    state = before
    #expect(state.committed(isShedding: true) == .proceed)
    #expect(state == .shedding)
    #expect(state.key == "shedding")
    #expect(state.reason != nil)
  }
}
