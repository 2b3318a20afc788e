// A batch as an R4 transaction bundle in the style of HL7's Personal Health Device guide.
//
// Order: patients, next of kin, the gateway, measuring devices (all by conditional create), then what is delivered. Items of one
// blood-pressure panel become one Observation when the batch holds all its parts; the gateway states on each part how many
// there are (`PressurePanel`), and a lane never separates them. Should a part be missing all the same, the parts travel as
// separate Observations under their own ids, so nothing is lost and no id means two things.

internal import Forwarding
internal import VitalSigns

/// A bundle ready to be sent, and which entry answers for which item.
struct FHIRBundle {
  struct Entry: Sendable {
    var fullURL: String
    var type: String
    var identifier: FHIRIdentifier
    var json: JSONValue
  }
  var entries: [Entry]
  /// For each item of the batch, the index of its own entry.
  var entryOfItem: [Int]
  /// For each item of the batch, the indices of the entries that its own refers to: the person, the device, the gateway.
  var neededOfItem: [[Int]]

  var json: JSONValue {
    ["resourceType": "Bundle", "type": "transaction", "entry": .array(entries.map(\.json))]
  }

  /// Whether the whole bundle is about one thing.
  var isSolo: Bool { Set(entryOfItem).count == 1 }
}

/// Builds one bundle. Deterministic: the same batch gives the same bytes.
struct FHIRBundleBuilder {
  let hub: HubIdentity
  /// Whether Patient resources are created, or subjects are told by logical identifier alone.
  let createsPatients: Bool
  private var entries: [FHIRBundle.Entry] = []
  private var indexOfURL: [String: Int] = [:]
  /// Wire identities that the bundle will hold, known before any is written: what a reference may point to.
  private var own: Set<String> = []
  /// Identities that were worked out for this bundle: a person, a device and the hub stand in nearly every entry.
  private let identities = KnownIdentities()
  /// Frames of which the batch holds all parts.
  private var wholePanels: Set<UInt64> = []

  private let written: WrittenEntries

  init(hub: HubIdentity, createsPatients: Bool, written: WrittenEntries) {
    self.hub = hub
    self.createsPatients = createsPatients
    self.written = written
  }

  /// - Parameter written: of the same hub.
  static func bundle(
    _ items: [DeliveryItem], hub: HubIdentity, createsPatients: Bool = true, written: WrittenEntries = WrittenEntries()
  ) -> FHIRBundle {
    var builder = Self(hub: hub, createsPatients: createsPatients, written: written)
    return builder.build(items)
  }

  private mutating func build(_ items: [DeliveryItem]) -> FHIRBundle {
    findPanels(items)
    for item in items { own.insert(urn(resourceKey(item.record))) }
    for item in items { addPatient(item.record) }
    for item in items { addNextOfKin(item.record) }
    addGateway()
    for item in items { addDevice(item.record) }
    var entryOfItem: [Int] = []
    var neededOfItem: [[Int]] = []
    for item in items {
      let url = urn(resourceKey(item.record))
      if item.record.isOneUpdatedRecord, let earlier = indexOfURL[url] {
        // A lane never sends two transitions of an alert together; a batch that does gets the later one's state. A dose that
        // is put out and taken within one batch is taken.
        entries[earlier] = entry(for: item.record, in: items)
      } else if indexOfURL[url] == nil {
        append(entry(for: item.record, in: items))
      }
      entryOfItem.append(indexOfURL[url] ?? 0)
      let needed = [item.record.patient.map { DeliveryKey.patient($0.hubPatient) }, .hub, item.record.device.map { .device($0.hubDevice) }]
      neededOfItem.append(needed.compactMap { key in key.flatMap { indexOfURL[urn($0)] } })
    }
    return FHIRBundle(entries: entries, entryOfItem: entryOfItem, neededOfItem: neededOfItem)
  }

  private mutating func findPanels(_ items: [DeliveryItem]) {
    var parts: [UInt64: Int] = [:]
    for item in items {
      guard case .observation(let record) = item.record, let panel = record.panel else { continue }
      parts[panel.frame, default: 0] += 1
      if parts[panel.frame, default: 0] == Int(panel.parts), panel.parts > 1 { wholePanels.insert(panel.frame) }
    }
  }

