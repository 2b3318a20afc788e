// Work that may take only so long: its answer in time, nothing when it is over, and no task that is left behind.

import Synchronization
import Testing

@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct TimeLimitTests {
  @Test func workInTimeGivesItsAnswer() async {
    #expect(await within(.seconds(60)) { 7 } == 7)
    let none: Int?? = await within(.seconds(60)) { nil as Int? }
    #expect(none == .some(nil), "an answer of nil is an answer")
  }

  @Test func workThatIsOverItsTimeIsCancelledAndAwaited() async {
    let hasEnded = Atomic(false)
    let answer = await within(.milliseconds(1)) {
      // Ends when it is cancelled, and not before.
      try? await Task.sleep(for: .seconds(3_600))
      hasEnded.store(Task.isCancelled, ordering: .sequentiallyConsistent)
      return 7
    }
    #expect(answer == nil)
    let isOver = hasEnded.load(ordering: .sequentiallyConsistent)
    #expect(isOver)
  }
}
