// The instruction set of frame programs: straight-line code over a fixed register file. Jumps go forward only and one
// construct repeats, with a limit, so the cost of any frame is known when the profile is loaded.
//
// A register holds a number (integer mantissa and power of ten), a boolean, a text (a range of the frame), "missing",
// or "unusable" with the reason why. Missing and unusable flow through arithmetic untouched.

import VitalSigns

/// What a program may cost. A profile beyond a limit does not load.
public enum DecodeLimits {
  /// Instructions of one program.
  public static let instructionsMax = 256
  /// Registers of one program. The register file lies on the stack, 24 bytes a register.
  public static let registersMax = 64
  /// Emits of one program. Each has one bit in the coverage word.
  public static let emitsMax = 64
  /// Readings of one frame. A frame with more is rejected: no device says so much at once.
  public static let readingsMax = 64
  /// Instructions executed for one frame at most, repeats included.
  public static let executedMax = 4096
  /// JSON pointers of one program. Each has one bit in the reader's mask.
  public static let pointersMax = 32
  /// Nesting of JSON. A device's message has 2 or 3 levels; many more could only be meant to exhaust the stack.
  public static let jsonDepthMax = 16
  /// The largest frame that a profile may allow, bytes.
  public static let frameBytesCeiling = 65_536
  /// The largest frame when the profile does not say, bytes.
  public static let frameBytesDefault = 4_096
}

typealias RegisterIndex = UInt8

/// One instruction. Indices point into the tables of its `FrameProgram`.
///
/// Five kinds, each with one exhaustive `switch` in the decoder: a new instruction does not compile until it is decoded.
enum Instruction: Sendable, Hashable {
  case source(Source)
  case transform(Transform)
  case control(Control)
  case statement(Statement)
  case report(Report)

  /// Takes something from the frame, or moves the cursor forward.
  enum Source: Sendable, Hashable {
    case readInteger(into: RegisterIndex, bytes: UInt8, signed: Bool, bigEndian: Bool)
    case readShortFloat(into: RegisterIndex, bigEndian: Bool)
    case readFloat(into: RegisterIndex, bigEndian: Bool)
    case readBCD(into: RegisterIndex, bytes: UInt8)
    /// Decimal digits as text, of a fixed length, or up to a delimiter (which is consumed) or the frame's end.
    case readNumberText(into: RegisterIndex, extent: TextExtent)
    case readText(into: RegisterIndex, extent: TextExtent)
    /// Year u16, month, day, hour, minute, second: sets the frame's time.
    case readCivilTime(bigEndian: Bool)
    case readJSON(into: RegisterIndex, slot: UInt8)
    /// How many bytes of the frame are left.
    case countLeft(into: RegisterIndex)
    case skip(bytes: UInt16)
    case skipRest
    /// Skips `bytes` as many times as the register says.
    case skipCounted(bytes: UInt16, count: RegisterIndex)
  }

  /// Sets a register, or changes it in place.
  enum Transform: Sendable, Hashable {
    case copy(into: RegisterIndex, from: RegisterIndex)
    case takeBits(into: RegisterIndex, from: RegisterIndex, lowest: UInt8, count: UInt8)
    case setFlag(RegisterIndex)
    case invalidValues(RegisterIndex, list: UInt8)
    /// `counts`: a value that is not in the table is counted at once; otherwise where it is reported.
    case lookup(RegisterIndex, table: UInt8, counts: Bool)
    case oneOf(RegisterIndex, table: UInt8)
    case multiply(RegisterIndex, constant: UInt8)
    case add(RegisterIndex, constant: UInt8)
    case shift(RegisterIndex, places: Int8)
    case limit(RegisterIndex, range: UInt8)
  }

  /// Decides where the run goes on, or ends it with a rejection.
  enum Control: Sendable, Hashable {
    case jumpUnless(condition: UInt8, to: UInt16)
    case repeatBegin(end: UInt16, atLeast: UInt16, firstRegister: UInt8, endRegister: UInt8)
    case repeatEnd(begin: UInt16, atMost: UInt16)
    case checksum(ChecksumKind, from: UInt16, bigEndian: Bool)
    /// The frame must have exactly as many bytes left as the register says.
    case bytesLeft(RegisterIndex)
    case require(RegisterIndex)
    case reject(text: UInt8)
  }

  /// Says something that holds for the whole frame.
  enum Statement: Sendable, Hashable {
    case status(RegisterIndex, table: UInt8)
    case quality(UInt16)
    case epochTime(RegisterIndex, exponent: Int8)
    /// Seconds since 1970 by a clock without a zone.
    case localTime(RegisterIndex)
    case textTime(RegisterIndex)
    case addMinutes(RegisterIndex)
    /// Which user of the device was measured. A user who is not listed is not this person.
    case user(RegisterIndex, list: UInt8)
    /// The frame's number, by which a link knows repeats again.
    case packetMark(RegisterIndex)
  }

  /// Puts a reading into the result. `byArrival`: the reading tells of the device now, whatever time the frame gives its
  /// measurement.
  enum Report: Sendable, Hashable {
    case observation(RegisterIndex, declaration: UInt8, unit: UInt8, byArrival: Bool, emit: UInt8)
    case event(flag: RegisterIndex, declaration: UInt8, phase: UInt8, detail: RegisterIndex, byArrival: Bool, emit: UInt8)
    case location(latitude: RegisterIndex, longitude: RegisterIndex, accuracy: RegisterIndex, emit: UInt8)
  }

  /// "No register": an event without detail, a location without accuracy.
  static let noRegister: RegisterIndex = 255
}

/// How far a text field reaches.
enum TextExtent: Sendable, Hashable {
  case length(UInt16)
  case until(UInt8)
  case rest
}

/// Checksums that devices in home care use.
enum ChecksumKind: String, Sendable, Hashable, CaseIterable {
  /// CRC-16/CCITT-FALSE: polynomial 1021, start FFFF.
  case crc16ccitt = "crc16-ccitt"
  /// CRC-16/X-25, called CRC-ITU by tracker makers: reflected 1021, start and end FFFF.
  case crc16itu = "crc16-itu"
  /// CRC-16/ARC (Teltonika): reflected 8005, start 0.
  case crc16ibm = "crc16-ibm"
  /// CRC-16/MODBUS: reflected 8005, start FFFF.
  case crc16modbus = "crc16-modbus"
  case sum8
  case xor8

  var bytes: Int { self == .sum8 || self == .xor8 ? 1 : 2 }
}
