// How long to wait before trying again what failed: the one rule for every part that calls somebody who may be away. It holds
// numbers only. Who counts the failures, and from when a pause counts, is the caller's.

/// Pauses that double with each failure in a row, half of each by chance.
///
/// The chance is there for the others: a thousand hubs that lost the same service at the same moment must not all come back to it in
/// the same second. A pause is never shorter than half its step, so that the doubling holds for every one of them.
public struct BackOff: Sendable, Hashable {
  /// The step after the first failure.
  public let first: Duration
  /// Every step is held within these bounds.
  public let bounds: ClosedRange<Duration>

  /// Doublings beyond this change nothing: 2⁴⁰ of the shortest step in use, 0.1 s, are 3 000 years.
  private static let doublingsMax = 40

  /// - Parameters:
  ///   - first: the step after the first failure; more than zero. It may lie outside `bounds`: then it only says from where the
  ///     doubling starts.
  ///   - bounds: the shortest and the longest step; the shortest is more than zero.
  public init(first: Duration, within bounds: ClosedRange<Duration>) {
    precondition(first > .zero && bounds.lowerBound > .zero, "a pause of nothing is no pause")
    self.first = first
    self.bounds = bounds
  }

  /// Steps from `first` to `longest`, which is not shorter.
  public init(first: Duration, upTo longest: Duration) { self.init(first: first, within: first...longest) }

  /// The longest pause after so many failures in a row: `first`, doubled with each failure after the first, within `bounds`. At
  /// least a nanosecond, at most some 292 years.
  ///
  /// - Parameter failures: counts from 1; less counts as 1. After a success the caller starts again at 1.
  public func step(failures: Int) -> Duration { .nanoseconds(stepNanoseconds(failures: failures)) }

  /// A pause after so many failures in a row: each whole nanosecond from half the step to the step is equally likely.
  ///
  /// - Parameters:
  ///   - failures: as for `step(failures:)`.
  ///   - random: moved on by one number, whatever the step.
  public func pause(failures: Int, random: inout SeededRandom) -> Duration {
    let step = stepNanoseconds(failures: failures)
    let half = max(step / 2, 1)
    return .nanoseconds(half + Int64(random.next() % UInt64(step - half + 1)))
  }

  private func stepNanoseconds(failures: Int) -> Int64 {
    let doublings = min(max(failures, 1) - 1, Self.doublingsMax)
    let (doubled, overflow) = first.nanoseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
    let held = min(max(overflow ? .max : doubled, bounds.lowerBound.nanoseconds), bounds.upperBound.nanoseconds)
    // A bound below a nanosecond counts as none here.
    return max(held, 1)
  }
}
