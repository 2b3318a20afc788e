// Times as ISO 8601 text. Not for the realtime path: it makes strings.

extension CivilTime: CustomStringConvertible {
  /// `2026-01-31T12:34:56`, no zone.
  public var description: String {
    "\(padded(Int(year), 4))-\(padded(Int(month), 2))-\(padded(Int(day), 2))T\(padded(Int(hour), 2)):\(padded(Int(minute), 2)):\(padded(Int(second), 2))"
  }

  /// `07:05`: a minute of the day, 0…1439, on a clock.
  public static func clockText(minuteOfDay minute: Int) -> String { "\(padded(minute / 60, 2)):\(padded(minute % 60, 2))" }

  /// The civil time in UTC of an instant on the wall clock. Years before 0 or after 65535 are held at the ends.
  public init(utc time: WallTime) {
    var days = time.rawValue / 86_400_000
    var rest = time.rawValue % 86_400_000
    if rest < 0 {
      rest += 86_400_000
      days -= 1
    }
    // Howard Hinnant's civil_from_days, the inverse of `millisecondsAsUTC`.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    self.init(
      year: UInt16(clamping: year), month: UInt8(clamping: month),
      day: UInt8(clamping: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1), hour: UInt8(clamping: rest / 3_600_000),
      minute: UInt8(clamping: rest / 60_000 % 60), second: UInt8(clamping: rest / 1_000 % 60))
  }
}

extension WallTime: CustomStringConvertible {
  /// `2026-01-31T12:34:56.789Z`, always UTC with milliseconds; `unknown` for the unknown time.
  public var description: String {
    if self == .unknown { return "unknown" }
    let milliseconds = Int(((rawValue % 1_000) + 1_000) % 1_000)
    return "\(CivilTime(utc: self)).\(padded(milliseconds, 3))Z"
  }

  /// Reads what `description` writes, also without the milliseconds; nil for anything else.
  public init?(text: some StringProtocol) {
    let parts = text.split(omittingEmptySubsequences: false) { "-T:.Z".contains($0) }
    let widths = parts.dropLast().map(\.utf8.count)
    let digits = parts.joined().utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard digits, widths == [4, 2, 2, 2, 2, 2] || widths == [4, 2, 2, 2, 2, 2, 3], let year = UInt16(parts[0]), let month = UInt8(parts[1]),
      let day = UInt8(parts[2]), let hour = UInt8(parts[3]), let minute = UInt8(parts[4]), let second = UInt8(parts[5])
    else { return nil }
    let milliseconds = widths.count == 7 ? Int64(parts[6]) ?? 0 : 0
    let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    let time = Self(rawValue: civil.millisecondsAsUTC + milliseconds)
    // The time must give the same text again: a 31 February, or a sign in the wrong place, is no time.
    guard time.description == text || CivilTime(utc: time).description + "Z" == text else { return nil }
    self = time
  }
}

extension DeviceTime: CustomStringConvertible {
  public var description: String {
    switch self {
    case .none: "none"
    case .local(let civil): civil.description
    case .epoch(let time): time.description
    }
  }
}

private func padded(_ value: Int, _ width: Int) -> String {
  let digits = String(value)
  return digits.count >= width ? digits : String(repeating: "0", count: width - digits.count) + digits
}
