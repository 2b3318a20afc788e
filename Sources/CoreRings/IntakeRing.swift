// The intake of the core: every link, the local API and the clock push here, the core's thread pops. The order of the
// sequence numbers is the hub's one total order. Nothing here waits: the
// core's thread blocks on an eventfd that is signalled after each push.

public import VitalSigns

/// A bounded queue of intake entries, many producers and one consumer. Lock-free; realtime-safe after `init`.
public final class IntakeRing: Sendable {
  private let cells: RingCells

  /// - Parameters:
  ///   - capacity: a power of two. What does not fit is refused, see `push(_:)`.
  ///   - reserve: how many cells only alarms (SOS, falls, commands, hub conditions) and the end of an absence may use.
  ///   - firstSequence: the number of the first entry: one more than the journal's last.
  public init(capacity: Int, reserve: Int, firstSequence: UInt64) {
    cells = RingCells(capacity: capacity, reserve: reserve, firstSequence: firstSequence)
  }

  /// Entries that wait, those in the middle of being pushed included. A snapshot: it may be old when you read it.
  public var depth: Int { cells.depth }
  public var capacity: Int { cells.capacity }

  /// Queues `entry` and gives its sequence number: gap-free over all producers, in the order in which the core will see them.
  ///
  /// Nil when the ring is full, or when only the reserve is left and the entry may not use it; no number is used up then.
  /// Any thread. Signal the consumer after it.
  @_noLocks public func push(_ entry: IntakeEntry) -> UInt64? { cells.push(entry) }

  /// Takes the oldest entry. False when none is ready. One consumer thread only.
  @_noLocks public func pop(into entry: inout IntakeEntry) -> Bool { cells.pop(into: &entry) }
}
