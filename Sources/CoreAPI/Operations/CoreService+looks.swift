// Reads that happen in another role and must be in the access log all the same: a nurse looks at the board.

import HubCore
import Journal
import JournalValues
package import LocalAPI
import VitalSigns

extension CoreService {
  /// Writes that somebody exports records, and answers when the row is durable: before the first record leaves.
  package func recordExport(_ request: API.RecordExport) async throws(LocalAPIFailure) -> API.Done {
    let what = try text(request.what, "what", most: 200)
    let reason = try text(request.reason, "reason")
    let actor = try actor(request.actor)
    var patient = PatientID.none
    if let text = request.patient {
      guard let known = PatientID(text: text) else { throw .bad("\(text.debugDescription) is no person; they look like P7") }
      patient = known
    }
    let record = AccessRecord(
      wall: parts.clock.wall(), actor: actor, action: "export", patient: patient, purpose: reason, detail: what)
    guard await parts.pipeline.requests.submit({ $0.access.append(record) }) else {
      throw .unavailable("the core is stopping; nothing was stored", hint: "try again in a moment")
    }
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }

  /// Writes one row for each person looked at, and answers when the rows are durable. A row that cannot be written is an error; it
  /// is never dropped.
  package func looks(_ request: API.Looks) async throws(LocalAPIFailure) -> API.Done {
    guard (1...API.Looks.patientsMax).contains(request.patients.count) else {
      throw .bad("patients must hold 1 to \(API.Looks.patientsMax) people")
    }
    let what = try text(request.what, "what", most: 100)
    let actor = try actor(request.actor)
    let wall = parts.clock.wall()
    var records: [AccessRecord] = []
    for text in request.patients {
      guard let patient = PatientID(text: text) else { throw .bad("\(text.debugDescription) is no person; they look like P7") }
      records.append(AccessRecord(wall: wall, actor: actor, action: "read", patient: patient, purpose: "console", detail: what))
    }
    let rows = records
    guard await parts.pipeline.requests.submit({ $0.access += rows }) else {
      throw .unavailable("the core is stopping; the looks are not stored", hint: "tell them again when it is back")
    }
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }
}
