// Device times. A device that has lost its clock says year, month or day 0, an epoch of 0 or a nonsense date; such a
// time is "not known", and the frame's values are marked `clockUnset`. The measurement itself is kept.

import VitalSigns

extension FrameDecoder {
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
  mutating func setEpochTime(_ register: Register, exponent: Int8) {
    if register.kind == .missing { return }
    guard register.kind == .number, let scaled = register.quantity.shifted(by: exponent),
      let milliseconds = scaled.rounded(toExponent: -3), EpochBounds.contains(milliseconds)
    else { return setTime(nil) }
    setTime(.epoch(WallTime(rawValue: milliseconds)))
  }

  /// Seconds since 1970 on a clock that shows the place's own time: a civil time without a zone.
  mutating func setLocalTime(_ register: Register) {
    if register.kind == .missing { return }
    guard register.kind == .number, let milliseconds = register.quantity.rounded(toExponent: -3), EpochBounds.contains(milliseconds) else {
      return setTime(nil)
    }
    let civil = CivilTime(utc: WallTime(rawValue: milliseconds))
    setTime(civil.isPossible ? .local(civil) : nil)
  }

  /// `2026-01-31T12:34:56`, with fraction and `Z` or `±hh:mm` when there is a zone.
  mutating func setTextTime(_ register: Register, _ frame: Span<UInt8>) {
    if register.kind == .missing { return }
    guard register.kind == .text, !register.isEscaped else { return setTime(nil) }
    setTime(ISO8601.parse(frame, start: Int(register.start), end: Int(register.end)))
  }

  /// Adds signed minutes to a civil or epoch time: the glucose profile's time offset. A sentinel (overrun, underrun)
  /// makes the time unknown.
  mutating func addMinutes(_ register: Register) {
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

/// Which instants a device can mean: 2000 to 2199. Before lies a clock that was never set, after lies nonsense.
enum EpochBounds {
  static let first: Int64 = 946_684_800_000
  static let end: Int64 = 7_258_118_400_000
  static func contains(_ milliseconds: Int64) -> Bool { milliseconds >= first && milliseconds < end }
}

extension CivilTime {
  /// A date of the calendar in 1582…9999 (the SIG's range) and a time of day.
  var isPossible: Bool {
    guard (1582...9999).contains(year), (1...12).contains(month), day >= 1, hour <= 23, minute <= 59, second <= 59 else {
      return false
    }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: day <= (isLeap ? 29 : 28)
    case 4, 6, 9, 11: day <= 30
    default: day <= 31
    }
  }
}

/// ISO 8601 as devices write it.
enum ISO8601 {
  static func parse(_ frame: Span<UInt8>, start: Int, end: Int) -> DeviceTime? {
    func number(_ from: Int, _ count: Int) -> Int64? {
      guard start + from + count <= end else { return nil }
      var value: Int64 = 0
      for offset in 0..<count {
        let byte = frame[start + from + offset]
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int64(byte - 0x30)
      }
      return value
    }
    func has(_ index: Int, _ allowed: UInt8...) -> Bool { start + index < end && allowed.contains(frame[start + index]) }

    guard let year = number(0, 4), has(4, 0x2D), let month = number(5, 2), has(7, 0x2D), let day = number(8, 2),
      has(10, 0x54, 0x74, 0x20), let hour = number(11, 2), has(13, 0x3A), let minute = number(14, 2), has(16, 0x3A),
      let second = number(17, 2)
    else { return nil }
    let civil = CivilTime(
      year: UInt16(clamping: year), month: UInt8(clamping: month), day: UInt8(clamping: day), hour: UInt8(clamping: hour),
      minute: UInt8(clamping: minute), second: UInt8(clamping: second))
    guard civil.isPossible else { return nil }
    var cursor = 19
    var milliseconds: Int64 = 0
    if has(cursor, 0x2E, 0x2C) {
      cursor += 1
      var scale: Int64 = 100
      let firstDigit = cursor
      while let digit = number(cursor, 1) {
        milliseconds += digit * scale
        scale /= 10
        cursor += 1
      }
      if cursor == firstDigit { return nil }
    }
    if start + cursor == end { return .local(civil) }
    var offsetMinutes: Int64 = 0
    if has(cursor, 0x5A, 0x7A) {
      cursor += 1
    } else if has(cursor, 0x2B, 0x2D), let hours = number(cursor + 1, 2), hours <= 18 {
      let colon = has(cursor + 3, 0x3A) ? 1 : 0
      guard let minutes = number(cursor + 3 + colon, 2), minutes <= 59 else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (has(cursor, 0x2D) ? -1 : 1)
      cursor += 5 + colon
    }
    guard start + cursor == end else { return nil }
    let instant = civil.millisecondsAsUTC + milliseconds - offsetMinutes * 60_000
    return EpochBounds.contains(instant) ? .epoch(WallTime(rawValue: instant)) : nil
  }
}
