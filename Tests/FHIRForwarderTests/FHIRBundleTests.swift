// What a bundle holds, read back with the platform's JSON decoder: identity, codes, digits, panels, scores, alerts, doses.

import Forwarding
import Foundation
import Testing
import VitalSigns

@testable import FHIRForwarder

/// JSON read back, with numbers as the decoder's decimals.
private indirect enum Node: Decodable, Equatable {
  case object([String: Node]), array([Node]), text(String), number(Decimal), boolean(Bool), missing

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let object = try? container.decode([String: Node].self) {
      self = .object(object)
    } else if let array = try? container.decode([Node].self) {
      self = .array(array)
    } else if let boolean = try? container.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let number = try? container.decode(Decimal.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  subscript(name: String) -> Node {
    if case .object(let members) = self { return members[name] ?? .missing }
    return .missing
  }
  subscript(index: Int) -> Node {
    if case .array(let values) = self, values.indices.contains(index) { return values[index] }
    return .missing
  }
  var all: [Node] { if case .array(let values) = self { values } else { [] } }
  var string: String { if case .text(let text) = self { text } else { "" } }
  var codes: [String] { self["coding"].all.map { $0["code"].string } }
}

@Suite struct FHIRBundleTests {
  private func entries(_ items: [DeliveryItem], createsPatients: Bool = true) throws -> [Node] {
    let text = FHIRBundleBuilder.bundle(items, hub: Sample.hub, createsPatients: createsPatients).json.text
    let bundle = try JSONDecoder().decode(Node.self, from: Data(text.utf8))
    #expect(bundle["resourceType"] == .text("Bundle"))
    #expect(bundle["type"] == .text("transaction"))
    return bundle["entry"].all
  }

  private func resources(_ items: [DeliveryItem], _ type: String, createsPatients: Bool = true) throws -> [Node] {
    try entries(items, createsPatients: createsPatients).map { $0["resource"] }.filter { $0["resourceType"].string == type }
  }

  /// Computed apart from the product: `printf 'hub-7\no/1' | sha256sum`, version and variant bits set by hand.
  @Test func identitiesAreWhatTheRuleSays() throws {
    let entry = try #require(try entries([Sample.observation(1, .oxygenSaturation, 97, 0, .percent)]).last)
    let urn = "urn:uuid:e57da81f-e8a2-8bf1-a4f4-1bd5f618bca0"
    #expect(entry["fullUrl"].string == urn)
    #expect(entry["resource"]["identifier"][0]["system"].string == "urn:ietf:rfc:3986")
    #expect(entry["resource"]["identifier"][0]["value"].string == urn)
    #expect(
      entry["request"]
        == .object([
          "method": .text("POST"), "url": .text("Observation"), "ifNoneExist": .text("identifier=urn:ietf:rfc:3986|\(urn)"),
        ]))
  }

  @Test func thePersonTheGatewayAndTheDeviceAreConditionallyCreated() throws {
    let entries = try entries([Sample.observation(1, .oxygenSaturation, 97, 0, .percent), Sample.dose(2, .taken)])
    #expect(entries.map { $0["resource"]["resourceType"].string } == ["Patient", "Device", "Device", "Observation", "MedicationDispense"])
    #expect(entries[0]["request"]["ifNoneExist"].string == "identifier=urn:oid:2.16.578.1.12.4.1.4.1|13815012345")
    #expect(entries[1]["resource"]["type"].codes == ["531981"])
    #expect(entries[1]["resource"]["identifier"][1]["value"].string == "01-23-45-67-89-AB-CD-EF")
    #expect(entries[2]["resource"]["serialNumber"].string == "SN-00418")
    let observation = entries[3]["resource"]
    #expect(observation["subject"]["reference"] == entries[0]["fullUrl"])
    #expect(observation["subject"]["identifier"]["value"].string == "13815012345")
    #expect(observation["subject"]["display"].string == "Line Danser")
    #expect(observation["device"]["reference"] == entries[2]["fullUrl"])
    #expect(observation["extension"][0]["url"].string == "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice")
    #expect(observation["extension"][0]["valueReference"]["reference"] == entries[1]["fullUrl"])
    #expect(observation["performer"][0]["identifier"]["value"].string == "964338531")
  }

  /// Address, telephones, language and practitioner where the Patient is made; next of kin with an alert, those who agreed alone.
  @Test func whatIsKnownOfThePersonIsInItsResources() throws {
    let people = try resources(Sample.withRecord, "Patient")
    #expect(people.count == 1)
    let patient = try #require(people.first)
    #expect(patient["birthDate"].string == "1941-05-17")
    #expect(patient["address"][0]["text"].string == "Storgata 1, 0155 Oslo" && patient["address"][0]["postalCode"].string == "0155")
    #expect(patient["telecom"][0]["value"].string == "22225555")
    #expect(patient["communication"][0]["language"]["coding"][0]["code"].string == "nb")
    #expect(patient["generalPractitioner"][0]["display"].string == "Dr. Strand, Sentrum legekontor")
    let kin = try resources(Sample.withRecord, "RelatedPerson")
    #expect(kin.map { $0["name"][0]["text"].string } == ["Per", "Anne"])
    #expect(kin.map { $0["telecom"][0]["rank"] } == [.number(1), .number(3)])
    #expect(kin.first?["relationship"][0]["text"].string == "sønn")
    #expect(try resources(Sample.withRecord, "RelatedPerson", createsPatients: false).isEmpty)
    #expect(try resources(Sample.withRecord.filter { if case .alert = $0.record { false } else { true } }, "RelatedPerson").isEmpty)
  }

  @Test func aLogicalSubjectNeedsNoPatient() throws {
    let items = [Sample.observation(1, .oxygenSaturation, 97, 0, .percent)]
    #expect(try resources(items, "Patient", createsPatients: false).isEmpty)
    let subject = try #require(try resources(items, "Observation", createsPatients: false).first)["subject"]
    #expect(subject["reference"] == .missing)
    #expect(subject["identifier"]["system"].string == "urn:oid:2.16.578.1.12.4.1.4.1")
  }

  @Test func oxygenSaturationCarriesItsThreeCodes() throws {
    let observation = try #require(try resources([Sample.observation(1, .oxygenSaturation, 97, 0, .percent)], "Observation").first)
    #expect(observation["code"].codes == ["150456", "59408-5", "2708-6"])
    #expect(observation["category"][0].codes == ["vital-signs"])
    #expect(observation["status"].string == "final")
    #expect(observation["effectiveDateTime"].string == "2026-01-31T12:34:56.789Z")
    #expect(observation["valueQuantity"]["code"].string == "%")
    #expect(observation["valueQuantity"]["system"].string == "http://unitsofmeasure.org")
  }

  @Test func everyKnownCodeIsSentWithItsLOINCAndUCUM() throws {
    let observations = try resources(Sample.everyVitalSign, "Observation")
    #expect(observations.count == ObservationCode.known.count)
    for (entry, observation) in zip(ObservationCode.known, observations) {
      let codes = observation["code"].codes
      #expect(entry.loinc.map(codes.contains) ?? true, "\(entry.key)")
      #expect(codes.contains(String(entry.code.rawValue)) == (entry.code.rawValue < 1024 << 16), "\(entry.key)")
      // R4's profile of body height takes cm and inches only.
      let unit = entry.code == .bodyHeight ? "cm" : entry.unit.code
      if entry.code != .consciousness { #expect(observation["valueQuantity"]["code"].string == unit, "\(entry.key)") }
    }
  }

  @Test(arguments: [(3660, -2, "36.60"), (366, -1, "36.6"), (38_05, -2, "38.05"), (-5, -3, "-0.005"), (12, 2, "1200"), (0, -1, "0.0")])
  func decimalsAreSentDigitForDigit(mantissa: Int64, exponent: Int8, digits: String) {
    let item = Sample.observation(1, .bodyTemperature, mantissa, exponent, .degreeCelsius)
    let text = FHIRBundleBuilder.bundle([item], hub: Sample.hub).json.text
    #expect(text.contains(#""valueQuantity":{"value":\#(digits),"unit":"°C""#))
  }

  @Test func aPanelIsOneObservationWhereverItStandsInABatch() throws {
    let alone = try entries(Sample.panel(frame: 10))
    let among = try entries(Sample.everyVitalSign + Sample.panel(frame: 10))
    #expect(alone.last?["fullUrl"] == among.last?["fullUrl"])
    let panel = try #require(alone.last)["resource"]
    #expect(panel["code"].codes == ["150020", "85354-9"])
    #expect(panel["component"].all.map { $0["code"].codes } == [["150021", "8480-6"], ["150022", "8462-4"], ["150023", "8478-0"]])
    #expect(panel["component"].all.map { $0["valueQuantity"]["value"] } == [.number(132), .number(84), .number(100)])
    #expect(panel["valueQuantity"] == .missing)
    let bundle = FHIRBundleBuilder.bundle(Sample.panel(frame: 10), hub: Sample.hub)
    #expect(Set(bundle.entryOfItem).count == 1 && bundle.isSolo)
  }

  @Test func partsOfAnIncompletePanelHaveTheirOwnIds() throws {
    let whole = try entries(Sample.panel(frame: 10)).map { $0["fullUrl"].string }
    let cut = try entries(Array(Sample.panel(frame: 10).prefix(2)))
    let parts = cut.suffix(2)
    #expect(parts.map { $0["resource"]["code"].codes } == [["150021", "8480-6"], ["150022", "8462-4"]])
    #expect(parts.allSatisfy { !whole.contains($0["fullUrl"].string) })
  }

  @Test func whatIsInvalidHasNoValue() throws {
    let item = Sample.observation(1, .bodyTemperature, 9999, 0, .degreeCelsius, quality: .invalid)
    let observation = try #require(try resources([item], "Observation").first)
    #expect(observation["dataAbsentReason"].codes == ["error"])
    #expect(observation["valueQuantity"] == .missing)
    #expect(observation["status"].string == "cancelled", "an error is no final result")
    // A panel with an invalid part is not whole.
    var parts = Sample.panel(frame: 10)
    parts[1] = Sample.observation(
      11, .diastolic, 0, 0, .millimetreOfMercury, quality: .invalid, panel: PressurePanel(frame: 10, parts: 3))
    let panel = try #require(try resources(parts, "Observation").last)
    #expect(panel["status"].string == "preliminary")
  }

  @Test func unitsAreThoseThatTheProfilesFix() throws {
    let pressure = Sample.observation(1, .systolic, 173, -1, .kilopascal)
    let observation = try #require(try resources([pressure], "Observation").first)
    #expect(observation["valueQuantity"]["code"].string == "mm[Hg]")
    #expect(observation["valueQuantity"]["value"] == .number(129.8))
    #expect(observation["note"][0]["text"].string == "Measured as 17.3 kPa.")
    let text = FHIRBundleBuilder.bundle([Sample.observation(1, .bodyHeight, 182, -2, .metre)], hub: Sample.hub).json.text
    #expect(text.contains(#""valueQuantity":{"value":182,"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}"#))
  }

  @Test func theIdentifierThatFindsDoublesHasASystem() throws {
    let observation = try #require(try resources([Sample.observation(1, .oxygenSaturation, 97, 0, .percent)], "Observation").first)
    #expect(observation["identifier"].all.count == 2)
    #expect(observation["identifier"][1]["system"].string == "urn:knutepunkt:measurement")
  }

  @Test(
    arguments: [
      (0, 20, NEWS2Band.none, "NEWS2 incomplete (0–20)"), (2, 17, .low, "NEWS2 incomplete (2–17)"),
      (5, 9, .medium, "NEWS2 incomplete (5–9), at least medium"), (7, 12, .high, "NEWS2 high (7 or more)"), (0, 0, .none, "NEWS2 0"),
      (4, 4, .low, "NEWS2 low (1–4)"),
    ] as [(UInt8, UInt8, NEWS2Band, String)])
  func aBandIsToldWhereItIsCertain(low: UInt8, high: UInt8, band: NEWS2Band, text: String) throws {
    guard case .score(var record) = Sample.score(complete: low == high).record else { return #expect(Bool(false)) }
    (record.score.low, record.score.high, record.score.band) = (low, high, band)
    let score = try #require(try resources([Sample.item(.score(record))], "Observation").last)
    #expect(score["interpretation"][0]["text"].string == text)
  }

  @Test func anAlertOfAnIncompleteScoreWithTwoReasonsSaysBoth() throws {
    guard case .alert(var record) = Sample.alert(.raised, .raised, rule: .news2Medium, evidence: [.init(sequence: 20)]).record else {
      return #expect(Bool(false))
    }
    (record.transition.value, record.transition.limit, record.transition.upper) = (5, 5, 20)
    record.transition.also = AlertReason(rule: .planRed, value: 84, limit: 85, upper: 84, subject: 0)
    let issue = try #require(try resources([Sample.item(.alert(record))], "DetectedIssue").last)
    #expect(issue["code"].codes == ["news2Medium", "planRed"])
    #expect(issue["code"]["text"].string == "NEWS2 5 or more, incomplete; Red limit of the person's plan passed")
    #expect(issue["evidence"].all.map { $0["code"][0].codes } == [["news2Medium"], ["planRed"]])
  }

  @Test func aDoseIsOneRecordFromPutOutToTaken() throws {
    let put = try #require(try entries([Sample.dose(3, .dispensed)]).last)
    let taken = try #require(try entries([Sample.dose(9, .taken)]).last)
    #expect(put["fullUrl"] == taken["fullUrl"])
    #expect(put["request"]["method"].string == "POST", "never in place of what came after it")
    #expect(taken["request"]["method"].string == "PUT")
    // Both in one batch, in either order: taken.
    for items in [[Sample.dose(3, .dispensed), Sample.dose(9, .taken)], [Sample.dose(9, .taken), Sample.dose(3, .dispensed)]] {
      let doses = try resources(items, "MedicationDispense")
      #expect(doses.map { $0["status"].string } == ["completed"])
    }
  }

  @Test func qualityIsTold() throws {
    let quality: ObservationQuality = [.questionable, .earlyEstimate, .clockUnset, .test]
    let item = Sample.observation(
      1, .oxygenSaturation, 85, 0, .percent, quality: quality, measured: .unknown, interpretation: .criticallyLow)
    let observation = try #require(try resources([item], "Observation").first)
    #expect(observation["status"].string == "preliminary")
    #expect(observation["meta"]["security"][0]["code"].string == "HTEST")
    #expect(observation["interpretation"].all.flatMap(\.codes) == ["LL"])
    #expect(observation["interpretation"][1]["text"].string == "Questionable")
    #expect(observation["note"].all.count == 2)
    #expect(observation["effectiveDateTime"].string == "2026-01-31T12:34:58.289Z", "the hub's time")
  }

  @Test func aCompleteScoreIsAnIntegerAndNamesItsSources() throws {
    let panel = PressurePanel(frame: 10, parts: 3)
    let inputs: [ScoreRecord.Input] = [
      .init(parameter: .oxygenSaturation, sequence: 20), .init(parameter: .systolic, sequence: 10, panel: panel),
      .init(parameter: .pulse, sequence: 900),
    ]
    let items =
      Sample.panel(frame: 10) + [
        Sample.observation(20, .oxygenSaturation, 91, 0, .percent), Sample.score(complete: true, inputs: inputs, scale: .scale2),
      ]
    let entries = try entries(items)
    let score = try #require(entries.last)["resource"]
    #expect(score["status"].string == "final")
    #expect(score["code"].codes == ["1104051000000101"])
    #expect(score["valueInteger"] == .number(7))
    #expect(
      score["component"].all.flatMap { $0["code"].codes } == [
        "1104301000000104", "1104321000000108", "1104331000000105", "1104341000000101", "1104351000000103", "1104361000000100",
        "1104371000000107",
      ])
    let sources = score["derivedFrom"].all
    #expect(sources[0]["reference"] == entries[4]["fullUrl"])
    #expect(sources[1]["reference"] == entries[3]["fullUrl"], "the panel, not a part of it")
    #expect(sources[2]["reference"] == .missing, "delivered earlier: a logical reference")
    #expect(sources[2]["identifier"]["value"].string == Sample.hub.urn(.observation(sequence: 900)))
  }

  @Test func anIncompleteScoreIsAnIntervalAndNeverANumber() throws {
    let score = try #require(try resources([Sample.score(complete: false)], "Observation").last)
    #expect(score["status"].string == "preliminary")
    #expect(score["valueInteger"] == .missing)
    #expect(score["valueRange"]["low"]["value"] == .number(7))
    #expect(score["valueRange"]["high"]["value"] == .number(12))
    let missing = score["component"].all.filter { $0["dataAbsentReason"].codes == ["unknown"] }
    #expect(missing.count == 2)
    #expect(missing.allSatisfy { $0["valueInteger"] == .missing })
  }

  @Test(
    arguments: [
      (.suspected, .suspected, "preliminary", nil), (.raised, .suspected, "preliminary", nil), (.notified, .raised, "preliminary", nil),
      (.acknowledged, .raised, "preliminary", "Acknowledged"), (.responding, .acknowledged, "preliminary", "Responding"),
      (.resolved, .responding, "final", "Resolved"), (.cleared, .raised, "final", "The condition ended by itself"),
      (.cleared, .suspected, "cancelled", "The condition ended by itself"),
    ] as [(AlertState, AlertState, String, String?)])
  func anAlertsStatusFollowsItsLife(state: AlertState, previous: AlertState, status: String, mitigation: String?) throws {
    let entry = try #require(try entries([Sample.alert(state, .raised, from: previous, evidence: [.init(sequence: 20)])]).last)
    let issue = entry["resource"]
    #expect(issue["status"].string == status)
    #expect(issue["severity"].string == "high")
    #expect(issue["code"].codes == ["news2High"])
    #expect(issue["identifiedDateTime"].string == "2026-01-31T12:34:56.789Z")
    #expect(issue["mitigation"][0]["action"]["text"].string == mitigation ?? "")
    #expect(issue["evidence"][0]["detail"][0]["identifier"]["value"].string == Sample.hub.urn(.observation(sequence: 20)))
    #expect(entry["request"]["method"].string == "PUT")
    #expect(entry["request"]["url"].string == "DetectedIssue?identifier=urn:ietf:rfc:3986|\(entry["fullUrl"].string)")
  }

  @Test func twoTransitionsOfOneAlertInABatchGiveTheLater() {
    let items = [Sample.alert(.raised, .raised), Sample.alert(.resolved, .resolved, instant: 9_999)]
    let bundle = FHIRBundleBuilder.bundle(items, hub: Sample.hub)
    #expect(bundle.entryOfItem[0] == bundle.entryOfItem[1])
    #expect(bundle.json.text.contains(#""status":"final""#))
  }

  @Test(
    arguments: [
      (.dispensed, "MedicationDispense", "in-progress"), (.taken, "MedicationDispense", "completed"),
      (.assisted, "MedicationDispense", "completed"), (.missed, "DetectedIssue", "final"), (.refused, "DetectedIssue", "final"),
    ] as [(DoseRecord.Event, String, String)])
  func doses(event: DoseRecord.Event, type: String, status: String) throws {
    let dose = try #require(try resources([Sample.dose(3, event)], type).last)
    #expect(dose["status"].string == status)
    if type == "MedicationDispense" {
      #expect(dose["medicationCodeableConcept"]["text"].string == "Planned dose")
      #expect(dose["subject"]["identifier"]["value"].string == "13815012345")
      #expect(dose["performer"][0]["actor"]["identifier"]["value"].string == "964338531")
      #expect(dose["performer"][0]["actor"]["reference"] == .missing)
    }
  }

  @Test func theSameBatchGivesTheSameBytes() {
    for (name, items) in ValidationTests.bundles {
      let texts = (0..<3).map { _ in FHIRBundleBuilder.bundle(items, hub: Sample.hub).json.text }
      #expect(Set(texts).count == 1, "\(name)")
    }
  }

  @Test func diagnosticsHoldNoPersonalData() {
    let items = [Sample.observation(1, .oxygenSaturation, 97, 0, .percent)]
    let quoted = "Line Danser (13815012345, 990011 22) on SN-00418 'Oximeter, bedroom' has value 97.5 at line 12345"
    let text = FHIRAnswer.redacted(quoted, items)
    #expect(text == "… (…, … 22) on … '…' has value 97.5 at line 12345")
  }
}
