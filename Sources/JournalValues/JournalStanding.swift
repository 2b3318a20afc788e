// How the journal's files lie on the disk: in their place, or taken away while the hub runs.

/// How the journal's files lie on the disk.
public enum JournalStanding: Sendable, Hashable {
  case inPlace
  /// Nothing has this name any more.
  case removed(path: String)
  /// Something else has.
  case replaced(path: String)
  /// Somebody cut it; what was at its end is lost.
  case shortened(path: String)

  /// In a sentence; nil when all is well.
  public var problem: String? {
    switch self {
    case .inPlace: nil
    case .removed(let path): "\(path) was removed while the hub ran"
    case .replaced(let path): "\(path) was replaced by another file while the hub ran"
    case .shortened(let path): "\(path) was shortened while the hub ran"
    }
  }
}
