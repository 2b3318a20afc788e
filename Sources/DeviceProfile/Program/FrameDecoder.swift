// Runs a frame program over one frame. Total: any bytes give a result or a typed rejection, in bounded time, without
// a trap. What each instruction does to a field stands in FrameDecoder+Fields.swift, what leaves the frame in
// FrameDecoder+Emit.swift.

import VitalSigns

/// One run. A value on the stack of the link's thread.
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
    case .jumpUnless(let condition, let target):
      return holds(program.conditions[Int(condition)], frame) ? counter + 1 : Int(target)
    case .repeatBegin(let end, let atLeast, let first, let last):
      return try beginRound(frame, counter: counter, end: end, atLeast: atLeast, registers: first..<last)
    case .repeatEnd(let begin, let atMost):
      return try endRound(frame, begin: begin, atMost: atMost)
    case .reject(let text):
      throw rejection(.profileRule, program.texts[Int(text)])
    case .emitObservation(let register, let declaration, let unit, let byArrival, let emit):
      try emitObservation(register, Int(declaration), unit: program.units[Int(unit)], byArrival: byArrival, emit: emit, &result)
    case .emitEvent(let flag, let declaration, let phase, let detail, let byArrival, let emit):
      try emitEvent(flag, Int(declaration), phase: phase, detail: detail, byArrival: byArrival, emit: emit, &result)
    case .emitLocation(let latitude, let longitude, let accuracy, let emit):
      try emitLocation(latitude, longitude, accuracy, emit: emit, &result)
    case .limit(let register, let range):
      limit(register, program.ranges[Int(range)], &result)
    case .oneOf(let register, let table):
      checkListed(register, program.lookups[Int(table)], frame, &result)
    case .lookup(let register, let table, let counts):
      translate(register, program.lookups[Int(table)], counts: counts, frame, &result)
    case .packetMark(let register):
      result.repeatMark = state[register].integer.flatMap { UInt64(exactly: $0) }
    default:
      try field(instruction, frame)
    }
    return counter + 1
  }

  private mutating func beginRound(
    _ frame: Span<UInt8>, counter: Int, end: UInt16, atLeast: UInt16, registers: Range<UInt8>
  ) throws(FrameRejection) -> Int {
    if state.cursor >= frame.count {
      let rounds = state.rounds
      state.rounds = 0
      if rounds < Int(atLeast) {
        throw rejection(.repeatTooShort, "the repeated part comes \(rounds) times, at least \(atLeast) are due")
      }
      return Int(end)
    }
    for register in registers { state[register] = .missing }
    state.roundStart = state.cursor
    return counter + 1
  }

  private mutating func endRound(_ frame: Span<UInt8>, begin: UInt16, atMost: UInt16) throws(FrameRejection) -> Int {
    state.rounds += 1
    guard state.cursor > state.roundStart else { throw rejection(.repeatLimit, "the repeated part consumes no byte") }
    if state.rounds >= Int(atMost), state.cursor < frame.count {
      throw rejection(.repeatLimit, "the repeated part comes more than \(atMost) times")
    }
    return Int(begin)
  }

  /// The answer to one question of a `when`. A question about something missing is false both ways.
  private func holds(_ condition: Condition, _ frame: Span<UInt8>) -> Bool {
    let register = state[condition.register]
    switch condition.test {
    case .present: return register.isPresent
    case .missing: return register.kind == .missing
    case .unusable: return register.kind == .unusable
    default: break
    }
    guard register.isPresent else { return false }
    let answer: Bool
    switch condition.test {
    case .bits(let mask):
      guard let word = register.integer else { return false }
      answer = UInt64(bitPattern: word) & mask != 0
    case .bitsEqual(let lowest, let count, let list):
      guard let word = register.integer else { return false }
      let value = Quantity(mantissa: Self.bits(of: word, lowest: lowest, count: count))
      answer = program.lists[Int(list)].contains(value)
    case .number(let list):
      guard register.kind != .text else { return false }
      answer = program.lists[Int(list)].contains(register.quantity)
    case .text(let list):
      guard register.kind == .text else { return false }
      answer = program.textLists[Int(list)].contains { register.equals($0, in: frame, anyCase: true) }
    case .less(let constant):
      guard register.kind == .number else { return false }
      answer = register.quantity.compared(to: program.constants[Int(constant)]) < 0
    case .greater(let constant):
      guard register.kind == .number else { return false }
      answer = register.quantity.compared(to: program.constants[Int(constant)]) > 0
    case .present, .missing, .unusable:
      answer = false
    }
    return answer != condition.negated
  }

  static func bits(of word: Int64, lowest: UInt8, count: UInt8) -> Int64 {
    let shifted = UInt64(bitPattern: word) >> UInt64(lowest)
    return count >= 63 ? Int64(bitPattern: shifted & 0x7FFF_FFFF_FFFF_FFFF) : Int64(shifted & (1 << UInt64(count) - 1))
  }

  func rejection(_ reason: FrameRejection.Reason, _ explanation: String) -> FrameRejection {
    FrameRejection(reason: reason, offset: state.cursor, explanation: explanation)
  }
}
