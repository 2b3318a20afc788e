// The folder in which the timer's backups lie, each under the time when it was taken; and a folder for a moment's work.

internal import Foundation
package import VitalSigns

/// The backups of one hub in one folder. Files with other names are nobody's business here.
package struct BackupShelf {
  private let folder: String
  private let prefix: String
  private static let suffix = ".age"

  /// `hub`: the hub's name, as the configuration allows it.
  package init(folder: String, hub: String) {
    self.folder = folder
    prefix = "knutepunkt-\(hub)-"
  }

  /// `knutepunkt-hub-01-20261127T053000Z.age`.
  package func path(at time: WallTime) -> String {
    let stamp = time.description.split(separator: ".")[0].filter { $0.isNumber || $0 == "T" }
    return "\(folder)/\(prefix)\(stamp)Z\(Self.suffix)"
  }

  /// By name, which is by time.
  package var files: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter(isOurs).sorted().map { "\(folder)/\($0)" }
  }

  private func isOurs(_ name: String) -> Bool {
    guard name.hasPrefix(prefix), name.hasSuffix(Self.suffix) else { return false }
    let stamp = name.dropFirst(prefix.count).dropLast(Self.suffix.count)
    return stamp.count == 16 && stamp.enumerated().allSatisfy { $0 == 8 ? $1 == "T" : $0 == 15 ? $1 == "Z" : $1.isNumber }
  }

  /// Removes the oldest until `keep` are left. Call when a new one is whole.
  /// - Returns: what was removed.
  package func thin(keep: Int) -> [String] {
    files.dropLast(max(1, keep)).filter { unlink($0) == 0 }
  }
}

/// A folder that only this user may enter, for what must not be seen.
package struct WorkFolder {
  package let path: String

  package init(in folder: String) throws(BackupError) {
    var name = Array("\(folder)/knutepunkt-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { throw .cannotWrite(path: folder, detail: String(cString: strerror(errno)).lowercased()) }
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  package func remove() { try? FileManager.default.removeItem(atPath: path) }
}
