// Plan items between their flat JSON and the cases inside: every kind there and back with all its fields, what belongs to another kind, and a
// kind of another version. The bytes themselves are in GoldenWireTests.

import Foundation
import LocalAPI
import Testing
import VitalSigns

@Suite("Plan items on the wire") struct PlanItemWireTests {
  private static let items: [API.PlanItem] = {
    var limits = API.PlanItem.Limits(signal: .known(.pulse))
    (limits.redLow, limits.yellowLow, limits.yellowHigh, limits.redHigh) = ("40", "50", "110", "130")
    (limits.hysteresis, limits.delaySeconds) = ("2", 60)
    var circle = API.PlanItem.Circle(latitude: "59.9", longitude: "10.7", radiusMetres: 200)
    (circle.confirmingFixes, circle.staleAfterSeconds) = (3, 600)
    return [
      .spo2Scale(2), .spo2Scale(nil), .oxygen(.known(.air)), .oxygen(.unknown("helium")), .oxygen(nil), .limits(limits),
      .limits(API.PlanItem.Limits(signal: .unknown("smell"))), .validity(API.PlanItem.Validity(parameter: .known(.pulse), seconds: 300)),
      .validity(API.PlanItem.Validity(parameter: nil)), .dose(API.PlanItem.Dose(slot: 3, time: "08:00", graceSeconds: 60)),
      .dose(API.PlanItem.Dose(slot: nil)), .nightWatch(API.PlanItem.NightHours(from: "22:00", to: "06:00", openDelaySeconds: 600)),
      .geofence(circle), .news2Alerts(true), .news2Alerts(false), .news2Alerts(nil),
    ]
  }()

  private func read(_ json: String) throws -> API.PlanItem { try LocalAPIJSON.decode(API.PlanItem.self, from: Data(json.utf8)) }

  @Test("Every kind comes back as it was sent", arguments: items)
  func roundTrip(_ item: API.PlanItem) throws {
    #expect(try LocalAPIJSON.decode(API.PlanItem.self, from: LocalAPIJSON.encode(item)) == item)
  }

  @Test("The items above are of all kinds")
  func allKinds() {
    #expect(Set(Self.items.map(\.kind.key)) == Set(API.PlanItem.Kind.allCases.map(\.key)))
  }

  @Test("Fields of another kind are read past")
  func otherFields() throws {
    #expect(
      try read(#"{"kind":"dose","slot":1,"radiusMetres":5,"signal":"pulse"}"#) == .dose(API.PlanItem.Dose(slot: 1)))
  }

  @Test("A kind of another version keeps its word and the fields that are known here")
  func anotherVersion() throws {
    let json = #"{"kind":"itemOfTomorrow","seconds":5,"signal":"smell"}"#
    let item = try read(json)
    guard case .unknown(let fields) = item else {
      Issue.record("\(item)")
      return
    }
    #expect(fields.kind == .unknown("itemOfTomorrow") && fields.seconds == 5 && fields.signal == .unknown("smell"))
    #expect(try String(decoding: LocalAPIJSON.encode(item), as: UTF8.self) == json)
  }

  @Test(
    "A field of the wrong type is refused by its name, whatever the kind",
    arguments: [
      (#"{"kind":7}"#, "kind"), (#"{"kind":"dose","slot":"1"}"#, "slot"), (#"{"kind":"dose","signal":1}"#, "signal"),
      (#"{"kind":"limits","redLow":84}"#, "redLow"), (#"{"kind":"x","seconds":"5"}"#, "seconds"), (#"{"slot":1}"#, nil),
    ] as [(String, String?)])
  func wrongTypes(_ json: String, _ field: String?) throws {
    let error = try #require(throws: DecodingError.self) { try read(json) }
    switch error {
    case .typeMismatch(_, let place): #expect(place.codingPath.last?.stringValue == field)
    case .keyNotFound(let key, _): #expect(key.stringValue == "kind" && field == nil)
    default: Issue.record("\(error)")
    }
  }
}
