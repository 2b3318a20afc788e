// A journal that is to give its place to another is moved into a folder beside it with everything that belongs to it, and never deleted.

internal import Foundation
internal import VitalSigns

enum JournalAside {
  /// Moves the log before the database: a database without its log is older, but a log that is left would be taken for the new journal's.
  /// So a log alone, as somebody leaves it who was cut off here, is moved too. Emergency journals stay: the next start keeps them and
  /// takes over what was registered meanwhile.
  ///
  /// - Parameter reason: how the folder's name begins; the time follows.
  /// - Returns: the folder; nil when there was nothing.
  static func move(_ journal: String, because reason: String, _ now: WallTime) throws(BackupError) -> String? {
    let old = ["-wal", "-shm", ""].filter { FileOnDisk.bytes(journal + $0) != nil }
    if old.isEmpty { return nil }
    let stamp = now.description.filter { $0.isNumber || $0 == "T" || $0 == "Z" }
    let folder = "\((journal as NSString).deletingLastPathComponent)/\(reason)-\(stamp)"
    guard mkdir(folder, 0o700) == 0 else { throw .cannotWrite(path: folder, detail: String(cString: strerror(errno)).lowercased()) }
    let name = (journal as NSString).lastPathComponent
    for suffix in old {
      guard rename(journal + suffix, "\(folder)/\(name)\(suffix)") == 0 else {
        throw .cannotWrite(path: folder, detail: String(cString: strerror(errno)).lowercased())
      }
    }
    return folder
  }
}
