// The connector against a real server that behaves, misbehaves and falls silent.

import Forwarding
import Foundation
import Testing
import VitalSigns

@testable import FHIRForwarder

@Suite(.serialized) struct FHIRHTTPTests {
  static let items = [Sample.observation(1, .oxygenSaturation, 97, 0, .percent), Sample.dose(2, .taken)]

  func deliver(
    _ mode: String, _ receiver: Receiver, _ items: [DeliveryItem] = items, authorizer: any RequestAuthorizer = NoAuthorization(),
    timeout: Duration = .seconds(20)
  ) async -> DeliveryReport {
    let forwarder = FHIRForwarder(
      .init(baseURL: "\(receiver.base)/\(mode)/", authorizer: authorizer, hub: Sample.hub, attemptTimeout: timeout))
    let report = await forwarder.deliver(items)
    await forwarder.shutdown()
    return report
  }

  @Test func aResendIsFoundAndNotMadeTwice() async throws {
    let receiver = try Receiver()
    let all = Sample.everyVitalSign + Sample.panel(frame: 10) + [Sample.score(complete: true), Sample.dose(40, .missed)]
    for _ in 1...2 {
      let report = await deliver("ok", receiver, all)
      guard case .each(let results) = report.outcome else { return #expect(Bool(false), "\(report)") }
      #expect(results.count == all.count)
      #expect(results.allSatisfy { if case .delivered(let id?) = $0 { id.contains("/_history/") } else { false } })
    }
    // Another batch, other neighbours, the same resource.
    _ = await deliver("ok", receiver, [all[3], Sample.dose(40, .missed)])
    let store = try receiver.store()
    #expect(store.values.allSatisfy { $0 == 1 })
    #expect(store.count == Sample.everyVitalSign.count + 1 + 1 + 1 + 3, "and the patient, the gateway, the device")
    let request = try #require(try receiver.log().first)
    #expect(request.path == "/ok")
    #expect(request.headers["Content-Type"] == "application/fhir+json")
  }

  @Test func anAlertIsOneResourceThatIsReplaced() async throws {
    let receiver = try Receiver()
    for (state, kind) in [(AlertState.raised, AlertTransitionKind.raised), (.acknowledged, .acknowledged), (.resolved, .resolved)] {
      let report = await deliver("ok", receiver, [Sample.alert(state, kind)])
      #expect(report.outcome == .each([.delivered(remoteID: "DetectedIssue/4/_history/1")]))
    }
    let issues = try receiver.store().filter { $0.key.hasPrefix("DetectedIssue?") }
    #expect(issues.map(\.value) == [3])
  }

  @Test(
    arguments: [
      (400, .refusedTogether(Refusal(status: 400, diagnostics: ""))), (422, .refusedTogether(Refusal(status: 422, diagnostics: ""))),
      (401, .failed(.unauthorised(status: 401), retryAfter: nil)), (403, .failed(.unauthorised(status: 403), retryAfter: nil)),
      (404, .failed(.wrongAddress(status: 404), retryAfter: nil)), (305, .failed(.wrongAddress(status: 305), retryAfter: nil)),
      (408, .failed(.busy(status: 408), retryAfter: nil)), (429, .failed(.busy(status: 429), retryAfter: .seconds(7))),
      (500, .failed(.serverError(status: 500), retryAfter: nil)), (503, .failed(.busy(status: 503), retryAfter: nil)),
    ] as [(Int, DeliveryReport.Outcome)])
  func everyStatus(status: Int, expected: DeliveryReport.Outcome) async throws {
    let receiver = try Receiver()
    let report = await deliver("status-\(status)", receiver)
    if case .refusedTogether(let refusal) = report.outcome {
      #expect(refusal.status == status)
      #expect(refusal.diagnostics.hasPrefix("invalid: rejected: "))
      #expect(refusal.diagnostics.count <= Refusal.diagnosticsCharactersMax)
      guard case .refusedTogether(let wanted) = expected else { return #expect(Bool(false), "refused with \(status)") }
      #expect(wanted.status == status)
    } else {
      #expect(report.outcome == expected)
    }
    #expect(try receiver.log().count == 1, "no retry and no redirect underneath")
  }

  @Test(arguments: [
    ("garbage", RetryReason.malformedAnswer), ("short", .malformedAnswer), ("huge", .malformedAnswer), ("close", .connectionLost),
    ("slow", .timedOut), ("trickle", .timedOut),
  ])
  func whatConfirmsNothingIsUnknown(mode: String, reason: RetryReason) async throws {
    let receiver = try Receiver()
    let report = await deliver(mode, receiver, timeout: reason == .timedOut ? .seconds(1) : .seconds(20))
    #expect(report.outcome == .failed(reason, retryAfter: nil))
    #expect(reason.outcomeUnknown)
  }

  /// Legal HTTP: a redirect within the origin keeps method and body, and an answer may come compressed.
  @Test(arguments: ["status-307", "status-301", "gzip"])
  func legalDetoursAndCodings(mode: String) async throws {
    let receiver = try Receiver()
    guard case .each(let results) = await deliver(mode, receiver).outcome else { return #expect(Bool(false)) }
    #expect(results.allSatisfy { if case .delivered = $0 { true } else { false } })
  }

  @Test func nothingGoesToAnotherOrigin() async throws {
    let (receiver, stranger) = (try Receiver(), try Receiver())
    let port = stranger.base.split(separator: ":").last ?? ""
    #expect(await deliver("elsewhere-\(port)", receiver).outcome == .failed(.wrongAddress(status: 307), retryAfter: nil))
    #expect(try stranger.log().isEmpty)
    #expect(await deliver("bomb", receiver).outcome == .failed(.malformedAnswer, retryAfter: nil))
  }

  @Test func nobodyThere() async throws {
    let forwarder = FHIRForwarder(.init(baseURL: "http://127.0.0.1:1", hub: Sample.hub, attemptTimeout: .seconds(60)))
    #expect(await forwarder.deliver(Self.items).outcome == .failed(.unreachable, retryAfter: nil))
    await forwarder.shutdown()
  }

  @Test func onlyAServerThatTheCAFileVouchesForIsSpokenTo() async throws {
    let receiver = try Receiver(tls: true)
    let certificate = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "receiver-certificate.pem").path
    let expected: [(String?, Bool)] = [(certificate, true), (nil, false), ("/nowhere.pem", false)]
    for (caFile, isTrusted) in expected {
      let forwarder = FHIRForwarder(.init(baseURL: "\(receiver.base)/ok", caFile: caFile, hub: Sample.hub))
      let outcome = await forwarder.deliver(Self.items).outcome
      await forwarder.shutdown()
      if isTrusted {
        guard case .each = outcome else { return #expect(Bool(false), "\(outcome)") }
      } else {
        #expect(outcome == .failed(.tlsFailed, retryAfter: nil))
      }
    }
    #expect(try receiver.log().count == 1)
  }

  @Test func aServerWithoutTLSIsNoTLSServer() async throws {
    let receiver = try Receiver()
    let url = receiver.base.replacing("http:", with: "https:")
    let forwarder = FHIRForwarder(.init(baseURL: url, hub: Sample.hub, attemptTimeout: .seconds(60)))
    #expect(await forwarder.deliver(Self.items).outcome == .failed(.tlsFailed, retryAfter: nil))
    await forwarder.shutdown()
  }

  @Test func entriesOfABatchServerFareOneByOne() async throws {
    let receiver = try Receiver()
    guard case .each(let refused) = await deliver("entry-400", receiver).outcome else { return #expect(Bool(false)) }
    guard case .delivered = refused[0] else { return #expect(Bool(false), "\(refused)") }
    #expect(refused[1] == .refused(Refusal(status: 400, diagnostics: "value: bad value")))
    let several = await deliver("entry-412", receiver)
    #expect(several.notes == [.severalMatches(Self.items[1].key)])
    guard case .each(let results) = several.outcome else { return #expect(Bool(false)) }
    #expect(results[1] == .delivered(remoteID: nil))
  }

  @Test func severalMatchesAreLookedInto() async throws {
    let receiver = try Receiver()
    // Several items: nobody knows which one, the lane halves.
    guard case .refusedTogether(let refusal) = await deliver("several", receiver).outcome else { return #expect(Bool(false)) }
    #expect(refusal.status == 412)
    // One item, and it is there (more than once): delivered, with a note.
    let one = [Self.items[0]]
    let there = await deliver("several", receiver, one)
    #expect(there.outcome == .each([.delivered(remoteID: nil)]))
    #expect(there.notes == [.severalMatches(one[0].key)])
    // One item, and it is not there: another resource matched several, so this one has not arrived.
    #expect(await deliver("conflict", receiver, one).outcome == .each([.retry(.conflictAtDestination, after: nil)]))
  }

  @Test func theBearerTokenIsReadForEachAttempt() async throws {
    let receiver = try Receiver()
    let file = FileManager.default.temporaryDirectory.appending(path: "knutepunkt-token-\(UUID().uuidString)")
    let authorizer = BearerTokenFile(path: file.path)
    #expect(await deliver("ok", receiver, authorizer: authorizer).outcome == .failed(.unauthorised(status: 0), retryAfter: nil))
    for token in ["first.token", "second-token=="] {
      try "\(token)\n".write(to: file, atomically: true, encoding: .utf8)
      _ = await deliver("ok", receiver, authorizer: authorizer)
      #expect(try receiver.log().last?.headers["Authorization"] == "Bearer \(token)")
    }
    try "no token\r\nX: y".write(to: file, atomically: true, encoding: .utf8)
    await #expect(throws: AuthorizationError.malformed(file: file.path)) { try await authorizer.fields(method: "POST", url: "") }
    try FileManager.default.removeItem(at: file)
  }
}
