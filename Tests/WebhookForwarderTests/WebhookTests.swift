// The webhook: body, signature (checked by Python, which shares no code with us), echo, rotation of secrets, bad receivers.

import Forwarding
import Foundation
import People
import Testing
import VitalSigns

@testable import HTTPDelivery
@testable import WebhookForwarder

private enum Sample {
  static func alarm(_ alert: UInt64 = 1, _ kind: AlertTransitionKind = .raised, instant: Int64 = 5, named: Bool = true) -> DeliveryItem {
    let transition = AlertTransition(
      id: AlertID(high: 0x0123_4567_89ab_cdef, low: alert), rule: .sos, priority: .high, state: .raised, previous: .suspected, kind: kind,
      level: 2, deadline: .never, firstCause: 1, raisedAt: .zero, value: 0, limit: 0, subject: 0, actor: .hub)
    let patient = PatientIdentity(
      hubPatient: PatientID(rawValue: 7),
      nationalID: named ? NationalID(kind: .nationalIdentityNumber, value: "13815012345") : nil, displayName: named ? "Line Danser" : nil)
    return DeliveryItem(
      row: nil,
      record: .alert(
        AlertRecord(
          transition: transition, instant: MonotonicInstant(rawValue: instant), occurredAt: WallTime(rawValue: 1_769_862_897_000),
          raisedAt: WallTime(rawValue: 1_769_862_896_789), patient: patient, device: nil, controller: "964338531", evidence: [],
          text: AlertRecord.Text(nb: "SOS: «hjelp»", nn: "SOS: «hjelp»", en: "SOS"))))
  }
}

/// The fields that a receiver reads.
private struct Body: Decodable {
  struct Patient: Decodable {
    var hubPatient: String
    var nationalId: String?
    var name: String?
  }
  var id: String
  var alertId: String
  var kind: String
  var rule: String
  var priority: String
  var state: String
  var level: Int
  var order: Int
  var raisedAt: String
  var patient: Patient?
  var text: [String: String]
}

