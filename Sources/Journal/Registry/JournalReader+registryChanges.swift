// What was changed in the registry while the journal was lost: read from the journal of the emergency when the hub's own is back, so
// that nobody who was registered meanwhile is left unwatched.

internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

/// One change of the registry, with its texts and who made it.
public struct RegistryChangeRow: Sendable, Hashable {
  public var entry: IntakeEntry
  public var attachment: Attachment
  /// The account of who made it; nil: the hub.
  public var account: String?
}

extension JournalReader {
  /// The changes since this journal of an emergency was begun, in their order. Empty in any other journal.
  public func registryChangesOfEmergency() throws(JournalError) -> [RegistryChangeRow] {
    try read { db in
      let begun = try Int64.fetchOne(
        db, sql: "SELECT max(last_sequence) FROM gap WHERE reason = ?", arguments: [GapReason.journalLost.rawValue])
      guard let begun else { return [] }
      let sequences = try Int64.fetchAll(
        db, sql: "SELECT sequence FROM registry_change WHERE sequence > ? ORDER BY sequence", arguments: [begun])
      return try sequences.compactMap { sequence in
        guard let entry = try EntryStream.entry(db, UInt64(bitPattern: sequence)), case .registry(let change) = entry.payload else {
          return nil
        }
        var attachment = Attachment()
        switch change {
        case .patientAdded:
          if let row = try PatientRow.fetch(db, entry.patient) {
            attachment.content = .patient(PatientDetails(name: row.name, nationalID: row.nationalID, controller: row.controller))
          }
        case .deviceAdded:
          if let row = try DeviceRow.fetch(db, entry.device) {
            attachment.content = .device(
              DeviceDetails(
                label: row.label, profile: row.profile, address: row.address, controller: row.controller, serialNumber: row.serialNumber,
                eui64: row.eui64))
          }
        default: break
        }
        let words = try Row.fetchOne(
          db, sql: "SELECT p.reason, a.account FROM plan_item p LEFT JOIN actor a ON a.id = p.author WHERE p.sequence = ?",
          arguments: [sequence])
        attachment.reason = try words.flatMap { try $0[of: "reason"] as String? } ?? "changed while the journal was lost"
        return RegistryChangeRow(entry: entry, attachment: attachment, account: try words.flatMap { try $0[of: "account"] as String? })
      }
    }
  }
}
