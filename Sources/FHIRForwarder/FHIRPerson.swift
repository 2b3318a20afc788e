// A person as Patient, and their next of kin as RelatedPerson: what the agreement shares, and nothing that is not set.
//
// A Patient is made where the server has none, and never changed: the server's own is the better one. Next of kin travel with alerts, who may
// need them, and are replaced: the person's record on the hub is where they are kept up to date.

internal import Forwarding
internal import People
internal import VitalSigns

extension FHIRBundleBuilder {
  func patientResource(_ patient: PatientIdentity, _ identifiers: [JSONValue]) -> JSONValue {
    let record = patient.record
    return [
      "resourceType": "Patient",
      "identifier": .array(identifiers),
      "name": patient.displayName.map { [["text": .string($0)]] },
      "telecom": Self.list(record.phones.enumerated().map { Self.phone($1, rank: $0 + 1) }),
      "birthDate": record[.birthDate].map(JSONValue.string),
      "address": Self.address(record).map { [$0] },
      "communication": record[.language].map { language in
        [["language": FHIRShape.concept(FHIRShape.coding(Self.languages, language)), "preferred": .boolean(true)]]
      },
      "generalPractitioner": Self.practitioner(record).map { [["type": "Practitioner", "display": .string($0)]] },
    ]
  }

  /// With an alert: whom the person's record names, in their order.
  mutating func addNextOfKin(_ record: DeliveryRecord) {
    guard createsPatients, case .alert(let alert) = record, let patient = alert.patient else { return }
    for kin in patient.record.nextOfKinToTell {
      let key = DeliveryKey.nextOfKin(of: patient.hubPatient, number: kin.number)
      append(
        update(
          key,
          [
            "resourceType": "RelatedPerson",
            "identifier": [identifier(key).json],
            "active": .boolean(true),
            "patient": subject(patient),
            "relationship": kin.relation.map { [FHIRShape.concept(text: $0)] },
            "name": kin.name.isEmpty ? nil : [["text": .string(kin.name)]],
            "telecom": kin.phone.map { [Self.phone($0, rank: kin.number)] },
          ]))
    }
  }

  private static let languages = "urn:ietf:bcp:47"

  private static func phone(_ number: String, rank: Int) -> JSONValue {
    ["system": "phone", "value": .string(number), "rank": .integer(Int64(rank))]
  }

  private static func address(_ record: PersonRecord) -> JSONValue? {
    guard record.address != nil else { return nil }
    let lines = [record[.street], record[.floor]].compactMap(\.self).map(JSONValue.string)
    return [
      "use": "home", "text": record.address.map(JSONValue.string), "line": list(lines), "city": record[.city].map(JSONValue.string),
      "postalCode": record[.postalCode].map(JSONValue.string),
    ]
  }

  private static func practitioner(_ record: PersonRecord) -> String? {
    let words = [PersonField.PractitionerPart.name, .clinic, .phone].compactMap { record[.generalPractitioner($0)] }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  private static func list(_ items: [JSONValue]) -> JSONValue? { items.isEmpty ? nil : .array(items) }
}
