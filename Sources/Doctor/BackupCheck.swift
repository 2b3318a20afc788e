// Doctor: backups. Are they asked for, when was the last one taken, and can they be put where they are to go.

import CLinux
import Foundation
import HubConfiguration
import HubRuntime
import VitalSigns

/// Namespace of the check.
enum BackupCheck {
  private static let area = "backup"

  static func lines(_ configuration: KnutepunktConfiguration, now: WallTime) -> [DoctorLine] {
    guard let backup = configuration.backup else {
      return [
        DoctorLine(
          area: area, .note, "no backup is taken by itself: what this hub knows is gone with its disk",
          next: "write the section backup (docs/backup.md) and systemctl enable --now knutepunkt-backup.timer")
      ]
    }
    return [folder(backup.folder)] + [last(configuration, now: now)]
  }

  private static func folder(_ path: String) -> DoctorLine {
    let mode = clinux_mode(path)
    guard mode >= 0, clinux_mode_is_folder(mode) else {
      return DoctorLine(
        area: area, .problem, "backup.folder \(path) is no folder that can be seen",
        next: "make it for the service's user: sudo install -d -o knutepunkt -g knutepunkt -m 0750 \(path); or mount its disk")
    }
    if mode & 0o007 != 0 {
      return DoctorLine(area: area, .note, "every user of this machine may look into \(path)", next: "sudo chmod 0750 \(path)")
    }
    return DoctorLine(area: area, .ok, "backups go to \(path)")
  }

  private static func last(_ configuration: KnutepunktConfiguration, now: WallTime) -> DoctorLine {
    let next = "systemctl list-timers knutepunkt-backup.timer; journalctl -u knutepunkt-backup; knutepunkt backup takes one now"
    guard let last = LastBackup.read(in: configuration.hub.statePath) else {
      return DoctorLine(
        area: area, .problem, "no backup was ever taken, or \(configuration.hub.statePath) may not be seen by this user", next: next)
    }
    // A start before all time: only what was taken counts.
    if configuration.backupOverdue(at: now, start: .unknown) != nil {
      return DoctorLine(area: area, .problem, "the last backup is of \(last.takenAt), \(last.path)", next: next)
    }
    return DoctorLine(area: area, .ok, "the last backup is of \(last.takenAt), \(last.path)")
  }
}
