// A journal that turns out to be damaged is read into a fresh one beside it while the hub goes on in an emergency journal. When nothing but
// history is missing, the fresh one takes its place and the next start goes on from it; the damaged one is kept. Else somebody chooses
// between it and a backup: the emergency's journal knows everybody by the copies of the registry.
//
// A cut at any point leaves either the damaged journal where it was, and then it is read once more; or a marker by which the next start
// finishes the exchange. What is read has a name of its own until it is known what becomes of it.

internal import Foundation
internal import VitalSigns

package struct DamagedJournal {
  /// The journal's own place.
  package let journal: String
  /// Organisation number of the hub's own data controller.
  package let controller: String

  package init(journal: String, controller: String) { (self.journal, self.controller) = (journal, controller) }

  /// The fresh one, complete, until it is in the journal's place.
  package var fresh: String { journal + ".salvaged" }
  /// The fresh one while nobody has looked yet what is missing of it. One that is there at the beginning is what a cut left.
  private var unjudged: String { journal + ".salvaging" }
  private var folder: String { (journal as NSString).deletingLastPathComponent }
  private var name: String { (journal as NSString).lastPathComponent }
  /// Says that an exchange has begun: the file number of the damaged journal, and the folder into which it is moved.
  private var marker: String { journal + ".exchange" }

  package enum Outcome {
    /// `keptIn`: where the damaged journal lies now.
    case replaced(SalvageReport, keptIn: String)
    /// The fresh one lies beside the damaged one.
    case leftBeside(SalvageReport)
    /// An earlier run left a fresh one, which is not touched.
    case alreadyBeside
    /// A damaged journal was replaced here within a day: what damages it must be found first.
    case again(keptIn: String)
  }

  /// What else the disk must hold beside a second journal, bytes.
  private static let roomKept: Int64 = 64 << 20
  /// Between two exchanges, seconds.
  private static let pause: TimeInterval = 86_400

  /// Blocks for as long as it takes: some seconds a gigabyte. Nobody may have the journal open for writing.
  ///
  /// - Parameter known: the highest entry that the journal with this id is known to have had on disk, by others than itself; 0: none.
  package func replace(_ act: JournalRestore.Act, known: (_ journalID: String) -> UInt64) throws(BackupError) -> Outcome {
    if FileOnDisk.bytes(fresh) != nil { return .alreadyBeside }
    if let kept = exchangedLately() { return .again(keptIn: kept) }
    let needed = (FileOnDisk.bytes(journal) ?? 0) + Self.roomKept
    if let free = FileOnDisk.freeBytes(folder), free < needed {
      throw .cannotWrite(path: fresh, detail: "it needs \(needed >> 20) MiB, and \(free >> 20) MiB are free")
    }
    unlink(unjudged)
    let report = try JournalSalvage(old: journal, new: unjudged, controller: controller, keepsFree: Self.roomKept / 2).run(act)
    guard report.knowsEverybody, report.isSameHub, report.lastEntry >= known(report.journalID) else {
      try judged()
      return .leftBeside(report)
    }
    let kept = "\(folder)/damaged-\(JournalAside.stamp(act.now))"
    let lock = try FileLock(journal: journal)
    defer { withExtendedLifetime(lock) {} }
    // The marker is first: a fresh one without it is somebody's to choose.
    try mark(kept)
    try judged()
    try exchange(kept)
    return .replaced(report, keptIn: kept)
  }

  private func judged() throws(BackupError) {
    guard rename(unjudged, fresh) == 0 else {
      throw .cannotWrite(path: fresh, detail: String(cString: strerror(errno)).lowercased())
    }
    FileOnDisk.flushFolder(of: fresh)
  }

  /// Finishes an exchange that was cut off. Called at a start, before the journal is opened. True: it did.
  package func finishCutOff() -> Bool {
    guard let line = FileManager.default.contents(atPath: marker).map({ String(decoding: $0, as: UTF8.self) }) else { return false }
    defer { unlink(marker) }
    let words = line.split(separator: "\n", maxSplits: 1)
    guard words.count == 2, let number = UInt64(words[0]), FileOnDisk.bytes(fresh) != nil, let lock = try? FileLock(journal: journal)
    else { return false }
    defer { withExtendedLifetime(lock) {} }
    // Somebody may have put another journal in the place meanwhile: it stays.
    if let there = fileNumber(journal), there != number { return false }
    return (try? exchange(String(words[1]))) != nil
  }

  private func exchange(_ kept: String) throws(BackupError) {
    try JournalAside.move(journal, into: kept)
    guard rename(fresh, journal) == 0 else {
      throw .cannotWrite(path: journal, detail: String(cString: strerror(errno)).lowercased())
    }
    FileOnDisk.flushFolder(of: journal)
    unlink(marker)
  }

  private func mark(_ kept: String) throws(BackupError) {
    guard let number = fileNumber(journal),
      FileManager.default.createFile(atPath: marker, contents: Data("\(number)\n\(kept)".utf8), attributes: [.posixPermissions: 0o600])
    else { throw .cannotWrite(path: marker, detail: "it says where the damaged journal is moved to") }
    try FileOnDisk.flush(marker)
    FileOnDisk.flushFolder(of: marker)
  }

  private func fileNumber(_ path: String) -> UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  private func exchangedLately() -> String? {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix("damaged-") }
    // A folder alone is what is left where the journal could not be moved.
    return names.map { "\(folder)/\($0)" }.first { path in
      guard FileOnDisk.bytes("\(path)/\(name)") != nil else { return false }
      let made = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
      return made.map { abs($0.timeIntervalSinceNow) < Self.pause } ?? false
    }
  }
}
