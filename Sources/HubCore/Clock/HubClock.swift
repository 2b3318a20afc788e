// The hub's own timeline, continued across restarts, and the wall clock beside it.
//
// Within one boot CLOCK_BOOTTIME goes on while the program is away, so a restart continues exactly, even when somebody
// has set the wall clock. Across boots only the wall clock can tell how long the hub was off; when it claims that time
// went backwards (no battery-backed clock: 1970 until the network answers) the timeline continues from the last
// journaled instant instead. Deadlines therefore never move into the past and never jump because of a clock change.

import Foundation
package import HubRuntime
package import Journal
public import VitalSigns

/// Reads the hub's timeline and the wall clock. Any thread.
public struct HubClock: Sendable {
  /// Added to CLOCK_BOOTTIME to get the hub's timeline, nanoseconds.
  package let offset: Int64
  /// Whether the wall clock is believed.
  package private(set) var standing: ClockStanding
  /// Wall clock minus timeline at the start of this run, milliseconds.
  private let startLine: Int64
  package let machine: Machine

  /// Continues the timeline of the last run, if there was one.
  ///
  /// - Parameters:
  ///   - lastRun: how the previous run tied its timeline to its clocks.
  ///   - lastInstant: the newest instant in the journal; the result never starts before it.
  ///   - lastWall: the wall clock at `lastInstant`.
  ///   - machine: whose clocks `now` was read from.
  package init(
    continuing lastRun: RunRecord?, lastInstant: MonotonicInstant, lastWall: WallTime, now: ClockReading, machine: Machine = .real
  ) {
    self.machine = machine
    guard let lastRun else {
      // The first run of this hub starts at a whole second, so that instants are easy to read.
      offset = 1_000_000_000 - now.boottime
      startLine = now.wall.milliseconds(aheadOf: MonotonicInstant(rawValue: 1_000_000_000))
      standing = ClockStanding(now: now, instant: MonotonicInstant(rawValue: 1_000_000_000))
      return
    }
    var start: Int64
    if lastRun.bootID == now.bootID {
      start = lastRun.instant.rawValue &- lastRun.boottimeNanoseconds &+ now.boottime
    } else {
      let away = lastWall == .unknown ? 0 : max(0, now.wall.rawValue &- lastWall.rawValue)
      // A clock that leaps to and fro at each start adds ten years each time: that ends long before the numbers do.
      let room = max(0, Self.timelineMillisecondsMax - lastInstant.rawValue / 1_000_000)
      start = lastInstant.rawValue &+ min(away, Self.awayMillisecondsMax, room) &* 1_000_000
    }
    start = max(start, lastInstant.rawValue)
    offset = start &- now.boottime
    startLine = now.wall.milliseconds(aheadOf: MonotonicInstant(rawValue: start))
    standing = ClockStanding(now: now, instant: MonotonicInstant(rawValue: start))
  }

  /// The same clock with what is known of its wall clock.
  package func judged(by standing: ClockStanding) -> Self {
    var clock = self
    clock.standing = standing
    return clock
  }

  /// The longest time away that is believed. A wall clock that claims more than ten years is wrong. The timeline then advances by
  /// ten years, which still lies past every deadline.
  static let awayMillisecondsMax: Int64 = 10 * 366 * 86_400_000

  /// Time away is added up to here. 200 years of 292 that the numbers hold.
  static let timelineMillisecondsMax: Int64 = 200 * 366 * 86_400_000

  /// Now, on the hub's timeline.
  public func now() -> MonotonicInstant {
    MonotonicInstant(rawValue: machine.boottime() &+ offset)
  }

  /// Now, by the hub's wall clock.
  public func wall() -> WallTime { machine.wall() }

  /// Now, by the wall clock as it stood at the start of this run: nobody can set it. For spans of time that may reach back before the
  /// start.
  package func steadyWall() -> WallTime { WallTime(rawValue: now().rawValue / 1_000_000 &+ startLine) }
}
