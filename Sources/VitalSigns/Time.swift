// Two clocks that are never mixed. Schedules and deadlines run on `MonotonicInstant`; `WallTime` is stamped at the
// edges for people and records. A third, `DeviceTime`, is what a device claims, which may be wrong or absent.

/// Nanoseconds on the hub's own timeline, which never goes back and goes on across restarts.
///
/// `HubClock` of HubCore continues the timeline from the journal at start: by CLOCK_BOOTTIME within one boot, by the wall-clock
/// difference across boots, and never below the last journaled instant. So a deadline survives a restart. Realtime-safe.
@frozen public struct MonotonicInstant: RawRepresentable, Sendable, Hashable, Comparable {
  public var rawValue: Int64
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }
  @inlinable public static var zero: Self { Self(rawValue: 0) }
  /// Later than every instant: "no deadline".
  @inlinable public static var never: Self { Self(rawValue: Int64.max) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// This instant plus whole seconds, held at `.never` instead of overflowing.
  @inlinable public func adding(seconds: UInt32) -> Self {
    adding(nanoseconds: Int64(seconds) * 1_000_000_000)
  }

  @inlinable public func adding(nanoseconds: Int64) -> Self {
    let (sum, overflow) = rawValue.addingReportingOverflow(nanoseconds)
    return overflow ? .never : Self(rawValue: sum)
  }
}

/// Milliseconds since 1970-01-01T00:00:00Z, as the hub's clock said. Realtime-safe.
@frozen public struct WallTime: RawRepresentable, Sendable, Hashable, Comparable {
  public var rawValue: Int64
  @inlinable public init(rawValue: Int64) { self.rawValue = rawValue }
  /// "Not known": sorts before every real time.
  @inlinable public static var unknown: Self { Self(rawValue: Int64.min) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  @inlinable public func adding(milliseconds: Int64) -> Self {
    let (sum, overflow) = rawValue.addingReportingOverflow(milliseconds)
    return overflow ? self : Self(rawValue: sum)
  }

  /// Whole seconds since an earlier time, rounded towards zero; negative when it is later, 0 when one of the two is not known.
  @inlinable public func seconds(since other: Self) -> Int64 {
    let (milliseconds, overflow) = rawValue.subtractingReportingOverflow(other.rawValue)
    return overflow || self == .unknown || other == .unknown ? 0 : milliseconds / 1_000
  }
}

extension WallTime {
  /// What the wall clock reads at `instant`, given that it reads `self` at `known`: both clocks run at one pace. Whole milliseconds,
  /// rounded towards `self`. Realtime-safe.
  @inlinable public func moved(from known: MonotonicInstant, to instant: MonotonicInstant) -> Self {
    adding(milliseconds: (instant.rawValue &- known.rawValue) / 1_000_000)
  }

  /// The same for a deadline; nil for `.never`. Realtime-safe.
  @inlinable public func moved(from known: MonotonicInstant, toDeadline deadline: MonotonicInstant) -> Self? {
    deadline == .never ? nil : moved(from: known, to: deadline)
  }

  /// Wall clock minus timeline at one moment, milliseconds: the same number all the time, unless somebody sets the clock.
  /// Realtime-safe.
  @inlinable public func milliseconds(aheadOf instant: MonotonicInstant) -> Int64 { rawValue &- instant.rawValue / 1_000_000 }
}

/// The time inside a device's own message. Realtime-safe.
@frozen public enum DeviceTime: Sendable, Hashable {
  /// The message has none, or the device says that its clock is not set.
  case none
  /// Civil time without a zone, as Bluetooth devices send it; the hub's configured zone applies.
  case local(CivilTime)
  /// Milliseconds since 1970 UTC, as MQTT devices send it.
  case epoch(WallTime)
}

/// Year to second without a zone. Fields are validated when decoded: month 1…12, day 1…31, hour 0…23. Realtime-safe.
@frozen public struct CivilTime: Sendable, Hashable {
  public var year: UInt16
  public var month: UInt8
  public var day: UInt8
  public var hour: UInt8
  public var minute: UInt8
  public var second: UInt8

  @inlinable public init(year: UInt16, month: UInt8, day: UInt8, hour: UInt8, minute: UInt8, second: UInt8) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// Days from 1970-01-01 in the proleptic Gregorian calendar, times a day, plus the time of day: as if in UTC.
  @inlinable public var millisecondsAsUTC: Int64 {
    // Howard Hinnant's days_from_civil: shift the year to start in March, so that the leap day is last.
    let y = Int64(year) - (month <= 2 ? 1 : 0)
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let monthFromMarch = (Int64(month) + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return ((days * 24 + Int64(hour)) * 60 + Int64(minute)) * 60_000 + Int64(second) * 1_000
  }
}
