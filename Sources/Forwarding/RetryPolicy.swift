// How long a lane waits between attempts, and how much it takes at once. Numbers only; no clock, no chance.

import VitalSigns

/// The pace of one lane.
public struct RetryPolicy: Sendable, Hashable {
  /// The first wait after a failure, and the least time between two attempts of a failing lane.
  public var backoffMin: Duration
  /// The longest wait of our own.
  public var backoffMax: Duration
  /// The longest that a destination may make us wait with Retry-After.
  public var retryAfterMax: Duration
  /// How long one attempt may take.
  public var attemptTimeout: Duration
  /// Items per request. A panel is never cut, so a batch may have two more.
  public var batchItemsMax: Int
  /// Items that the lane holds in memory; more wait in the outbox.
  public var windowItemsMax: Int
  /// Consecutive failures after which the destination counts as dead and somebody is told.
  public var failuresUntilSuspended: Int
  /// Items of one person that the lane holds in memory; the person's others wait in the outbox and take no room from others.
  public var personItemsMax: Int
  /// Attempts in vain with one item alone, at a destination that lives, after which the item is a dead letter and somebody is
  /// told. Nil: never, it is tried for ever.
  public var soloFailuresMax: Int?

  /// Alarms: 0.2 s to 30 s, because a response centre that is back must get them within half a minute even if nobody
  /// notices the reconnect; Retry-After is held to the same 30 s. Small batches, so that a slow receiver answers soon. One
  /// person's flood takes at most a sixteenth of the window. An alarm is never given up: that it does not arrive is told.
  public static let alarms = RetryPolicy(
    backoffMin: .milliseconds(200), backoffMax: .seconds(30), retryAfterMax: .seconds(30), attemptTimeout: .seconds(10),
    batchItemsMax: 8, windowItemsMax: 512, failuresUntilSuspended: 4, personItemsMax: 32)

  /// Observations, scores, doses: 1 s to 5 min, so that thousands of hubs do not overload a service that has just come back;
  /// Retry-After up to an hour. 50 items keep a bundle below 200 kB (JFT's limit is about 1 MB). Six attempts with an item
  /// alone take about a minute: then somebody must mend the destination's data, or the item.
  public static let routine = RetryPolicy(
    backoffMin: .seconds(1), backoffMax: .seconds(300), retryAfterMax: .seconds(3600), attemptTimeout: .seconds(30),
    batchItemsMax: 50, windowItemsMax: 512, failuresUntilSuspended: 6, soloFailuresMax: 6)

  public init(
    backoffMin: Duration, backoffMax: Duration, retryAfterMax: Duration, attemptTimeout: Duration, batchItemsMax: Int,
    windowItemsMax: Int, failuresUntilSuspended: Int, personItemsMax: Int? = nil, soloFailuresMax: Int? = nil
  ) {
    precondition(backoffMin > .zero && backoffMin <= backoffMax, "back-off must have room")
    precondition(batchItemsMax > 0 && windowItemsMax >= batchItemsMax + 2, "the window must hold a batch")
    precondition(failuresUntilSuspended > 0, "a destination must not count as dead before its first failure")
    self.backoffMin = backoffMin
    self.backoffMax = backoffMax
    self.retryAfterMax = retryAfterMax
    self.attemptTimeout = attemptTimeout
    self.batchItemsMax = batchItemsMax
    self.windowItemsMax = windowItemsMax
    self.failuresUntilSuspended = failuresUntilSuspended
    self.personItemsMax = personItemsMax ?? windowItemsMax
    self.soloFailuresMax = soloFailuresMax
  }

  /// The lane's own waits: from the least to the most, half of each by chance, so that hubs which lost the same service do not try
  /// again at the same moment.
  var backOff: BackOff { BackOff(first: backoffMin, upTo: backoffMax) }
}
