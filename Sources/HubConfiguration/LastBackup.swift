// When the last backup was taken: a small file beside the journal that `knutepunkt backup` writes and status and doctor read.

import Foundation
public import VitalSigns

/// The last backup that was taken whole.
public struct LastBackup: Codable, Sendable, Hashable {
  /// Milliseconds since 1970.
  public var takenAtMilliseconds: Int64
  /// Where it was put: a file, or `-`.
  public var path: String

  private static let fileName = "/backup.json"
  private static let bytesMax = 64 << 10

  public init(takenAt: WallTime, path: String) {
    takenAtMilliseconds = takenAt.rawValue
    self.path = path
  }

  public var takenAt: WallTime { WallTime(rawValue: takenAtMilliseconds) }

  /// Nil when there was none, or it cannot be read.
  public static func read(in stateFolder: String) -> Self? {
    let path = stateFolder + fileName
    guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int, size <= bytesMax,
      let data = FileManager.default.contents(atPath: path)
    else { return nil }
    return try? JSONDecoder().decode(Self.self, from: data)
  }

  /// A user who may not write there leaves no sign; the backup is whole all the same.
  public func write(in stateFolder: String) {
    let path = stateFolder + Self.fileName
    guard let data = try? JSONEncoder().encode(self), (try? data.write(to: URL(fileURLWithPath: path), options: .atomic)) != nil else {
      return
    }
    chmod(path, 0o644)
    // Written with sudo, it is the service's all the same: its next backup must be able to replace it.
    var folder = stat()
    if geteuid() == 0, stat(stateFolder, &folder) == 0 { chown(path, folder.st_uid, folder.st_gid) }
  }
}

extension KnutepunktConfiguration {
  /// Since when a backup is overdue; nil while all is well, or where none are asked for. A hub that has never taken one counts from
  /// `start`.
  public func backupOverdue(at now: WallTime, start: WallTime) -> (since: WallTime, last: LastBackup?)? {
    guard let backup else { return nil }
    let last = LastBackup.read(in: hub.statePath)
    let begin = last?.takenAt ?? start
    let due = begin.adding(milliseconds: Int64(backup.overdueAfter.components.seconds) * 1_000)
    return now > due ? (due, last) : nil
  }
}
