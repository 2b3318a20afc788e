// Times as people read them: the core answers in ISO 8601 UTC; a person at a terminal gets the age or the local time.

import Foundation
import VitalSigns

enum TimeDisplay {
  static var now: WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(rawValue: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// `12 s ago`, `3 min ago`, `in 5 min`; the text itself when it is no time.
  static func age(_ text: String?, now: WallTime = now) -> String? {
    guard let text else { return nil }
    guard let time = WallTime(text: text) else { return text }
    let seconds = now.seconds(since: time)
    return seconds >= 0 ? "\(span(seconds)) ago" : "in \(span(-seconds))"
  }

  /// `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`.
  static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7_200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3_600) h\(seconds / 60 % 60 == 0 ? "" : " \(seconds / 60 % 60) min")"
    default: "\(seconds / 86_400) d\(seconds / 3_600 % 24 == 0 ? "" : " \(seconds / 3_600 % 24) h")"
    }
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
