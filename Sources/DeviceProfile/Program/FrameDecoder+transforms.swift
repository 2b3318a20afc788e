// The instructions that set a register or change one in place. None of them ends the run. A value that cannot be used becomes
// `unusable` with its reason. It is counted here, unless it is counted later.

import VitalSigns

extension FrameDecoder {
  mutating func transform(_ transform: Instruction.Transform, _ frame: Span<UInt8>, _ result: inout DecodeResult) {
    switch transform {
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
    case .lookup(let register, let table, let counts):
      translate(register, program.lookups[Int(table)], counts: counts, frame, &result)
    case .oneOf(let register, let table):
      checkListed(register, program.lookups[Int(table)], frame, &result)
    case .multiply(let register, let constant):
      let factor = program.constants[Int(constant)]
      calculate(register) { $0.multiplied(by: factor) }
    case .add(let register, let constant):
      let term = program.constants[Int(constant)]
      calculate(register) { $0.adding(term) }
    case .shift(let register, let places):
      calculate(register) { $0.shifted(by: places) }
    case .limit(let register, let range):
      limit(register, program.ranges[Int(range)], &result)
    }
  }

  private mutating func calculate(_ register: RegisterIndex, _ operation: (Quantity) -> Quantity?) {
    switch state[register].kind {
    case .missing, .unusable: return
    case .boolean, .text: state[register] = .unusable(.wrongType)
    case .number: state[register] = operation(state[register].quantity).map(Register.number) ?? .unusable(.tooManyDigits)
    }
  }

  /// A `range:` of a field. A value outside it is not usable. What is no number lies in no range.
  private mutating func limit(_ index: RegisterIndex, _ range: ValueRange, _ result: inout DecodeResult) {
    guard state[index].isPresent else { return }
    guard state[index].kind == .number else {
      state[index] = .unusable(.wrongType)
      return drop(.field, .wrongType, &result)
    }
    if !range.contains(state[index].quantity, in: .one, rangeUnit: .one) { state[index] = .unusable(.hardRange) }
  }

  /// Whether the device wrote something that is no value: an object where a word is due, a number with more digits than there are.
  private func isUnreadable(_ index: RegisterIndex) -> Bool {
    state[index].kind == .unusable && (state[index].reason == .wrongType || state[index].reason == .tooManyDigits)
  }

  /// A `oneOf:` of a field. A value that is not listed is counted and not usable.
  private mutating func checkListed(_ index: RegisterIndex, _ table: LookupTable, _ frame: Span<UInt8>, _ result: inout DecodeResult) {
    if isUnreadable(index) { return drop(.field, state[index].reason, &result) }
    guard state[index].isPresent, Self.row(of: state[index], in: table, frame) == nil else { return }
    state[index] = .unusable(.unknownValue)
    drop(.field, .unknownValue, &result)
  }

  /// A `lookup:` of a field. A value that is not in the table is not usable. `counts`: it is counted here; otherwise the report
  /// counts it.
  private mutating func translate(
    _ index: RegisterIndex, _ table: LookupTable, counts: Bool, _ frame: Span<UInt8>, _ result: inout DecodeResult
  ) {
    if counts, isUnreadable(index) { return drop(.field, state[index].reason, &result) }
    guard state[index].isPresent else { return }
    if let row = Self.row(of: state[index], in: table, frame) {
      state[index] = .number(row.value)
    } else {
      state[index] = .unusable(.unknownValue)
      if counts { drop(.field, .unknownValue, &result) }
    }
  }

  /// The row of a word. Capital and small letters are the same (`ONLINE`, `Fall`), unless a row has just these letters.
  private static func row(of register: Register, in table: LookupTable, _ frame: Span<UInt8>) -> LookupTable.Row? {
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
