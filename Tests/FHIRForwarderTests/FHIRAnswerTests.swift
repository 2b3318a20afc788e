// What a server's answer confirms: every entry that an item needs, in whatever legal form, and nothing that it does not say.

import Forwarding
import Foundation
import Testing
import VitalSigns

@testable import FHIRForwarder

@Suite struct FHIRAnswerTests {
  /// Entries: the patient, the gateway, the device, two observations.
  private let items = [
    Sample.observation(1, .oxygenSaturation, 97, 0, .percent), Sample.observation(2, .bodyTemperature, 366, -1, .degreeCelsius),
  ]
  private var bundle: FHIRBundle { FHIRBundleBuilder.bundle(items, hub: Sample.hub) }

  private func read(_ body: String) -> DeliveryReport.Outcome? {
    guard case .report(let report) = FHIRAnswer.reading(status: 200, body: Array(body.utf8), retryAfter: nil, bundle: bundle, items: items)
    else { return nil }
    return report.outcome
  }

  /// An answer with these members of each entry's `response`.
  private func answer(_ responses: [String], type: String = "batch-response", names: [String]? = nil) -> String {
    let entries = responses.enumerated().map { index, response in
      let name = names.map { #""fullUrl":"\#($0[index])","# } ?? ""
      return "{\(name)\"response\":{\(response)}}"
    }
    return #"{"resourceType":"Bundle","type":"\#(type)","entry":[\#(entries.joined(separator: ","))]}"#
  }

  private let created = #""status":"201 Created""#

  private func delivered(_ outcome: DeliveryReport.Outcome?) -> [Bool] {
    guard case .each(let results)? = outcome else { return [] }
    return results.map { if case .delivered = $0 { true } else { false } }
  }

  @Test(arguments: 0...2, [429, 503, 422, 412])
  func aRefusedPersonOrDeviceIsNoDelivery(entry: Int, status: Int) {
    var responses = Array(repeating: created, count: 5)
    responses[entry] = #""status":"\#(status) No""#
    let outcome = read(answer(responses))
    #expect(delivered(outcome) == [false, false])
    guard case .each(let results)? = outcome else { return #expect(Bool(false)) }
    for result in results {
      switch (status, result) {
      case (429, .retry(.busy, _)), (503, .retry(.busy, _)), (422, .refused), (412, .retry(.conflictAtDestination, _)): break
      default: #expect(Bool(false), "\(status) gives \(result)")
      }
    }
  }

  @Test func oneEntryIsRefusedAndTheOthersAreNot() {
    var responses = Array(repeating: created, count: 5)
    responses[4] = #""status":"422 Unprocessable","outcome":{"resourceType":"OperationOutcome","issue":[{"code":"value"}]}"#
    #expect(delivered(read(answer(responses))) == [true, false])
  }

  @Test func formsOfAStatus() {
    for status in [#""201 Created""#, #""201""#, "201", "200", #""304 Not Modified""#] {
      #expect(delivered(read(answer(Array(repeating: #""status":\#(status)"#, count: 5)))) == [true, true], "\(status)")
    }
    for status in [#""""#, #""Created""#, "null", "true"] {
      let outcome = read(answer(Array(repeating: #""status":\#(status)"#, count: 5)))
      #expect(outcome == .failed(.malformedAnswer, retryAfter: nil), "\(status)")
    }
  }

  @Test func anotherOrderIsReadByNameOrNotBelieved() {
    let urls = bundle.entries.map(\.fullURL)
    var responses = Array(repeating: created, count: 5)
    responses[0] = #""status":"422 No""#
    // Reversed: the refused one is the last observation, by its name.
    #expect(delivered(read(answer(responses, names: urls.reversed()))) == [true, false])
    // Without names, but with locations of other types.
    let types = ["Observation", "Observation", "Device", "Device", "Patient"]
    let mixed = types.map { #""status":"201 Created","location":"\#($0)/1/_history/1""# }
    #expect(read(answer(mixed)) == .failed(.malformedAnswer, retryAfter: nil))
    let ordered = types.reversed().map { #""status":"201 Created","location":"https://host/fhir/\#($0)/1/_history/1""# }
    #expect(delivered(read(answer(ordered))) == [true, true])
  }

  /// Two values are alike but for their names: one named out of its place says that the order is another, and not which.
  @Test func anOrderThatIsNamedInPartIsBelievedOnlyInPlace() {
    var responses = Array(repeating: created, count: 5)
    responses[3] = #""status":"422 Unprocessable""#
    let names = bundle.entries.map(\.fullURL)
    var some = names
    (some[0], some[1]) = ("", "")
    #expect(delivered(read(answer(responses, names: some))) == [false, true])
    (some[3], some[4]) = (names[4], "")
    #expect(read(answer(responses, names: some)) == .failed(.malformedAnswer, retryAfter: nil))
    some = names
    some[4] = names[3]
    #expect(read(answer(responses, names: some)) == .failed(.malformedAnswer, retryAfter: nil), "one twice, the other not at all")
  }

  @Test func whatIsNoAnswerConfirmsNothing() {
    let five = Array(repeating: created, count: 5)
    for body in [
      "", "ok", "{}", answer(Array(five.dropLast())), answer(five + [created]), answer(five, type: "searchset"),
      #"{"resourceType":"Bundle","type":"batch-response"}"#,
      #"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#,
    ] { #expect(read(body) == .failed(.malformedAnswer, retryAfter: nil), "\(body)") }
  }

  @Test func aComplaintWithStatus200IsAComplaint() {
    func outcome(_ code: String, _ severity: String = "error") -> String {
      #"{"resourceType":"OperationOutcome","issue":[{"severity":"\#(severity)","code":"\#(code)","diagnostics":"no"}]}"#
    }
    #expect(read(outcome("invalid")) == .refusedTogether(Refusal(status: 200, diagnostics: "invalid: no")))
    #expect(read(outcome("throttled")) == .failed(.busy(status: 200), retryAfter: nil))
    #expect(read(outcome("forbidden", "fatal")) == .failed(.unauthorised(status: 200), retryAfter: nil))
    // Within an entry that claims success.
    var responses = Array(repeating: created, count: 5)
    responses[3] = #""status":"200 OK","outcome":\#(outcome("invalid"))"#
    #expect(delivered(read(answer(responses))) == [false, true])
    responses[3] = #""status":"201 Created","outcome":\#(outcome("informational", "information"))"#
    #expect(delivered(read(answer(responses))) == [true, true])
  }
}
