// Telling a new advertisement from a repeated one. A device sends each advertisement many times, because no receiver confirms it.
// The rule stands in the profile. What one device said last is kept in a `RepeatFilter`, which its link holds.

public import VitalSigns

/// When an advertisement says nothing new. A repeated advertisement is still a sign of life.
public enum RepeatRule: Sendable, Hashable {
  /// The frame carries a number that changes with each new statement: the number of the frame before, seen again while
  /// the silence in between was shorter than this, is a repeat. After a longer silence it is new, because a device whose
  /// battery was changed counts from the start again. A frame without the number falls under `identicalSecondsDefault`.
  case packet(withinSeconds: UInt32)
  /// The same bytes, within this time after they were taken as new, are a repeat. Repeats do not extend the time: a device that
  /// never stops sending is heard again after each such time.
  case identical(seconds: UInt32)

  public static let identicalSecondsDefault: UInt32 = 10
  public static let packetSecondsDefault: UInt32 = 60
}

/// What one device said last in one kind of frame. Some 64 bytes, and the frame's own bytes.
public struct RepeatFilter: Sendable {
  private var bytes: [UInt8] = []
  private var mark: UInt64?
  private var takenAt: MonotonicInstant?
  private var seenAt = MonotonicInstant.zero

  public init() {}

  /// Whether a frame says something new.
  public enum Novelty: Sendable {
    case new
    case repeated
  }

  /// Hears a frame: remembers it, and says whether it is new. Call this once for each good frame, in order.
  ///
  /// - Parameter mark: `DecodeResult.repeatMark` of this frame.
  public mutating func hear(_ frame: [UInt8], mark: UInt64?, rule: RepeatRule, at now: MonotonicInstant) -> Novelty {
    let isRepeat: Bool
    if case .packet(let within) = rule, let mark {
      isRepeat = takenAt != nil && mark == self.mark && now < seenAt.adding(seconds: within)
    } else {
      var window = RepeatRule.identicalSecondsDefault
      if case .identical(let seconds) = rule { window = seconds }
      isRepeat = takenAt.map { now < $0.adding(seconds: window) } ?? false && frame == bytes
    }
    seenAt = now
    if isRepeat { return .repeated }
    bytes = frame
    self.mark = mark
    takenAt = now
    return .new
  }
}
