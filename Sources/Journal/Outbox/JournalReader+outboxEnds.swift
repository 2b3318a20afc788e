// Where the lanes of several destinations end, in one query: whoever has read that far needs no page.

internal import GRDB
internal import JournalFiles
public import JournalValues

/// The highest row of each lane of each destination that was asked for; 0 for a lane that is empty.
public struct OutboxEnds: Sendable, Hashable {
  private struct Lane: Hashable {
    var destination: UInt32
    var lane: OutboxLane
  }
  private var rows: [Lane: UInt64] = [:]

  init() {}

  /// Nil for a destination that was not asked for.
  public subscript(destination: UInt32, lane: OutboxLane) -> UInt64? { rows[Lane(destination: destination, lane: lane)] }

  mutating func note(_ destination: UInt32, _ lane: OutboxLane, _ row: UInt64) { rows[Lane(destination: destination, lane: lane)] = row }
}

extension JournalReader {
  /// Nil while routine records wait for the hub's clock: then only a page says how far somebody may read.
  public func outboxEnds(of destinations: [UInt32]) throws(JournalError) -> OutboxEnds? {
    try read { db in
      if try Self.firstHeld(db) != nil { return nil }
      let last = try PreparedStatement(db, "SELECT max(row) FROM outbox WHERE destination = ? AND lane = ?", isShared: true)
      var ends = OutboxEnds()
      for destination in destinations {
        for lane in OutboxLane.allCases {
          last.bind(1, Int64(destination))
          last.bind(2, Int64(lane.rawValue))
          ends.note(destination, lane, UInt64(bitPattern: try last.number() ?? 0))
        }
      }
      return ends
    }
  }
}
