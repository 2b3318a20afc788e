// Counts, the quarantine, gaps, and the access log.

internal import Foundation
internal import GRDB
internal import JournalFiles
import JournalValues
public import VitalSigns

extension JournalReader {
  /// How much there is of everything. Counts whole tables: for people and tests, not for a fast loop.
  public func counts() throws(JournalError) -> JournalCounts {
    try read { db in
      func count(_ table: String) throws -> Int { try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0 }
      var counts = JournalCounts()
      let last =
        try Int64.fetchOne(
          db, sql: "SELECT max(coalesce((SELECT max(sequence) FROM entry), 0), coalesce((SELECT max(last_sequence) FROM gap), 0))") ?? 0
      counts.lastSequence = UInt64(bitPattern: last)
      counts.observations = try count("observation")
      counts.events = try count("device_event")
      counts.locations = try count("location_fix")
      counts.registryChanges = try count("registry_change")
      counts.commands = try count("alert_command")
      counts.scores = try count("score")
      counts.alerts = try count("alert")
      counts.openAlerts = try count("alert WHERE is_open = 1")
      for row in try Row.fetchAll(db, sql: "SELECT reason, frames FROM quarantine_count") {
        counts.quarantined[try row[of: "reason"]] = try row[of: "frames"]
      }
      counts.gaps = try Row.fetchAll(db, sql: GapRow.sql + " ORDER BY id").map(GapRow.init)
      counts.accessRows = UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT max(id) FROM access_log") ?? 0)
      return counts
    }
  }

  /// The highest sequence on disk: cheap.
  public func lastSequence() throws(JournalError) -> UInt64 {
    try read { db in UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM entry") ?? 0) }
  }

  /// The newest rejected frames, newest first.
  public func quarantine(limit: Int = 100) throws(JournalError) -> [QuarantineRow] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM quarantine ORDER BY id DESC LIMIT \(max(0, limit))").map { row in
        var frame = QuarantinedFrame(
          link: try row[of: "link"], topic: try row[of: "topic"], reason: try row[of: "reason"],
          payload: Array(try row[of: "prefix"] as Data),
          wall: WallTime(rawValue: try row[of: "wall"]))
        frame.payloadBytes = try row[of: "payload_bytes"]
        return QuarantineRow(id: UInt64(bitPattern: try row[of: "id"] as Int64), frame: frame)
      }
    }
  }

  /// Rows of the access log, newest first; of one person when given.
  public func accessLog(of patient: PatientID? = nil, before id: UInt64 = UInt64(Int64.max), limit: Int = 100) throws(JournalError)
    -> [AccessLogRow]
  {
    try read { db in
      let condition = patient == nil ? "" : "AND patient = ?2"
      var arguments: StatementArguments = [signed(id)]
      if let patient { arguments += [Int64(patient.rawValue)] }
      return try Row.fetchAll(
        db, sql: "SELECT * FROM access_log WHERE id < ?1 \(condition) ORDER BY id DESC LIMIT \(max(0, limit))", arguments: arguments
      ).map {
        AccessLogRow(
          id: UInt64(bitPattern: try $0[of: "id"] as Int64), record: try AccessRecord($0), hash: Array(try $0[of: "hash"] as Data))
      }
    }
  }

  /// Reads the whole chain and tells the first row that does not hold. In stretches, so that years of log hold up no checkpoint.
  /// - Parameter expecting: where it once ended, as another place has kept it.
  public func verifyAccessLog(expecting: AccessHead? = nil) throws(JournalError) -> AccessLogVerification {
    var result = AccessLogVerification()
    while !(try read { db in try result.read(db, rowsMax: 10_000, expecting: expecting) }) {}
    return result
  }
}
