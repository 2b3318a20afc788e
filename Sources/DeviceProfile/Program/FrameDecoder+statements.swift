// The instructions that say something about the whole frame: its quality, whose it is, and its time. A device that has lost its
// clock says year, month or day 0, an epoch of 0 or a nonsense date. Such a time is "not known", and the frame's values are marked
// `clockUnset`. The measurement itself is kept.

import VitalSigns

extension FrameDecoder {
  mutating func take(_ statement: Instruction.Statement, _ frame: Span<UInt8>, _ result: inout DecodeResult) {
    switch statement {
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
    case .user(let register, let list):
      // A frame that names no user is taken as the person's.
      guard state[register].kind != .missing else { return }
      let isListed = state[register].kind == .number && program.lists[Int(list)].contains(state[register].quantity)
      if !isListed { state.isOtherUser = true }
    case .packetMark(let register):
      result.repeatMark = state[register].integer.flatMap { UInt64(exactly: $0) }
    }
  }

  /// The SIG's Date Time: year u16, month, day, hour, minute, second.
  mutating func readCivilTime(_ frame: Span<UInt8>, bigEndian: Bool) throws(FrameRejection) {
    try need(7, frame)
    let at = state.cursor
    let (first, second) = (UInt16(frame[at]), UInt16(frame[at + 1]))
    state.cursor += 7
    let civil = CivilTime(
      year: bigEndian ? first << 8 | second : second << 8 | first, month: frame[at + 2], day: frame[at + 3],
      hour: frame[at + 4], minute: frame[at + 5], second: frame[at + 6])
    setTime(civil.isPossible ? .local(civil) : nil)
  }

  private mutating func setTime(_ time: DeviceTime?) {
    if let time {
      state.time = time
    } else {
      state.time = .none
      state.quality.formUnion(.clockUnset)
    }
  }

  /// `exponent` 0: the register holds seconds, −3: milliseconds.
  private mutating func setEpochTime(_ register: Register, exponent: Int8) {
    if register.kind == .missing { return }
    guard register.kind == .number, let scaled = register.quantity.shifted(by: exponent),
      let milliseconds = scaled.rounded(toExponent: -3), EpochBounds.contains(milliseconds)
    else { return setTime(nil) }
    setTime(.epoch(WallTime(rawValue: milliseconds)))
  }

  /// Seconds since 1970 by a clock that shows the place's own time: a civil time without a zone.
  private mutating func setLocalTime(_ register: Register) {
    if register.kind == .missing { return }
    guard register.kind == .number, let milliseconds = register.quantity.rounded(toExponent: -3), EpochBounds.contains(milliseconds) else {
      return setTime(nil)
    }
    let civil = CivilTime(utc: WallTime(rawValue: milliseconds))
    setTime(civil.isPossible ? .local(civil) : nil)
  }

  /// `2026-01-31T12:34:56`, with fraction and `Z` or `±hh:mm` when there is a zone.
  private mutating func setTextTime(_ register: Register, _ frame: Span<UInt8>) {
    if register.kind == .missing { return }
    guard register.kind == .text, !register.isEscaped else { return setTime(nil) }
    setTime(ISO8601.parse(frame, start: Int(register.start), end: Int(register.end)))
  }

  /// Adds signed minutes to a civil or epoch time: the glucose profile's time offset. A sentinel (overrun, underrun)
  /// makes the time unknown.
  private mutating func addMinutes(_ register: Register) {
    if register.kind == .missing { return }
    guard let minutes = register.integer, minutes.magnitude <= 100_000_000 else { return setTime(nil) }
    switch state.time {
    case .none: return
    case .epoch(let time):
      // |minutes × 60 000| ≤ 6·10¹² and the time is within `EpochBounds`, so the sum fits.
      let moved = time.rawValue + minutes * 60_000
      setTime(EpochBounds.contains(moved) ? .epoch(WallTime(rawValue: moved)) : nil)
    case .local(let civil):
      let moved = CivilTime(utc: WallTime(rawValue: civil.millisecondsAsUTC + minutes * 60_000))
      setTime(moved.isPossible ? .local(moved) : nil)
    }
  }
}
