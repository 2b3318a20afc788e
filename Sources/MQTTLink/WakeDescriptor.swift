// One eventfd: how other threads wake the link's `poll`. Adding to it is async-signal-safe, needs no lock and never blocks.

import CMosquitto
import Glibc

/// Thread-safe: the kernel serialises; the number never changes while the object lives.
final class WakeDescriptor: Sendable {
  let descriptor: Int32

  /// Nil when the process has no descriptors left.
  init?() {
    descriptor = cmosquitto_eventfd_open()
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  func wake() { cmosquitto_eventfd_add(descriptor) }

  func clear() { cmosquitto_eventfd_clear(descriptor) }
}
