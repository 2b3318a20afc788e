// Why a hub's journal cannot be used, and what that means for whoever reads it: what is wrong, what goes on, what to do.

internal import Foundation
public import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Why the journal is not in use.
public struct JournalLoss: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case missing
    case damaged
    case readOnly
    case foreign
    case newer
    case unusable
    /// While the hub ran.
    case removed
    /// The file is in use, but holds less than was acknowledged.
    case behind
  }
  public var kind: Kind
  /// The journal that cannot be used.
  public var path: String
  /// What is wrong, in a sentence without a full stop.
  public var detail: String
  /// The journal in use instead; nil for `behind`.
  public var emergencyPath: String?
  /// What is committed in the emergency journal survives a restart of the machine.
  public var isDurable: Bool
  /// SQLite says that the file itself is damaged: what can be read of it is worth reading.
  public var isCorrupt = false
  /// No copy of the registry could be found: nobody is known.
  public var knowsNobody: Bool

  public init(kind: Kind, path: String, detail: String) {
    self.kind = kind
    self.path = path
    self.detail = detail
    isDurable = false
    knowsNobody = false
  }

  /// Why, as the error at opening tells.
  public init(_ error: JournalError, path: String) {
    let kind: Kind
    switch error {
    case .corrupt, .unreadable, .refused: kind = .damaged
    case .foreignFile: kind = .foreign
    case .newerVersion: kind = .newer
    case .cannotOpen where Self.isReadOnly(path): kind = .readOnly
    default: kind = .unusable
    }
    self.init(kind: kind, path: path, detail: "\(error)")
    if case .corrupt = error { isCorrupt = true }
  }

  private static func isReadOnly(_ path: String) -> Bool {
    access((path as NSString).deletingLastPathComponent, W_OK) != 0 || (access(path, F_OK) == 0 && access(path, W_OK) != 0)
  }

  /// What is wrong, what goes on, and what to do, in words.
  public var sentence: String {
    if kind == .behind {
      return
        "\(detail). The hub runs on it; what is missing was acknowledged once: bring back a newer file, or tell who answers for the record"
    }
    let people = knowsNobody ? "NOBODY IS KNOWN, no copy of the registry was found; " : ""
    let storing =
      isDurable
      ? "what comes in is stored in \(emergencyPath ?? "")"
      : "nothing is acknowledged and what comes in is in memory only"
    return "\(detail). \(people)alarms go out, \(storing). \(nextStep)"
  }

  private var nextStep: String {
    switch kind {
    case .missing, .removed:
      "Put the journal back (is its disk mounted?) and restart knutepunkt-core. Only if this hub is to begin anew with nobody: remove every \(RegistryCopy.fileName) and journal.emergency-* too, and restart"
    case .damaged:
      isCorrupt && isDurable
        ? "Keep \(path) and the files beside it as they are. What can be read of it is being copied into a fresh journal; the notes of knutepunkt status say when that is done, and whether a restart of knutepunkt-core goes on from it. Else restore a backup"
        : "Keep \(path) and the files beside it as they are, restore a copy or ask for help, and restart knutepunkt-core"
    case .readOnly:
      "Make the disk and the file writable for the service's user (dmesg tells of a failing disk), and restart knutepunkt-core"
    case .foreign: "Move that file away, put the journal back, and restart knutepunkt-core"
    case .newer: "Install the newer version of knutepunkt again, and restart knutepunkt-core"
    case .unusable, .behind: "Mend that, and restart knutepunkt-core"
    }
  }
}
