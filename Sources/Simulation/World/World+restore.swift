// A restore in the middle: while the hub runs a copy of its journal is taken, by the code that `knutepunkt backup` runs; the hub goes on for a
// while; then it is gone, and whoever looks after it puts the copy back as docs/backup.md says, by the code that `knutepunkt restore` runs: all
// roles are stopped, and the clock is looked at. One in four attempts is cut off at some call to the disk, and made again.
//
// What the copy does not have is lost by intent; what must hold all the same stands in Ledger+copies.swift.

import CoreAPI
import Foundation
import HubConfiguration
import HubCore
import HubRuntime
import Journal
import JournalCopies
import JournalValues
import Synchronization
import VitalSigns

extension World {
  /// How far a restore is.
  enum Restoring {
    case nothing
    case copied(KeptCopy)
    /// The hub is gone, and the next start is one from the copy.
    case due(KeptCopy)
  }

  /// A copy on another machine's disk.
  struct KeptCopy {
    var held: Ledger.Copy
    var random: SeededRandom
    /// A disk that stays full for longer than these attempts ends the restore: the hub goes on with what it has.
    var attemptsLeft = 40
  }

  /// Between two attempts, seconds.
  static let restoreAgain: Int64 = 10
  /// From the restore to the start of the forward role, seconds.
  private static let forwarderPause: Int64 = 5

  private var copyPath: String { folder + "/copy.tar" }
  private var hubWall: WallTime { WallTime(rawValue: machine.wall.load(ordering: .relaxed)) }

  /// Takes a copy of the running hub's journal. A disk that has no room, hangs or dies gives none.
  func takeCopy(draw: UInt64) {
    guard case .nothing = restoring, let hub, now >= diskStandsUntil else { return }
    // A hub in an emergency has nothing in its own journal that a copy could hold.
    guard hub.parts.pipeline.writer.loss?.emergencyPath == nil else { return }
    defer { disk.forgetWhatIsGone() }
    do {
      let backup = JournalBackup(journal: configuration.hub.journalPath, workFolder: configuration.hub.statePath)
      var bytes: [UInt8] = []
      let manifest = try backup.write(to: [], program: "simulated", now: hubWall, sink: { bytes += $0 })
      try Data(bytes).write(to: URL(fileURLWithPath: copyPath))
      restoring = .copied(KeptCopy(held: try Ledger.Copy(manifest, hub.parts.reader), random: SeededRandom(seed: draw)))
      trace.note(.copied, manifest.lastSequence, UInt64(manifest.counts.openAlerts))
    } catch {
      trace.note(.copied, 0, 0)
    }
  }

  /// The hub is gone with its disk.
  func endForRestore() {
    guard case .copied(let copy) = restoring else { return }
    restoring = .due(copy)
    disk.die()
  }

  /// Before a start: puts the copy back when one is to be. False: not yet.
  func restoreIfDue() -> Bool {
    guard case .due(var copy) = restoring else { return true }
    stopForwarder()
    agenda.add(.startForwarder, at: now + Self.forwarderPause * Self.second)
    if wallError != 0 { setWall(wrongBy: 0) }
    copy.attemptsLeft -= 1
    if copy.random.next(upTo: 4) == 0 { disk.diesAt = disk.operations + 1 + copy.random.next(upTo: 80) }
    do {
      guard let generation = try putBack() else {
        restoring = .nothing
        return true
      }
      restoring = .nothing
      trace.note(.restored, UInt64(generation), copy.held.lastSequence)
      ledger.checkArrivals(destinations, at: now)
      ledger.restored(from: copy.held, startsAt: now + Self.forwarderPause * Self.second)
    } catch {
      trace.note(.restored, 0, UInt64(copy.attemptsLeft))
      restoring = copy.attemptsLeft == 0 || error.isFinal ? .nothing : .due(copy)
    }
    disk.diesAt = nil
    if disk.isDead { disk.revive() }
    disk.forgetWhatIsGone()
    if case .due = restoring { return false }
    return true
  }

  /// - Returns: the new generation; nil of a copy that is not sound, which is not put back.
  private func putBack() throws(BackupError) -> Int? {
    if settings.mutant == .restoresBare { return try putBackBare() }
    let hub = configuration.hub
    var restore = JournalRestore(journal: hub.journalPath, runtimeFolder: hub.runtimePath, controller: hub.controller)
    restore.surroundings = JournalSurroundings(
      monotonic: { [machine] in machine.boottime.load(ordering: .relaxed) },
      random: { [machine] in machine.chance.withLock { $0.next() } }, freeBytes: { _ in .max })
    let act = JournalRestore.Act(actor: "operator", reason: "simulated", now: hubWall, program: "simulated")
    let prepared = try restore.prepare(try BackupReading(path: copyPath, keys: []), act)
    guard prepared.proof.isSound else {
      if !ledger.diskHasLied { ledger.report(.copyGoesOn, "a copy is not sound: \(prepared.proof.findings)", at: now) }
      restore.giveUp()
      return nil
    }
    let generation = try restore.finish(prepared, act).generation
    // The restore has flushed the file and its folder.
    disk.settle(hub.journalPath)
    if settings.mutant == .losesFromCopy { disk.run("DELETE FROM alert WHERE is_open = 1") }
    return generation
  }

  /// What a mutant does: `cp`, and no trace of what the original gave later.
  private func putBackBare() throws(BackupError) -> Int {
    for name in ["journal.sqlite", "registry.sqlite"] { disk.remove(name) }
    disk.loseVolatile()
    _ = try BackupReading(path: copyPath, keys: []).unpack(to: configuration.hub.journalPath)
    return 1
  }
}

extension BackupError {
  /// Another attempt would end likewise: the copy is of a time that the clock, set right, has not reached.
  fileprivate var isFinal: Bool { if case .clockBehind = self { true } else { false } }
}
