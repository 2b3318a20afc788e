// Whether the hub's own wall clock is to be trusted. It is not when it was set, while the hub ran, by more than a device's clock
// may be wrong. Nobody here can know which of the two times is right, so people are told. Deadlines run on the hub's timeline and
// do not care.

package import VitalSigns

/// Looks once a pulse. A value.
package struct WallClockWatch: Sendable {
  /// A clock that was set and stays so for this long is taken as right: somebody mended it. Seconds.
  static let believedSeconds: UInt32 = 3_600

  /// Wall clock minus timeline as it was when the clock was last trusted, milliseconds.
  private var usual: Int64?
  private var lastWall = WallTime.unknown
  private var doubtedSince: MonotonicInstant?
  /// By how much the clock was set, milliseconds; 0: it is trusted.
  package private(set) var step: Int64 = 0

  package init() {}

  package var isWell: Bool { doubtedSince == nil }

  package mutating func look(wall: WallTime, at now: MonotonicInstant) {
    defer { lastWall = wall }
    let difference = wall.milliseconds(aheadOf: now)
    step = usual.map { difference &- $0 } ?? 0
    let isAsUsual = step.magnitude <= UInt64(DeviceClock.toleranceMilliseconds)
    // A hub without a battery-backed clock learns the date from the network: nothing to doubt.
    let hasLearned = doubtedSince == nil && !DeviceClock.isPossible(lastWall)
    let isBelieved = doubtedSince.map { now >= $0.adding(seconds: Self.believedSeconds) } ?? false
    if isAsUsual || hasLearned || isBelieved {
      (usual, doubtedSince, step) = (difference, nil, 0)
    } else if doubtedSince == nil {
      doubtedSince = now
    }
  }
}
