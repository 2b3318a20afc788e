// The link's own clock: CLOCK_MONOTONIC, for back-off, holds and time-outs. Not the hub's timeline: nothing of it is
// stored or leaves the module.

import Glibc
import VitalSigns

enum LinkClock {
  typealias Instant = MonotonicInstant

  static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(rawValue: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Milliseconds for `poll`, rounded up so that the deadline is past when it returns; −1 for `.never`.
  static func pollTimeout(until deadline: Instant) -> Int32 {
    guard deadline < .never else { return -1 }
    let left = deadline.rawValue - now().rawValue
    return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
  }
}
