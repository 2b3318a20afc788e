// Registry changes as people look them up: who, which device, whose, which plan. Derived from the entries, in the same
// transaction; a change that the core refused is recorded as an entry and changes nothing here.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

extension JournalTransaction {
  /// Applies what an entry means for the registry and the access log. Gives the record's controller.
  mutating func register(_ item: JournalEntry, _ outcomes: ArraySlice<Outcome>) throws -> Int64 {
    let entry = item.entry
    switch entry.payload {
    case .registry(let change):
      let refusal = refusal(outcomes)
      let what = try refusal == nil ? apply(change, item) : nil
      let detail =
        (what ?? describe(change)) + (entry.device == .none ? "" : " \(entry.device)") + (refusal.map { " refused: \($0.key)" } ?? "")
      try log(entry, item.attachment, action: "registry", detail)
    case .command(let command):
      let refusal = refusal(outcomes)
      let patient = try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT patient FROM alert WHERE id = ?"), arguments: [command.alert.description])
      var record = AccessRecord(
        wall: entry.wall, actor: command.actor, action: "command",
        patient: entry.patient == .none ? PatientID(rawValue: UInt32(truncatingIfNeeded: patient ?? 0)) : entry.patient,
        purpose: item.attachment?.reason ?? "")
      record.detail = "\(describe(command.action)) \(command.alert)" + (refusal.map { " refused: \($0.key)" } ?? "")
      try state.access.append(record, db)
    case .observation(let observation) where observation.origin != .device:
      try log(entry, item.attachment, action: "observe", observation.code.entry?.key ?? "\(observation.code.rawValue)")
    default: break
    }
    return state.controller(patient: entry.patient, device: entry.device)
  }

  private func refusal(_ outcomes: ArraySlice<Outcome>) -> IntakeRemark? {
    for outcome in outcomes {
      if case .remark(let remark) = outcome.payload, remark == .refused || remark == .noRoom || remark == .unknownSubject { return remark }
    }
    return nil
  }

  private mutating func log(_ entry: IntakeEntry, _ attachment: Attachment?, action: String, _ detail: String) throws {
    let record = AccessRecord(
      wall: entry.wall, actor: attachment?.actor ?? .hub, action: action, patient: entry.patient, purpose: attachment?.reason ?? "",
      detail: detail)
    try state.access.append(record, db)
  }

  /// Gives more for the access log than the change itself says, where there is more.
  private mutating func apply(_ change: RegistryChange, _ item: JournalEntry) throws -> String? {
    let (patient, device, wall) = (Int64(item.entry.patient.rawValue), Int64(item.entry.device.rawValue), item.entry.wall.rawValue)
    switch change {
    case .patientAdded: try addPatient(item)
    case .patientEnded:
      try run("UPDATE patient SET ended = ? WHERE id = ? AND ended IS NULL", [wall, patient])
      try run("UPDATE assignment SET ended = ? WHERE patient = ? AND ended IS NULL", [wall, patient])
    case .deviceAdded(let liveness): try addDevice(item, liveness)
    case .deviceRemoved:
      try run("UPDATE device SET removed = ? WHERE id = ? AND removed IS NULL", [wall, device])
      try run("UPDATE assignment SET ended = ? WHERE device = ? AND ended IS NULL", [wall, device])
    case .deviceAssigned:
      try run("UPDATE assignment SET ended = ? WHERE device = ? AND ended IS NULL", [wall, device])
      try db.insert(into: "assignment", ["device": device, "patient": patient, "started": wall])
    case .deviceReleased:
      try run("UPDATE assignment SET ended = ? WHERE device = ? AND ended IS NULL", [wall, device])
    case .planItem(let planItem):
      try run("UPDATE plan_item SET ended = ? WHERE patient = ? AND key = ? AND ended IS NULL", [wall, patient, planItem.key])
      try db.insert(
        into: "plan_item",
        [
          "sequence": signed(item.entry.sequence), "patient": patient, "key": planItem.key, "value": planItem.text,
          "author": item.attachment?.actor.rawValue ?? 0, "reason": item.attachment?.reason ?? "", "started": wall,
        ])
    case .recordChanged: return try addRecord(item)
    }
    return nil
  }

  private mutating func addPatient(_ item: JournalEntry) throws {
    var details = PatientDetails(name: item.entry.patient.description)
    if case .patient(let given) = item.attachment?.content { details = given }
    let controller = try controller(details.controller)
    try db.insert(
      into: "patient",
      [
        "id": item.entry.patient.rawValue, "display_name": details.name, "national_id": details.nationalID, "controller": controller,
        "started": item.entry.wall.rawValue,
      ],
      .update(
        """
        (id) DO UPDATE SET display_name = excluded.display_name, national_id = excluded.national_id,
          controller = excluded.controller, ended = NULL
        """))
    state.patientController[item.entry.patient.rawValue] = controller
  }

  private mutating func addDevice(_ item: JournalEntry, _ liveness: DeviceLiveness) throws {
    var details = DeviceDetails(label: item.entry.device.description, profile: "", address: "")
    if case .device(let given) = item.attachment?.content { details = given }
    let controller = try controller(details.controller)
    try db.insert(
      into: "device",
      [
        "id": item.entry.device.rawValue, "label": details.label, "profile": details.profile, "address": details.address,
        "serial_number": details.serialNumber, "eui64": details.eui64, "controller": controller,
        "expected_interval_seconds": liveness.expectedIntervalSeconds, "is_continuous": liveness.isContinuous,
        "is_safety_alarm": liveness.isSafetyAlarm, "added": item.entry.wall.rawValue, "abilities": liveness.abilities.rawValue,
      ],
      .update(
        """
        (id) DO UPDATE SET label = excluded.label, profile = excluded.profile, address = excluded.address,
          serial_number = excluded.serial_number, eui64 = excluded.eui64, controller = excluded.controller,
          expected_interval_seconds = excluded.expected_interval_seconds, is_continuous = excluded.is_continuous,
          is_safety_alarm = excluded.is_safety_alarm, removed = NULL, abilities = excluded.abilities
        """))
    state.deviceController[item.entry.device.rawValue] = controller
  }

  /// The controller's row, made when it is new. Nil: the hub's own.
  private mutating func controller(_ organisation: String?) throws -> Int64 {
    guard let organisation else { return state.hubController }
    if let known = state.controllers[organisation] { return known }
    try db.insert(into: "controller", ["organisation_number": organisation])
    let id = db.lastInsertedRowID
    state.controllers[organisation] = id
    return id
  }

  private func describe(_ change: RegistryChange) -> String {
    if case .planItem(let item) = change { return "planItem \(item.key) \(item.text)" }
    return "\(RegistryChangeKind(change))"
  }

  private func describe(_ action: AlertAction) -> String {
    switch action {
    case .delivered: "delivered"
    case .acknowledge: "acknowledge"
    case .respond: "respond"
    case .resolve: "resolve"
    }
  }
}
