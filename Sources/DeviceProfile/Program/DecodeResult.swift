// What a frame gave: readings in the frame's own order, and what was left out with the reason. A link's thread makes one result and
// reuses it for every frame, so that decoding allocates nothing when it is warm.

public import VitalSigns

/// Why one value of a frame was left out while the frame itself was good.
public enum DropReason: UInt8, Sendable, Hashable, KeyedVocabulary {
  /// The device says "no value": NaN, NRes, ±INF, a reserved pattern, or one that the profile lists as invalid.
  case sentinel = 1
  /// The frame is marked as demonstration or test data, which never reaches the record.
  case demoOrTestData = 2
  /// The value lies outside the profile's hard range: no measurement of this kind can be it.
  case hardRange = 3
  /// The message was retained. When it happened is not known, so it never counts as happening now.
  case retained = 4
  /// The field holds no number, boolean or text where the profile expects one.
  case wrongType = 5
  /// A number with more digits than 64 bits hold.
  case tooManyDigits = 6
  /// A text or number that the profile's table does not list.
  case unknownValue = 7
  /// A key that the profile neither reads nor lists as one to pass over.
  case unknownKey = 8
  /// The frame says that another user of the device was measured. The value is not this person's.
  case otherUser = 9

  /// Stable key for metrics, quarantine and self-tests.
  public var key: String {
    switch self {
    case .sentinel: "sentinel"
    case .demoOrTestData: "demoOrTestData"
    case .hardRange: "hardRange"
    case .retained: "retained"
    case .wrongType: "wrongType"
    case .tooManyDigits: "tooManyDigits"
    case .unknownValue: "unknownValue"
    case .unknownKey: "unknownKey"
    case .otherUser: "otherUser"
    }
  }

  /// One sentence for people.
  public var explanation: String {
    switch self {
    case .sentinel: "the device marks the value as not a number"
    case .demoOrTestData: "the frame is marked as demonstration or test data"
    case .hardRange: "the value is outside the hard range of the profile"
    case .retained: "the message was retained by the broker, so its moment is not known"
    case .wrongType: "the value has another type than the profile expects"
    case .tooManyDigits: "the number has more digits than 64 bits hold"
    case .unknownValue: "the value is not in the table of the profile"
    case .unknownKey: "the profile does not know the key"
    case .otherUser: "another user of the device was measured"
    }
  }
}

extension DropReason {
  /// Whether the device said something that no rule of the profile gives a meaning. Everything else that is left out was
  /// understood: "no value", demonstration data, an impossible number, somebody else's value.
  public var isNotUnderstood: Bool {
    switch self {
    case .unknownValue, .unknownKey, .wrongType, .tooManyDigits: true
    case .sentinel, .demoOrTestData, .hardRange, .retained, .otherUser: false
    }
  }
}

/// One value that was left out.
public struct DroppedReading: Sendable, Hashable {
  /// What the reading that was left out belongs to.
  public enum Subject: Sendable, Hashable {
    /// Index in `DeviceProfile.observations`.
    case observation(Int)
    /// Index in `DeviceProfile.events`.
    case event(Int)
    case location
    /// A field that was checked but is not reported itself.
    case field
  }
  public var subject: Subject
  public var reason: DropReason
}

/// The result of one frame. Reuse one a thread: `decode(…, into:)` empties it and keeps its memory.
public struct DecodeResult: Sendable {
  /// At most `DecodeLimits.readingsMax`, in the frame's own order.
  public internal(set) var readings: [Reading] = []
  /// The declaration behind each reading: an index in the profile's observations or events; 0 for a location.
  public internal(set) var declarations: [UInt8] = []
  public internal(set) var dropped: [DroppedReading] = []
  /// The number by which this frame says that it repeats an earlier one: the field that `packet` of the profile's `repeats` names.
  /// Nil when the frame has none.
  public internal(set) var repeatMark: UInt64?
  /// Bit n: emit n of the frame program gave a reading. The self-tests measure their coverage by it.
  var emitted: UInt64 = 0

  public init() {
    readings.reserveCapacity(DecodeLimits.readingsMax)
    declarations.reserveCapacity(DecodeLimits.readingsMax)
    dropped.reserveCapacity(DecodeLimits.readingsMax)
  }

  /// Whether the frame had values of which every one was left out. Count such a frame by `dropped[0].reason`. It is still a sign of
  /// life.
  public var hasNoValidReading: Bool { readings.isEmpty && !dropped.isEmpty }

  mutating func reset() {
    readings.removeAll(keepingCapacity: true)
    declarations.removeAll(keepingCapacity: true)
    dropped.removeAll(keepingCapacity: true)
    repeatMark = nil
    emitted = 0
  }
}
