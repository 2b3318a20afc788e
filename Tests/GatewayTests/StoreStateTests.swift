// Every state of the store with every kind of error and both kinds of success.

import Journal
import JournalValues
import Testing

@testable import HubCore

@Suite struct StoreStateTests {
  private static let loss = JournalLoss(kind: .missing, path: "/x/journal.sqlite", detail: "it is missing")
  private static let states: [StoreState] = [.writing, .shedding, .failing(reason: "before"), .emergency(loss)]

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
    #expect(state.isFailing)
    state = before
    #expect(state.committed(isShedding: true, loss: Self.loss) == .proceed)
    #expect(state == .emergency(Self.loss))
    #expect(state.key == "emergency")
    #expect(!state.isFailing, "that is an alert of its own")
    #expect(state.reason?.contains("alarms go out") == true && state.reason?.contains("restart knutepunkt-core") == true)
  }

  /// A disk that hangs gives no error: the time that an operation takes is what tells.
  @Test(arguments: states) func aDiskThatHangs(_ state: StoreState) {
    #expect(state.seen(busyFor: 0) == state)
    #expect(state.seen(busyFor: StoreState.standstillNanoseconds) == state)
    let stuck = state.seen(busyFor: 5_000_000_000)
    #expect(stuck.key == "failing" && stuck.isFailing)
    if state != .failing(reason: "before") { #expect(stuck.reason?.contains("5 s") == true) }
  }

  @Test func everyLossSaysWhatToDoAndWhatGoesOn() {
    let kinds: [JournalLoss.Kind] = [.missing, .damaged, .readOnly, .foreign, .newer, .unusable, .removed]
    for kind in kinds {
      var loss = JournalLoss(kind: kind, path: "/x/journal.sqlite", detail: "the file is gone")
      #expect(loss.sentence.contains("nothing is acknowledged") && loss.sentence.contains("alarms go out"), "\(kind)")
      #expect(loss.sentence.contains("estart") || loss.sentence.contains("restart"), "\(kind)")
      (loss.isDurable, loss.emergencyPath) = (true, "/x/journal.emergency-1.sqlite")
      #expect(loss.sentence.contains("stored in /x/journal.emergency-1.sqlite"), "\(kind)")
    }
  }
}
