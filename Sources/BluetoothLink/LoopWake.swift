// The link's clock and doorbell: CLOCK_MONOTONIC for time-outs, never stored; one eventfd that other threads ring.

import CLinux
// Compiled as one module, C's timespec is taken from whichever C module was read first.
import CSystemd
import Glibc
import VitalSigns

enum LoopClock {
  static func now() -> MonotonicInstant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicInstant(rawValue: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  static func wall() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(rawValue: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// Thread-safe: the kernel serialises; the number never changes while the object lives.
final class LoopWake: Sendable {
  let descriptor: Int32

  /// Nil when the process has no descriptors left.
  init?() {
    descriptor = clinux_eventfd()
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  func ring() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}
