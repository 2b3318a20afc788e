// Worlds beside each other are the worlds that they are alone, and come in their order.

import HubRuntime
import Testing
import VitalSigns

@testable import Simulation

@Suite(.serialized) struct JobsTests {
  private struct Failure: Error, Equatable { var number: Int }

  @Test("What was done comes in its order, however long each piece takes", arguments: [1, 2, 5, 64]) func order(threads: Int) throws {
    var taken: [Int] = []
    try SimulationJobs(threads: threads).run(
      40,
      { number in
        // Early pieces take longest.
        var random = SeededRandom(seed: UInt64(number))
        for _ in 0..<(40 - number) * 1_000 { _ = random.next() }
        return number
      }
    ) { taken.append($0) }
    #expect(taken == Array(0..<40))
  }

  @Test("Nothing to do is done at once", arguments: [1, 3]) func nothing(threads: Int) throws {
    try SimulationJobs(threads: threads).run(0, { $0 }) { _ in Issue.record("there is nothing") }
  }

  @Test("The first failure ends it, after what came before it", arguments: [1, 2, 5]) func failure(threads: Int) {
    var taken: [Int] = []
    #expect(throws: Failure(number: 7)) {
      try SimulationJobs(threads: threads).run(
        40,
        { number in
          if number >= 7 { throw Failure(number: number) }
          return number
        }
      ) { taken.append($0) }
    }
    #expect(taken == Array(0..<7))
  }

  @Test("A world beside others is the world that it is alone") func worlds() throws {
    func hashes(_ threads: Int) throws -> [UInt64] {
      var hashes: [UInt64] = []
      try SimulationJobs(threads: threads).run(6, { try world(UInt64(300 + $0), minutes: 5) }) { hashes.append($0.traceHash) }
      return hashes
    }
    let alone = try hashes(1)
    #expect(try hashes(3) == alone)
    #expect(Set(alone).count == 6)
  }
}
