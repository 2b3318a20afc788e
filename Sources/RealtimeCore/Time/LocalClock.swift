// Between the hub's timeline and the clock on the wall: a straight line through the last clock anchor. Integer
// arithmetic only, so that dose times and night windows replay exactly. Daylight saving reaches the core as a new anchor.
//
// The offset before the last change is remembered: a time that was planned before the change is mapped with the offset that
// held then. A local time that comes twice means the first one; one that does not come at all means the moment of the change.

import VitalSigns

/// Where the wall clock stands relative to the timeline. Realtime-safe.
struct LocalClock {
  let anchorInstant: Int64
  let anchorWall: Int64
  let utcOffsetSeconds: Int32
  /// The offset until `changedWall` (milliseconds since 1970).
  let offsetBeforeSeconds: Int32
  let changedWall: Int64

  static var dayMilliseconds: Int64 { 86_400_000 }

  @_noLocks func wall(at instant: MonotonicInstant) -> WallTime {
    WallTime(rawValue: anchorWall &+ floorDivided(instant.rawValue &- anchorInstant, by: 1_000_000))
  }

  /// Milliseconds since 1970-01-01 as the clock on the wall shows it then.
  @_noLocks func local(_ wall: WallTime) -> Int64 {
    wall.rawValue &+ Int64(wall.rawValue < changedWall ? offsetBeforeSeconds : utcOffsetSeconds) &* 1_000
  }

  /// When the clock on the wall shows `local` (milliseconds since 1970-01-01).
  @_noLocks private func wall(local: Int64) -> Int64 {
    let before = local &- Int64(offsetBeforeSeconds) &* 1_000
    return before < changedWall ? before : max(changedWall, local &- Int64(utcOffsetSeconds) &* 1_000)
  }

  /// The local day, counted from 1970-01-01.
  @_noLocks func day(at instant: MonotonicInstant) -> Int32 {
    Int32(clamping: floorDivided(local(wall(at: instant)), by: Self.dayMilliseconds))
  }

  @_noLocks func minuteOfDay(at instant: MonotonicInstant) -> UInt16 {
    let local = local(wall(at: instant))
    let day = floorDivided(local, by: Self.dayMilliseconds)
    return UInt16(truncatingIfNeeded: (local - day * Self.dayMilliseconds) / 60_000)
  }

  /// The instant at which the local clock shows `minute` of `day`, plus as many real seconds. `.never` when it is beyond the timeline.
  @_noLocks func instant(day: Int32, minute: UInt16, plusSeconds seconds: UInt32 = 0) -> MonotonicInstant {
    let local = Int64(day) * Self.dayMilliseconds + Int64(minute) * 60_000
    let milliseconds = wall(local: local) &+ Int64(seconds) * 1_000 &- anchorWall
    let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return milliseconds < 0 ? .zero : .never }
    return MonotonicInstant(rawValue: anchorInstant).adding(nanoseconds: nanoseconds)
  }

  /// The last day on which the clock had shown `minute` by `wall`. Minutes below 0 are of the day before.
  @_noLocks func lastDay(by wall: WallTime, minute: Int64) -> Int32 {
    let shifted = local(wall) &- minute * 60_000
    return Int32(clamping: floorDivided(shifted, by: Self.dayMilliseconds))
  }
}

/// Rounds towards −∞, so that days before 1970 and instants before the anchor come out right.
@_noLocks func floorDivided(_ value: Int64, by divisor: Int64) -> Int64 {
  let quotient = value / divisor
  return value % divisor != 0 && value < 0 ? quotient - 1 : quotient
}

extension CoreArena {
  var localClock: LocalClock {
    @_noLocks get {
      let header = header
      return LocalClock(
        anchorInstant: header.pointee.anchorInstant, anchorWall: header.pointee.anchorWall,
        utcOffsetSeconds: header.pointee.utcOffsetSeconds, offsetBeforeSeconds: header.pointee.offsetBeforeSeconds,
        changedWall: header.pointee.changedWall)
    }
  }

  /// Sets the line. A wall clock outside the years 1970–9999 is held at the ends: nothing may overflow because of it.
  @_noLocks func setClock(instant: MonotonicInstant, wall: WallTime, utcOffsetSeconds: Int32) {
    let header = header
    header.pointee.anchorInstant = instant.rawValue
    header.pointee.anchorWall = min(max(wall.rawValue, 0), 253_402_300_799_999)
    let offset = min(max(utcOffsetSeconds, -64_800), 64_800)
    if header.pointee.isAnchored == 0 {
      // Nothing is known of the time before.
      header.pointee.offsetBeforeSeconds = offset
      header.pointee.changedWall = 0
    } else if offset != header.pointee.utcOffsetSeconds {
      header.pointee.offsetBeforeSeconds = header.pointee.utcOffsetSeconds
      header.pointee.changedWall = header.pointee.anchorWall
    }
    header.pointee.utcOffsetSeconds = offset
  }
}
