// The person whom an alert is about, as a webhook's body has them: what is known and may leave the hub, and nothing that is not set.

internal import Forwarding
internal import People
internal import VitalSigns

extension WebhookEvent {
  static func patient(_ patient: PatientIdentity, _ rule: AlertRule) -> JSONValue {
    let record = patient.record
    func text(_ field: PersonField) -> JSONValue? { record[field].map(JSONValue.string) }
    func yesNo(_ field: PersonField) -> JSONValue? { record[field].map { .boolean($0 == "yes") } }
    return [
      "hubPatient": .string(patient.hubPatient.description), "nationalId": patient.nationalID.map { .string($0.value) },
      "name": patient.displayName.map(JSONValue.string), "birthDate": text(.birthDate),
      "address": object([
        "street": text(.street), "floor": text(.floor), "postalCode": text(.postalCode), "city": text(.city), "entry": text(.entry),
      ]),
      "phones": list(record.phones.map(JSONValue.string)), "nextOfKin": list(record.nextOfKinToTell.map(kin)),
      "generalPractitioner": object([
        "name": text(.generalPractitioner(.name)), "clinic": text(.generalPractitioner(.clinic)),
        "phone": text(.generalPractitioner(.phone)),
      ]), "team": text(.team), "unit": text(.unit), "area": text(.area), "language": text(.language), "interpreter": yesNo(.interpreter),
      "critical": text(.critical), "pregnant": yesNo(.pregnant), "instruction": record.instruction(for: rule).map(JSONValue.string),
      "access": object(["doorCode": text(.doorCode), "keyBox": text(.keyBox), "other": text(.otherAccess)]),
    ]
  }

  private static func kin(_ kin: NextOfKin) -> JSONValue {
    [
      "name": kin.name.isEmpty ? nil : .string(kin.name), "relation": kin.relation.map(JSONValue.string),
      "phone": kin.phone.map(JSONValue.string),
    ]
  }

  /// Nil instead of an object without members.
  private static func object(_ value: JSONValue) -> JSONValue? {
    if case .object(let members) = value, members.isEmpty { return nil }
    return value
  }

  private static func list(_ items: [JSONValue]) -> JSONValue? { items.isEmpty ? nil : .array(items) }
}
