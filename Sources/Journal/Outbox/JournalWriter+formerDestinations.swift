// Calls that wait for a destination which the configuration names no longer: renamed, replaced or removed while it took
// nothing. Its rows have no reader any more, so calls of alerts that are still open go to those who are named now and whom an
// agreement lets have them. Records stay as they are: another system need not have the same history, and a name that comes back finds them.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

/// What was found for destinations without a name in the configuration.
public struct FormerDestinations: Sendable, Hashable {
  /// Calls that others get now.
  public var passedOn = 0
  /// Rows that still wait, by the former destination's name.
  public var waiting: [Waiting] = []

  public struct Waiting: Sendable, Hashable {
    public var name: String
    public var rows: Int
  }
}

extension JournalWriter {
  /// Once after `setSharing`. One transaction, in proportion to what waits for former destinations; nothing, in ordinary times.
  public func passOnCalls() throws(JournalError) -> FormerDestinations {
    let rules = sharing.rules
    let named = rules.destinations.map { String($0.number) }.joined(separator: ", ")
    // By name, so that not all of what waits for others is read.
    let former = "SELECT number FROM destination WHERE number NOT IN (\(named))"
    var (found, counter, needs) = (FormerDestinations(), state.outboxCounter, state.needs)
    let organisations = Dictionary(state.controllers.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          let calls = try Row.fetchAll(
            db,
            sql: """
              SELECT x.destination, x.row, x.sequence, x.outcome, x.patient, x.created, t.level, a.controller
              FROM outbox x JOIN alert_transition t ON t.outcome = x.outcome JOIN alert a ON a.id = t.alert
              WHERE x.lane = ? AND x.kind = ? AND a.is_open = 1 AND x.destination IN (\(former)) ORDER BY x.row
              """, arguments: [Int64(OutboxLane.alarm.rawValue), Int64(RecordKind.alert.rawValue)])
          for call in calls {
            let (outcome, patient) = (try call[of: "outcome"] as Int64, PatientID(rawValue: try call[of: "patient"]))
            let organisation = organisations[try call[of: "controller"]] ?? configuration.controller
            let level = try call[of: "level"] as Int64
            let heirs = rules.destinations.filter {
              $0.alertLevelMin <= level && $0.identity(for: .alert, controller: organisation, patient: patient) != nil
            }
            for heir in heirs where try !Self.knows(heir.number, outcome, db) {
              counter += 1
              try db.insert(
                into: "outbox",
                [
                  "destination": heir.number, "lane": OutboxLane.alarm.rawValue, "row": counter, "kind": RecordKind.alert.rawValue,
                  "sequence": call[of: "sequence"] as Int64, "outcome": outcome, "patient": patient.rawValue,
                  "created": call[of: "created"] as Int64,
                ])
              try RetentionNeeds(db: db).hold(row: counter, sequence: call[of: "sequence"], outcome: outcome, through: state.needs.line)
              try db.insert(
                into: "delivery_count", ["destination": heir.number, "kind": RecordKind.alert.rawValue, "queued": 1],
                .update("DO UPDATE SET queued = queued + 1"))
              found.passedOn += 1
            }
            // Without anybody who may have it, it waits for its name to come back.
            if heirs.isEmpty { continue }
            try db.execute(
              sql: "DELETE FROM outbox WHERE destination = ? AND lane = ? AND row = ?",
              arguments: [call[of: "destination"] as Int64, Int64(OutboxLane.alarm.rawValue), call[of: "row"] as Int64])
            try RetentionNeeds(db: db).release(call[of: "row"])
          }
          needs = try NeedsState.load(db)
          if counter != state.outboxCounter {
            try db.execute(sql: "UPDATE counter SET value = ? WHERE name = ?", arguments: [counter, JournalCounter.outboxRow.rawValue])
          }
          found.waiting = try Row.fetchAll(
            db,
            sql: """
              SELECT d.name, count(*) AS waiting FROM outbox x JOIN destination d ON d.number = x.destination
              WHERE x.destination IN (\(former)) GROUP BY x.destination ORDER BY x.destination
              """
          ).map { FormerDestinations.Waiting(name: try $0[of: "name"], rows: try $0[of: "waiting"]) }
          return .commit
        }
      }
    }
    state.outboxCounter = counter
    state.needs = needs
    return found
  }

  /// Whether this change waits for the destination, reached it, or was refused by it.
  private static func knows(_ destination: UInt32, _ outcome: Int64, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db,
      sql: """
        SELECT EXISTS (SELECT 1 FROM delivery WHERE outcome = ?2 AND destination = ?1)
          OR EXISTS (SELECT 1 FROM outbox WHERE destination = ?1 AND lane = ?3 AND outcome = ?2)
          OR EXISTS (SELECT 1 FROM dead_letter WHERE destination = ?1 AND outcome = ?2)
        """, arguments: [Int64(destination), outcome, Int64(OutboxLane.alarm.rawValue)]) ?? false
  }
}
