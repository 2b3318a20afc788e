// A journal that is to give its place to another is moved into a folder beside it with everything that belongs to it, and never deleted.

internal import Foundation
internal import VitalSigns

enum JournalAside {
  /// As it stands in a folder's name.
  static func stamp(_ now: WallTime) -> String { now.description.filter { $0.isNumber || $0 == "T" || $0 == "Z" } }

  /// Moves the log before the database: a database without its log is older, but a log that is left would be taken for the new journal's.
  /// So a log alone, as somebody leaves it who was cut off here, is moved too, and what was moved goes back when the rest cannot be.
  /// Emergency journals stay: the next start keeps them and takes over what was registered meanwhile.
  ///
  /// - Parameter target: made when it is not there.
  /// - Returns: whether there was anything.
  @discardableResult static func move(_ journal: String, into target: String) throws(BackupError) -> Bool {
    let old = ["-wal", "-shm", ""].filter { FileOnDisk.bytes(journal + $0) != nil }
    if old.isEmpty { return false }
    guard mkdir(target, 0o700) == 0 || errno == EEXIST else {
      throw .cannotWrite(path: target, detail: String(cString: strerror(errno)).lowercased())
    }
    let name = (journal as NSString).lastPathComponent
    var moved: [String] = []
    for suffix in old {
      guard rename(journal + suffix, "\(target)/\(name)\(suffix)") == 0 else {
        let reason = String(cString: strerror(errno)).lowercased()
        for back in moved { rename("\(target)/\(name)\(back)", journal + back) }
        throw .cannotWrite(path: target, detail: reason)
      }
      moved.append(suffix)
    }
    return true
  }
}
