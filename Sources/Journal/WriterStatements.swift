// The statements of the write path, prepared once, and the sharing rules in the form that a commit asks them in.

internal import GRDB
internal import VitalSigns

/// Used on the writer's connection only; gone before it closes.
struct WriterStatements {
  let entry: PreparedStatement
  let observation: PreparedStatement
  let latest: PreparedStatement
  let setLatest: PreparedStatement
  let event: PreparedStatement
  let location: PreparedStatement
  let outcome: PreparedStatement
  let score: PreparedStatement
  let scoreCurrent: PreparedStatement
  let setScoreCurrent: PreparedStatement
  let transition: PreparedStatement
  let outbox: PreparedStatement
  let settle: PreparedStatement
  let delivery: PreparedStatement
  let mark: PreparedStatement

  init(_ db: Database) throws {
    entry = try PreparedStatement(db, "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    observation = try PreparedStatement(db, "INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    latest = try PreparedStatement(db, "SELECT sequence FROM observation_latest WHERE patient = ? AND code = ?")
    setLatest = try PreparedStatement(
      db, "INSERT INTO observation_latest VALUES (?, ?, ?) ON CONFLICT (patient, code) DO UPDATE SET sequence = excluded.sequence")
    event = try PreparedStatement(db, "INSERT INTO device_event VALUES (?, ?, ?, ?, ?)")
    location = try PreparedStatement(db, "INSERT INTO location_fix VALUES (?, ?, ?, ?, ?)")
    outcome = try PreparedStatement(db, "INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    let marks = Array(repeating: "?", count: 23).joined(separator: ", ")
    score = try PreparedStatement(db, "INSERT INTO score VALUES (\(marks))")
    scoreCurrent = try PreparedStatement(db, "SELECT outcome FROM score_current WHERE patient = ?")
    setScoreCurrent = try PreparedStatement(
      db, "INSERT INTO score_current VALUES (?, ?) ON CONFLICT (patient) DO UPDATE SET outcome = excluded.outcome")
    let transitionMarks = Array(repeating: "?", count: 22).joined(separator: ", ")
    transition = try PreparedStatement(db, "INSERT INTO alert_transition VALUES (\(transitionMarks))")
    outbox = try PreparedStatement(
      db, "INSERT INTO outbox (destination, lane, row, kind, sequence, outcome, patient, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    settle = try PreparedStatement(
      db,
      "DELETE FROM outbox WHERE destination = ? AND lane = ? AND row = ? RETURNING kind, sequence, outcome, patient, created, attempts")
    delivery = try PreparedStatement(db, "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    mark = try PreparedStatement(db, "INSERT OR REPLACE INTO delivery_mark VALUES (?, ?, ?, ?, ?, ?, ?)")
  }
}

/// The rules with a verdict remembered per person and controller. Used by the writer's thread only.
final class CompiledSharing {
  let rules: SharingRules
  /// Bounded by the registry: one verdict a person and controller.
  private var verdicts: [UInt64: SharingVerdict] = [:]

  init(_ rules: SharingRules) { self.rules = rules }

  func verdict(patient: PatientID, controller: Int64, organisation: () -> String) -> SharingVerdict {
    let key = UInt64(patient.rawValue) << 32 | UInt64(UInt32(truncatingIfNeeded: controller))
    if let known = verdicts[key] { return known }
    let verdict = rules.verdict(patient: patient, controller: organisation())
    verdicts[key] = verdict
    return verdict
  }
}
