// Telling a new advertisement from the same one again: a device says one thing many times, because nobody confirms
// what it hears. The rule stands in the profile; the memory of one device is a `RepeatFilter` that its link holds.

public import VitalSigns

/// When an advertisement says nothing new. It is still a sign of life.
public enum RepeatRule: Sendable, Hashable {
  /// The frame carries a number that changes with each new statement: the number of the frame before, seen again while
  /// the silence in between was shorter than this, is a repeat. After a longer silence it is new, because a device whose
  /// battery was changed counts from the start again. A frame without the number falls under `identicalSecondsDefault`.
  case packet(withinSeconds: UInt32)
  /// The same bytes less than this after they were taken as new. Counted from there and not from the last repeat, so
  /// that a device which goes on for ever is heard again and again rather than never.
  case identical(seconds: UInt32)

  public static let identicalSecondsDefault: UInt32 = 10
  public static let packetSecondsDefault: UInt32 = 60
}

/// What was last heard of one device's one frame. A value of some 64 bytes and the frame's own bytes.
public struct RepeatFilter: Sendable {
  private var bytes: [UInt8] = []
  private var mark: UInt64?
  private var takenAt: MonotonicInstant?
  private var seenAt = MonotonicInstant.zero

  public init() {}

  /// Whether the frame repeats what was heard before, and remembers it. Call it once for each good frame, in order.
  ///
  /// - Parameter mark: `DecodeResult.repeatMark` of this frame.
  public mutating func isRepeat(_ frame: [UInt8], mark: UInt64?, rule: RepeatRule, at now: MonotonicInstant) -> Bool {
    let isRepeat: Bool
    if case .packet(let within) = rule, let mark {
      isRepeat = takenAt != nil && mark == self.mark && now < seenAt.adding(seconds: within)
    } else {
      var window = RepeatRule.identicalSecondsDefault
      if case .identical(let seconds) = rule { window = seconds }
      isRepeat = takenAt.map { now < $0.adding(seconds: window) } ?? false && frame == bytes
    }
    seenAt = now
    if isRepeat { return true }
    bytes = frame
    self.mark = mark
    takenAt = now
    return false
  }
}
