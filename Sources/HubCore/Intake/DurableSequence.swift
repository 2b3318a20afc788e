// The highest sequence that is in a committed transaction. Links hold their acknowledgements by it, callers of the local
// API wait for it. Written by the journal writer alone.

import HubRuntime
import Synchronization
import VitalSigns

/// The durable watermark. Any thread; `advance` only from the journal writer.
package final class DurableSequence: DurableWatermark {
  private let committed: Atomic<UInt64>
  /// Up to where those who wait have been answered. It is ahead of `committed` only in an emergency without a disk.
  private let answered: Atomic<UInt64>
  private let state = Mutex(Waiters())
  /// Called when somebody wants a commit sooner than the group window would bring it.
  private let requestCommitNow: @Sendable () -> Void

  private struct Waiters {
    var wakeDescriptors: [Int32] = []
    /// Those who wait, in the order of their arrival; at most `waitersMax`.
    var continuations: [(number: UInt64, sequence: UInt64, continuation: CheckedContinuation<Waited, Never>)] = []
    var next: UInt64 = 0
    var isClosed = false
  }

  /// Requests that wait for one commit. Beyond this a caller hears at once that nothing can be confirmed. Only a disk that stands
  /// still for minutes gathers so many, most of whose callers have long gone.
  static let waitersMax = 4_096

  /// How waiting ended.
  package enum Waited: Sendable, Hashable {
    case durable
    /// The journal closed first, or too many wait: nothing may be confirmed, and nothing will be.
    case closed
    /// The entry is not durable yet. It may still become so.
    case late
  }

  package init(startingAt sequence: UInt64, requestCommitNow: @escaping @Sendable () -> Void) {
    committed = Atomic(sequence)
    answered = Atomic(sequence)
    self.requestCommitNow = requestCommitNow
  }

  package var sequence: UInt64 { committed.load(ordering: .acquiring) }

  package func requestCommit() { requestCommitNow() }

  /// Writes to this eventfd at every advance. The descriptor must outlive the watermark.
  package func register(wakeDescriptor: Int32) {
    state.withLock { $0.wakeDescriptors.append(wakeDescriptor) }
  }

  package func unregister(wakeDescriptor: Int32) {
    state.withLock { $0.wakeDescriptors.removeAll { $0 == wakeDescriptor } }
  }

  /// Publishes a commit and wakes everybody who waited for it.
  ///
  /// - Parameter survives: what was committed is on a disk. Else, in an emergency without one, people who wait are answered, but no
  ///   device and no broker: it keeps what it has.
  package func advance(to sequence: UInt64, survives: Bool = true) {
    if survives { committed.store(sequence, ordering: .releasing) }
    answered.store(sequence, ordering: .releasing)
    let ready = state.withLock { state in
      let ready = state.continuations.filter { $0.sequence <= sequence }
      state.continuations.removeAll { $0.sequence <= sequence }
      // The descriptors are rung under the lock, so that none is rung after `unregister` has returned.
      for descriptor in state.wakeDescriptors { WakeDescriptor.ring(descriptor) }
      return ready
    }
    for waiter in ready { waiter.continuation.resume(returning: .durable) }
  }

  /// Waits until `sequence` is durable. False when the journal closed first, or too many wait: then nothing may be confirmed.
  package func wait(for sequence: UInt64) async -> Bool { await wait(for: sequence, giveUp: nil) == .durable }

  /// The same, and no longer than `limit`: for a person who stands before a screen.
  package func wait(for sequence: UInt64, within limit: Duration) async -> Waited { await wait(for: sequence, giveUp: limit) }

  private func wait(for sequence: UInt64, giveUp limit: Duration?) async -> Waited {
    if answered.load(ordering: .acquiring) >= sequence { return .durable }
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    var clock: Task<Void, Never>?
    let waited = await withCheckedContinuation { continuation in
      let immediate: Waited? = state.withLock { state in
        if answered.load(ordering: .acquiring) >= sequence { return .durable }
        if state.isClosed || state.continuations.count >= Self.waitersMax { return .closed }
        state.continuations.append((number, sequence, continuation))
        return nil
      }
      if let immediate {
        continuation.resume(returning: immediate)
      } else {
        // The clock starts only now, when there is somebody to give up: if this thread stood still before that, the wait would last
        // for ever. The task has no parent, because the wait cannot be cancelled. It has ended before this returns.
        clock = limit.map { limit in
          Task {
            do { try await Task.sleep(for: limit) } catch { return }
            giveUp(number)
          }
        }
        requestCommitNow()
      }
    }
    clock?.cancel()
    await clock?.value
    return waited
  }

  private func giveUp(_ number: UInt64) {
    let late = state.withLock { state in
      let index = state.continuations.firstIndex { $0.number == number }
      return index.map { state.continuations.remove(at: $0) }
    }
    late?.continuation.resume(returning: .late)
  }

  /// No commit will follow. Everybody who still waits hears so.
  package func close() {
    let rest = state.withLock { state in
      state.isClosed = true
      defer { state.continuations = [] }
      return state.continuations
    }
    for waiter in rest { waiter.continuation.resume(returning: .closed) }
  }
}
