// Why a stored state cannot be used, as values with a sentence each. None is fatal: what is done then is decided by CoreBuilder
// (docs/state.md).

/// A size of the configuration that a state may not fit.
public enum CoreSize: String, Sendable, Hashable, CaseIterable {
  case patientsMax
  case devicesMax
  case alertsMax

  /// As it stands in the configuration.
  public var configurationKey: String { "realtime.\(rawValue)" }
}

/// Why a snapshot cannot be used.
public enum SnapshotError: Error, Sendable, Hashable {
  /// Not a snapshot, or cut.
  case malformed
  /// The checksum does not fit the bytes, or two parts contradict each other.
  case damaged(String)
  /// Written by a newer version, in a form that this one does not know.
  case newerFormat(found: UInt16)
  /// Holds a section that this version does not know, and must not pass over.
  case unknownSection(String)
  /// A section is of a newer version than this program reads.
  case newerSection(String, found: UInt16, known: UInt16)
  case missingSection(String)
  /// A copy of memory by a program whose structs were others.
  case otherLayout
  /// Everything is sound, and more is there than the configuration has room for. `needed` is the least that is enough.
  case doesNotFit(CoreSize, needed: Int, configured: Int)
}

extension SnapshotError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed: "it is no snapshot, or a part of one"
    case .damaged(let what): "it is damaged: \(what)"
    case .newerFormat(let found): "a newer version wrote it, in format \(found)"
    case .unknownSection(let name): "a newer version wrote it: section \"\(name)\" is not known here"
    case .newerSection(let name, let found, let known):
      "a newer version wrote it: section \"\(name)\" has version \(found), and \(known) is the newest that is known here"
    case .missingSection(let name): "section \"\(name)\" is missing"
    case .otherLayout: "it is a copy of memory with another layout"
    case .doesNotFit(let size, let needed, let configured):
      "\(size.configurationKey) is \(configured), and what is there needs \(needed)"
    }
  }
}
