// An event's JSON says what the platform's encoder says of the same value, for every type that travels as an event.

import Foundation
import NIOCore
import Testing
import VitalSigns

@testable import CoreAPI
@testable import LocalAPI

@Suite struct EventJSONTests {
  private func text(_ value: some Encodable) throws -> String {
    var bytes = ByteBuffer()
    try EventJSON.append(value, to: &bytes)
    return String(buffer: bytes)
  }

  /// Both texts, read back as what JSON can hold.
  private func expectSame(_ value: some Encodable, _ location: SourceLocation = #_sourceLocation) throws {
    let ours = try JSONSerialization.jsonObject(with: Data(text(value).utf8), options: .fragmentsAllowed) as? NSObject
    let theirs = try JSONSerialization.jsonObject(with: LocalAPIJSON.encode(value), options: .fragmentsAllowed) as? NSObject
    #expect(ours != nil && ours == theirs, sourceLocation: location)
  }

  private func alert(_ text: String, isFull: Bool) -> API.Alert {
    API.Alert(
      id: "a40e2b93-1ce3-8c58-bdf8-532617880f58", rule: .known(.planRed), priority: .known(.high), state: .known(.raised),
      change: .known(.raised),
      patient: isFull ? "P1" : nil, patientName: isFull ? text : nil, device: isFull ? "D4294967295" : nil, value: -40, limit: Int.min,
      subject: .max, level: 0, raisedAt: "2026-11-21T08:38:05.001Z", changedAt: "2026-11-21T08:38:05.001Z",
      escalatesAt: isFull ? "2026-11-21T08:40:05.001Z" : nil, actor: isFull ? text : nil, comment: isFull ? text : nil, text: text,
      firstCause: .max, changeID: "a/b/c",
      transition: isFull
        ? API.Transition(
          rule: .unknown(255), priority: .known(.medium), state: .known(.suspected), previous: .unknown(0), kind: .known(.notified),
          level: 9,
          deadline: .never, raisedAt: MonotonicInstant(rawValue: .min), instant: MonotonicInstant(rawValue: -1),
          wall: WallTime(rawValue: 0),
          raisedWall: WallTime(rawValue: 10), patient: PatientID(rawValue: 1), device: DeviceID(rawValue: .max),
          actor: ActorID(rawValue: 7),
          revision: .max, upper: .min, also: API.Transition.Reason(rule: .unknown(4), value: .min, limit: .max, upper: 0, subject: 5))
        : nil)
  }

  @Test(arguments: ["", "Kari Nordmann", "«Ærlig» – ☎️ 한글", "a\"b\\c/d", "line\nfeed\r\ttab\u{0}\u{1F}\u{7F}\u{2028}", "{[,:]}"])
  func anAlertSaysTheSame(_ text: String) throws {
    for isFull in [false, true] { try expectSame(alert(text, isFull: isFull)) }
  }

  /// The bytes that listeners of every version get: members in the order of the type, words as text, the core's values as numbers.
  @Test func anAlertsBytesAreThoseOfEveryVersion() throws {
    let full = #"""
      {"id":"a40e2b93-1ce3-8c58-bdf8-532617880f58","rule":"planRed","priority":"high","state":"raised","change":"raised","patient":"P1",\
      "patientName":"K","device":"D4294967295","value":-40,"limit":-9223372036854775808,"subject":4294967295,"level":0,\
      "raisedAt":"2026-11-21T08:38:05.001Z","changedAt":"2026-11-21T08:38:05.001Z","escalatesAt":"2026-11-21T08:40:05.001Z",\
      "actor":"K","comment":"K","text":"K","firstCause":18446744073709551615,"changeID":"a/b/c",\
      "transition":{"rule":255,"priority":2,"state":1,"previous":0,"kind":3,"level":9,"deadline":9223372036854775807,\
      "raisedAt":-9223372036854775808,"instant":-1,"wall":0,"raisedWall":10,"patient":1,"device":4294967295,"actor":7,"revision":65535,\
      "upper":-2147483648,"also":{"rule":4,"value":-2147483648,"limit":2147483647,"upper":0,"subject":5}}}
      """#
    #expect(try text(alert("K", isFull: true)) == full.replacing("\\\n", with: ""))
  }

  @Test func theOtherEventsSayTheSame() throws {
    try expectSame(API.Committed(sequence: .max))
    let problem = API.Problem(kind: .rule(.linkDown), name: nil, since: "x", effect: .partial, text: "\"", detail: nil, next: "y")
    for problems in [nil, [], [problem], [problem, problem]] as [[API.Problem]?] {
      try expectSame(
        API.CorePulse(live: true, summary: "", durable: 0, at: "now", problems: problems, ready: false, lastHeard: nil))
    }
    let states = [API.DestinationState.State.unknown, .well, .failing, .down].map { API.DestinationState(name: "a", state: $0) }
    try expectSame(states)
    try expectSame(Array(states.prefix(0)))
  }

  /// What another kind of value may ask for: the events of today do not, those of tomorrow may.
  private struct Odd: Encodable {
    enum Choice: Encodable { case bare, pair(Int8, name: String), list([[Bool]]) }
    struct Empty: Encodable {}
    var choices: [Choice] = [.bare, .pair(-128, name: "x"), .list([[], [true, false], []])]
    var empty = Empty()
    var numbers: [Double] = [0, 1.5, -2e300, 1e-7]
    var nothing: [Int?] = [nil, 1, nil]
    var map = ["k": ["l": UInt64.max]]
  }

  @Test func nestedContainersClose() throws { try expectSame(Odd()) }

  @Test func whatJSONCannotHoldIsAnErrorAndWritesNothing() {
    var bytes = ByteBuffer(string: "event: x\ndata: ")
    #expect(throws: EncodingError.self) { try EventJSON.append([1, Double.nan], to: &bytes) }
    #expect(String(buffer: bytes) == "event: x\ndata: ")
  }
}
