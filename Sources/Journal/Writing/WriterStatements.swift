// The statements of the write path, prepared once.

internal import GRDB
internal import JournalFiles
internal import VitalSigns

/// Used on the writer's connection only; gone before it closes.
final class WriterStatements {
  let entry: InsertStatement<EntryColumn>
  let observation: InsertStatement<ObservationColumn>
  let event: InsertStatement<EventColumn>
  let location: InsertStatement<LocationColumn>
  let outcome: InsertStatement<OutcomeColumn>
  let score: InsertStatement<ScoreColumn>
  /// Argument: person.
  let scoreCurrent: PreparedStatement
  let setScoreCurrent: InsertStatement<ScoreCurrentColumn>
  let transition: InsertStatement<TransitionColumn>
  let alert: InsertStatement<AlertColumn>
  let episode: InsertStatement<EpisodeColumn>
  let outbox: InsertStatement<OutboxColumn>
  let queued: InsertStatement<QueuedCountColumn>
  /// Takes a row out of the outbox. Arguments: destination, lane, row.
  let settle: RowStatement<OutboxColumn>
  let deliveryMark: InsertStatement<DeliveryMarkColumn>
  /// Arguments: value, name.
  let counter: PreparedStatement

  init(_ db: Database) throws {
    entry = try InsertStatement(db, into: "entry")
    observation = try InsertStatement(db, into: "observation")
    event = try InsertStatement(db, into: "device_event")
    location = try InsertStatement(db, into: "location_fix")
    outcome = try InsertStatement(db, into: "outcome")
    score = try InsertStatement(db, into: "score")
    scoreCurrent = try PreparedStatement(db, "SELECT outcome FROM score_current WHERE patient = ?")
    setScoreCurrent = try InsertStatement(db, into: "score_current", .update("(patient) DO UPDATE SET outcome = excluded.outcome"))
    transition = try InsertStatement(db, into: "alert_transition")
    alert = try InsertStatement(
      db, into: "alert",
      .update(
        """
        (id) DO UPDATE SET last_outcome = excluded.last_outcome, changed_wall = excluded.changed_wall,
          raised_wall = coalesce(raised_wall, excluded.raised_wall), rule = excluded.rule, state = excluded.state,
          is_open = excluded.is_open, usefulness = max(usefulness, excluded.usefulness)
        """))
    episode = try InsertStatement(db, into: "episode", IdentityTables.raise)
    outbox = try InsertStatement(db, into: "outbox")
    queued = try InsertStatement(db, into: "delivery_count", .update("DO UPDATE SET queued = queued + excluded.queued"))
    settle = try RowStatement(db) { "DELETE FROM outbox WHERE destination = ? AND lane = ? AND row = ? RETURNING \($0)" }
    deliveryMark = try InsertStatement(db, into: "delivery_mark", .replace)
    counter = try PreparedStatement(db, "UPDATE counter SET value = ? WHERE name = ?")
  }
}
