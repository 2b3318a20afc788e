// What stands before the arenas in the core's block: the clock, the counters, and which places are taken.

import VitalSigns

/// The state of the core that belongs to nobody in particular.
struct CoreHeader {
  /// The latest of all entries' instants and passed deadlines. Nothing is decided at an earlier instant.
  var now: MonotonicInstant
  var lastSequence: UInt64
  var anchorInstant: Int64
  var anchorWall: Int64
  var processed: UInt64
  var late: UInt64
  var refused: UInt64
  /// The wall clock at the last change of the offset, milliseconds since 1970.
  var changedWall: Int64
  var utcOffsetSeconds: Int32
  /// The offset before the last change.
  var offsetBeforeSeconds: Int32
  var isAnchored: UInt32
  var patients: ArenaUse
  var devices: ArenaUse
  var alerts: ArenaUse
  /// Alerts that were told without room to follow them and are not closed yet.
  var untracked: UInt32
  /// Above every counter of people and devices that have left: where a newcomer's counters start, so that a person who
  /// comes back under the same number never gets an old alert's id again.
  var episodesFloor: UInt32
  /// Of the hub's own alerts and of unregistered devices'.
  var episodes: InlineArray<48, UInt32>
  /// Where the next closed id goes in the ring of those.
  var nextClosed: UInt32
  /// Frames of which a part is in.
  var openFrames: UInt32
}

/// Which places of an arena are taken: all up to `highWater` but those in the free list.
struct ArenaUse {
  var highWater: UInt32
  var firstFree: UInt32
  var count: UInt32
}

extension ArenaUse {
  /// The first place never used, or 0.
  @_noLocks mutating func extended(limit: UInt32) -> UInt32 {
    guard highWater < limit else { return 0 }
    highWater += 1
    count += 1
    return highWater
  }
}
