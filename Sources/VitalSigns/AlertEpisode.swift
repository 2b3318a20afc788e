// Where an alert's id comes from, beside salt, rule and subject: a counter of whoever it belongs to. Two alerts of one counter never have
// the same number, or they would have the same id. So the counters are kept for ever, in a table of their own (docs/state.md).

/// Whose counter it is. Stored: append, never renumber.
@frozen public enum EpisodeHolder: UInt8, Sendable, Hashable, CaseIterable {
  /// Where the counters of people and devices begin that come, or come again.
  case newcomer = 0
  case patient = 1
  /// A registered device that is nobody's.
  case device = 2
  /// The hub itself, and devices that are not registered.
  case hub = 3
}

/// A counter of alert ids, and what it gives next. Fixed size. Realtime-safe.
@frozen public struct AlertEpisode: Sendable, Hashable {
  public var holder: EpisodeHolder
  /// Which counter of the holder: each rule of a person or the hub has one, a device has one for all.
  public var counter: UInt8
  /// The person's or the device's; else 0.
  public var number: UInt32
  /// What the holder's next alert of this counter gets. All below have been given.
  public var next: UInt32

  @inlinable public init(_ holder: EpisodeHolder, number: UInt32, counter: UInt8, next: UInt32) {
    self.holder = holder
    self.number = number
    self.counter = counter
    self.next = next
  }
}
