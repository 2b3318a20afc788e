// A day in the calendar: a birthday, or the day on which somebody turns sixteen.

import VitalSigns

/// A day of the Gregorian calendar.
public struct CivilDate: Sendable, Hashable, CustomStringConvertible {
  public let year: Int
  public let month: Int
  public let day: Int

  /// Reads `1941-05-17`; nil for anything else, a 30 February, and years before 1850 or after 2130.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), (1850...2130).contains(year), (1...12).contains(month),
      (1...Self.days(inMonth: month, of: year)).contains(day)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  private init(year: Int, month: Int, day: Int) { (self.year, self.month, self.day) = (year, month, day) }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The same day so many years later. Who is born on 29 February has a birthday on 1 March in other years.
  public func adding(years: Int) -> Self {
    let later = year + years
    return day > Self.days(inMonth: month, of: later) ? Self(year: later, month: 3, day: 1) : Self(year: later, month: month, day: day)
  }

  /// Days since 1970-01-01.
  public var daysSince1970: Int {
    let time = CivilTime(
      year: UInt16(clamping: year), month: UInt8(clamping: month), day: UInt8(clamping: day), hour: 0, minute: 0, second: 0)
    return Int(time.millisecondsAsUTC / 86_400_000)
  }

  /// How many years lie between this birthday and `day`, a number of days since 1970-01-01; nil when it lies after it.
  public func age(onDay day: Int) -> Int? {
    guard daysSince1970 <= day else { return nil }
    var years = max(0, (day - daysSince1970) / 366)
    while adding(years: years + 1).daysSince1970 <= day { years += 1 }
    return years
  }

  public var description: String { "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)" }
}
