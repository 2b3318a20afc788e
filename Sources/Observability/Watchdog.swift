// When may systemd's watchdog be fed? Not because a timer fires: a timer goes on firing in a process whose alarm path is
// dead. It is fed only when the core met a deadline, the journal committed (or confirmed that there is nothing to commit,
// or tried, failed and said so) and the outbox loop turned, all since the last feed. One of them stuck, and systemd
// restarts the role. A disk that refuses is not stuck: a restart would not mend it, and would stop the alarms that still
// go out without it; `storeFailing` tells people.

/// The three that must move. Each part counts its own turns, from 0, and never goes back.
package struct RoleProgress: Sendable, Hashable {
  /// The core handled a deadline or an entry; it wakes at least once a second for this.
  package var core: UInt64
  /// A transaction was committed, or tried and refused aloud, or the writer found its queue empty.
  package var journal: UInt64
  /// The outbox loop looked at every lane. 0 for ever in a role that has none: see ``ProgressWatchdog/Parts``.
  package var outbox: UInt64

  package init(core: UInt64 = 0, journal: UInt64 = 0, outbox: UInt64 = 0) {
    self.core = core
    self.journal = journal
    self.outbox = outbox
  }
}

/// Sans-I/O. Used by one thread.
package struct ProgressWatchdog: Sendable {
  /// Which parts this process has; the others are not waited for.
  package struct Parts: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }
    package static let core = Parts(rawValue: 1)
    package static let journal = Parts(rawValue: 2)
    package static let outbox = Parts(rawValue: 4)
    static let all: Parts = [.core, .journal, .outbox]
  }

  package enum Verdict: Sendable, Hashable {
    /// Send WATCHDOG=1.
    case feed
    /// These have not moved since the last feed. Not alarming before half of the time-out.
    case wait(stuck: Parts)
  }

  package let parts: Parts
  private var fed: RoleProgress

  /// `progress`: as it is at start, so that standing still from the beginning counts as stuck.
  package init(parts: Parts, progress: RoleProgress) {
    precondition(!parts.isEmpty, "a process that has none of the parts has no reason to be fed")
    self.parts = parts
    self.fed = progress
  }

  /// Call it several times within the watchdog's time-out (systemd advises half of it; a quarter leaves room for one miss).
  package mutating func look(at progress: RoleProgress) -> Verdict {
    var stuck: Parts = []
    if progress.core == fed.core { stuck.insert(.core) }
    if progress.journal == fed.journal { stuck.insert(.journal) }
    if progress.outbox == fed.outbox { stuck.insert(.outbox) }
    stuck.formIntersection(parts)
    guard stuck.isEmpty else { return .wait(stuck: stuck) }
    fed = progress
    return .feed
  }

  /// How often to look, for a time-out: a quarter, at least 10 ms and at most 5 s.
  package static func interval(timeout: Duration) -> Duration { min(max(timeout / 4, .milliseconds(10)), .seconds(5)) }
}

extension ProgressWatchdog.Parts {
  /// For STATUS= and the log: "core, journal".
  var names: String {
    let pairs: [(Self, String)] = [(.core, "core"), (.journal, "journal"), (.outbox, "outbox")]
    return pairs.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}
