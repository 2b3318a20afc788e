// Who waits for company is not woken for one thing more, and misses nothing; what cannot wait wakes at once.

import Foundation
import Synchronization
import Testing

@testable import HubCore
@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct WakeTests {
  /// Sleeps on a thread of its own; gives how the sleep ended.
  private final class Sleeper: Sendable {
    let wake: Wake
    private let wakeUps = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    var count: Int { wakeUps.load(ordering: .acquiring) }

    init(company: Int) throws {
      wake = try Wake()
      Thread { [self] in
        while !isOver.load(ordering: .acquiring) {
          wake.wait(until: SystemClock.boottime() + 3_600_000_000_000, company: company)
          wakeUps.wrappingAdd(1, ordering: .releasing)
        }
      }.start()
    }

    func end() {
      isOver.store(true, ordering: .releasing)
      wake.ring()
    }
  }

  @Test func routineThingsWakeNobodyBeforeThereIsCompany() async throws {
    let sleeper = try Sleeper(company: 10)
    defer { sleeper.end() }
    // Until it waits, each thing wakes it: that is the safe side. On a loaded machine it may come to that late; a wrong wake-up would come
    // each time.
    try await eventually("nine things, and it sleeps on") {
      let before = sleeper.count
      for waiting in 1..<10 { sleeper.wake.ring(routine: waiting) }
      try await Task.sleep(for: .milliseconds(100))
      return sleeper.count == before
    }
    let before = sleeper.count
    sleeper.wake.ring(routine: 10)
    try await eventually("ten are company") { sleeper.count > before }
  }

  @Test func whatCannotWaitWakesAtOnce() async throws {
    let sleeper = try Sleeper(company: 1_000)
    defer { sleeper.end() }
    try await Task.sleep(for: .milliseconds(50))
    let before = sleeper.count
    sleeper.wake.ring()
    try await eventually("woken") { sleeper.count > before }
  }
}
