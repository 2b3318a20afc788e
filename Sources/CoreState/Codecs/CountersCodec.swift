// The core's clock, its counters, and the numbers of alerts that belong to nobody in particular: one record.
//
// History. 2: and the epoch of ids. 1: builds of 0.4 before its release.

import RealtimeCore
import VitalSigns

struct CountersCodec: StateCodec {
  static var name: String { "counters" }
  static var version: UInt16 { 2 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { 1 }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, 1)
    let header = arena.header
    try coder.instant(&header.pointee.now)
    try coder.number(&header.pointee.lastSequence)
    try coder.number(&header.pointee.anchorInstant)
    try coder.number(&header.pointee.anchorWall)
    try coder.number(&header.pointee.processed)
    try coder.number(&header.pointee.late)
    try coder.number(&header.pointee.refused)
    try coder.number(&header.pointee.changedWall)
    try coder.number(&header.pointee.utcOffsetSeconds)
    try coder.number(&header.pointee.offsetBeforeSeconds)
    try coder.number(&header.pointee.isAnchored)
    try coder.number(&header.pointee.untracked)
    try coder.number(&header.pointee.episodesFloor)
    try coder.numbers(&header.pointee.episodes)
    try coder.number(&header.pointee.openFrames)
    try coder.timer(arena.timers.hub, arena)
    if coder.version >= 2 {
      var epoch = UInt32(truncatingIfNeeded: header.pointee.idEpoch)
      try coder.number(&epoch)
      header.pointee.idEpoch = UInt64(epoch)
    }
  }
}
