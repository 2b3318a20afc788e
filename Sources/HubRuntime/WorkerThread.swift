// A thread of the hub's own: with a name that `top -H` shows, and an end that can be awaited without asking again and again.

import CLinux
import Foundation
import Synchronization

/// One thread. Any thread may wait for its end; `start` once.
package final class WorkerThread: Sendable {
  private struct State {
    var hasEnded = false
    var next: UInt64 = 0
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    /// Waits that were cancelled before they began.
    var cancelled: Set<UInt64> = []
  }
  private let state = Mutex(State())
  private let name: String
  private let stackBytes: Int

  /// - Parameters:
  ///   - name: at most 15 bytes, which is what Linux keeps.
  ///   - stackBytes: for the thread's stack.
  package init(name: String, stackBytes: Int = 512 << 10) {
    self.name = name
    self.stackBytes = stackBytes
  }

  package func start(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread { [self] in
      clinux_thread_name(name)
      body()
      end()
    }
    thread.stackSize = stackBytes
    thread.start()
  }

  package var hasEnded: Bool { state.withLock { $0.hasEnded } }

  /// Waits for the end. Returns earlier when the task is cancelled.
  package func ended() async {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.cancelled.remove(number) != nil || state.hasEnded { return true }
          state.waiters[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        if let waiter = state.waiters.removeValue(forKey: number) { return Optional(waiter) }
        if !state.hasEnded { state.cancelled.insert(number) }
        return nil
      }
      waiter?.resume()
    }
  }

  /// Waits for the end, and no longer than `limit`. Gives whether the thread has ended.
  @discardableResult package func ended(within limit: Duration) async -> Bool {
    _ = await within(limit) { await self.ended() }
    return hasEnded
  }

  private func end() {
    let waiters = state.withLock { state in
      state.hasEnded = true
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }
}
