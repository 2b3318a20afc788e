// The bounded many-producer, one-consumer queue under `IntakeRing`, after Dmitry Vyukov's bounded queue: each cell carries
// a turn number, so that a producer claims a position with one compare-and-swap and publishes it with one store, and a
// refused push claims nothing. A plain struct, so that the Embedded check can compile it.
//
// Bound: `capacity` cells, of which `reserve` are for alarms. Overflow policy: a push is refused and the producer keeps
// what it has (a link then stops reading, and its device or broker holds the message).

import Synchronization
import VitalSigns

/// Cells and positions. Realtime-safe on both sides: no lock, no allocation after `init`.
// @unchecked: the cells are handed from thread to thread by the release/acquire pairs on their turns; `pop` is one thread's.
struct RingCells: ~Copyable, @unchecked Sendable {
  /// Turn of cell i: == position → free for that position; == position + 1 → holds its entry.
  private let turns: UnsafeMutablePointer<Atomic<Int>>
  private let entries: UnsafeMutablePointer<IntakeEntry>
  private let mask: Int
  private let reserve: Int
  private let firstSequence: UInt64
  // Producers contend for `tail`, the consumer writes `head`. They lie two cache lines apart, because processors fetch lines in pairs.
  private let tail = Atomic<Int>(0)
  private let padding = InlineArray<15, Int>(repeating: 0)
  private let head = Atomic<Int>(0)

  init(capacity: Int, reserve: Int, firstSequence: UInt64) {
    precondition(capacity >= 2 && capacity & (capacity - 1) == 0, "a ring's capacity is a power of two")
    precondition(reserve >= 0 && reserve < capacity, "the reserve for alarms is part of the ring")
    turns = StartupMemory.allocate(Atomic<Int>.self, count: capacity)
    entries = StartupMemory.allocate(IntakeEntry.self, count: capacity)
    for index in 0..<capacity { (turns + index).initialize(to: Atomic<Int>(index)) }
    mask = capacity - 1
    self.reserve = reserve
    self.firstSequence = firstSequence
  }

  deinit {
    turns.deinitialize(count: mask + 1)
    turns.deallocate()
    entries.deallocate()
  }

  var depth: Int { @_noLocks get { max(0, tail.load(ordering: .acquiring) - head.load(ordering: .acquiring)) } }
  var capacity: Int { mask + 1 }

  /// Any thread. Gives the sequence number, or nil when there is no room for an entry of this kind.
  @_noLocks func push(_ entry: IntakeEntry) -> UInt64? {
    // What ends an absence keeps calls from being told once for each time that was missed: it belongs to the alarms.
    let room = entry.isAlarm || entry.endsAbsence ? mask + 1 : mask + 1 - reserve
    var position = tail.load(ordering: .relaxed)
    while true {
      // `head` only grows, so an old value errs towards refusing, and only for a moment.
      if position - head.load(ordering: .acquiring) >= room {
        let newest = tail.load(ordering: .relaxed)
        if newest == position { return nil }
        position = newest
        continue
      }
      let turn = (turns + (position & mask)).pointee.load(ordering: .acquiring)
      if turn == position {
        let (claimed, seen) = tail.weakCompareExchange(expected: position, desired: position + 1, ordering: .relaxed)
        if claimed {
          let slot = entries + (position & mask)
          slot.initialize(to: entry)
          let sequence = firstSequence &+ UInt64(position)
          slot.pointee.sequence = sequence
          (turns + (position & mask)).pointee.store(position + 1, ordering: .releasing)
          return sequence
        }
        position = seen
      } else {
        // Another producer took this position (turn is ahead), or the consumer is just leaving the cell.
        position = tail.load(ordering: .relaxed)
      }
    }
  }

  /// The consumer's thread only. False when nothing is published at the head: a producer between claim and publication
  /// counts as "not yet", and signals after its push.
  @_noLocks func pop(into entry: inout IntakeEntry) -> Bool {
    let position = head.load(ordering: .relaxed)
    let index = position & mask
    guard (turns + index).pointee.load(ordering: .acquiring) == position + 1 else { return false }
    entry = (entries + index).pointee
    (turns + index).pointee.store(position + mask + 1, ordering: .releasing)
    head.store(position + 1, ordering: .releasing)
    return true
  }
}
