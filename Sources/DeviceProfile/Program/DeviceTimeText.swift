// Which times a device can mean, and how devices write them as text. Bytes from outside: a time that no calendar has is nil.

import VitalSigns

/// Which instants a device can mean: 2000 to 2199. An earlier time comes from a clock that was never set; a later one is nonsense.
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
