// When listeners hear of commits: of an alarm's at once, of routine ones together with those that follow within a second. So
// whoever delivers or shows routine values looks once, and not after each flush. Sans-I/O; the journal writer's.

import VitalSigns

/// Which commits are still to be told.
struct CommitNews {
  /// The pause between two words on routine commits. With a longer one, a score on the board or a value at the hospital would be
  /// noticeably late. With a shorter one, every role looks into the journal for a few rows. Nanoseconds.
  static let pause: Int64 = 1_000_000_000

  /// When the next word is due; `.never`: nothing is to be told.
  private(set) var nextDue = MonotonicInstant.never
  private var toldAt: MonotonicInstant?
  private var isUrgent = false

  /// The group that is being gathered holds an alarm, or a change of the registry.
  mutating func cannotWait() { isUrgent = true }

  /// The group is on the disk.
  mutating func committed(at now: MonotonicInstant) {
    let due = isUrgent ? now : max(now, toldAt?.adding(nanoseconds: Self.pause) ?? now)
    nextDue = min(nextDue, due)
    isUrgent = false
  }

  /// Whether a word is due. The caller then tells how far the journal is committed, and nothing is left to tell.
  mutating func takeDue(at now: MonotonicInstant) -> Bool {
    guard nextDue <= now else { return false }
    nextDue = .never
    toldAt = now
    return true
  }
}
