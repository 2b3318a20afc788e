// A frame's program: its instructions with the tables that they point into, and what brings such a frame. Only `FrameCompiler`
// makes programs, and it checks every index. `FrameDecoder` runs them.

import VitalSigns

/// One question about a register. All conditions of a `when` must hold; each false one jumps.
struct Condition: Sendable, Hashable {
  enum Test: Sendable, Hashable {
    /// Any of the bits in the mask is set.
    case bits(mask: UInt64)
    /// The bits, shifted down, are one of the constants (a list of `FrameProgram.lists`).
    case bitsEqual(lowest: UInt8, count: UInt8, list: UInt8)
    /// The number or boolean is one of a list.
    case number(list: UInt8)
    case text(list: UInt8)
    /// The number is less (or greater) than a constant.
    case less(constant: UInt8)
    case greater(constant: UInt8)
    /// The field has a value.
    case present
    /// The field is not in the frame.
    case missing
    /// The field is in the frame and holds no value: a sentinel, an unknown word, out of range.
    case unusable
  }
  var register: RegisterIndex
  var test: Test
  /// The answer is turned round. The answer to a question about something missing stays false.
  var negated: Bool
}

/// A table from numbers or texts to numbers.
struct LookupTable: Sendable, Hashable {
  enum Key: Sendable, Hashable {
    case number(Quantity)
    case boolean(Bool)
    case text([UInt8])
  }
  struct Row: Sendable, Hashable {
    var key: Key
    var value: Quantity
  }
  var rows: [Row]
}

/// One frame's program with its tables. Only the compiler makes programs, and it checks their indices.
public struct FrameProgram: Sendable {
  /// What in the transport brings this frame.
  public let key: FrameKey
  /// Whether the payload is read as JSON; otherwise as bytes.
  public let isJSON: Bool
  /// Whether a payload that is no JSON is taken as one text, at the pointer "".
  let allowsText: Bool
  /// Whether the topic names no device. What it says holds for every device of the profile, because they are all behind one bridge.
  public let isShared: Bool
  /// Keys of the outermost object that may be passed over; nil when unknown keys are not looked for.
  let ignoredKeys: [IgnoredKey]?
  public let retained: RetainedPolicy
  /// The largest frame, bytes. A larger one is rejected.
  public let frameBytesMax: Int
  /// Which of these frames say nothing new. For advertisements; nil for everything else.
  public let repeats: RepeatRule?
  let rejectsTrailingBytes: Bool
  let instructions: [Instruction]
  let constants: [Quantity]
  let lists: [[Quantity]]
  let textLists: [[[UInt8]]]
  let lookups: [LookupTable]
  let ranges: [ValueRange]
  let statusTables: [StatusTable]
  let conditions: [Condition]
  let texts: [String]
  let pointers: JSONPointerSet
  let units: [UCUMUnit]
  /// What the decoder needs of the declarations, copied so that one look-up serves.
  let observationRules: [ObservationRule]
  let eventRules: [EventDeclaration]
  let emitCount: Int
  /// The most instructions that are executed for one frame.
  public let costMax: Int
}

/// What the decoder needs of an observation's declaration.
struct ObservationRule: Sendable, Hashable {
  var code: ObservationCode
  var unit: UCUMUnit
  var plausible: ValueRange?
  var hard: ValueRange?
}

/// A key of JSON that the hub passes over.
struct IgnoredKey: Sendable, Hashable {
  var bytes: [UInt8]
  /// Whether every key that begins with `bytes` is meant: `update*`.
  var isPrefix: Bool
}

/// What a broker's retained message means. The broker stored it earlier, and when it happened is not known.
public enum RetainedPolicy: String, Sendable, Hashable, CaseIterable {
  /// The message gives nothing. It is no sign of life either: a broker repeats it at every connection.
  case ignore
  /// Conditions and states pass, and observations and locations that carry their own time; moments and calls for help never.
  case state
}

/// What in the transport brings a frame.
public enum FrameKey: Sendable, Hashable, CustomStringConvertible {
  case topic(TopicPattern)
  case characteristic(BluetoothUUID)
  case serviceData(BluetoothUUID)
  case manufacturerData(UInt16)

  /// As written in the profile.
  public var description: String {
    switch self {
    case .topic(let pattern): pattern.description
    case .characteristic(let uuid): uuid.description
    case .serviceData(let uuid): "serviceData/\(uuid)"
    case .manufacturerData(let company): "manufacturerData/" + Hexadecimal.text(company, digits: 4).uppercased()
    }
  }
}
