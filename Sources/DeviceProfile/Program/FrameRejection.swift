// Why a whole frame was refused. A link counts rejections by their key, quarantines the bytes with the text, and goes on with the
// next frame.

public import VitalSigns

/// A frame that is not what the profile describes. Nothing of the frame was used.
public struct FrameRejection: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: UInt8, Sendable, Hashable, KeyedVocabulary {
    /// The frame ends inside a field.
    case endOfFrame = 1
    /// Bytes follow the last field.
    case trailingBytes = 2
    case frameTooLarge = 3
    case checksum = 4
    case invalidJSON = 5
    /// JSON nested deeper than 16.
    case jsonTooDeep = 6
    /// A key that the profile reads stands twice in one object: nobody can say which one the device meant.
    case duplicateKey = 7
    /// A field marked `required` is missing or not usable.
    case requiredMissing = 8
    /// A `reject:` step of the profile.
    case profileRule = 9
    /// A text field that holds no number, or a BCD digit above 9.
    case notANumber = 10
    case tooManyReadings = 11
    /// A repeated part that does not end within its limit, or consumes nothing.
    case repeatLimit = 12
    /// The profile has no program for this topic or characteristic.
    case unknownFrame = 13
    /// A repeated part that comes fewer times than the flags promise.
    case repeatTooShort = 14
    /// A message without a byte where JSON is due: somebody erased what the broker had stored. The device said nothing.
    case empty = 15

    /// Stable key for metrics and self-tests.
    public var key: String {
      switch self {
      case .endOfFrame: "endOfFrame"
      case .trailingBytes: "trailingBytes"
      case .frameTooLarge: "frameTooLarge"
      case .checksum: "checksum"
      case .invalidJSON: "invalidJSON"
      case .jsonTooDeep: "jsonTooDeep"
      case .duplicateKey: "duplicateKey"
      case .requiredMissing: "requiredMissing"
      case .profileRule: "profileRule"
      case .notANumber: "notANumber"
      case .tooManyReadings: "tooManyReadings"
      case .repeatLimit: "repeatLimit"
      case .unknownFrame: "unknownFrame"
      case .repeatTooShort: "repeatTooShort"
      case .empty: "empty"
      }
    }
  }

  public var reason: Reason
  /// Byte offset in the frame where the mistake was noticed, from 0.
  public var offset: Int
  /// What was expected there, in English. It never holds the device's own bytes, so that it may be logged.
  public var explanation: String

  public init(reason: Reason, offset: Int, explanation: String) {
    self.reason = reason
    self.offset = offset
    self.explanation = explanation
  }

  public var description: String { "\(reason.key) at byte \(offset): \(explanation)" }
}
