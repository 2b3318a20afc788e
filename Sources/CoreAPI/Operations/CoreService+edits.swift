// Corrections of what was registered: a misspelt name, a device whose silence should be told. Each is a new event in the journal
// with its author and reason; what was before stays there. And the access log, for who may ask who has looked.

import Foundation
import HubCore
import HubRegistry
import Journal
import JournalValues
import LocalAPI
import VitalSigns

extension CoreService {
  func editPatient(_ id: PatientID, _ request: API.EditPatient) async throws(LocalAPIFailure) -> API.Patient {
    let known = try knownPatient(id)
    let actor = try actor(request.actor)
    let reason = try text(request.reason, "reason")
    guard request.name != nil || request.nationalID != nil else { throw .bad("nothing to change; give name or nationalID") }
    let name = try request.name.map { name throws(LocalAPIFailure) in try line(name, "name", most: 200) } ?? known.name
    if let nationalID = request.nationalID, !isNationalID(nationalID) {
      throw .bad("nationalID must be eleven digits with valid check digits", hint: "test persons have 80 added to the month")
    }
    let details = PatientDetails(name: name, nationalID: request.nationalID ?? known.nationalID, controller: known.controller)
    _ = try await store(.registry(.patientAdded), patient: id, actor: actor, reason: reason, .patient(details))
    var corrected = known
    (corrected.name, corrected.nationalID) = (name, details.nationalID)
    registry.add(corrected)
    guard let now = try await patients().first(where: { $0.id == id.description }) else { throw .notFound("there is no person \(id)") }
    return now
  }

  func editDevice(_ id: DeviceID, _ request: API.EditDevice) async throws(LocalAPIFailure) -> API.Device {
    var device = try knownDevice(id)
    let actor = try actor(request.actor)
    let reason = try text(request.reason, "reason")
    guard request.label != nil || request.expectedIntervalSeconds != nil else {
      throw .bad("nothing to change; give label or expectedIntervalSeconds")
    }
    if let label = request.label { device.label = try line(label, "label", most: EntryLimits.labelCharacters.upperBound) }
    if let seconds = request.expectedIntervalSeconds { device.liveness.expectedIntervalSeconds = seconds }
    let details = DeviceDetails(
      label: device.label, profile: device.profile, address: device.address, controller: registry.patient(device.patient)?.controller)
    _ = try await store(.registry(.deviceAdded(device.liveness)), device: id, actor: actor, reason: reason, .device(details))
    // The device may have been heard, or given to somebody, meanwhile: only what was asked for changes.
    var now = try knownDevice(id)
    (now.label, now.liveness) = (device.label, device.liveness)
    registry.add(now)
    return try await apiDevice(id)
  }

  /// Rows of the access log, newest first. Asking is a row of its own.
  func auditRows(of patient: PatientID?, limit: Int) async throws(LocalAPIFailure) -> [API.AuditRow] {
    logRead(of: patient ?? .none, what: "access log")
    let limit = EntryLimits.held(rows: limit)
    let rows = try await read { reader throws(JournalError) in try reader.accessLog(of: patient, limit: limit) }
    return rows.map { row in
      API.AuditRow(
        id: row.id, at: row.record.wall.description, actor: parts.actors.name(of: row.record.actor) ?? "the hub",
        action: row.record.action, patient: row.record.patient == .none ? nil : row.record.patient.description,
        purpose: row.record.purpose, detail: row.record.detail)
    }
  }
}
