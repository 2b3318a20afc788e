// Several worlds at the same time, each on a thread of its own. A world shares nothing with another but what never changes (the profiles) and the
// registry of disks, which has a lock; so what comes out is the same as with one thread, and it is given in the same order.

import Foundation
import HubRuntime

/// Numbered pieces of work, and what came of them in their order.
package struct SimulationJobs: Sendable {
  /// Threads. At least 1.
  package var threads: Int

  package init(threads: Int) { self.threads = max(1, threads) }

  /// What the main thread and the workers tell each other.
  ///
  /// @unchecked Sendable: every variable is touched with the condition locked.
  private final class Board<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private var next = 0
    private var done: [Int: Result<Value, any Error>] = [:]

    init(count: Int) { self.count = count }

    /// The next piece of work; nil: there is none left.
    func take() -> Int? {
      condition.withLock {
        if next >= count { return nil }
        defer { next += 1 }
        return next
      }
    }

    func put(_ result: Result<Value, any Error>, of number: Int) {
      condition.withLock {
        done[number] = result
        // What comes after a failure is of no use.
        if case .failure = result { next = count }
        condition.broadcast()
      }
    }

    /// Waits for one result.
    func wait(for number: Int) -> Result<Value, any Error> {
      condition.withLock {
        while true {
          if let result = done.removeValue(forKey: number) { return result }
          condition.wait()
        }
      }
    }
  }

  /// A world is deep: parsers, the compiler of profiles, SQLite.
  private static let stackBytes = 8 << 20

  /// Does `body` for 0, 1, … `count - 1`, and gives each result to `take`, on the calling thread and in this order. Blocks until the last is
  /// taken.
  ///
  /// - Throws: what `body` threw first, in the order of the numbers, or what `take` threw. Work that has begun goes on, for nobody.
  package func run<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value, take: (Value) throws -> Void
  ) throws {
    if threads == 1 {
      for number in 0..<count { try take(try body(number)) }
      return
    }
    let board = Board<Value>(count: count)
    for _ in 0..<min(threads, count) {
      WorkerThread(name: "world", stackBytes: Self.stackBytes).start {
        while let number = board.take() { board.put(Result { try body(number) }, of: number) }
      }
    }
    for number in 0..<count { try take(try board.wait(for: number).get()) }
  }
}
