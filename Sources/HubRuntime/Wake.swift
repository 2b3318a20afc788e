// How one thread waits for others and for its own deadlines: a doorbell, and a timerfd beside it with the clock's own precision.

import CLinux
import Foundation
import Synchronization

/// A thread's alarm clock and doorbell. `ring` from any thread; `wait` from the owner alone.
package final class Wake: Sendable {
  private let doorbell: WakeDescriptor
  private let timer: Int32
  /// How many things must wait before a routine one wakes the owner, who waits for company. 0: each thing wakes the owner.
  private let company = Atomic<Int>(0)

  /// What other threads and libraries may ring by number while the object lives.
  package var descriptor: Int32 { doorbell.descriptor }

  /// - Throws: when the process has no descriptors left.
  package init() throws(DescriptorShortage) {
    doorbell = try WakeDescriptor()
    timer = clinux_timerfd()
    if timer < 0 { throw DescriptorShortage(errno: errno) }
  }

  deinit { if timer >= 0 { close(timer) } }

  /// Wakes the owner.
  package func ring() { doorbell.ring() }

  /// Something routine was left for the owner; `waiting` things wait in all. Wakes the owner, unless it waits for more company than
  /// that: then it comes by itself at the end of its wait. Realtime-safe.
  package func ring(routine waiting: Int) {
    // What was left must be visible before `company` is read. Otherwise the owner could miss what was left, and nobody would wake
    // it.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if waiting >= company.load(ordering: .relaxed) { ring() }
  }

  /// Blocks as `wait(until:)`, but a routine thing wakes the owner only when `wanted` of them wait. The owner looks at what was
  /// left after this returns.
  package func wait(until deadline: Int64, company wanted: Int) {
    company.store(wanted, ordering: .sequentiallyConsistent)
    wait(until: deadline)
    company.store(0, ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Blocks until rung, or until CLOCK_BOOTTIME reaches `deadline` (nanoseconds; nil: for ever).
  package func wait(until deadline: Int64?) {
    // A deadline at or before 0 would disarm the timer, so the timer is set to ring at once.
    _ = clinux_timerfd_set(timer, deadline.map { max($0, 1) } ?? 0)
    // A tuple lies on the stack: the realtime thread waits here, and allocates nothing. Its two members lie one after the other.
    var entries = (
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: timer, events: Int16(POLLIN), revents: 0)
    )
    // EINTR comes back as "woken": the owner looks, and waits again.
    _ = withUnsafeMutableBytes(of: &entries) { bytes in
      bytes.withMemoryRebound(to: pollfd.self) { poll($0.baseAddress, 2, -1) }
    }
    doorbell.clear()
    var count: UInt64 = 0
    _ = read(timer, &count, 8)
  }
}