  /// The key behind the resource that carries a record.
  private func resourceKey(_ record: DeliveryRecord) -> DeliveryKey {
    switch record {
    case .observation(let observation):
      if let panel = observation.panel, wholePanels.contains(panel.frame) { return .panel(frame: panel.frame) }
      return observation.key
    case .alert(let alert): return .alert(alert.transition.id)
    case .score: return record.key
    case .dose(let dose): return dose.occasion ?? record.key
    }
  }

  private func entry(for record: DeliveryRecord, in items: [DeliveryItem]) -> FHIRBundle.Entry {
    let key = resourceKey(record)
    switch record {
    case .observation(let observation):
      var parts = [observation]
      if let panel = observation.panel, wholePanels.contains(panel.frame) {
        parts = items.compactMap { item in
          guard case .observation(let part) = item.record, part.panel?.frame == panel.frame else { return nil }
          return part
        }
      }
      return create(key, observationResource(parts, key: key))
    case .score(let score): return create(key, scoreResource(score, key: key))
    case .alert(let alert): return update(key, alertResource(alert, key: key))
    case .dose(let dose):
      // A dose's end replaces its beginning, never the other way round: "put out" is made only where nothing is there yet.
      if dose.occasion == nil || dose.event == .dispensed { return create(key, doseResource(dose, key: key)) }
      return update(key, doseResource(dose, key: key))
    }
  }

  func uuid(_ key: DeliveryKey) -> String { String(urn(key).dropFirst("urn:uuid:".count)) }

  func urn(_ key: DeliveryKey) -> String {
    if let known = identities.urns[key] { return known }
    let urn = hub.urn(key)
    identities.urns[key] = urn
    return urn
  }

  func identifier(_ key: DeliveryKey) -> FHIRIdentifier { FHIRIdentifier(system: FHIRSystem.uuid, value: urn(key)) }

  /// POST with `ifNoneExist`: made once, found the next time.
  func create(_ key: DeliveryKey, _ resource: JSONValue, by identifier: FHIRIdentifier? = nil) -> FHIRBundle.Entry {
    let condition = identifier ?? self.identifier(key)
    return wire(key, resource, condition) { type in
      ["method": "POST", "url": .string(type), "ifNoneExist": .string(condition.search)]
    }
  }

  /// PUT to a search: made the first time, replaced the next. For alerts, which live on.
  func update(_ key: DeliveryKey, _ resource: JSONValue) -> FHIRBundle.Entry {
    let condition = identifier(key)
    return wire(key, resource, condition) { type in ["method": "PUT", "url": .string("\(type)?\(condition.search)")] }
  }

  private func wire(
    _ key: DeliveryKey, _ resource: JSONValue, _ identifier: FHIRIdentifier, request: (String) -> JSONValue
  ) -> FHIRBundle.Entry {
    guard case .string(let type)? = resource["resourceType"] else { preconditionFailure("a resource states its type") }
    return FHIRBundle.Entry(
      fullURL: urn(key), type: type, identifier: identifier,
      json: ["fullUrl": .string(urn(key)), "resource": resource, "request": request(type)])
  }

  private func holds(_ key: DeliveryKey) -> Bool { indexOfURL[urn(key)] != nil }

  mutating func append(_ entry: FHIRBundle.Entry) {
    guard indexOfURL[entry.fullURL] == nil else { return }
    indexOfURL[entry.fullURL] = entries.count
    own.insert(entry.fullURL)
    entries.append(entry)
  }

  // MARK: who and with what

  private mutating func addPatient(_ record: DeliveryRecord) {
    guard createsPatients, let patient = record.patient else { return }
    if holds(.patient(patient.hubPatient)) { return }
    append(written.entry(.patient(patient)) { entry(patient) })
  }

  private func entry(_ patient: PatientIdentity) -> FHIRBundle.Entry {
    let key = DeliveryKey.patient(patient.hubPatient)
    let national = patient.nationalID.map { FHIRIdentifier(system: FHIRSystem.national($0.kind), value: $0.value) }
    return create(key, patientResource(patient, [national?.json, identifier(key).json].compactMap(\.self)), by: national)
  }

  private mutating func addGateway() {
    if !holds(.hub) { append(written.entry(.hub) { gatewayEntry }) }
  }

  private var gatewayEntry: FHIRBundle.Entry {
    let eui64 = hub.eui64.map { Self.eui64($0) }
    let resource: JSONValue = [
      "resourceType": "Device",
      "identifier": .array([identifier(.hub).json, eui64].compactMap(\.self)),
      "deviceName": [["name": .string(hub.name), "type": "user-friendly-name"]],
      "type": FHIRShape.concept(
        FHIRShape.coding(FHIRSystem.mdc, "531981", display: "MDC_MOC_VMS_MDS_AHD"), text: "Personal health gateway"),
    ]
    return create(.hub, resource)
  }

