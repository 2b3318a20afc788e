// The instructions that take something from the frame or move the cursor. Every read checks the frame's end first.

import VitalSigns

extension FrameDecoder {
  mutating func read(_ source: Instruction.Source, _ frame: Span<UInt8>) throws(FrameRejection) {
    switch source {
    case .readInteger(let into, let bytes, let signed, let bigEndian):
      let raw = try readRaw(frame, bytes: Int(bytes), bigEndian: bigEndian)
      state[into] = Self.integer(raw, bytes: bytes, signed: signed)
    case .readShortFloat(let into, let bigEndian):
      let raw = try readRaw(frame, bytes: 2, bigEndian: bigEndian)
      state[into] = Self.register(MedicalFloat(shortBits: UInt16(truncatingIfNeeded: raw)))
    case .readFloat(let into, let bigEndian):
      let raw = try readRaw(frame, bytes: 4, bigEndian: bigEndian)
      state[into] = Self.register(MedicalFloat(bits: UInt32(truncatingIfNeeded: raw)))
    case .readBCD(let into, let bytes):
      state[into] = .number(Quantity(mantissa: try readBCD(frame, bytes: Int(bytes))))
    case .readNumberText(let into, let extent):
      state[into] = try readNumberText(frame, extent)
    case .readText(let into, let extent):
      let range = try readExtent(frame, extent)
      state[into] = .text(start: range.lowerBound, end: range.upperBound, isEscaped: false)
    case .readCivilTime(let bigEndian):
      try readCivilTime(frame, bigEndian: bigEndian)
    case .readJSON(let into, let slot):
      let isRoot = program.allowsText && program.pointers.pointers[Int(slot)].isEmpty
      let isContainer = json.slots[Int(slot)].kind == .container
      // Where the program takes a text instead of an object, an object is not a bad text.
      state[into] = isRoot && isContainer ? .missing : Self.register(json.slots[Int(slot)], frame)
    case .countLeft(let into):
      state[into] = .number(Quantity(mantissa: Int64(max(0, frame.count - state.cursor))))
    case .skip(let bytes):
      try need(Int(bytes), frame)
      state.cursor += Int(bytes)
    case .skipRest:
      state.cursor = max(state.cursor, frame.count)
    case .skipCounted(let bytes, let count):
      try skip(Int(bytes), times: state[count], frame)
    }
  }

  func need(_ count: Int, _ frame: Span<UInt8>) throws(FrameRejection) {
    if frame.count - state.cursor < count {
      throw rejection(.endOfFrame, "a field of \(count) bytes is due, \(max(0, frame.count - state.cursor)) are left")
    }
  }

  /// A count that is missing skips nothing, as a field that is missing has no bytes.
  private mutating func skip(_ bytes: Int, times count: Register, _ frame: Span<UInt8>) throws(FrameRejection) {
    guard count.kind != .missing else { return }
    guard let times = count.integer.flatMap({ UInt16(exactly: $0) }) else {
      throw rejection(.requiredMissing, "the count of what follows is not usable")
    }
    try need(bytes * Int(times), frame)
    state.cursor += bytes * Int(times)
  }

  mutating func readRaw(_ frame: Span<UInt8>, bytes: Int, bigEndian: Bool) throws(FrameRejection) -> UInt64 {
    try need(bytes, frame)
    var value: UInt64 = 0
    for offset in 0..<bytes {
      let byte = UInt64(frame[state.cursor + offset])
      if bigEndian { value = value << 8 | byte } else { value |= byte << UInt64(8 * offset) }
    }
    state.cursor += bytes
    return value
  }

  static func integer(_ raw: UInt64, bytes: UInt8, signed: Bool) -> Register {
    if signed {
      let unused = UInt64(64 - 8 * Int(bytes))
      return .number(Quantity(mantissa: Int64(bitPattern: raw << unused) >> Int64(unused)))
    }
    guard let value = Int64(exactly: raw) else { return .unusable(.tooManyDigits) }
    return .number(Quantity(mantissa: value))
  }

  private static func register(_ float: MedicalFloat) -> Register {
    if case .number(let value) = float { return .number(value) }
    return .unusable(.sentinel)
  }

  private mutating func readBCD(_ frame: Span<UInt8>, bytes: Int) throws(FrameRejection) -> Int64 {
    try need(bytes, frame)
    var value: Int64 = 0
    for offset in 0..<bytes {
      let (high, low) = (frame[state.cursor + offset] >> 4, frame[state.cursor + offset] & 0x0F)
      guard high <= 9, low <= 9 else { throw rejection(.notANumber, "a BCD digit is above 9") }
      value = value * 100 + Int64(high) * 10 + Int64(low)
    }
    state.cursor += bytes
    return value
  }

  private mutating func readExtent(_ frame: Span<UInt8>, _ extent: TextExtent) throws(FrameRejection) -> Range<Int> {
    let start = state.cursor
    switch extent {
    case .length(let count):
      try need(Int(count), frame)
      state.cursor += Int(count)
      return start..<state.cursor
    case .rest:
      guard start < frame.count else { throw rejection(.endOfFrame, "a text is due, nothing is left") }
      state.cursor = frame.count
      return start..<frame.count
    case .until(let delimiter):
      var end = start
      while end < frame.count, frame[end] != delimiter { end += 1 }
      guard end < frame.count else { throw rejection(.endOfFrame, "the delimiter after a text is missing") }
      state.cursor = end + 1
      return start..<end
    }
  }

  private mutating func readNumberText(_ frame: Span<UInt8>, _ extent: TextExtent) throws(FrameRejection) -> Register {
    let range = try readExtent(frame, extent)
    var isNumber = false
    if let value = DecimalText.parse(frame, start: range.lowerBound, end: range.upperBound, isNumber: &isNumber) {
      return .number(value)
    }
    if isNumber { return .unusable(.tooManyDigits) }
    state.cursor = range.lowerBound
    throw rejection(.notANumber, "digits are due")
  }

  private static func register(_ slot: JSONSlot, _ frame: Span<UInt8>) -> Register {
    switch slot.kind {
    case .missing, .null: return .missing
    case .booleanTrue: return .boolean(true)
    case .booleanFalse: return .boolean(false)
    case .container: return .unusable(.wrongType)
    case .string: return .text(start: Int(slot.start), end: Int(slot.end), isEscaped: false)
    case .escapedString: return .text(start: Int(slot.start), end: Int(slot.end), isEscaped: true)
    case .number:
      var isNumber = false
      let value = DecimalText.parse(frame, start: Int(slot.start), end: Int(slot.end), isNumber: &isNumber)
      return value.map(Register.number) ?? .unusable(.tooManyDigits)
    }
  }
}
