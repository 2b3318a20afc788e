// Identities inside one hub. Small integers, because they index arenas and travel through rings; people see them as
// `P7` and `D12`. No national id or name is ever derivable from one.

/// A service user of this hub. 0 means "none". Realtime-safe.
@frozen public struct PatientID: RawRepresentable, Sendable, Hashable, Comparable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static var none: Self { Self(rawValue: 0) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A registered device of this hub. 0 means "none": a person entered the value. Realtime-safe.
@frozen public struct DeviceID: RawRepresentable, Sendable, Hashable, Comparable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static var none: Self { Self(rawValue: 0) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// An alert's identity, the same after a crash, a replay and a resend. 128 bits, shown as a UUID.
///
/// The core derives it from the hub's salt, whose alert it is (a person's, a device's or the hub's), the rule, what the alert is
/// about, and the number of earlier alerts of that rule. No clock and no random number take part, so a replay gives the same id.
/// Realtime-safe.
@frozen public struct AlertID: Sendable, Hashable {
  public var high: UInt64
  public var low: UInt64
  @inlinable public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
  @inlinable public static var none: Self { Self(high: 0, low: 0) }
}

/// Who did something: a row of the journal's actor table. 0 is the hub itself. Realtime-safe.
@frozen public struct ActorID: RawRepresentable, Sendable, Hashable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static var hub: Self { Self(rawValue: 0) }
}
