// The Date header of an answer (RFC 9110, 6.6.1): made when one is sent, and once for all of the same second.

import Foundation
import Synchronization

/// One server's date. Any thread.
final class DateHeader: Sendable {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private let last = Mutex<(second: time_t, text: String)>((.min, ""))

  /// As `Fri, 27 Nov 2026 02:04:20 GMT`. `now`: seconds since 1970.
  func text(at now: time_t = time(nil)) -> String {
    last.withLock { last in
      if last.second != now { last = (now, Self.text(now)) }
      return last.text
    }
  }

  private static func text(_ now: time_t) -> String {
    var (now, parts) = (now, tm())
    gmtime_r(&now, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = days[Int(parts.tm_wday) % 7]
    let date = "\(two(parts.tm_mday)) \(months[Int(parts.tm_mon) % 12]) \(parts.tm_year + 1_900)"
    return "\(day), \(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}
