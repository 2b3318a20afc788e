// What one device sent since a moment: for the person who stands beside it and wants to see that it works. And what devices said of the
// time last, by which their clocks are known again after a restart.

internal import GRDB
internal import JournalFiles
public import VitalSigns

/// What a device said of the time with a value of then.
public struct DeviceClaim: Sendable, Hashable {
  public var device: DeviceID
  public var arrival: WallTime
  /// The time that the value was given: `.unknown`: its arrival.
  public var measuredAt: WallTime
  public var time: DeviceTime
}

extension JournalReader {
  /// The newest claims of values that came when they were measured, newest first; none from when the hub's own clock was in doubt.
  public func newestClaims(limit: Int) throws(JournalError) -> [DeviceClaim] {
    let old: ObservationQuality = [.fromStorage, .retained, .late]
    return try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT e.device, e.wall, e.measured_at, t.civil, t.epoch FROM device_time t CROSS JOIN entry e ON e.sequence = t.sequence
          CROSS JOIN observation x ON x.sequence = t.sequence
          WHERE x.quality & ? = 0 AND NOT EXISTS (SELECT 1 \(PlacedTime.covering("e.instant")))
          ORDER BY t.sequence DESC LIMIT ?
          """, arguments: [Int64(old.rawValue), max(0, limit)]
      ).map {
        DeviceClaim(
          device: DeviceID(rawValue: try $0[of: "device"]), arrival: WallTime(rawValue: try $0[of: "wall"]),
          measuredAt: (try $0[of: "measured_at"] as Int64?).map(WallTime.init(rawValue:)) ?? .unknown,
          time: DeviceTime(civil: try $0[of: "civil"], epoch: try $0[of: "epoch"]))
      }
    }
  }

  /// The time of the oldest value that came late, and was in no store, in the half minute before a frame came last: the broker was sending what
  /// had waited, and more of it may wait. `.unknown`: there is none. Looks at the newest entries only.
  public func waitedSince(lastHeard: WallTime) throws(JournalError) -> WallTime {
    guard lastHeard != .unknown else { return .unknown }
    let (late, stored) = (ObservationQuality.late, ObservationQuality([.fromStorage, .retained]))
    return try read { db in
      try Int64.fetchOne(
        db,
        sql: """
          SELECT min(e.measured_at) FROM entry e CROSS JOIN observation x ON x.sequence = e.sequence
          WHERE e.sequence > (SELECT max(sequence) FROM entry) - 4096 AND e.wall >= ? AND x.quality & ? <> 0 AND x.quality & ? = 0
          """, arguments: [lastHeard.adding(milliseconds: -30_000).rawValue, Int64(late.rawValue), Int64(stored.rawValue)]
      )
      .map(WallTime.init(rawValue:)) ?? .unknown
    }
  }

  /// Entries of a device after a sequence, oldest first. Looks at most at `scanMax` entries.
  public func entries(of device: DeviceID, after sequence: UInt64, limit: Int = 50, scanMax: Int = 20_000) throws(JournalError)
    -> [IntakeEntry]
  {
    try read { db in
      var stream = try EntryStream(db, after: sequence)
      var found: [IntakeEntry] = []
      var looked = 0
      while found.count < limit, looked < scanMax, let entry = try stream.next() {
        looked += 1
        if entry.device == device { found.append(entry) }
      }
      return found
    }
  }
}
