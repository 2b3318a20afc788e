// The pace of retries, and what HTTP answers mean for it.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct RetryPolicyTests {
  @Test(arguments: [RetryPolicy.alarms, .routine])
  func waitsDoubleWithinTheirBoundsAndAreSpread(policy: RetryPolicy) {
    var random = SeededRandom(seed: 1)
    for failures in 1...200 {
      let doubled = policy.backoffMin * Double(1 << min(failures - 1, 20))
      let full = min(doubled, policy.backoffMax)
      let waits = (0..<50).map { _ in policy.backOff.pause(failures: failures, random: &random) }
      #expect(waits.allSatisfy { $0 >= full / 2 && $0 <= full }, "\(failures) failures")
      #expect(Set(waits).count > 40, "no jitter after \(failures) failures")
    }
  }

  @Test func theDocumentedEnds() {
    #expect(RetryPolicy.alarms.backoffMin == .milliseconds(200))
    #expect(RetryPolicy.alarms.backoffMax == .seconds(30))
    #expect(RetryPolicy.routine.backoffMin == .seconds(1))
    #expect(RetryPolicy.routine.backoffMax == .seconds(300))
  }

  @Test func hugeBackoffsDoNotOverflow() {
    let policy = RetryPolicy(
      backoffMin: .seconds(1 << 33), backoffMax: .seconds(Int64.max), retryAfterMax: .zero, attemptTimeout: .seconds(1),
      batchItemsMax: 1, windowItemsMax: 4, failuresUntilSuspended: 1)
    var random = SeededRandom(seed: 1)
    #expect(policy.backOff.pause(failures: .max, random: &random) > .zero)
  }
}

@Suite struct HTTPVerdictTests {
  @Test func everyStatusHasOneMeaning() {
    for status in 0...999 {
      let expected: HTTPVerdict =
        switch status {
        case 200...299: .success
        case 401, 403, 407: .retry(.unauthorised(status: status))
        case 404, 405, 410, 300...399: .retry(.wrongAddress(status: status))
        // About the way, not about what was sent.
        case 402, 406, 411, 415, 417, 421, 426, 428, 431, 451, 511: .retry(.wrongAddress(status: status))
        case 408, 409, 423, 425, 429, 503: .retry(.busy(status: status))
        case 412: .preconditionFailed
        case 413: .tooLarge
        case 400...499: .refused
        case 500...502, 504...599: .retry(.serverError(status: status))
        default: .retry(.malformedAnswer)
        }
      #expect(HTTPVerdict(status: status) == expected, "\(status)")
    }
  }

  @Test(
    arguments: [
      ("120", nil, 120_000), ("0", nil, 0), ("-1", nil, nil), ("soon", nil, nil), (nil, nil, nil), ("99999999999", nil, nil),
      ("Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 60_000),
      ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37 GMT", nil, nil),
      ("Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", nil),
      ("Sun, 06 Nov 1994 99:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", nil),
    ] as [(String?, String?, Int?)])
  func retryAfter(value: String?, date: String?, milliseconds: Int?) {
    #expect(HTTPVerdict.retryAfter(value, date: date) == milliseconds.map { .milliseconds($0) })
  }
}

@Suite struct JSONTextTests {
  @Test func decimalsKeepTheirDigits() {
    let value: JSONValue = ["a": .decimal(Quantity(mantissa: 3660, exponent: -2)), "b": .decimal(Quantity(mantissa: -5, exponent: -3))]
    #expect(value.text == #"{"a":36.60,"b":-0.005}"#)
  }

  @Test func textIsEscapedAndOrderKept() {
    let value: JSONValue = ["z": "\"\\\n\r\t\u{1}æ😀", "a": [.boolean(true), .integer(-1)], "left out": nil, "": [:]]
    #expect(value.text == #"{"z":"\"\\\n\r\t\u0001æ😀","a":[true,-1],"":{}}"#)
  }
}
