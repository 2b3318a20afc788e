// When a bluetoothd counts as hung: asked twenty seconds after each answer, silent after one question without any.

import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct ServiceWatchTests {
  private static let start = Fixture.seconds(1000)

  /// One that is there since `start` and has answered once.
  private static func answering() -> ServiceWatch {
    var watch = ServiceWatch()
    watch.service(isPresent: true, at: start)
    #expect(watch.askIfDue(at: start) == true, "one that comes is asked at once")
    watch.answered(true, at: start)
    return watch
  }

  @Test func asksTwentySecondsAfterEachAnswer() {
    var watch = Self.answering()
    for round: UInt32 in 1...3 {
      let due = Self.start.adding(seconds: 20 * round)
      #expect(watch.deadline == due)
      let asks = [due.adding(nanoseconds: -1), due, due.adding(seconds: 60)].map { watch.askIfDue(at: $0) }
      #expect(asks == [false, true, false], "one question at a time")
      #expect(watch.deadline == .never && !watch.isSilent)
      watch.answered(true, at: due)
    }
  }

  @Test func oneUnansweredQuestionIsSilenceUntilTheNextAnswer() {
    var watch = Self.answering()
    let asked = Self.start.adding(seconds: 20)
    #expect(watch.askIfDue(at: asked) == true)
    let given = asked.adding(ServiceWatch.answerWithin)
    watch.answered(false, at: given)
    #expect(watch.isSilent && watch.deadline == given.adding(seconds: 5))
    #expect(watch.askIfDue(at: given.adding(seconds: 5)) == true)
    #expect(watch.isSilent, "asked is not answered")
    watch.answered(true, at: given.adding(seconds: 6))
    #expect(!watch.isSilent && watch.deadline == given.adding(seconds: 26))
  }

  @Test func oneThatIsGoneIsNotAskedAndNotSilent() {
    var watch = ServiceWatch()
    #expect(watch.deadline == .never && !watch.isSilent)
    #expect(watch.askIfDue(at: Self.start) == false)
    watch = Self.answering()
    let asked = Self.start.adding(seconds: 20)
    #expect(watch.askIfDue(at: asked) == true)
    watch.service(isPresent: false, at: asked)
    watch.answered(false, at: asked)
    #expect(!watch.isSilent && watch.deadline == .never)
    // Its successor is asked at once, whatever became of the question before.
    watch.service(isPresent: true, at: asked.adding(seconds: 1))
    #expect(watch.askIfDue(at: asked.adding(seconds: 1)) == true)
  }
}
