// Times as people read them: the core answers in ISO 8601 UTC; a person at a terminal gets the age or the local time.

import Foundation
import HubRuntime
import VitalSigns

enum TimeDisplay {
  /// Further off than this, a clock is or was wrong, and the time says more than an age. Seconds.
  private static let ages: ClosedRange<Int64> = -31 * 86_400...10 * 366 * 86_400

  /// `12 s ago`, `3 min 20 s ago`, `in 5 min`; the local time where that would be years; the text itself when it is no time.
  static func age(_ text: String?, now: WallTime = SystemClock.wall()) -> String? {
    guard let text else { return nil }
    guard let time = WallTime(text: text) else { return text }
    let seconds = now.seconds(since: time)
    if !ages.contains(seconds) { return local(text) }
    return seconds >= 0 ? "\(TimeSpan(seconds: seconds).text) ago" : "in \(TimeSpan(seconds: -seconds).text)"
  }

  /// `2026-01-31 13:34:56` in this machine's zone; the text itself when it is no time.
  static func local(_ text: String?) -> String? {
    guard let text else { return nil }
    guard let time = WallTime(text: text) else { return text }
    var seconds = time_t(time.rawValue / 1_000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
      "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }

  /// A cell with the age for a person and the exact time for a pipe.
  static func cell(_ text: String?, _ style: TextStyle = .plain) -> Cell { Cell(age(text), style, plain: text ?? "-") }
}
