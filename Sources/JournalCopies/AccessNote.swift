// One row of the access log of a hub that does not run. Of one that runs the core writes it.

internal import Foundation
internal import Journal
internal import JournalValues
package import VitalSigns

/// Namespace of the writing.
package enum AccessNote {
  /// Opens the journal as its one writer, adds the row durably, and closes it.
  package static func write(
    journal: String, controller: String, patient: PatientID?, action: String, detail: String, _ act: JournalRestore.Act
  ) throws(BackupError) {
    // A writer would make one.
    guard FileManager.default.fileExists(atPath: journal) else { throw .cannotRead(path: journal, detail: "it does not exist") }
    do {
      let writer = try JournalWriter(JournalConfiguration(path: journal, controller: controller, ballastBytes: 0, version: act.program))
      let actor = try writer.actor(account: act.actor, role: "local account")
      var group = JournalGroup(wall: act.now)
      if let added = actor.added { group.actors.append(added) }
      group.access.append(
        AccessRecord(
          wall: act.now, actor: actor.id, action: action, patient: patient ?? .none, purpose: act.reason, detail: detail))
      try writer.commit(group)
    } catch {
      throw .journal(error)
    }
  }
}
