// What can go wrong with a copy of the journal, one case per failed operation, in sentences that say the next step. No message
// holds anybody's data.

package import JournalValues

/// Why a copy could not be written, read, proven or restored.
package enum BackupError: Error, Sendable, Hashable {
  /// A file cannot be opened or read.
  case cannotRead(path: String, detail: String)
  /// A file cannot be made, written, flushed or renamed. Nothing is left in its place.
  case cannotWrite(path: String, detail: String)
  /// The copy does not fit beside the journal. Nothing was written.
  case noRoom(path: String, needed: Int64, free: Int64)
  /// The stream ends before its end.
  case cut(String)
  /// The stream is whole in form, and not what was written.
  case damaged(String)
  /// It is no copy of a journal at all.
  case unknownFormat(String)
  /// A newer version of the program made it.
  case newer(found: Int, supported: Int)
  /// It is encrypted, and no key was given.
  case noKey
  /// None of the keys opens it.
  case wrongKey
  /// A text that should be a key is none.
  case badKey(String)
  /// A hub runs on this journal, or another command works on it.
  case inUse(path: String)
  /// Something is there already.
  case alreadyThere(path: String)
  /// The machine's clock is behind the copy: numbers could be given twice.
  case clockBehind(copy: String, now: String)
  case journal(JournalError)

  /// How a caller may treat it.
  package enum Kind: Sendable, Hashable {
    /// The copy is not sound.
    case data
    /// Something that was named cannot be read, or the key is missing.
    case input
    /// Not now.
    case temporary
    /// The machine.
    case fault
  }

  package var kind: Kind {
    switch self {
    case .cut, .damaged, .unknownFormat, .newer, .alreadyThere, .badKey: .data
    case .cannotRead, .noKey, .wrongKey: .input
    case .inUse, .noRoom, .clockBehind: .temporary
    case .cannotWrite: .fault
    case .journal(let error):
      switch error {
      case .corrupt, .unreadable, .foreignFile, .newerVersion: .data
      case .cannotOpen: .input
      case .busy, .writerRunning, .notReady: .temporary
      default: .fault
      }
    }
  }
}

extension BackupError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .cannotRead(let path, let detail): "cannot read \(path): \(detail)"
    case .cannotWrite(let path, let detail): "cannot write \(path): \(detail)"
    case .noRoom(let path, let needed, let free):
      "no room beside \(path): the copy needs \(needed >> 20) MiB for a moment, \(max(0, free) >> 20) MiB are free"
    case .cut(let what): "the backup is cut: \(what)"
    case .damaged(let what): "the backup is damaged: \(what)"
    case .unknownFormat(let what): "this is no backup and no journal: \(what)"
    case .newer(let found, let supported): "the backup has format \(found), this program knows up to \(supported)"
    case .noKey: "the backup is encrypted, and no key was given"
    case .wrongKey: "none of the keys opens this backup"
    case .badKey(let what): "\(what)"
    case .inUse(let path): "a hub or another command uses \(path)"
    case .alreadyThere(let path): "\(path) is there already"
    case .clockBehind(let copy, let now):
      "this machine's clock says \(now), but the copy was taken at \(copy): numbers that were given since could be given again"
    case .journal(let error): "\(error)"
    }
  }

  /// What to do next; nil where the sentence says it.
  package var nextStep: String? {
    switch self {
    case .noRoom: "make room, or name another folder: --work FOLDER"
    case .cut, .damaged: "keep it, and take another copy; knutepunkt verify FILE proves one"
    case .newer: "install the newer knutepunkt first"
    case .noKey: "--key FILE names the file with AGE-SECRET-KEY-1…"
    case .wrongKey: "use the key whose public part was a recipient when the backup was taken"
    case .badKey: "a public key looks like age1…, a secret one like AGE-SECRET-KEY-1…; knutepunkt backup keygen makes both"
    case .inUse: "stop the hub first: systemctl stop knutepunkt.target"
    case .clockBehind: "set the clock first (timedatectl)"
    default: nil
    }
  }
}
