// A journal put back from a backup, on this machine or another. What comes back is the hub of then; so it begins a new generation, in
// which no number is given that the original may have given since (JournalGeneration.swift of Journal). All of that is done to a file
// beside the journal's place; the last step is one rename.

internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
package import JournalValues
package import VitalSigns

/// Where a hub's files are, and what it is restored from.
package struct JournalRestore {
  /// The journal's own place.
  package let journal: String
  /// Folders in which a running hub has journals: the state folder and the runtime folder.
  package let folders: [String]
  /// Organisation number of the hub's own data controller.
  package let controller: String
  /// The machine around the journal, where it is a simulated one.
  package var surroundings: JournalSurroundings?
  /// A generation that is known to have been begun elsewhere: the restored one is above it.
  package var above = 0

  package init(journal: String, runtimeFolder: String, controller: String) {
    self.journal = journal
    folders = [(journal as NSString).deletingLastPathComponent, runtimeFolder]
    self.controller = controller
  }

  /// Who restores, why, and when.
  package struct Act: Sendable {
    /// The account's name, at most 100 characters.
    package var actor: String
    package var reason: String
    package var now: WallTime
    package var program: String

    package init(actor: String, reason: String, now: WallTime, program: String) {
      (self.actor, self.reason, self.now, self.program) = (actor, reason, now, program)
    }
  }

  private var part: String { journal + ".restore" }

  /// A backup that was unpacked beside the journal's place and proven, and the locks that keep a hub from starting meanwhile.
  package struct Prepared {
    package var backup: UnpackedBackup
    package var proof: JournalProof
    /// Whether a journal is in the place already.
    package var isReplacing: Bool
    fileprivate var locks: [FileLock]
  }

  // MARK: The steps

  /// Unpacks and proves the backup. Nothing in the journal's place is touched. Whoever does not go on calls `giveUp`.
  package func prepare(_ reading: BackupReading, _ act: Act) throws(BackupError) -> Prepared {
    let locks = try lockAll()
    giveUp()
    do {
      let backup = try reading.unpack(to: part)
      // Numbers are lifted above the clock.
      guard act.now >= backup.manifest.taken else {
        throw BackupError.clockBehind(copy: backup.manifest.takenAt, now: act.now.description)
      }
      let proof = try JournalProof(of: part, program: act.program, now: act.now, expecting: backup.manifest)
      return Prepared(backup: backup, proof: proof, isReplacing: (FileOnDisk.bytes(journal) ?? 0) > 0, locks: locks)
    } catch {
      giveUp()
      throw (error as? BackupError) ?? .cannotWrite(path: part, detail: "\(error)")
    }
  }

  /// Removes what was unpacked.
  package func giveUp() {
    for suffix in ["", "-wal", "-shm", "-journal", ".writer", ".ballast"] { unlink(part + suffix) }
  }

  /// Begins the new generation and puts the journal in its place. A journal that is there is moved into a folder beside it first, never
  /// deleted.
  /// - Returns: the new generation, and where the old journal lies now.
  package func finish(_ prepared: Prepared, _ act: Act) throws(BackupError) -> (generation: Int, movedTo: String?) {
    do {
      let generation = try beginGeneration(prepared.backup.manifest, act)
      let aside = "\(folders[0])/before-restore-\(JournalAside.stamp(act.now))"
      let moved = try JournalAside.move(journal, into: aside) ? aside : nil
      try FileOnDisk.flush(part)
      guard rename(part, journal) == 0 else {
        throw BackupError.cannotWrite(path: journal, detail: String(cString: strerror(errno)).lowercased())
      }
      FileOnDisk.flushFolder(of: journal)
      giveUp()
      giveToFolderOwner(moved)
      return (generation, moved)
    } catch {
      giveUp()
      throw (error as? BackupError) ?? .journal(JournalError(error))
    }
  }

  private func beginGeneration(_ manifest: BackupManifest, _ act: Act) throws -> Int {
    var configuration = JournalConfiguration(path: part, controller: controller, ballastBytes: 0, version: act.program)
    configuration.surroundings = surroundings
    let writer = try JournalWriter(configuration)
    let generation = try writer.beginGeneration(
      .restored, since: manifest.taken, wall: act.now,
      told:
        "the journal \(journal) was restored at \(act.now) from a backup of \(manifest.takenAt): what the hub took in between is not in it",
      keepsSnapshots: true, above: above)
    let actor = try writer.actor(account: act.actor, role: "local account")
    var group = JournalGroup(wall: act.now)
    if let added = actor.added { group.actors.append(added) }
    group.access.append(
      AccessRecord(
        wall: act.now, actor: actor.id, action: "restore", purpose: act.reason,
        detail: "from a backup of \(manifest.takenAt), generation \(generation)"))
    try writer.commit(group)
    // The log does not move with the file: what is left in it would be lost, and with it the new generation.
    try writer.emptyLog()
    return generation
  }

  /// Restored with sudo, the files are the service's all the same.
  private func giveToFolderOwner(_ moved: String?) {
    var status = stat()
    guard geteuid() == 0, stat(folders[0], &status) == 0 else { return }
    let own = moved.map { [$0, "\($0)/\((journal as NSString).lastPathComponent)"] } ?? []
    for path in own + [journal, journal + ".writer"] { chown(path, status.st_uid, status.st_gid) }
  }

  // MARK: Nobody else

  /// The locks of every journal that a hub could have open here.
  private func lockAll() throws(BackupError) -> [FileLock] {
    var locks = [try FileLock(journal: journal)]
    for folder in Set(folders).sorted() {
      for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
      where name.hasPrefix("journal.emergency-") && name.hasSuffix(".sqlite") {
        locks.append(try FileLock(journal: "\(folder)/\(name)"))
      }
    }
    return locks
  }
}

/// The lock of a journal's writer, held by somebody who is none.
final class FileLock {
  private let descriptor: Int32

  init(journal path: String) throws(BackupError) {
    descriptor = open(path + ".writer", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotWrite(path: path + ".writer", detail: String(cString: strerror(errno)).lowercased()) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .inUse(path: path)
    }
  }

  deinit { close(descriptor) }
}
