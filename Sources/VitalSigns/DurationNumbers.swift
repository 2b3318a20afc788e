// `Duration` as whole numbers. A configured or stored duration may be any size, so nothing here overflows: what does not fit is
// held at the end of its range.

extension Duration {
  /// Whole nanoseconds, rounded towards zero, held at the ends of `Int64` (some 292 years).
  public var nanoseconds: Int64 { whole(perSecond: 1_000_000_000) }

  /// Whole milliseconds, rounded towards zero, held at the ends of `Int64`.
  public var wholeMilliseconds: Int64 { whole(perSecond: 1_000) }

  /// Whole seconds for the places that count in them, rounded towards zero, held at 0 and `UInt32.max`.
  public var wholeSeconds: UInt32 { UInt32(clamping: components.seconds) }

  private func whole(perSecond: Int64) -> Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: perSecond)
    let (sum, carry) = product.addingReportingOverflow(attoseconds / (1_000_000_000_000_000_000 / perSecond))
    return overflow || carry ? (seconds < 0 ? .min : .max) : sum
  }
}

extension MonotonicInstant {
  /// This instant plus a duration, held at `.never` instead of overflowing.
  public func adding(_ duration: Duration) -> Self { adding(nanoseconds: duration.nanoseconds) }
}
