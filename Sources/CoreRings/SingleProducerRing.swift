// A bounded queue from one thread to one other: the core's thread to the journal's writer, and to dispatch. Each side
// owns its index and reads the other's; neither ever waits.
//
// Bound: `capacity`. Overflow policy: `push` says false and the producer decides (the core's thread keeps the entry and
// stops popping the intake, so that the intake's own policy applies).

public import Synchronization

/// A bounded queue, one producer and one consumer. Lock-free; realtime-safe after `init`.
// @unchecked: `storage` is shared by exactly two threads, and the release/acquire pairs on `tail` and `head` hand each
// cell over; that there are only two is the owner's duty.
public final class SingleProducerRing<Element: Sendable & BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline package let storage: UnsafeMutablePointer<Element>
  @usableFromInline package let mask: Int
  @usableFromInline package let tail = Atomic<Int>(0)
  @usableFromInline package let padding = InlineArray<15, Int>(repeating: 0)
  @usableFromInline package let head = Atomic<Int>(0)

  /// - Parameter capacity: a power of two.
  public init(capacity: Int) {
    precondition(capacity >= 2 && capacity & (capacity - 1) == 0, "a ring's capacity is a power of two")
    storage = StartupMemory.allocate(Element.self, count: capacity)
    mask = capacity - 1
  }

  deinit { storage.deallocate() }

  @inlinable public var capacity: Int { mask + 1 }
  /// Elements that wait. Any thread; may be old when you read it.
  @inlinable public var depth: Int { max(0, tail.load(ordering: .acquiring) - head.load(ordering: .acquiring)) }

  /// Free places as the producer may count on them: more may appear, none vanish. Producer's thread only.
  @inlinable public var room: Int { mask + 1 - (tail.load(ordering: .relaxed) - head.load(ordering: .acquiring)) }

  /// Queues one element; false when the ring is full. Producer's thread only. Realtime-safe.
  @inlinable public func push(_ element: Element) -> Bool {
    let position = tail.load(ordering: .relaxed)
    guard position - head.load(ordering: .acquiring) <= mask else { return false }
    (storage + (position & mask)).initialize(to: element)
    tail.store(position + 1, ordering: .releasing)
    return true
  }

  /// Takes the oldest element; nil when empty. Consumer's thread only. Realtime-safe.
  @inlinable public func pop() -> Element? {
    let position = head.load(ordering: .relaxed)
    guard position < tail.load(ordering: .acquiring) else { return nil }
    let element = (storage + (position & mask)).pointee
    head.store(position + 1, ordering: .releasing)
    return element
  }
}
