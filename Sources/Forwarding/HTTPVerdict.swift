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
    // What a server or something on the way wants of the way (a media type, a length, another host, another protocol, money):
    // no other content would fare better.
    case 402, 406, 411, 415, 417, 421, 426, 428, 431, 451, 511: self = .retry(.wrongAddress(status: status))
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
    guard let value = value?.split(whereSeparator: \.isWhitespace).joined(separator: " "),
      !value.isEmpty
    else { return nil }
    if value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return UInt32(value).map { .seconds(Int64($0)) } }
    guard let until = httpDate(value), let date, let now = httpDate(date), until > now else { return nil }
    return .milliseconds(until - now)
  }

  /// When the server answered by its own clock (its Date header), milliseconds since 1970; nil when absent or unreadable.
  public static func dateMilliseconds(_ value: String?) -> Int64? { value.flatMap(httpDate) }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Milliseconds since 1970 of any of the three forms that a recipient must accept (RFC 9110, 5.6.7):
  /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
  private static func httpDate(_ text: String) -> Int64? {
    let words = text.split(separator: " ").map(String.init)
    switch words.count {
    case 6 where words[5] == "GMT": return moment(day: words[1], month: words[2], year: words[3], clock: words[4])
    case 4 where words[3] == "GMT":
      let parts = words[1].split(separator: "-").map(String.init)
      guard parts.count == 3, parts[2].count == 2, let year = UInt16(parts[2]) else { return nil }
      // Two digits: more than 50 years ahead would be the past. The product did not exist before 2000.
      return moment(day: parts[0], month: parts[1], year: String(2000 + year), clock: words[2])
    case 5: return moment(day: words[2], month: words[1], year: words[4], clock: words[3])
    default: return nil
    }
  }

  private static func moment(day: String, month: String, year: String, clock: String) -> Int64? {
    let clock = clock.split(separator: ":").compactMap { UInt8($0) }
    guard let day = UInt8(day), (1...31).contains(day), let month = months.firstIndex(of: month), let year = UInt16(year),
      clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60
    else { return nil }
    return CivilTime(
      year: year, month: UInt8(month + 1), day: day, hour: clock[0], minute: clock[1], second: clock[2]
    ).millisecondsAsUTC
  }
}
