// People's records. A change is a new version, with its author and reason; nothing is overwritten. What is restricted (door code, key box)
// is given under an open alert of the person or for a stated reason, and each time is a row of the access log.

import Foundation
import HubCore
import HubRegistry
import Journal
import JournalValues
package import LocalAPI
import People
import Synchronization
package import VitalSigns

extension CoreService {
  /// Versions in one answer.
  private static let versionsMax = 1_000

  // MARK: Reading

  package func record(of patient: PatientID, version: Int?) async throws(LocalAPIFailure) -> API.PersonRecord {
    try registered(patient)
    logRead(of: patient, what: "record")
    let found = try await read { reader throws(JournalError) in try reader.record(of: patient, version: version) }
    if let version, found == nil {
      throw .notFound("\(patient) has no version \(version) of a record", hint: "knutepunkt patient show \(patient) --history lists them")
    }
    return api(found, of: patient)
  }

  package func recordVersions(of patient: PatientID) async throws(LocalAPIFailure) -> [API.PersonRecord] {
    try registered(patient)
    logRead(of: patient, what: "record, all versions")
    return try await read { reader throws(JournalError) in try reader.recordHistory(of: patient, limit: Self.versionsMax) }
      .map { api($0, of: patient) }
  }

  /// Also of people who have left: their record is kept, and may be asked for.
  private func registered(_ patient: PatientID) throws(LocalAPIFailure) {
    guard registry.patient(patient) != nil else {
      throw .notFound("there is no person \(patient)", hint: "knutepunkt patient list shows them")
    }
  }

  private func api(_ version: PersonRecordVersion?, of patient: PatientID) -> API.PersonRecord {
    guard let version else { return API.PersonRecord(patient: patient.description, version: 0, fields: [:], withheld: []) }
    let record = version.record
    return API.PersonRecord(
      patient: patient.description, version: version.number, at: version.started.description,
      author: parts.actors.name(of: version.author), reason: version.reason,
      fields: Dictionary(record.withoutRestricted.fields.map { ($0.field.key, $0.text) }, uniquingKeysWith: { first, _ in first }),
      withheld: PersonField.restricted.filter { record[$0] != nil }.map(\.key),
      notScored: record.eligibility.hindrance(onDay: today).map { .known($0) })
  }

  /// Why NEWS2 is not made for the person now; nil: it is.
  func hindrance(of patient: PatientID) -> NEWS2Hindrance? { registry.patient(patient)?.eligibility.hindrance(onDay: today) }

  static func words(_ hindrance: NEWS2Hindrance) -> String {
    switch hindrance {
    case .under16: "the person is under 16 years"
    case .pregnant: "the person is pregnant"
    }
  }

  /// The local day, counted from 1970-01-01: as the core counts it.
  private var today: Int32 {
    let offset = Int64(parts.pipeline.core.vitals.utcOffsetSeconds.load(ordering: .relaxed))
    return Int32(clamping: (parts.clock.wall().rawValue + offset * 1_000) / 86_400_000)
  }

  // MARK: Changing

  func editRecord(of patient: PatientID, _ request: API.EditRecord) async throws(LocalAPIFailure) -> API.PersonRecord {
    _ = try knownPatient(patient)
    let actor = try actor(request.actor)
    let reason = try text(request.reason, "reason")
    let changes = try Self.changes(request.fields)
    guard recordsUnderWay.begin(patient) else {
      throw .conflict("somebody is changing the record of \(patient) now", hint: "look at it again in a moment")
    }
    defer { recordsUnderWay.end(patient) }
    let before = try await read { reader throws(JournalError) in try reader.record(of: patient) }
    if let basedOn = request.basedOn, basedOn != before?.number ?? 0 {
      throw .conflict(
        "the record of \(patient) has version \(before?.number ?? 0) by now, and the change was made from version \(basedOn); nothing was changed",
        hint: "look at what is new, and make the change again")
    }
    var record = before?.record ?? PersonRecord()
    for (field, text) in changes {
      do throws(PersonRecordProblem) { try record.set(field, to: text) } catch {
        throw .bad("fields.\(error.field.key) does not fit; allowed: \(error.field.form.allowed), or nothing to remove it")
      }
    }
    // Whoever asks again, not knowing how the first time went, makes no second version.
    if record == before?.record ?? PersonRecord() { return api(before, of: patient) }
    _ = try await store(.registry(.recordChanged(record.eligibility)), patient: patient, actor: actor, reason: reason, .record(record))
    registry.decide(record.eligibility, for: patient)
    return api(try await read { reader throws(JournalError) in try reader.record(of: patient) }, of: patient)
  }

