// Runs a frame program over one frame. Total: any bytes give a result or a typed rejection, in bounded time, without
// a trap. This file holds the run itself and the tests of a `when`. Each kind of instruction has a file of its own: +sources
// (reading), +transforms (changing a register), +statements (what holds for the whole frame), +control (jumps, repeats and
// checks), +reports (what leaves the frame).

import VitalSigns

/// One run of a program. A value on the stack of the link's thread.
struct FrameDecoder {
  let program: FrameProgram
  var state = FrameState()
  var json = JSONReader()

  init(program: FrameProgram, retained: Bool) {
    self.program = program
    state.retained = retained
  }

  /// Decodes `frame` into `result`, which must be empty. After a rejection the result's content means nothing.
  mutating func run(_ frame: Span<UInt8>, into result: inout DecodeResult) throws(FrameRejection) {
    guard frame.count <= program.frameBytesMax else {
      throw rejection(.frameTooLarge, "the frame has \(frame.count) bytes, the profile allows \(program.frameBytesMax)")
    }
    if program.isJSON { try readJSON(frame, &result) }
    var counter = 0
    while counter < program.instructions.count {
      counter = try step(program.instructions[counter], at: counter, frame, &result)
    }
    if !program.isJSON, program.rejectsTrailingBytes, state.cursor < frame.count {
      throw rejection(.trailingBytes, "\(frame.count - state.cursor) bytes follow the last field")
    }
  }

  private mutating func readJSON(_ frame: Span<UInt8>, _ result: inout DecodeResult) throws(FrameRejection) {
    if frame.isEmpty { throw rejection(.empty, "the message is empty, as when a stored one is erased") }
    do throws(FrameRejection) {
      try json.read(frame, pointers: program.pointers, ignored: program.ignoredKeys)
    } catch {
      guard program.allowsText, json.readText(frame, pointers: program.pointers) else { throw error }
    }
    if json.isOfAnotherShape(program.pointers) { drop(.field, .wrongType, &result) }
    for _ in 0..<min(json.unknownKeys, DecodeLimits.readingsMax) { drop(.field, .unknownKey, &result) }
  }

  /// Executes one instruction and gives the index of the next.
  private mutating func step(
    _ instruction: Instruction, at counter: Int, _ frame: Span<UInt8>, _ result: inout DecodeResult
  ) throws(FrameRejection) -> Int {
    switch instruction {
    case .source(let source): try read(source, frame)
    case .transform(let transform): self.transform(transform, frame, &result)
    case .statement(let statement): take(statement, frame, &result)
    case .report(let report): try self.report(report, &result)
    case .control(let control): return try proceed(control, at: counter, frame)
    }
    return counter + 1
  }

  /// Whether a condition of a `when` holds. A test on a missing value is false, and so is its negation.
  func holds(_ condition: Condition, _ frame: Span<UInt8>) -> Bool {
    let register = state[condition.register]
    switch condition.test {
    case .present: return register.isPresent
    case .missing: return register.kind == .missing
    case .unusable: return register.kind == .unusable
    case .bits, .bitsEqual, .number, .text, .less, .greater:
      guard register.isPresent, let answer = answer(condition.test, about: register, frame) else { return false }
      return answer != condition.negated
    }
  }

  /// The answer of a test about a value. Nil when the test cannot be about a value of this kind.
  private func answer(_ test: Condition.Test, about register: Register, _ frame: Span<UInt8>) -> Bool? {
    switch test {
    case .bits(let mask):
      return register.integer.map { UInt64(bitPattern: $0) & mask != 0 }
    case .bitsEqual(let lowest, let count, let list):
      return register.integer.map { word in
        program.lists[Int(list)].contains(Quantity(mantissa: Self.bits(of: word, lowest: lowest, count: count)))
      }
    case .number(let list):
      return register.kind == .text ? nil : program.lists[Int(list)].contains(register.quantity)
    case .text(let list):
      guard register.kind == .text else { return nil }
      return program.textLists[Int(list)].contains { register.equals($0, in: frame, anyCase: true) }
    case .less(let constant):
      return register.kind == .number ? register.quantity.compared(to: program.constants[Int(constant)]) < 0 : nil
    case .greater(let constant):
      return register.kind == .number ? register.quantity.compared(to: program.constants[Int(constant)]) > 0 : nil
    case .present, .missing, .unusable:
      return nil
    }
  }

  static func bits(of word: Int64, lowest: UInt8, count: UInt8) -> Int64 {
    let shifted = UInt64(bitPattern: word) >> UInt64(lowest)
    return count >= 63 ? Int64(bitPattern: shifted & 0x7FFF_FFFF_FFFF_FFFF) : Int64(shifted & (1 << UInt64(count) - 1))
  }

  func rejection(_ reason: FrameRejection.Reason, _ explanation: String) -> FrameRejection {
    FrameRejection(reason: reason, offset: state.cursor, explanation: explanation)
  }
}
