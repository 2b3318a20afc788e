// What the core thread tells the rest of the process about itself: plain atomics, written by the core thread alone, so
// that looking never disturbs it.

package import Synchronization

/// Counters and times of the core thread. Read from any thread; each value by itself is exact, together they may be
/// from neighbouring moments.
package final class CoreVitals: Sendable {
  /// The hub's timeline at the end of the core's last turn, nanoseconds. It stops when the core stands still.
  package let lastTurn = Atomic<Int64>(0)
  /// Turns of the loop since start.
  package let turns = Atomic<UInt64>(0)
  package let processed = Atomic<UInt64>(0)
  package let observations = Atomic<UInt64>(0)
  package let lastSequence = Atomic<UInt64>(0)
  /// Open alerts, with suspicions.
  package let openAlerts = Atomic<Int>(0)
  package let late = Atomic<UInt64>(0)
  /// Local time minus UTC as the core knows it, seconds.
  package let utcOffsetSeconds = Atomic<Int32>(0)
  /// Alert changes that found their holder's share of the alarm ring full. They are told through the outbox only. 0 except in a
  /// flood.
  package let alarmsUndispatched = Atomic<UInt64>(0)
  /// The sequence that the newest snapshot covers; published after its bytes.
  let snapshotSequence = Atomic<UInt64>(0)
  let snapshotWanted = Atomic<Bool>(false)
  /// Whether the way to the disk is full. The core then turns, and decides nothing until the writer takes something.
  package let waitsForDisk = Atomic<Bool>(false)
  package let stopWanted = Atomic<Bool>(false)
  package let stopped = Atomic<Bool>(false)
  /// 0 ordinary, 1 SCHED_FIFO.
  package let isRealtime = Atomic<Bool>(false)
  package let memoryLocked = Atomic<Bool>(false)
  /// Times from an entry's stamp, when its bytes came in, to the core's decision.
  package let decisions = DecisionTimes()
}
