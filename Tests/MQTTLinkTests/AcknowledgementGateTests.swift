// When the link may write and read, in milliseconds of a virtual clock: hold 20, stall 1000.

import Testing
import VitalSigns

@testable import MQTTLink

@Suite struct AcknowledgementGateTests {
  static func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: 5_000_000_000 + milliseconds * 1_000_000) }
  static func gate() -> AcknowledgementGate { AcknowledgementGate(hold: .milliseconds(20), stall: .seconds(1), window: 10) }

  @Test func openWhenNothingIsOwed() {
    var gate = Self.gate()
    let decision = gate.decide(watermark: 0, framesWait: false, at: Self.at(0))
    #expect(decision == .init(mayWrite: true, mayRead: true, asksForCommit: false, again: .never))
  }

  @Test func shutUntilTheWatermarkReachesTheHighestSequence() {
    var gate = Self.gate()
    gate.took(qos: 1, sequence: 7, at: Self.at(0))
    gate.took(qos: 1, sequence: 9, at: Self.at(0))
    gate.took(qos: 1, sequence: 8, at: Self.at(0))
    #expect(gate.decide(watermark: 8, framesWait: false, at: Self.at(0)).mayWrite == false)
    #expect(gate.decide(watermark: 9, framesWait: false, at: Self.at(1)).mayWrite == true)
    #expect(gate.owed == 3)
    gate.wrote()
    #expect(gate.owed == 0)
  }

  @Test func readsDuringTheHoldThenStopsThenReadsAgainWhenTheStoreFails() {
    var gate = Self.gate()
    _ = gate.decide(watermark: 100, framesWait: false, at: Self.at(0))
    gate.took(qos: 1, sequence: 101, at: Self.at(0))
    #expect(
      gate.decide(watermark: 100, framesWait: false, at: Self.at(0))
        == .init(mayWrite: false, mayRead: true, asksForCommit: false, again: Self.at(20)))
    #expect(gate.decide(watermark: 100, framesWait: false, at: Self.at(19)).mayRead == true)
    #expect(
      gate.decide(watermark: 100, framesWait: false, at: Self.at(20))
        == .init(mayWrite: false, mayRead: false, asksForCommit: true, again: Self.at(1_000)))
    let again = gate.decide(watermark: 100, framesWait: false, at: Self.at(999))
    #expect(!again.mayRead && !again.asksForCommit, "asked once is enough")
    #expect(!gate.storeStalls(at: Self.at(999)))
    #expect(
      gate.decide(watermark: 100, framesWait: false, at: Self.at(1_000))
        == .init(mayWrite: false, mayRead: true, asksForCommit: false, again: .never))
    #expect(gate.storeStalls(at: Self.at(1_000)))
  }

  @Test func aWatermarkThatMovesIsNotAFailingStore() {
    var gate = Self.gate()
    gate.took(qos: 1, sequence: 50, at: Self.at(0))
    for step in Int64(0)...50 {
      // Slow, but it moves: wait for it, or no acknowledgement would ever leave.
      let decision = gate.decide(watermark: UInt64(step), framesWait: false, at: Self.at(step * 900))
      #expect(decision.mayRead == (step == 0 || step == 50))
      #expect(decision.mayWrite == (step == 50))
      #expect(!gate.storeStalls(at: Self.at(step * 900)))
    }
  }

  @Test func theHoldStartsAgainAfterEachOpening() {
    var gate = Self.gate()
    gate.took(qos: 1, sequence: 1, at: Self.at(0))
    _ = gate.decide(watermark: 0, framesWait: false, at: Self.at(0))
    _ = gate.decide(watermark: 1, framesWait: false, at: Self.at(15))
    gate.took(qos: 1, sequence: 2, at: Self.at(30))
    #expect(gate.decide(watermark: 1, framesWait: false, at: Self.at(30)).again == Self.at(50))
  }

  @Test func asksForACommitWhenHalfTheWindowIsOwed() {
    var gate = Self.gate()
    for sequence in UInt64(1)...4 { gate.took(qos: 1, sequence: sequence, at: Self.at(0)) }
    #expect(!gate.decide(watermark: 0, framesWait: false, at: Self.at(0)).asksForCommit)
    gate.took(qos: 1, sequence: 5, at: Self.at(1))
    #expect(gate.decide(watermark: 0, framesWait: false, at: Self.at(1)).asksForCommit)
    #expect(!gate.decide(watermark: 0, framesWait: false, at: Self.at(2)).asksForCommit)
  }

  @Test func framesThatWaitShutItWhateverTheWatermark() {
    var gate = Self.gate()
    let decision = gate.decide(watermark: 1_000, framesWait: true, at: Self.at(0))
    #expect(decision == .init(mayWrite: false, mayRead: false, asksForCommit: false, again: .never))
    #expect(!gate.decide(watermark: 1_000, framesWait: true, at: Self.at(5_000)).mayRead, "never past a frame that nobody took")
  }

  @Test func qos0IsOwedNothingAndIgnoredFramesWaitForNothing() {
    var gate = Self.gate()
    gate.took(qos: 0, sequence: 99, at: Self.at(0))
    #expect(gate.owed == 0)
    gate.took(qos: 1, sequence: nil, at: Self.at(0))
    #expect(gate.owed == 1)
    #expect(gate.decide(watermark: 0, framesWait: false, at: Self.at(0)).mayWrite)
  }

  static func patient() -> AcknowledgementGate { AcknowledgementGate(hold: .milliseconds(100), stall: .seconds(1), window: 500) }

  @Test func asksWhenNothingMoreComes() {
    var gate = Self.patient()
    gate.took(qos: 1, sequence: 1, at: Self.at(0))
    let first = gate.decide(watermark: 0, framesWait: false, at: Self.at(0))
    #expect(first == .init(mayWrite: false, mayRead: true, asksForCommit: false, again: Self.at(20)))
    gate.took(qos: 1, sequence: 2, at: Self.at(15))
    #expect(gate.decide(watermark: 0, framesWait: false, at: Self.at(15)).again == Self.at(35), "another came: it may have company, too")
    #expect(!gate.decide(watermark: 0, framesWait: false, at: Self.at(34)).asksForCommit)
    let quiet = gate.decide(watermark: 0, framesWait: false, at: Self.at(35))
    #expect(quiet == .init(mayWrite: false, mayRead: true, asksForCommit: true, again: Self.at(100)), "a full window looks like this")
  }

  @Test func aSteadyFlowIsOneCommitForTheWholeHold() {
    var gate = Self.patient()
    var asked: [Int64] = []
    for millisecond in stride(from: Int64(0), through: 100, by: 5) {
      if millisecond < 100 { gate.took(qos: 1, sequence: UInt64(millisecond / 5 + 1), at: Self.at(millisecond)) }
      if gate.decide(watermark: 0, framesWait: false, at: Self.at(millisecond)).asksForCommit { asked.append(millisecond) }
    }
    #expect(asked == [100])
  }

  @Test func aCommitThatCameServesWhatWasOwedBefore() {
    var gate = Self.patient()
    for sequence in UInt64(1)...250 { gate.took(qos: 1, sequence: sequence, at: Self.at(0)) }
    #expect(gate.decide(watermark: 0, framesWait: false, at: Self.at(0)).asksForCommit)
    for sequence in UInt64(251)...499 { gate.took(qos: 1, sequence: sequence, at: Self.at(2)) }
    #expect(!gate.decide(watermark: 250, framesWait: false, at: Self.at(2)).asksForCommit, "not at once again: few have come since")
    for sequence in UInt64(500)...748 { gate.took(qos: 1, sequence: sequence, at: Self.at(3)) }
    #expect(!gate.decide(watermark: 250, framesWait: false, at: Self.at(3)).asksForCommit)
    gate.took(qos: 1, sequence: 749, at: Self.at(4))
    #expect(gate.decide(watermark: 250, framesWait: false, at: Self.at(4)).asksForCommit, "half a window has come since")
  }

  @Test func asksAgainAfterEachCommitOnceReadingHasStopped() {
    var gate = Self.patient()
    gate.took(qos: 1, sequence: 9, at: Self.at(0))
    _ = gate.decide(watermark: 0, framesWait: false, at: Self.at(0))
    #expect(gate.decide(watermark: 0, framesWait: false, at: Self.at(100)).asksForCommit)
    let behind = gate.decide(watermark: 8, framesWait: false, at: Self.at(103))
    #expect(behind.asksForCommit && !behind.mayRead, "the last of them missed that commit")
  }
}