  private mutating func addDevice(_ record: DeliveryRecord) {
    guard let device = record.device else { return }
    if holds(.device(device.hubDevice)) { return }
    append(written.entry(.device(device)) { entry(device) })
  }

  private func entry(_ device: DeviceIdentity) -> FHIRBundle.Entry {
    let key = DeliveryKey.device(device.hubDevice)
    let resource: JSONValue = [
      "resourceType": "Device",
      "identifier": .array([identifier(key).json, device.eui64.map { Self.eui64($0) }].compactMap(\.self)),
      "manufacturer": .string(device.vendor),
      "serialNumber": device.serialNumber.map(JSONValue.string),
      "deviceName": [["name": .string(device.label), "type": "user-friendly-name"]],
      "modelNumber": .string(device.model),
      "type": FHIRShape.concept(FHIRShape.coding(FHIRSystem.mdc, "65573", display: "MDC_MOC_VMS_MDS_SIMP")),
    ]
    return create(key, resource)
  }

  /// 16 hexadecimal digits as `AA-BB-…`, marked as a system id.
  private static func eui64(_ digits: String) -> JSONValue {
    var value = ""
    for (index, digit) in digits.uppercased().enumerated() {
      if index > 0, index.isMultiple(of: 2) { value += "-" }
      value.append(digit)
    }
    return [
      "type": FHIRShape.concept(FHIRShape.coding(FHIRSystem.deviceIdentifierKind, "SYSID")), "system": .string(FHIRSystem.eui64),
      "value": .string(value),
    ]
  }

  // MARK: references

  /// A resource of this bundle by its `fullUrl`, or one elsewhere by its identifier (a logical reference: a conditional one
  /// would make the server refuse the whole bundle when the other was withheld or has not arrived yet).
  func reference(_ type: String, _ key: DeliveryKey) -> JSONValue {
    let url = urn(key)
    return own.contains(url) ? ["reference": .string(url)] : ["type": .string(type), "identifier": identifier(key).json]
  }

  func reference(observation sequence: UInt64, panel: PressurePanel?) -> JSONValue {
    // A whole panel in this very bundle may also have been named by its parts (a part missing elsewhere): `own` decides.
    let single = DeliveryKey.observation(sequence: sequence)
    guard let panel, panel.parts > 1, !own.contains(urn(single)) else { return reference("Observation", single) }
    return reference("Observation", .panel(frame: panel.frame))
  }

  /// The person by national id (or the hub's own) and name, and by the Patient entry where there is one.
  func subject(_ patient: PatientIdentity) -> JSONValue {
    let key = DeliveryKey.patient(patient.hubPatient)
    let national = patient.nationalID.map { FHIRIdentifier(system: FHIRSystem.national($0.kind), value: $0.value) }
    return [
      "reference": own.contains(urn(key)) ? .string(urn(key)) : nil, "type": "Patient",
      "identifier": (national ?? identifier(key)).json, "display": patient.displayName.map(JSONValue.string),
    ]
  }
}

extension DoseRecord {
  /// The planned dose that this is about, when it is one that may be put out and taken: one record through its life. Nil
  /// for a dose without a plan, and for one that was not taken, which is an issue of its own.
  var occasion: DeliveryKey? {
    guard plannedAt != .unknown else { return nil }
    switch event {
    case .dispensed, .taken, .assisted: return .plannedDose(of: patient.hubPatient, slot: slot, at: plannedAt)
    case .missed, .refused: return nil
    }
  }
}

extension DeliveryRecord {
  /// Whether the destination holds one resource that later records of the same thing replace.
  var isOneUpdatedRecord: Bool {
    switch self {
    case .alert: true
    case .dose(let dose): dose.occasion != nil && dose.event != .dispensed
    case .observation, .score: false
    }
  }

  var patient: PatientIdentity? {
    switch self {
    case .observation(let record): record.patient
    case .score(let record): record.patient
    case .alert(let record): record.patient
    case .dose(let record): record.patient
    }
  }

  var device: DeviceIdentity? {
    switch self {
    case .observation(let record): record.device
    case .score: nil
    case .alert(let record): record.device
    case .dose(let record): record.device
    }
  }
}
