// Doctor: the folder of the journal. Is it there, whose is it, who may look, how much room is left, and is it on a disk
// of this machine. The classic fault: somebody started the hub once as root, and now files of root lie in the service's
// folder.

import CLinux
import Foundation
import HubConfiguration

/// Namespace of the check.
enum StateFolderCheck {
  private static let area = "state folder"
  /// With less room than this the hub soon sheds routine values. A busy home writes some 20 MB a month.
  static let freeBytesProblem = 100 << 20
  /// With less room than this somebody should look before it is too late.
  static let freeBytesNote = 1 << 30

  static func lines(_ configuration: KnutepunktConfiguration, mounts: [Mount]) -> [DoctorLine] {
    lines(path: configuration.hub.statePath, ballast: configuration.journal.ballastBytes, mounts: mounts, freeBytes: freeBytes)
  }

  /// `freeBytes` gives the bytes that an ordinary user may still take in a folder; nil: cannot be told.
  static func lines(path: String, ballast: Int, mounts: [Mount], freeBytes: (String) -> Int?) -> [DoctorLine] {
    let mode = clinux_mode(path)
    guard mode >= 0 else {
      guard errno == ENOENT else {
        let reason = String(cString: strerror(errno)).lowercased()
        return [DoctorLine(area: area, .problem, "\(path) cannot be looked at: \(reason)", next: "run this with sudo")]
      }
      let text = "\(path) does not exist yet; the first start makes it"
      return [DoctorLine(area: area, .note, text)] + room(nearestFolder(path), ballast, freeBytes) + disk(nearestFolder(path), mounts)
    }
    guard clinux_mode_is_folder(mode) else {
      return [DoctorLine(area: area, .problem, "\(path) is no folder", next: "move the file away, or change hub.state")]
    }
    return access(path, mode: Int(mode)) + room(path, ballast, freeBytes) + disk(path, mounts)
  }

  // MARK: Whose, and who may

  private static func access(_ path: String, mode: Int) -> [DoctorLine] {
    let owner = Self.owner(path)
    var lines: [DoctorLine] = []
    if mode & 0o002 != 0 {
      lines.append(DoctorLine(area: area, .problem, "everybody may write to \(path)", next: "sudo chmod 0750 \(path)"))
    } else if mode & 0o007 != 0 {
      lines.append(
        DoctorLine(area: area, .problem, "every user of this machine may look into \(path)", next: "sudo chmod 0750 \(path)"))
    }
    lines += strangeFiles(path, owner: owner)
    if Foundation.access(path, W_OK | X_OK) != 0 {
      lines.append(
        DoctorLine(
          area: area, .note, "\(path) belongs to \(owner.name); this user may not write there, so the files in it were not all looked at",
          next: "run this with sudo"))
    }
    if lines.isEmpty {
      let permissions = "0" + String(mode & 0o7777, radix: 8)
      lines.append(DoctorLine(area: area, .ok, "\(path) belongs to \(owner.name), mode \(permissions)"))
    }
    return lines
  }

  /// Files that the folder's owner cannot write, because they are another's.
  private static func strangeFiles(_ path: String, owner: (id: Int?, name: String)) -> [DoctorLine] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    let strange = names.filter { name in
      let other = Self.owner(path + "/" + name).id
      // Root can write everything, so a folder of root has no strange files.
      return owner.id != 0 && other != nil && other != owner.id
    }
    guard let first = strange.first else { return [] }
    let more = strange.count > 1 ? " and \(strange.count - 1) more" : ""
    return [
      DoctorLine(
        area: area, .problem,
        "\(path)/\(first)\(more) belongs to \(Self.owner(path + "/" + first).name), the folder to \(owner.name): the service cannot write it",
        next: "stop the hub; sudo chown -R \(owner.name): \(path)")
    ]
  }

  private static func owner(_ path: String) -> (id: Int?, name: String) {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return (nil, "nobody that can be told") }
    let id = (attributes[.ownerAccountID] as? NSNumber)?.intValue
    return (id, attributes[.ownerAccountName] as? String ?? id.map { "uid \($0)" } ?? "nobody that can be told")
  }

  // MARK: Room and disk

  private static func room(_ path: String, _ ballast: Int, _ freeBytes: (String) -> Int?) -> [DoctorLine] {
    guard let free = freeBytes(path) else {
      return [DoctorLine(area: area, .note, "how much room is left at \(path) cannot be told")]
    }
    let text = "\(free >> 20) MiB free at \(path)"
    if free < freeBytesProblem + ballast {
      return [
        DoctorLine(
          area: area, .problem, text + ": routine values will soon be shed", next: "make room (df \(path); journalctl --vacuum-size=200M)")
      ]
    }
    return [DoctorLine(area: area, free < freeBytesNote ? .note : .ok, text)]
  }

  private static func disk(_ path: String, _ mounts: [Mount]) -> [DoctorLine] {
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard let mount = Mount.holding(real, in: mounts) else { return [] }
    if mount.isOfNetwork {
      return [
        DoctorLine(
          area: area, .problem,
          "\(path) is on a network share (\(mount.kind) at \(mount.point)): a power cut there loses what was acknowledged",
          next: "give hub.state a folder on a disk of this machine")
      ]
    }
    if mount.isOfMemory {
      return [
        DoctorLine(
          area: area, .note, "\(path) is in memory (\(mount.kind) at \(mount.point)): everything is gone after a restart of the machine",
          next: "for more than a trial give hub.state a folder on a disk")
      ]
    }
    return []
  }

  /// The folder itself, or the first one above it that exists.
  private static func nearestFolder(_ path: String) -> String {
    var url = URL(fileURLWithPath: path)
    while clinux_mode(url.path) < 0, url.path != "/" { url.deleteLastPathComponent() }
    return url.path
  }

  /// How much an ordinary user may still take, without the blocks that are kept for root.
  private static func freeBytes(_ path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? .max : Int(clamping: bytes)
  }
}
