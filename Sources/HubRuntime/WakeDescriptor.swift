// One eventfd, by which other threads wake a thread that polls. The eventfd is a counter in the kernel, so a wake-up between the
// check and the wait is never lost. Adding to it is async-signal-safe, needs no lock and never blocks.

import CLinux
import Foundation

/// A doorbell. `ring` from any thread; `clear` from the owner alone. The kernel serialises both, and the descriptor's number never
/// changes while the object lives.
package final class WakeDescriptor: Sendable {
  /// The number that the owner polls, and that a library may ring while the object lives.
  package let descriptor: Int32

  /// - Throws: when the process has no descriptors left.
  package init() throws(DescriptorShortage) {
    descriptor = clinux_eventfd()
    if descriptor < 0 { throw DescriptorShortage(errno: errno) }
  }

  deinit { close(descriptor) }

  /// Wakes the owner. A full counter (EAGAIN) means that it is already awake.
  package func ring() { Self.ring(descriptor) }

  /// Rings any eventfd.
  package static func ring(_ descriptor: Int32) {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Blocks until rung, or for so many milliseconds of the machine's own clock, which nobody can set: a wait by the wall clock would last
  /// a day when that is set back by a day. True: rung. The owner alone.
  package func wait(milliseconds: Int) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, Int32(clamping: milliseconds)) > 0
  }

  /// Forgets all rings so far.
  package func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}

/// The process may open no further descriptor. Trying again helps only when others are closed.
public struct DescriptorShortage: Error, Sendable, CustomStringConvertible {
  /// As the kernel said it: EMFILE, ENFILE or ENOMEM.
  public let errno: Int32

  public init(errno: Int32) { self.errno = errno }

  public var description: String { "no file descriptors left (errno \(errno)); raise LimitNOFILE in the unit, or stop what leaks them" }
}
