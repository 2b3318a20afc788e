// The machine slept, or the process was stopped: nobody decided anything meanwhile. The core then goes on as after a start: what repeats
// was due many times and is told once. A clock anchor says so, as the first of a run does, so that a replay decides the same.
//
// The anchor must come before the first entry of afterwards, because a core that takes an entry decides first all that was due before it. So
// whoever puts an entry into the intake looks, and the core itself each turn, for the time when nothing comes in.

import CoreRings
import HubRuntime
import Synchronization
import VitalSigns

/// Notices that the core did not turn. Any thread; realtime-safe.
final class AbsenceWatch: Sendable {
  /// The core turns twice a second. After a gap this long it was away; shorter ones make at most a few repeats of one. Nanoseconds.
  static let gap: Int64 = 60_000_000_000

  private let vitals: CoreVitals
  private let ring: IntakeRing
  /// The turn after which an absence began that an anchor has ended already. Two threads that look in the same moment may both put
  /// one in: the second ends nothing more.
  private let ended = Atomic<Int64>(0)

  init(vitals: CoreVitals, ring: IntakeRing) {
    self.vitals = vitals
    self.ring = ring
  }

  /// Puts an anchor into the intake when the core was away. One full of values takes it in the room kept for alarms; one full of alarms
  /// takes none: what was due is then told as often as it was, until somebody looks who finds room.
  func look(at instant: MonotonicInstant, wall: WallTime) {
    let last = vitals.lastTurn.load(ordering: .relaxed)
    guard last > 0, instant.rawValue &- last > Self.gap, ended.load(ordering: .acquiring) != last else { return }
    let anchor = ClockAnchor(
      utcOffsetSeconds: vitals.utcOffsetSeconds.load(ordering: .relaxed), endsAbsence: true,
      decidedUntil: MonotonicInstant(rawValue: last))
    guard ring.push(IntakeEntry(instant: instant, wall: wall, payload: .clock(anchor))) != nil else { return }
    ended.store(last, ordering: .releasing)
  }
}
