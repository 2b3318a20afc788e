// The lower halves of the ids of the alerts that were closed last, the oldest first: who acts on one of them comes too late.
//
// History. 1: versions from 0.4 on. At most 256.

import RealtimeCore

struct ClosedIDsCodec: StateCodec {
  static var name: String { "closedAlerts" }
  static var version: UInt16 { 1 }

  private static func ids(_ arena: CoreArena) -> [UInt64] {
    let (count, next) = (Int(CoreArena.closedIDsCount), Int(arena.header.pointee.nextClosed))
    return (0..<count).map { arena.closedIDs[(next + $0) % count] }.filter { $0 != 0 }
  }

  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { ids(arena).count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    let ids = coder.isReading ? [] : ids(arena)
    let room = Int(CoreArena.closedIDsCount)
    for index in 0..<records {
      var id = coder.isReading ? 0 : ids[index]
      try coder.number(&id)
      // Of more than there is room for the newest stay.
      if coder.isReading { arena.closedIDs[index % room] = id }
    }
    if coder.isReading { arena.header.pointee.nextClosed = UInt32(records % room) }
  }
}