  private static func changes(_ fields: [String: String]) throws(LocalAPIFailure) -> [(PersonField, String)] {
    if fields.isEmpty { throw .bad("fields is empty; allowed: at least one field of the record") }
    var changes: [(PersonField, String)] = []
    for key in fields.keys.sorted() {
      guard let field = PersonField(key: key) else {
        throw .bad("there is no field \(key.debugDescription)", hint: "knutepunkt patient fields lists them")
      }
      changes.append((field, fields[key] ?? ""))
    }
    return changes
  }

  // MARK: What is restricted

  /// How long the row of the access log is waited for. Somebody stands before a door.
  private static let logPatience = Duration.seconds(3)

  package func restricted(of patient: PatientID, _ request: API.ShowRestricted) async throws(LocalAPIFailure) -> API.RestrictedFields {
    try registered(patient)
    let actor = try actor(request.actor)
    let alert = try await openAlert(request.alert, of: patient)
    let reason = try request.reason.map { reason throws(LocalAPIFailure) in try text(reason, "reason") }
    guard alert != nil || reason != nil else {
      throw .bad("restricted fields are shown under an open alert of \(patient), or for a reason", hint: "give the alert or a reason")
    }
    let found = try await read { reader throws(JournalError) in try reader.record(of: patient) }
    let fields = (found?.record ?? PersonRecord()).stored(restricted: true)
    let purpose = [alert.map { "alert \($0)" }, reason].compactMap(\.self).joined(separator: ": ")
    let row = AccessRecord(
      wall: parts.clock.wall(), actor: actor, action: "read", patient: patient, purpose: purpose,
      detail: "restricted: \(fields.isEmpty ? "nothing is set" : fields.keys.sorted().joined(separator: " "))")
    let isLogged = await log(row)
    // Under an alarm a door is opened also when the disk is full; the row is stored when it is well again, or counted as lost and told.
    guard isLogged || alert != nil else {
      throw .unavailable(
        "the access log takes no rows now; nothing was shown", hint: "knutepunkt status tells what is wrong with the store")
    }
    return API.RestrictedFields(patient: patient.description, version: found?.number ?? 0, fields: fields, isLogged: isLogged)
  }

  private func log(_ row: AccessRecord) async -> Bool {
    let (answers, told) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
    let requests = parts.pipeline.requests
    requests.submit(
      { $0.access.append(row) },
      then: { isStored in
        // Where there was no room for it, it is counted as lost, and the hub says so.
        if !isStored { requests.enqueue { $0.access.append(row) } }
        told.yield(isStored)
      })
    return await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        var answer = answers.makeAsyncIterator()
        return await answer.next() ?? false
      }
      group.addTask {
        try? await Task.sleep(for: Self.logPatience)
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
  }

  /// The alert, when it is this person's and open. A closed one, or another person's, opens no door.
  private func openAlert(_ text: String?, of patient: PatientID) async throws(LocalAPIFailure) -> AlertID? {
    guard let text else { return nil }
    let id = try await alertID(text)
    // A call is told before it is stored, and the disk may stand still.
    if let told = parts.hub.unstored.last(where: { $0.id == id.description }) {
      if told.patient == patient.description, case .known(let state) = told.state, state.isOpen { return id }
    }
    let row = try await read { reader throws(JournalError) in try reader.alert(id) }
    guard let row, row.patient == patient, row.transition.state.isOpen else {
      throw .conflict("\(text) is no open alert of \(patient)", hint: "give an open alert, or a reason")
    }
    return id
  }
}
