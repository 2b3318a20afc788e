// How long entries take from the moment their bytes came in to the core's decision, in buckets: one counter is raised for
// the first entry of each turn of the core, which waited longest.

import Synchronization

/// A histogram with fixed limits. `note` from the core thread alone, allocating nothing; reading from any thread.
package final class DecisionTimes: Sendable {
  /// Upper limits in nanoseconds; beyond the last: no limit.
  package static let limits: [Int64] = [
    10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 700_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 50_000_000,
    100_000_000, 1_000_000_000,
  ]

  /// One counter. It is a class because atomics cannot stand in an array.
  private final class Counter: Sendable {
    let value = Atomic<UInt64>(0)
  }
  private let counters: [Counter]
  private let longest = Atomic<Int64>(0)

  package init() { counters = (0...Self.limits.count).map { _ in Counter() } }

  /// Counts one time, in nanoseconds. A clock that went back counts as 0.
  package func note(_ nanoseconds: Int64) {
    var bucket = 0
    while bucket < Self.limits.count, nanoseconds > Self.limits[bucket] { bucket += 1 }
    counters[bucket].value.wrappingAdd(1, ordering: .relaxed)
    if nanoseconds > longest.load(ordering: .relaxed) { longest.store(nanoseconds, ordering: .relaxed) }
  }

  /// Counts by bucket, the last without a limit.
  package var counts: [UInt64] { counters.map { $0.value.load(ordering: .relaxed) } }

  package var longestNanoseconds: Int64 { longest.load(ordering: .relaxed) }

  /// The limit below which this share (0…1) of all lies, in nanoseconds: the bucket's upper limit, or the longest time when that
  /// is smaller. Nil before the first.
  package func quantile(_ share: Double) -> Int64? {
    let counts = counts
    let total = counts.reduce(0, &+)
    guard total > 0 else { return nil }
    let wanted = UInt64((Double(total) * share).rounded(.up))
    var sum: UInt64 = 0
    for (bucket, count) in counts.enumerated() {
      sum &+= count
      if sum >= wanted { return bucket < Self.limits.count ? min(Self.limits[bucket], longestNanoseconds) : longestNanoseconds }
    }
    return longestNanoseconds
  }
}
