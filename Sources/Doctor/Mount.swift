// Doctor: which file system a folder is on, read from /proc/self/mountinfo as text (proc(5)).

import Foundation

/// One mount of this process's view.
struct Mount: Sendable, Hashable {
  var point: String
  /// `ext4`, `nfs4`, `fuse.sshfs`.
  var kind: String

  /// Kinds whose files live on another machine. SQLite's locks and its write-ahead log do not hold there.
  private static let network: Set<String> = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "9p", "ocfs2", "gfs2", "lustre", "beegfs", "virtiofs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.davfs",
  ]
  /// Kinds whose files are gone after a restart of the machine.
  private static let memory: Set<String> = ["tmpfs", "ramfs"]

  var isOfNetwork: Bool { Self.network.contains(kind) }
  var isOfMemory: Bool { Self.memory.contains(kind) }

  static func ofThisProcess() -> [Mount] {
    list((try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? "")
  }

  /// Reads mountinfo's text, in its order. Lines of another form are skipped.
  static func list(_ text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      // Optional fields of any number stand before the dash.
      guard words.count > 6, let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 1 < words.count else { return nil }
      return Mount(point: plain(words[4]), kind: String(words[dash + 1]))
    }
  }

  /// The mount that holds `path`, an absolute path without links: the longest point that is above it, of equals the last.
  static func holding(_ path: String, in mounts: [Mount]) -> Mount? {
    var found: Mount?
    for mount in mounts {
      let isAbove = mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/")
      if isAbove, mount.point.utf8.count >= (found?.point.utf8.count ?? 0) { found = mount }
    }
    return found
  }

  /// The kernel writes space, tab, line break and backslash as three octal digits.
  private static func plain(_ word: Substring) -> String {
    var text = String(word)
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
      text = text.replacing(code, with: character)
    }
    return text
  }
}