@Suite(.serialized) final class WebhookTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "knutepunkt-webhook-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try "a secret of the receiver\n".write(to: folder.appending(path: "secret"), atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Everything that may be set, member by member; what is not set, and next of kin without consent, are not there.
  @Test func thePersonHasWhatIsSetAndNothingElse() throws {
    func patient(_ record: PersonRecord) throws -> [String: Any] {
      guard case .alert(var alert) = Sample.alarm().record else { return [:] }
      alert.patient = PatientIdentity(hubPatient: PatientID(rawValue: 7), record: record)
      let event = try #require(WebhookEvent(.alert(alert), hubID: "hub"))
      let body = try JSONSerialization.jsonObject(with: Data(event.body.utf8)) as? [String: Any]
      return try #require(body?["patient"] as? [String: Any])
    }
    #expect(try Set(patient(PersonRecord()).keys) == ["hubPatient"])
    var record = PersonRecord()
    for field in PersonField.allCases {
      switch field.form {
      case .date: try record.set(field, to: "1941-05-17")
      case .yesNo: try record.set(field, to: "yes")
      case .phone: try record.set(field, to: "+4722225555")
      case .postalCode: try record.set(field, to: "0155")
      case .language: try record.set(field, to: "nb")
      case .line, .text: try record.set(field, to: field.key)
      }
    }
    try record.set(.kin(2, .consent), to: "no")
    try record.set(.kin(3, .consent), to: "")
    let full = try patient(record)
    #expect(
      Set(full.keys) == [
        "hubPatient", "birthDate", "address", "phones", "nextOfKin", "generalPractitioner", "team", "unit", "area", "language",
        "interpreter", "critical", "pregnant", "instruction", "access",
      ])
    #expect(
      full["address"] as? [String: String]
        == ["street": "street", "floor": "floor", "postalCode": "0155", "city": "city", "entry": "entry"])
    #expect(full["instruction"] as? String == "plan.sos" && full["interpreter"] as? Bool == true)
    #expect((full["nextOfKin"] as? [[String: String]])?.map { $0["name"] } == ["kin.1.name", "kin.4.name", "kin.5.name"])
    #expect(full["access"] as? [String: String] == ["doorCode": "doorCode", "keyBox": "keyBox", "other": "otherAccess"])
  }

  func deliver(
    _ mode: String, _ receiver: WebhookReceiver, _ items: [DeliveryItem] = [Sample.alarm()], previous: String? = nil,
    timeout: Duration = .seconds(20)
  ) async -> DeliveryReport {
    let forwarder = WebhookForwarder(
      .init(
        url: "\(receiver.base)/\(mode)", secretFile: folder.appending(path: "secret").path,
        previousSecretFile: previous.map { folder.appending(path: $0).path }, hubID: "hub-7", attemptTimeout: timeout)
    ) { WallTime(rawValue: 1_769_862_900_123) }
    let report = await forwarder.deliver(items)
    await forwarder.shutdown()
    return report
  }

  /// `python3 -c` with these arguments; its standard output.
  func python(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test func theSignatureIsWhatPythonComputes() async throws {
    let receiver = try WebhookReceiver()
    #expect(await deliver("echo", receiver).outcome == .each([.delivered(remoteID: nil)]))
    let request = try #require(try receiver.log().first)
    let program = """
      import hashlib, hmac, sys
      print("v1=" + hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), hashlib.sha256).hexdigest())
      """
    let id = try #require(request.headers["Knutepunkt-Id"])
    #expect(request.headers["Knutepunkt-Timestamp"] == "1769862900")
    #expect(
      try python(program, ["a secret of the receiver", "1769862900.\(id).\(request.body)"]) == request.headers["Knutepunkt-Signature"])
  }

  @Test func theEventSaysWhatAReceiverNeeds() async throws {
    let receiver = try WebhookReceiver()
    _ = await deliver("echo", receiver)
    let body = try JSONDecoder().decode(Body.self, from: Data(try #require(try receiver.log().first).body.utf8))
    // `printf 'hub-7\na/01234567-89ab-cdef-0000-000000000001/raised' | sha256sum`, made a version 8 UUID by hand.
    #expect(body.id == "7b46f498-fe69-8e08-bc37-1fbf64fbcaab")
    #expect(body.alertId == "01234567-89ab-cdef-0000-000000000001")
    #expect([body.kind, body.rule, body.priority, body.state] == ["raised", "sos", "high", "raised"])
    #expect(body.level == 2 && body.order == 5)
    #expect(body.raisedAt == "2026-01-31T12:34:56.789Z")
    #expect(body.patient?.nationalId == "13815012345" && body.patient?.name == "Line Danser")
    #expect(body.text == ["nb": "SOS: «hjelp»", "nn": "SOS: «hjelp»", "en": "SOS"])
  }

  @Test func whatIsWithheldIsAbsent() async throws {
    let receiver = try WebhookReceiver()
    _ = await deliver("echo", receiver, [Sample.alarm(named: false)])
    let text = try #require(try receiver.log().first).body
    #expect(!text.contains("nationalId") && !text.contains("name"))
    #expect(text.contains(#""patient":{"hubPatient":"P7"}"#))
  }

  @Test func aResendHasTheSameIdAndATransitionItsOwn() throws {
    let items = [
      Sample.alarm(), Sample.alarm(instant: 6), Sample.alarm(1, .escalated), Sample.alarm(1, .escalated, instant: 6), Sample.alarm(2),
    ]
    let ids = items.map { WebhookEvent($0.record, hubID: "hub-7")?.id ?? "" }
    // An alert is raised once: after a crash the same raise may come with another instant.
    #expect(ids[0] == ids[1])
    #expect(Set(ids).count == 4)
    #expect(WebhookEvent(Sample.alarm().record, hubID: "hub-8")?.id != ids[0])
  }

  @Test func aChangedSecretSignsTwiceWhileBothAreThere() async throws {
    let receiver = try WebhookReceiver()
    try "the secret that was before".write(to: folder.appending(path: "previous"), atomically: true, encoding: .utf8)
    _ = await deliver("echo", receiver, previous: "previous")
    let request = try #require(try receiver.log().first)
    let id = try #require(request.headers["Knutepunkt-Id"])
    let secrets = ["a secret of the receiver", "the secret that was before"]
    let expected = secrets.map {
      WebhookEvent.signature(timestamp: 1_769_862_900, id: id, body: request.body, secrets: [Array($0.utf8)])
    }
    #expect(request.headers["Knutepunkt-Signature"] == expected.joined(separator: ","))
    // The change is over: the old file is gone.
    try FileManager.default.removeItem(at: folder.appending(path: "previous"))
    #expect(await deliver("echo", receiver, previous: "previous").outcome == .each([.delivered(remoteID: nil)]))
  }

  @Test func withoutAUsableSecretNothingIsSent() async throws {
    let receiver = try WebhookReceiver()
    try "short".write(to: folder.appending(path: "secret"), atomically: true, encoding: .utf8)
    #expect(await deliver("echo", receiver).outcome == .failed(.unauthorised(status: 0), retryAfter: nil))
    #expect(try receiver.log().isEmpty)
  }

  @Test(
    arguments: [
      ("garbage", .retry(.malformedAnswer, after: nil)), ("stranger", .retry(.malformedAnswer, after: nil)),
      ("close", .retry(.connectionLost, after: nil)),
      ("status-400", .refused(Refusal(status: 400, diagnostics: "refused with HTTP status 400"))),
      ("status-401", .retry(.unauthorised(status: 401), after: nil)),
      ("status-429", .retry(.busy(status: 429), after: .seconds(7))), ("status-500", .retry(.serverError(status: 500), after: nil)),
      ("slow", .retry(.timedOut, after: nil)),
    ] as [(String, ItemResult)])
  func badReceivers(mode: String, expected: ItemResult) async throws {
    let receiver = try WebhookReceiver()
    #expect(await deliver(mode, receiver, timeout: mode == "slow" ? .seconds(1) : .seconds(20)).outcome == .each([expected]))
    // The receiver's clock says another time than ours, which may be why it refuses: once more, with its own time. Else no retry and no
    // redirect underneath.
    let log = try receiver.log()
    #expect(log.count == (["status-400", "status-401"].contains(mode) ? 2 : 1))
    let stamps = log.compactMap { $0.headers["Knutepunkt-Timestamp"].flatMap { Int64($0) } }
    #expect(stamps.first == 1_769_862_900)
    if log.count == 2 { #expect(stamps[1] > 1_769_862_900 + 86_400 && log[0].body == log[1].body) }
  }

  /// The status is the answer; a body is a bonus. (A receiver that answers "ok" was sent the same alarm for ever.)
  @Test(arguments: ["word", "nothing", "huge", "gzip", "bomb", "status-307", "status-301"])
  func everySuccessIsADelivery(mode: String) async throws {
    let receiver = try WebhookReceiver()
    #expect(await deliver(mode, receiver).outcome == .each([.delivered(remoteID: nil)]))
    let log = try receiver.log()
    #expect(log.count == (mode.hasPrefix("status") ? 2 : 1))
    // Where it was redirected to it brought the same, signed as before.
    #expect(Set(log.map(\.body)).count == 1 && Set(log.map { $0.headers["Knutepunkt-Signature"] }).count == 1)
    #expect(log.allSatisfy { $0.method == "POST" })
  }

  /// Whatever its status, a page for people comes from a proxy or a sign-in and not from a receiver: the alarm goes out again.
  @Test(
    arguments: [
      ("<html>log in</html>", "text/html"), ("\u{FEFF}\n<!DOCTYPE html>", ""), ("<!-- portal v2 -->\n<html>", "text/html"),
      ("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C\">", "application/xhtml+xml"), ("<script>location='/'</script>", ""),
      ("<META http-equiv=refresh content=0>", "text/html"), (String(repeating: " \r\n", count: 2_000) + "<body>", "text/html"),
    ] as [(String, String)])
  func aPageIsNoDelivery(text: String, mediaType: String) {
    let bodies = [Array(text.utf8), text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }]
    for body in bodies {
      let taken = HTTPAnswer(status: 200, body: body, mediaType: mediaType)
      #expect(WebhookForwarder.result(taken, eventID: "x") == .retry(.malformedAnswer, after: nil))
      let refused = HTTPAnswer(status: 400, body: body, mediaType: mediaType)
      #expect(WebhookForwarder.result(refused, eventID: "x") == .retry(.wrongAddress(status: 400), after: nil))
    }
  }

  @Test func aPageThatCannotBeReadToItsEndIsNoDeliveryAndAReceiversOwnWordsAre() {
    func result(_ body: String, _ mediaType: String, isTooLong: Bool = false, isUnreadable: Bool = false) -> ItemResult {
      let answer = HTTPAnswer(
        status: 200, body: Array(body.utf8), mediaType: mediaType, isTooLong: isTooLong, isUnreadable: isUnreadable)
      return WebhookForwarder.result(answer, eventID: "x")
    }
    #expect(result("", "text/html", isTooLong: true) == .retry(.malformedAnswer, after: nil))
    #expect(result("<html>", "", isTooLong: true) == .retry(.malformedAnswer, after: nil))
    #expect(result("", "text/html", isUnreadable: true) == .retry(.malformedAnswer, after: nil))
    for (body, mediaType) in [("ok", "text/html"), ("", "text/html"), ("<response>taken</response>", "text/html"), ("{}", "")] {
      #expect(result(body, mediaType) == .delivered(remoteID: nil), "\(body)")
    }
    #expect(result("", "application/json", isTooLong: true) == .delivered(remoteID: nil))
  }

  /// A name whose lookup hangs blocks the lookups of its own event loop.
  @Test func eachHostHasALoopOfItsOwn() {
    #expect(HostLoops.group(for: "a.example") === HostLoops.group(for: "a.example"))
    #expect(HostLoops.group(for: "a.example") !== HostLoops.group(for: "b.example"))
  }

  @Test func nothingIsSentToAnotherOrigin() async throws {
    let (receiver, stranger) = (try WebhookReceiver(), try WebhookReceiver())
    let port = stranger.base.split(separator: ":").last ?? ""
    #expect(await deliver("elsewhere-\(port)", receiver).outcome == .each([.retry(.wrongAddress(status: 307), after: nil)]))
    #expect(try stranger.log().isEmpty)
    #expect(await deliver("loop", receiver).outcome == .each([.retry(.wrongAddress(status: 310), after: nil)]))
    #expect(try receiver.log().count == 1 + 4, "three redirects, then it is a loop")
  }

  @Test func aProbeSaysNothingAndSeesWhatIsWrong() async throws {
    let receiver = try WebhookReceiver()
    func probe(_ url: String, secret: String = "secret") async -> RetryReason? {
      let forwarder = WebhookForwarder(
        .init(url: url, secretFile: folder.appending(path: secret).path, hubID: "hub-7", attemptTimeout: .seconds(60))
      ) { WallTime(rawValue: 0) }
      let found = await forwarder.probe()
      await forwarder.shutdown()
      return found
    }
    #expect(await probe("\(receiver.base)/echo") == nil)
    #expect(await probe("\(receiver.base)/echo", secret: "gone") == .unauthorised(status: 0))
    #expect(await probe(receiver.base.replacing("http:", with: "https:")) == .tlsFailed)
    #expect(await probe("http://127.0.0.1:1/") == .unreachable)
    #expect(try receiver.log().isEmpty)
  }

  @Test func theEventSaysWhyInNumbers() throws {
    func body(
      _ rule: AlertRule, value: Int32, limit: Int32, subject: UInt32 = 0, upper: Int32? = nil, also: AlertReason? = nil,
      handling: AlertRecord.Handling? = nil, position: AlertRecord.Position? = nil
    ) throws -> String {
      let transition = AlertTransition(
        id: AlertID(high: 1, low: 1), rule: rule, priority: .high, state: .resolved, previous: .raised, kind: .resolved, level: 0,
        deadline: .never, firstCause: 1, raisedAt: .zero, value: value, limit: limit, subject: subject, actor: .hub, revision: 3,
        upper: upper, also: also)
      let record = AlertRecord(
        transition: transition, instant: .zero, occurredAt: WallTime(rawValue: 0), raisedAt: WallTime(rawValue: 0), patient: nil,
        device: nil, controller: "964338531", evidence: [], text: .init(nb: "", nn: "", en: ""), position: position, handling: handling)
      return try #require(WebhookEvent(.alert(record), hubID: "hub-7")).body
    }
    let plan = AlertReason(rule: .planRed, value: 391, limit: 385, upper: 391, subject: UInt32(PlanSignal.temperature.rawValue))
    let score = try body(
      .news2Medium, value: 5, limit: 5, upper: 20, also: plan, handling: .init(actor: "Nina", comment: "Sett til", cause: "Feber"))
    #expect(
      score.contains(
        #""reasons":[{"rule":"news2Medium","value":5,"upper":20,"complete":false,"unit":"{score}"},"#
          + #"{"rule":"planRed","signal":"temperature","value":39.1,"limit":38.5,"unit":"Cel"}]"#))
    // The points of one parameter say nothing of whether the sum is complete.
    let single = try body(.news2SingleThree, value: 3, limit: 3, subject: UInt32(NEWS2Parameter.oxygenSaturation.rawValue))
    #expect(single.contains(#""reasons":[{"rule":"news2SingleThree","parameter":"spo2","value":3,"unit":"{score}"}]"#))
    #expect(score.contains(#""handling":{"actor":"Nina","comment":"Sett til","cause":"Feber"}"#))
    #expect(score.contains(#""revision":3"#))
    let fix = LocationFix(latitudeE7: 599_138_690, longitudeE7: 107_522_450, accuracyMetres: 10)
    let away = try body(.geofenceExit, value: 640, limit: 200, position: .init(fix: fix, at: WallTime(rawValue: 0)))
    #expect(away.contains(#""position":{"latitude":59.9138690,"longitude":10.7522450,"accuracyMetres":10,"#))
    #expect(away.contains(#"{"rule":"geofenceExit","value":640,"limit":200,"unit":"m"}"#))
  }

  @Test func aBatchAnswersForEachInOrder() async throws {
    let receiver = try WebhookReceiver()
    let routine = DeliveryItem(
      row: 1,
      record: .dose(
        DoseRecord(
          sequence: 1, event: .taken, slot: 0, occurredAt: WallTime(rawValue: 0),
          patient: PatientIdentity(hubPatient: PatientID(rawValue: 1)),
          device: nil, controller: "964338531")))
    guard case .each(let results) = await deliver("echo", receiver, [Sample.alarm(1), routine, Sample.alarm(2)]).outcome else {
      return #expect(Bool(false))
    }
    #expect(results[0] == .delivered(remoteID: nil) && results[2] == .delivered(remoteID: nil))
    guard case .refused = results[1] else { return #expect(Bool(false)) }
    #expect(try receiver.log().count == 2)
  }
}
