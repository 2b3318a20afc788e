// Who and what things are called on the wire: deterministic UUIDs, identifier systems, references.
//
// Every resource gets one identifier, `urn:uuid:…` in the system urn:ietf:rfc:3986, derived from the hub's id and the
// delivery key. A resend, another batch, a restart or a replay gives the same one, so a conditional create finds what is
// already there. It is also the entry's `fullUrl`, which is how resources of one bundle refer to each other.

internal import Crypto
internal import Forwarding
internal import VitalSigns

/// The hub that sends.
public struct HubIdentity: Sendable, Hashable {
  /// Unique among hubs and never changed: every identifier on the wire is derived from it.
  public var id: String
  /// What people call it.
  public var name: String
  /// IEEE EUI-64 as 16 hexadecimal digits, made from a network card's address; nil when there is none.
  public var eui64: String?

  public init(id: String, name: String, eui64: String? = nil) {
    self.id = id
    self.name = name
    self.eui64 = eui64
  }

  /// The wire identity of a delivery key: the first 16 bytes of SHA-256 over `id \n key`, as a version 8 UUID (RFC 9562).
  func uuid(_ key: DeliveryKey) -> String {
    var hash = SHA256()
    for part in [id, "\n", key.rawValue] {
      var part = part
      part.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    }
    return UUIDText.version8(hash.finalize())
  }

  func urn(_ key: DeliveryKey) -> String { "urn:uuid:" + uuid(key) }
}

/// Code and identifier systems.
enum FHIRSystem {
  static let uuid = "urn:ietf:rfc:3986"
  static let mdc = "urn:iso:std:iso:11073:10101"
  static let loinc = "http://loinc.org"
  static let snomed = "http://snomed.info/sct"
  static let ucum = "http://unitsofmeasure.org"
  static let observationCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
  static let interpretation = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
  static let dataAbsentReason = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
  static let actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
  static let dispenseCategory = "http://terminology.hl7.org/CodeSystem/medicationdispense-category"
  static let gatewayDeviceExtension = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
  /// HL7 Personal Health Device guide: kinds of device identifiers, and the system of an EUI-64.
  static let deviceIdentifierKind = "http://hl7.org/fhir/uv/phd/CodeSystem/ContinuaDeviceIdentifiers"
  static let eui64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
  /// Brønnøysundregistrene's organisation number.
  static let organisation = "urn:oid:2.16.578.1.12.4.1.4.101"
  /// One measurement of one device: the same from every gateway that passes it on. Two values within one second of a device's
  /// clock share it, so it finds doubles and is no identity.
  static let measurement = "urn:knutepunkt:measurement"
  /// This product's alert rules: the keys of `AlertRule`.
  static let alertRule = "urn:knutepunkt:alert-rule"

  static func national(_ kind: NationalID.Kind) -> String {
    switch kind {
    case .nationalIdentityNumber: "urn:oid:2.16.578.1.12.4.1.4.1"
    case .dNumber: "urn:oid:2.16.578.1.12.4.1.4.2"
    case .commonHelpNumber: "urn:oid:2.16.578.1.12.4.1.4.3"
    }
  }
}

/// A system and a value, as an identifier and as a search.
struct FHIRIdentifier: Sendable, Hashable {
  var system: String
  var value: String

  var json: JSONValue { ["system": .string(system), "value": .string(value)] }

  /// `identifier=system|value`, as `ifNoneExist` and a conditional update's URL hold it (R4, 3.1.0.8).
  var search: String { "identifier=\(Self.escaped(system))|\(Self.escaped(value))" }

  /// Everything but what a query may hold anyway; a comma, bar or dollar in a value would change the search's meaning.
  static func escaped(_ text: String) -> String { PercentEncoding.text(text, keeping: ":/") }
}

/// Small shapes that occur everywhere.
enum FHIRShape {
  /// Of a record that was written while the gateway's own clock was in doubt, and was not placed.
  static let uncertainTime = "The gateway's clock was not to be trusted; the time may be wrong."

  static func coding(_ system: String, _ code: String, display: String? = nil) -> JSONValue {
    ["system": .string(system), "code": .string(code), "display": display.map(JSONValue.string)]
  }
  static func concept(_ codings: JSONValue..., text: String? = nil) -> JSONValue {
    ["coding": codings.isEmpty ? nil : .array(codings), "text": text.map(JSONValue.string)]
  }
  static func organisation(_ number: String) -> JSONValue {
    ["type": "Organization", "identifier": FHIRIdentifier(system: FHIRSystem.organisation, value: number).json]
  }
}
