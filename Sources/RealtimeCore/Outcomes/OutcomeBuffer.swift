// Where the core puts what it decided during one entry or one deadline. Allocated once; the owner drains it after each
// call. Bound: its capacity. Overflow policy: the core stops before the next step that may not fit and says so.

import CoreRings
public import VitalSigns

/// A fixed-capacity list of outcomes. One thread at a time.
public struct OutcomeBuffer: ~Copyable {
  @usableFromInline let storage: UnsafeMutablePointer<Outcome>
  public let capacity: Int
  public private(set) var count = 0

  /// - Parameter capacity: at least twice `RealtimeCore.outcomesPerStepMax`; 256 is comfortable.
  public init(capacity: Int) {
    precondition(capacity >= 2 * RealtimeCore.outcomesPerStepMax, "an outcome buffer holds at least two steps of the core")
    self.capacity = capacity
    storage = StartupMemory.allocate(Outcome.self, count: capacity)
  }

  deinit { storage.deallocate() }

  public var isEmpty: Bool { @_noLocks get { count == 0 } }
  public var remaining: Int { @_noLocks get { capacity - count } }

  /// The outcome at `index`, in the order of decision. Realtime-safe.
  @_noLocks public subscript(index: Int) -> Outcome {
    precondition(index >= 0 && index < count, "outcome index")
    return (storage + index).pointee
  }

  /// Adds one. Full is a programming error: the core asks `remaining` before each step. Realtime-safe.
  @_noLocks public mutating func append(_ outcome: Outcome) {
    precondition(count < capacity, "outcome buffer overflow")
    (storage + count).initialize(to: outcome)
    count += 1
  }

  /// Calls `body` for each outcome in the order of decision.
  @inlinable public func forEach<Failure: Error>(_ body: (Outcome) throws(Failure) -> Void) throws(Failure) {
    var index = 0
    while index < count {
      try body(storage[index])
      index += 1
    }
  }

  /// Forgets all. Realtime-safe.
  @_noLocks public mutating func removeAll() { count = 0 }
}
