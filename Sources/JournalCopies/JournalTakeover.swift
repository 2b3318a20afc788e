// A hub that was replaced is taken back into use: it begins the next generation above the one that replaced it, which then stands down. What the
// other took in meanwhile is not in this journal.

internal import Foundation
internal import Journal
internal import JournalFiles
internal import JournalValues
package import VitalSigns

package struct JournalTakeover {
  /// The journal's own place.
  package let journal: String
  /// Organisation number of the hub's own data controller.
  package let controller: String

  package init(journal: String, controller: String) { (self.journal, self.controller) = (journal, controller) }

  /// Blocks for a moment.
  ///
  /// - Parameters:
  ///   - generation: the one that replaced this hub.
  ///   - since: when that was noticed; entries from then on may be missing.
  /// - Returns: the new generation.
  /// - Throws: when a hub runs on the journal.
  package func run(_ act: JournalRestore.Act, above generation: Int, since: WallTime) throws(BackupError) -> Int {
    do {
      let writer = try JournalWriter(
        JournalConfiguration(path: journal, controller: controller, ballastBytes: 0, version: act.program))
      let begun = try writer.beginGeneration(
        .restored, since: since, wall: act.now,
        told:
          "the hub of \(journal) was taken back into use at \(act.now), after generation \(generation) had replaced it: what that one took in meanwhile is not here",
        keepsSnapshots: true, above: generation)
      let actor = try writer.actor(account: act.actor, role: "local account")
      var group = JournalGroup(wall: act.now)
      if let added = actor.added { group.actors.append(added) }
      group.access.append(
        AccessRecord(
          wall: act.now, actor: actor.id, action: "takeover", purpose: act.reason,
          detail: "generation \(begun), after generation \(generation) had replaced this hub"))
      try writer.commit(group)
      try writer.emptyLog()
      giveToFolderOwner()
      return begun
    } catch {
      let failure = JournalError(error)
      if case .writerRunning(let path) = failure { throw .inUse(path: path) }
      throw .journal(failure)
    }
  }

  /// Written with sudo, the files are the service's all the same.
  private func giveToFolderOwner() {
    var status = stat()
    guard geteuid() == 0, stat((journal as NSString).deletingLastPathComponent, &status) == 0 else { return }
    for suffix in ["", "-wal", "-shm", ".writer"] { chown(journal + suffix, status.st_uid, status.st_gid) }
  }
}
