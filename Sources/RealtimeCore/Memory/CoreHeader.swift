// What stands before the arenas in the core's block: the clock, the counters, and which places are taken.

package import VitalSigns

/// The state of the core that belongs to nobody in particular.
package struct CoreHeader {
  /// The latest of all entries' instants and passed deadlines. Nothing is decided at an earlier instant.
  package var now: MonotonicInstant
  package var lastSequence: UInt64
  package var anchorInstant: Int64
  package var anchorWall: Int64
  package var processed: UInt64
  package var late: UInt64
  package var refused: UInt64
  /// The wall clock at the last change of the offset, milliseconds since 1970.
  package var changedWall: Int64
  package var utcOffsetSeconds: Int32
  /// The offset before the last change.
  package var offsetBeforeSeconds: Int32
  package var isAnchored: UInt32
  package var patients: ArenaUse
  package var devices: ArenaUse
  package var alerts: ArenaUse
  /// Alerts that were told without room to follow them and are not closed yet.
  package var untracked: UInt32
  /// Above every counter of people and devices that have left: where a newcomer's counters start, so that a person who
  /// comes back under the same number never gets an old alert's id again.
  package var episodesFloor: UInt32
  /// Of the hub's own alerts and of unregistered devices'.
  package var episodes: InlineArray<48, UInt32>
  /// Where the next closed id goes in the ring of those.
  package var nextClosed: UInt32
  /// Frames of which a part is in.
  package var openFrames: UInt32
  /// What ids are mixed with now; 0 until the first anchor that names one. As wide as the header's alignment, so that there is no padding.
  /// Versions 0.1 to 0.3 stored copies of all before it.
  package var idEpoch: UInt64
}

/// Which places of an arena are taken: all up to `highWater` but those in the free list.
package struct ArenaUse {
  package var highWater: UInt32
  package var firstFree: UInt32
  package var count: UInt32

  package init(highWater: UInt32, firstFree: UInt32, count: UInt32) {
    self.highWater = highWater
    self.firstFree = firstFree
    self.count = count
  }
}

extension ArenaUse {
  /// The first place never used, or 0.
  @_noLocks package mutating func extended(limit: UInt32) -> UInt32 {
    guard highWater < limit else { return 0 }
    highWater += 1
    count += 1
    return highWater
  }
}
