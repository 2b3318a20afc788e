// The machine's clocks: what they are for, and one way to read each.

import Foundation
public import VitalSigns

/// Namespace of the readings. Any thread; realtime-safe: the kernel answers without a system call.
public enum SystemClock {
  /// CLOCK_REALTIME: what people read. Somebody can set this clock, so it never schedules anything.
  public static func wall() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(rawValue: Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000)
  }

  /// CLOCK_BOOTTIME, nanoseconds. It counts through suspend. The hub's timeline is made from it.
  public static func boottime() -> Int64 { nanoseconds(CLOCK_BOOTTIME) }

  /// CLOCK_MONOTONIC: for time-outs within one process, never stored.
  public static func monotonic() -> MonotonicInstant { MonotonicInstant(rawValue: nanoseconds(CLOCK_MONOTONIC)) }

  /// Milliseconds for `poll`, rounded up so that the deadline is past when it returns; −1 for `.never`.
  ///
  /// - Parameter deadline: on `monotonic()`.
  public static func pollTimeout(until deadline: MonotonicInstant) -> Int32 {
    guard deadline < .never else { return -1 }
    let left = deadline.rawValue - monotonic().rawValue
    return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
  }

  private static func nanoseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// What the machine's clocks say, and which boot they belong to.
package struct ClockReading: Sendable {
  /// The kernel's boot id: the same for every run within one boot.
  package var bootID: String
  package var boottime: Int64
  package var wall: WallTime

  package init(bootID: String, boottime: Int64, wall: WallTime) {
    self.bootID = bootID
    self.boottime = boottime
    self.wall = wall
  }

  package static func current() -> ClockReading {
    let path = "/proc/sys/kernel/random/boot_id"
    // Without a boot id every run counts as a new boot. The wall clock then bridges the gap, as after a power cut.
    let bootID = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    return ClockReading(bootID: bootID ?? UUID().uuidString, boottime: SystemClock.boottime(), wall: SystemClock.wall())
  }
}
