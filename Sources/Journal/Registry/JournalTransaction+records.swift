// People's records: a row for each version, written with the entry that made it.

internal import GRDB
internal import JournalFiles
internal import JournalValues
internal import People
internal import VitalSigns

extension JournalTransaction {
  /// Adds the next version of the person's record. Gives what the access log says: which fields changed, never what stands in them.
  func addRecord(_ item: JournalEntry) throws -> String {
    let patient = item.entry.patient
    let before = try PersonRecordVersion.fetch(db, of: patient)
    var record = before?.record ?? PersonRecord()
    if case .record(let given) = item.attachment?.content { record = given }
    let number = (before?.number ?? 0) + 1
    try db.insert(
      into: "person_record",
      [
        "sequence": signed(item.entry.sequence), "patient": patient.rawValue, "version": number,
        "author": item.attachment?.actor.rawValue ?? 0, "reason": item.attachment?.reason ?? "", "started": item.entry.wall.rawValue,
        "fields": try PersonRecordVersion.text(record.stored(restricted: false)),
        "restricted": try PersonRecordVersion.text(record.stored(restricted: true)),
      ])
    let changed = record.differences(from: before?.record ?? PersonRecord()).map(\.key)
    return "record version \(number): \(changed.isEmpty ? "nothing" : changed.joined(separator: " "))"
  }
}
