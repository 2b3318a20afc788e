// The instructions that read a field or change a register. Every read checks the frame's end first.

import VitalSigns

extension FrameDecoder {
  mutating func field(_ instruction: Instruction, _ frame: Span<UInt8>) throws(FrameRejection) {
    switch instruction {
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
      // Where a text is as good as an object, an object is not a bad text.
      state[into] = isRoot && isContainer ? .missing : Self.register(json.slots[Int(slot)], frame)
    case .skip(let bytes):
      try need(Int(bytes), frame)
      state.cursor += Int(bytes)
    case .skipRest:
      state.cursor = max(state.cursor, frame.count)
    case .skipCounted(let bytes, let count):
      try skip(Int(bytes), times: state[count], frame)
    case .countLeft(let into):
      state[into] = .number(Quantity(mantissa: Int64(max(0, frame.count - state.cursor))))
    case .user(let register, let list):
      // A frame that does not say it is the person's.
      guard state[register].kind != .missing else { return }
      let isListed = state[register].kind == .number && program.lists[Int(list)].contains(state[register].quantity)
      if !isListed { state.isOtherUser = true }
    case .bytesLeft(let register):
      try checkLeft(state[register], frame)
    case .checksum(let kind, let from, let bigEndian):
      try verify(kind, from: Int(from), bigEndian: bigEndian, frame)
    case .status(let register, let table):
      if let word = state[register].integer { state.quality.formUnion(program.statusTables[Int(table)].quality(of: word)) }
    case .quality(let bits):
      state.quality.formUnion(ObservationQuality(rawValue: bits))
    case .epochTime(let register, let exponent):
      setEpochTime(state[register], exponent: exponent)
    case .localTime(let register):
      setLocalTime(state[register])
    case .textTime(let register):
      setTextTime(state[register], frame)
    case .addMinutes(let register):
      addMinutes(state[register])
    default:
      try transform(instruction, frame)
    }
  }

  /// The instructions that work on registers alone.
  private mutating func transform(_ instruction: Instruction, _ frame: Span<UInt8>) throws(FrameRejection) {
    switch instruction {
    case .copy(let into, let from):
      state[into] = state[from]
    case .takeBits(let into, let from, let lowest, let count):
      let word = state[from].integer
      state[into] = word.map { .number(Quantity(mantissa: Self.bits(of: $0, lowest: lowest, count: count))) } ?? .missing
    case .setFlag(let register):
      state[register] = .boolean(true)
    case .invalidValues(let register, let list):
      if state[register].kind == .number, program.lists[Int(list)].contains(state[register].quantity) {
        state[register] = .unusable(.sentinel)
      }
    case .multiply(let register, let constant):
      let factor = program.constants[Int(constant)]
      calculate(register) { $0.multiplied(by: factor) }
    case .add(let register, let constant):
      let term = program.constants[Int(constant)]
      calculate(register) { $0.adding(term) }
    case .shift(let register, let places):
      calculate(register) { $0.shifted(by: places) }
    case .require(let register):
      if !state[register].isPresent { throw rejection(.requiredMissing, "a required field is missing or not usable") }
    default:
      preconditionFailure("the compiler made an instruction that the decoder does not run")
    }
  }

  private mutating func calculate(_ register: RegisterIndex, _ operation: (Quantity) -> Quantity?) {
    switch state[register].kind {
    case .missing, .unusable: return
    case .boolean, .text: state[register] = .unusable(.wrongType)
    case .number: state[register] = operation(state[register].quantity).map(Register.number) ?? .unusable(.tooManyDigits)
    }
  }

  // MARK: Bytes

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

  private func checkLeft(_ stated: Register, _ frame: Span<UInt8>) throws(FrameRejection) {
    let left = max(0, frame.count - state.cursor)
    guard let count = stated.integer, count >= 0 else { throw rejection(.requiredMissing, "the length of what follows is not usable") }
    if count > Int64(left) { throw rejection(.endOfFrame, "the frame states \(count) more bytes, \(left) are left") }
    if count < Int64(left) { throw rejection(.trailingBytes, "the frame states \(count) more bytes, \(left) are left") }
  }

  private mutating func readRaw(_ frame: Span<UInt8>, bytes: Int, bigEndian: Bool) throws(FrameRejection) -> UInt64 {
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

  private mutating func verify(
    _ kind: ChecksumKind, from: Int, bigEndian: Bool, _ frame: Span<UInt8>
  ) throws(FrameRejection) {
    let end = state.cursor
    let stored = try readRaw(frame, bytes: kind.bytes, bigEndian: bigEndian)
    guard from <= end else {
      state.cursor = end
      throw rejection(.checksum, "the \(kind.rawValue) checksum begins behind its own place")
    }
    let computed = kind.compute(frame, from: from, end: end)
    guard UInt64(computed) == stored else {
      state.cursor = end
      throw rejection(.checksum, Self.mismatch(kind, computed: computed, stored: UInt16(truncatingIfNeeded: stored)))
    }
  }

  /// A checksum is no personal data, and whoever writes a profile needs both numbers.
  private static func mismatch(_ kind: ChecksumKind, computed: UInt16, stored: UInt16) -> String {
    func hex(_ value: UInt16) -> String {
      let digits = String(value, radix: 16, uppercase: true)
      return String(repeating: "0", count: max(0, 2 * kind.bytes - digits.count)) + digits
    }
    let isSwapped = kind.bytes == 2 && computed.byteSwapped == stored
    return "the \(kind.rawValue) checksum does not match: computed \(hex(computed)), the frame has \(hex(stored))"
      + (isSwapped ? " (the bytes are swapped: byteOrder)" : "")
  }

  // MARK: JSON and tables

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

  /// Words are the same in capital and small letters (`ONLINE`, `Fall`), unless a row has just these letters.
  static func row(of register: Register, in table: LookupTable, _ frame: Span<UInt8>) -> LookupTable.Row? {
    row(of: register, in: table, frame, anyCase: false)
      ?? (register.kind == .text ? row(of: register, in: table, frame, anyCase: true) : nil)
  }

  private static func row(of register: Register, in table: LookupTable, _ frame: Span<UInt8>, anyCase: Bool) -> LookupTable.Row? {
    table.rows.first { row in
      switch (row.key, register.kind) {
      case (.number(let key), .number): key == register.quantity
      case (.boolean(let key), .boolean): key == (register.mantissa != 0)
      case (.text(let key), .text): register.equals(key, in: frame, anyCase: anyCase)
      default: false
      }
    }
  }
}
