// The contract of `score`: exactly these keys, decimal rounding, strict input, errors in place.

import Testing

@testable import knutepunkt

@Suite struct ScoreLineTests {
  @Test(arguments: [
    ("{}", #"{"low":0,"high":20,"complete":false,"band":"none","points":{}}"#),
    (
      #"{"respiration":18,"spo2":96,"oxygen":false,"systolic":120,"pulse":70,"consciousness":"A","temperature":37.0}"#,
      #"{"low":0,"high":0,"complete":true,"band":"none","points":{"respiration":0,"spo2":0,"oxygen":0,"systolic":0,"pulse":0,"consciousness":0,"temperature":0}}"#
    ),
    // Keys come out in the chart's order, whatever order they went in.
    (
      #"{"temperature":39.05,"consciousness":"C","oxygen":"oxygen","respiration":25}"#,
      #"{"low":10,"high":19,"complete":false,"band":"high","points":{"respiration":3,"oxygen":2,"consciousness":3,"temperature":2}}"#
    ),
    // 38.05 is 38.1, exactly half up; as a binary float it is a little less than 38.05.
    (#"{"temperature":38.05}"#, #"{"low":1,"high":18,"complete":false,"band":"low","points":{"temperature":1}}"#),
    (#"{"temperature":38.0499999999999999}"#, #"{"low":0,"high":17,"complete":false,"band":"none","points":{"temperature":0}}"#),
    (#"{"temperature":3.805e1}"#, #"{"low":1,"high":18,"complete":false,"band":"low","points":{"temperature":1}}"#),
    (#"{"spo2":95.5}"#, #"{"low":0,"high":17,"complete":false,"band":"none","points":{"spo2":0}}"#),
    (#"{"pulse":40.5,"spo2":null}"#, #"{"low":1,"high":18,"complete":false,"band":"low","points":{"pulse":1}}"#),
    // On scale 2 with oxygen unknown, a high SpO₂ is not known as one number.
    (#"{"spo2":97,"spo2Scale":2}"#, #"{"low":0,"high":20,"complete":false,"band":"none","points":{}}"#),
    (#"{"spo2":97,"spo2Scale":2,"oxygen":true}"#, #"{"low":5,"high":20,"complete":false,"band":"medium","points":{"spo2":3,"oxygen":2}}"#),
    (#"{"spo2":91}"#, #"{"low":3,"high":20,"complete":false,"band":"lowMedium","points":{"spo2":3}}"#),
    ("\t{ \"\\u0070ulse\" : 70 } \r", #"{"low":0,"high":17,"complete":false,"band":"none","points":{"pulse":0}}"#),
  ])
  func answers(line: String, answer: String) throws {
    #expect(try ScoreLine.result(of: Array(line.utf8)[...]).get() == answer)
  }

  @Test(arguments: [
    ("", "the line is empty"), ("[]", "no JSON object"), ("{", "quotation marks"), ("{}x", "something follows"),
    ("{} {}", "something follows"),
    (#"{"pulse":70,}"#, "quotation marks"), (#"{"pulse" 70}"#, "colon is missing"), (#"{"pulse":70 "spo2":96}"#, "comma is missing"),
    (#"{"pulse":}"#, "no JSON value"),
    (#"{"pulse":NaN}"#, "no JSON value"), (#"{"pulse":+70}"#, "no JSON value"), (#"{"pulse":070}"#, "no JSON number"),
    (#"{"pulse":7.}"#, "no JSON number"),
    (#"{"pulse":-}"#, "no JSON number"), (#"{"pulse":1e}"#, "no JSON number"), (#"{"pulse":[70]}"#, "an object or a list"),
    (#"{"pulse":70,"pulse":70}"#, "stands twice"),
    (#"{"puls":70}"#, "unknown key \"puls\"; allowed: respiration, spo2, spo2Scale"),
    (#"{"pulse":"70"}"#, #"pulse is "70"; allowed: a number from 0 to 400"#),
    (#"{"pulse":true}"#, "pulse is true"), (#"{"spo2":101}"#, "spo2 is 101; allowed: a number from 0 to 100"),
    (#"{"spo2":-1}"#, "spo2 is -1"), (#"{"spo2":-0.2}"#, "spo2 is -0.2"),
    (#"{"temperature":9.9}"#, "allowed: a number from 10.0 to 50.0"), (#"{"temperature":50.05}"#, "temperature is 50.05"),
    (#"{"pulse":1e99}"#, "pulse is 1e99"),
    (#"{"pulse":99999999999999999999}"#, "pulse is"), (#"{"spo2Scale":3}"#, "spo2Scale is 3; allowed: 1, or 2"),
    (#"{"oxygen":1}"#, "oxygen is 1; allowed: true, false"),
    (#"{"oxygen":"yes"}"#, "oxygen is \"yes\""), (#"{"consciousness":"a"}"#, "consciousness is \"a\"; allowed"),
    (#"{"consciousness":0}"#, "consciousness is 0"),
    ("{\"a", "does not end"), (#"{"\x":1}"#, "unknown escape"), (#"{"\ud800":1}"#, "surrogate"), (#"{"\u12":1}"#, "four hexadecimal"),
  ])
  func wrongLinesAreExplained(line: String, words: String) {
    switch ScoreLine.result(of: Array(line.utf8)[...]) {
    case .success(let answer): Issue.record("answered \(answer)")
    case .failure(let complaint): #expect(complaint.message.contains(words), "said: \(complaint.message)")
    }
  }

  @Test func brokenUTF8IsSaid() {
    let line: [UInt8] = [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]
    #expect(throws: FlatJSONLine.Complaint.self) { try ScoreLine.result(of: line[...]).get() }
  }

  /// A valid line cut anywhere is an error, never a trap and never a score.
  @Test func everyCutLineIsRefused() {
    let bytes = Array(#"{"respiration":18,"consciousness":"A","oxygen":"a\u00e5"}"#.utf8)
    for length in bytes.indices {
      #expect(throws: FlatJSONLine.Complaint.self) { try ScoreLine.result(of: bytes[..<length]).get() }
    }
  }

  @Test func errorsAreThemselvesJSON() {
    #expect(ScoreLine.failure(line: 3, "a \"b\" \\ \u{1}") == #"{"error":"line 3: a \"b\" \\ \u0001"}"#)
  }

  @Test func linesAreSplitInAnyPortionsAndBounded() {
    let bytes = Array("ab\n\ncdefg\nx".utf8)
    for size in 1...bytes.count {
      var lines = BoundedLines(lineBytesMax: 4)
      var found: [ArraySlice<UInt8>?] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        found += lines.lines(adding: bytes[start..<min(start + size, bytes.count)])
      }
      found += lines.rest()
      #expect(found.map { $0.map { String(decoding: $0, as: UTF8.self) } } == ["ab", "", nil, "x"])
    }
  }
}
