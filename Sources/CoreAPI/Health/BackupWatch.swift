// Whether a backup was taken in time, where the configuration asks for backups: what `knutepunkt backup` noted beside the journal is read
// once a minute.

import HubConfiguration
import HubCore
import LocalAPI
import Synchronization
import VitalSigns

/// Any thread.
package final class BackupWatch: Sendable {
  /// How often the note is read, nanoseconds: nobody waits for a minute more or less.
  private static let intervalNanoseconds: Int64 = 60_000_000_000
  private struct Seen {
    var at: MonotonicInstant?
    var overdue: (since: WallTime, last: LastBackup?)?
  }
  private let seen = Mutex(Seen())

  package init() {}

  /// One problem when the last backup is older than it may be, else none.
  func problems(_ problems: HubProblems) -> [API.Problem] {
    let parts = problems.parts
    guard parts.configuration.backup != nil else { return [] }
    let now = parts.clock.now()
    let overdue = seen.withLock { seen in
      if let at = seen.at, now < at.adding(nanoseconds: Self.intervalNanoseconds) { return seen.overdue }
      seen.at = now
      seen.overdue = parts.configuration.backupOverdue(at: parts.clock.wall(), start: parts.startedAt)
      return seen.overdue
    }
    guard let overdue else { return [] }
    return [
      problems.problem(
        .backupOverdue, since: overdue.since, effect: .partial,
        detail: overdue.last.map { "the last one is of \($0.takenAt), \($0.path)" } ?? "none was ever taken",
        next: "journalctl -u knutepunkt-backup says why; systemctl start knutepunkt-backup takes one now")
    ]
  }
}
