// That another hub has taken this one's place: a small file beside the journal, which holds over a restart. The core writes it, the forward
// role sends nothing while it is there, and `knutepunkt takeover` removes it.

import Foundation
public import VitalSigns

/// Who has replaced the hub of this state folder.
public struct ReplacedMark: Codable, Sendable, Hashable {
  public var hubID: String
  /// The generation that was replaced: a journal of another generation is not meant.
  public var generation: Int
  /// The generation of the other.
  public var by: Int
  /// When it was noticed, milliseconds since 1970.
  public var noticedMilliseconds: Int64

  private static let fileName = "/replaced.json"
  private static let bytesMax = 4 << 10

  public init(hubID: String, generation: Int, by: Int, noticed: WallTime) {
    (self.hubID, self.generation, self.by, noticedMilliseconds) = (hubID, generation, by, noticed.rawValue)
  }

  public var noticed: WallTime { WallTime(rawValue: noticedMilliseconds) }

  /// Nil when there is none. One that cannot be read says nothing: what has replaced this hub says so again.
  public static func read(in stateFolder: String) -> Self? {
    let path = stateFolder + fileName
    guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int, size <= bytesMax,
      let data = FileManager.default.contents(atPath: path)
    else { return nil }
    return try? JSONDecoder().decode(Self.self, from: data)
  }

  /// Whether one is there, for whoever asks often: one system call.
  public static func isThere(in stateFolder: String) -> Bool { access(stateFolder + fileName, F_OK) == 0 }

  /// Whole or not at all, and on the disk.
  public func write(in stateFolder: String) throws {
    let path = stateFolder + Self.fileName
    try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    chmod(path, 0o644)
    for name in [path, stateFolder] {
      let descriptor = open(name, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      fsync(descriptor)
      close(descriptor)
    }
  }

  public static func remove(in stateFolder: String) { unlink(stateFolder + fileName) }
}
