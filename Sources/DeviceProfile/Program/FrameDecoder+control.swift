// The instructions that decide where the run goes on: jumps, repeats, and the checks that end it with a rejection.

import VitalSigns

extension FrameDecoder {
  /// Executes one control instruction and gives the index of the next instruction.
  mutating func proceed(_ control: Instruction.Control, at counter: Int, _ frame: Span<UInt8>) throws(FrameRejection) -> Int {
    switch control {
    case .jumpUnless(let condition, let target):
      return holds(program.conditions[Int(condition)], frame) ? counter + 1 : Int(target)
    case .repeatBegin(let end, let atLeast, let first, let last):
      return try beginRound(frame, counter: counter, end: end, atLeast: atLeast, registers: first..<last)
    case .repeatEnd(let begin, let atMost):
      return try endRound(frame, begin: begin, atMost: atMost)
    case .checksum(let kind, let from, let bigEndian):
      try verify(kind, from: Int(from), bigEndian: bigEndian, frame)
    case .bytesLeft(let register):
      try checkLeft(state[register], frame)
    case .require(let register):
      if !state[register].isPresent { throw rejection(.requiredMissing, "a required field is missing or not usable") }
    case .reject(let text):
      throw rejection(.profileRule, program.texts[Int(text)])
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

  private func checkLeft(_ stated: Register, _ frame: Span<UInt8>) throws(FrameRejection) {
    let left = max(0, frame.count - state.cursor)
    guard let count = stated.integer, count >= 0 else { throw rejection(.requiredMissing, "the length of what follows is not usable") }
    if count > Int64(left) { throw rejection(.endOfFrame, "the frame states \(count) more bytes, \(left) are left") }
    if count < Int64(left) { throw rejection(.trailingBytes, "the frame states \(count) more bytes, \(left) are left") }
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
    func hex(_ value: UInt16) -> String { Hexadecimal.text(value, digits: 2 * kind.bytes).uppercased() }
    let isSwapped = kind.bytes == 2 && computed.byteSwapped == stored
    return "the \(kind.rawValue) checksum does not match: computed \(hex(computed)), the frame has \(hex(stored))"
      + (isSwapped ? " (the bytes are swapped: byteOrder)" : "")
  }
}
