// The values behind the metrics: a counter, a gauge, a histogram with fixed buckets. Each can be changed from any thread;
// counters of whole numbers without a lock. Not for the core's thread, which keeps its own counters and lets others read them.

import Metrics
import Synchronization

/// What the exposition reads.
protocol Series: AnyObject, Sendable {
  var reading: SeriesReading { get }
}

enum SeriesReading: Sendable, Hashable {
  case whole(Int64)
  case real(Double)
  /// `counts[i]`: values ≤ `bounds[i]` and above the bound before; the last one: above all bounds.
  case histogram(bounds: [Double], counts: [UInt64], sum: Double)
}

/// Held at the largest number instead of overflowing; never goes down but by `reset`.
final class CounterSeries: Series, CounterHandler {
  private let value = Atomic<Int64>(0)

  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    var old = value.load(ordering: .relaxed)
    while true {
      let (sum, overflow) = old.addingReportingOverflow(amount)
      let (exchanged, original) = value.weakCompareExchange(expected: old, desired: overflow ? .max : sum, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }

  func reset() { value.store(0, ordering: .relaxed) }
  var reading: SeriesReading { .whole(value.load(ordering: .relaxed)) }
}

final class FloatingPointCounterSeries: Series, FloatingPointCounterHandler {
  private let value = Mutex(0.0)

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    value.withLock { $0 += amount }
  }

  func reset() { value.withLock { $0 = 0 } }
  var reading: SeriesReading { .real(value.withLock { $0 }) }
}

final class GaugeSeries: Series, MeterHandler, RecorderHandler {
  private let value = Mutex(0.0)

  func set(_ new: Int64) { value.withLock { $0 = Double(new) } }
  func set(_ new: Double) { value.withLock { $0 = new } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func record(_ new: Int64) { set(new) }
  func record(_ new: Double) { set(new) }
  var reading: SeriesReading { .real(value.withLock { $0 }) }
}

final class HistogramSeries: Series, RecorderHandler, TimerHandler {
  private struct Content {
    var counts: [UInt64]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let content: Mutex<Content>

  /// `bounds`: ascending.
  init(bounds: [Double]) {
    self.bounds = bounds
    content = Mutex(Content(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }

  /// Not-a-number is no measurement and is left out.
  func record(_ value: Double) {
    guard !value.isNaN else { return }
    let index = bounds.firstIndex { value <= $0 } ?? bounds.count
    content.withLock {
      $0.counts[index] += 1
      $0.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  var reading: SeriesReading {
    content.withLock { .histogram(bounds: bounds, counts: $0.counts, sum: $0.sum) }
  }
}
