// What an HTTP answer means for a delivery, the same for every connector that speaks HTTP. Pure: a table and a header.
//
// A 4xx that says "your content is wrong" condemns the content; one that says "you may not" or "nothing is here" is a matter
// of configuration and condemns nothing (Mirth #6313: a 400 retried for ever; here: a wrong URL must not empty an outbox
// into the dead letters).

internal import VitalSigns

/// The meaning of a status code.
public enum HTTPVerdict: Sendable, Hashable {
  /// 2xx: read the body, it decides.
  case success
  /// The content is refused for good.
  case refused
  /// The request as a whole is too large: a smaller one may pass.
  case tooLarge
  /// 412: a condition met several records.
  case preconditionFailed
  case retry(RetryReason)

  public init(status: Int) {
    switch status {
    case 200...299: self = .success
    case 401, 403, 407: self = .retry(.unauthorised(status: status))
    case 300...399, 404, 405, 410: self = .retry(.wrongAddress(status: status))
    case 408, 409, 423, 425, 429, 503: self = .retry(.busy(status: status))
    case 412: self = .preconditionFailed
    case 413: self = .tooLarge
    case 400...499: self = .refused
    case 500...599: self = .retry(.serverError(status: status))
    default: self = .retry(.malformedAnswer)
    }
  }

  /// The wait in a Retry-After header (RFC 9110, 10.2.3): seconds, or a date, which is compared with the answer's own Date
  /// header so that neither clock needs to be right. Nil when absent or unreadable. The lane bounds it.
  public static func retryAfter(_ value: String?, date: String?) -> Duration? {
    guard let value else { return nil }
    if let seconds = UInt32(value) { return .seconds(Int64(seconds)) }
    guard let until = httpDate(value), let date, let now = httpDate(date), until > now else { return nil }
    return .milliseconds(until - now)
  }

  /// Milliseconds since 1970 of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
  private static func httpDate(_ text: String) -> Int64? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = UInt8(words[1]), let month = months.firstIndex(of: String(words[2])),
      let year = UInt16(words[3])
    else { return nil }
    let clock = words[4].split(separator: ":").compactMap { UInt8($0) }
    guard clock.count == 3, (1...31).contains(day), clock[0] < 24, clock[1] < 60, clock[2] <= 60 else { return nil }
    return CivilTime(
      year: year, month: UInt8(month + 1), day: day, hour: clock[0], minute: clock[1], second: clock[2]
    ).millisecondsAsUTC
  }
}
