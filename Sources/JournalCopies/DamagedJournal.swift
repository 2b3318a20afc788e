// A journal that turns out to be damaged is read into a fresh one beside it while the hub goes on in an emergency journal. When nothing but
// history is missing, the fresh one takes its place and the next start goes on from it; the damaged one is kept. Else somebody chooses
// between it and a backup: the emergency's journal knows everybody by the copies of the registry.

internal import Foundation

package struct DamagedJournal {
  /// The journal's own place.
  package let journal: String
  /// Organisation number of the hub's own data controller.
  package let controller: String

  package init(journal: String, controller: String) { (self.journal, self.controller) = (journal, controller) }

  /// The fresh one, complete, until it is in the journal's place.
  package var fresh: String { journal + ".salvaged" }

  package enum Outcome {
    /// `keptIn`: where the damaged journal lies now.
    case replaced(SalvageReport, keptIn: String)
    /// The fresh one lies beside the damaged one.
    case leftBeside(SalvageReport)
  }

  /// What else the disk must hold beside a second journal, bytes.
  private static let roomKept: Int64 = 64 << 20

  /// Blocks for as long as it takes: some seconds a gigabyte. Nobody may have the journal open for writing.
  ///
  package func replace(_ act: JournalRestore.Act) throws(BackupError) -> Outcome {
    let needed = (FileOnDisk.bytes(journal) ?? 0) + Self.roomKept
    if let free = FileOnDisk.freeBytes((journal as NSString).deletingLastPathComponent), free < needed {
      throw .cannotWrite(path: fresh, detail: "it needs \(needed >> 20) MiB, and \(free >> 20) MiB are free")
    }
    // One that an earlier run left may be of another journal.
    for suffix in ["", "-wal", "-shm"] { unlink(fresh + suffix) }
    let report = try JournalSalvage(old: journal, new: fresh, controller: controller).run(act)
    guard report.knowsEverybody, report.isSameHub else { return .leftBeside(report) }
    let kept = try JournalAside.move(journal, because: "damaged", act.now)
    try putInPlace()
    return .replaced(report, keptIn: kept ?? "")
  }

  /// Finishes what was cut off between moving the damaged journal away and moving the fresh one in. Called at a start, before the journal is
  /// opened. True: it did.
  package func finishCutOff() -> Bool {
    guard FileOnDisk.bytes(journal) == nil, FileOnDisk.bytes(fresh) != nil, isMovedAway else { return false }
    return (try? putInPlace()) != nil
  }

  /// A journal that somebody took away is no journal that was cut off here.
  private var isMovedAway: Bool {
    let folder = (journal as NSString).deletingLastPathComponent
    let name = (journal as NSString).lastPathComponent
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains {
      $0.hasPrefix("damaged-") && FileOnDisk.bytes("\(folder)/\($0)/\(name)") != nil
    }
  }

  private func putInPlace() throws(BackupError) {
    guard rename(fresh, journal) == 0 else {
      throw .cannotWrite(path: journal, detail: String(cString: strerror(errno)).lowercased())
    }
    FileOnDisk.flushFolder(of: journal)
  }
}
