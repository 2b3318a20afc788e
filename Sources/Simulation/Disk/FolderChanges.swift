// What a folder forgets when the power goes: names that were made and deleted since it was flushed last. They reach the disk in their order (ext4's
// journal), so that what is left is everything up to some moment: a file that was deleted after it is there again, with all that it held; one
// that was made after it is gone.
//
// Only what SQLite makes and deletes is seen here. What the hub renames and deletes past it stays as it is.

import Foundation
import VitalSigns

/// The changes of a disk's folders that are not flushed. A value.
struct FolderChanges {
  private enum Change {
    case made(String)
    case deleted(String, Data)
  }
  private var changes: [Change] = []

  mutating func made(_ path: String) { changes.append(.made(path)) }
  mutating func deletes(_ path: String, _ bytes: Data) { changes.append(.deleted(path, bytes)) }
  mutating func flushed() { changes = [] }

  /// Undoes the last of them, as many as chance says.
  mutating func cut(_ random: inout SeededRandom) {
    if changes.isEmpty { return }
    for change in changes.suffix(Int(random.next(upTo: UInt64(changes.count + 1)))).reversed() {
      switch change {
      case .made(let path): try? FileManager.default.removeItem(atPath: path)
      case .deleted(let path, let bytes):
        _ = FileManager.default.createFile(atPath: path, contents: bytes, attributes: [.posixPermissions: 0o600])
      }
    }
    changes = []
  }
}
