// The durable watermark: who waits is woken by the commit that covers it, and by no other.

import Foundation
import Synchronization
import Testing

@testable import HubCore
@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct DurableSequenceTests {
  /// A watermark, and a way to learn that somebody has begun to wait.
  private final class Watched: Sendable {
    let durable: DurableSequence
    let requests: AsyncStream<Void>

    init(startingAt sequence: UInt64) {
      let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
      requests = stream
      durable = DurableSequence(startingAt: sequence) { continuation.yield() }
    }

    /// Returns when the next caller waits.
    func somebodyWaits() async { for await _ in requests { return } }
  }

  /// Whether an eventfd was rung since the last look.
  private func isRung(_ wake: Wake) -> Bool {
    var count: UInt64 = 0
    return read(wake.descriptor, &count, 8) == 8
  }

  @Test func whatIsDurableNeedsNoWait() async {
    let watched = Watched(startingAt: 10)
    #expect(await watched.durable.wait(for: 10))
    #expect(await watched.durable.wait(for: 0))
    #expect(watched.durable.sequence == 10)
  }

  @Test func aWaitAsksForACommitAndEndsWithIt() async {
    let watched = Watched(startingAt: 0)
    async let first = watched.durable.wait(for: 1)
    await watched.somebodyWaits()
    async let third = watched.durable.wait(for: 3)
    await watched.somebodyWaits()
    watched.durable.advance(to: 2)
    #expect(await first)
    watched.durable.advance(to: 3)
    #expect(await third)
    #expect(watched.durable.sequence == 3)
  }

  @Test func closingAnswersFalseToThoseWhoWaitAndThoseWhoCome() async {
    let watched = Watched(startingAt: 5)
    async let waiting = watched.durable.wait(for: 6)
    await watched.somebodyWaits()
    watched.durable.close()
    #expect(await !waiting)
    #expect(await !watched.durable.wait(for: 7))
    #expect(await watched.durable.wait(for: 5), "what is durable stays durable")
  }

  @Test func whoeverHasWaitedLongEnoughIsToldAndTheOthersWaitOn() async {
    let watched = Watched(startingAt: 0)
    async let patient = watched.durable.wait(for: 1)
    await watched.somebodyWaits()
    #expect(await watched.durable.wait(for: 1, within: .milliseconds(1)) == .late)
    watched.durable.advance(to: 1)
    #expect(await patient)
    #expect(await watched.durable.wait(for: 1, within: .milliseconds(1)) == .durable)
    watched.durable.close()
    #expect(await watched.durable.wait(for: 2, within: .seconds(60)) == .closed)
  }

  /// The limit may be over before the wait has begun: on a machine that slept, or whose threads stood still.
  @Test func aLimitThatIsOverAtOnceIsNeverMissed() async {
    let watched = Watched(startingAt: 0)
    let answers = await withTaskGroup(of: DurableSequence.Waited.self) { group in
      for _ in 0..<500 { group.addTask { await watched.durable.wait(for: 1, within: .zero) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count == 500 && answers.allSatisfy { $0 == .late })
  }

  @Test func tooManyWhoWaitHearSoAtOnce() async {
    let watched = Watched(startingAt: 0)
    let answers = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<DurableSequence.waitersMax { group.addTask { await watched.durable.wait(for: 1) } }
      for _ in 0..<DurableSequence.waitersMax { await watched.somebodyWaits() }
      let oneMore = await watched.durable.wait(for: 1)
      watched.durable.advance(to: 1)
      return await group.reduce(into: [oneMore]) { $0.append($1) }
    }
    #expect(answers.first == false)
    #expect(answers.dropFirst().count == DurableSequence.waitersMax)
    #expect(answers.dropFirst().allSatisfy { $0 })
  }

  @Test func aRegisteredDescriptorIsRungByEachCommitAndNeverAfterUnregister() throws {
    let durable = DurableSequence(startingAt: 0) {}
    let wake = try Wake()
    durable.register(wakeDescriptor: wake.descriptor)
    #expect(!isRung(wake))
    durable.advance(to: 1)
    #expect(isRung(wake))
    #expect(!isRung(wake))
    durable.advance(to: 2)
    #expect(isRung(wake))
    durable.unregister(wakeDescriptor: wake.descriptor)
    durable.advance(to: 3)
    #expect(!isRung(wake))
    #expect(durable.sequence == 3)
  }

  @Test func aLinkMayAskForACommit() {
    let asked = Atomic<Int>(0)
    let durable = DurableSequence(startingAt: 0) { asked.wrappingAdd(1, ordering: .relaxed) }
    durable.requestCommit()
    #expect(asked.load(ordering: .relaxed) == 1)
  }
}
