// Clocks, and many durations as percentiles. Nanoseconds throughout.

import Glibc
import Histogram

/// The clocks that the rows read. All in nanoseconds.
enum Clock {
  /// CLOCK_MONOTONIC: what everything is timed with.
  static func now() -> UInt64 { read(CLOCK_MONOTONIC) }
  /// What this thread has spent on a processor.
  static func threadCPU() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }
  /// CLOCK_BOOTTIME, as the hub's own timeline counts.
  static func boottime() -> Int64 { Int64(read(CLOCK_BOOTTIME)) }
  static func wallMilliseconds() -> Int64 { Int64(read(CLOCK_REALTIME) / 1_000_000) }

  static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1_000) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// Durations, to three significant digits, up to one minute; longer ones count as a minute.
struct Latencies {
  private static var highest: UInt64 { 60_000_000_000 }
  private var histogram = Histogram<UInt64>(highestTrackableValue: Latencies.highest, numberOfSignificantValueDigits: .three)

  var count: Int { Int(histogram.totalCount) }

  mutating func record(_ nanoseconds: UInt64) { _ = histogram.record(min(nanoseconds, Self.highest)) }

  /// Nanoseconds at a percentile, 0…100.
  func at(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) }

  /// The usual percentiles in microseconds, for a measurement's figures.
  func microseconds(prefix: String) -> [String: Double] {
    var figures: [String: Double] = ["\(prefix) count": Double(count)]
    for (name, percentile) in [("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100)] {
      figures["\(prefix) \(name) µs"] = at(percentile) / 1_000
    }
    return figures
  }
}

/// The middle of a few values; 0 of none.
func median(_ values: [Double]) -> Double {
  if values.isEmpty { return 0 }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
