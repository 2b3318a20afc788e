// The rest of every part that looks again and again. Each rests until the next whole period of one common clock, so that a hub at
// rest wakes up once for all of them and not once for each.

/// A rest between two looks.
package enum Beat {
  private static let origin = ContinuousClock.now

  /// Rests until the next whole `period` since the process began, which is at most `period` away. Returns at once when the task is
  /// cancelled.
  package static func rest(_ period: Duration) async {
    let periods = max(0, (ContinuousClock.now - origin) / period)
    try? await Task.sleep(until: origin + period * (periods.rounded(.down) + 1), clock: .continuous)
  }
}
