// What became of a queued record: delivered, refused or to be tried again, as its destination answered; and how a person sends a
// dead letter again.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

struct ForwardKey: Hashable {
  var destination: UInt32
  var patient: PatientID
  var kind: RecordKind
  var refused: Bool
}

extension JournalTransaction {
  mutating func settle(_ receipt: DeliveryReceipt) throws {
    guard let number = try rowNumber(receipt) else {
      report.receiptsUnmatched += 1
      return
    }
    let destination = Int64(receipt.destination)
    if case .failed(let error) = receipt.result {
      try run(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ? WHERE destination = ? AND lane = ? AND row = ?",
        [String(error.prefix(300)), destination, Int64(receipt.lane.rawValue), number])
      report.settled += db.changesCount
      report.receiptsUnmatched += db.changesCount == 0 ? 1 : 0
      return
    }
    let row = statements.settle
    row.bind(1, destination)
    row.bind(2, receipt.lane.rawValue)
    row.bind(3, number)
    guard try row.step() else {
      report.receiptsUnmatched += 1
      return
    }
    let kind = RecordKind(rawValue: row.number(.kind)) ?? .observation
    let (sequence, outcome, patient) = (row.int(.sequence), row.int(.outcome), PatientID(rawValue: row.number(.patient)))
    let (created, attempts) = (row.int(.created), row.int(.attempts) + 1)
    row.reset()
    report.settled += 1
    var key = ForwardKey(destination: receipt.destination, patient: patient, kind: kind, refused: false)
    switch receipt.result {
    case .delivered(let remoteID):
      // Routine rows are counted, not kept: their history would outgrow the observations themselves.
      if receipt.lane == .alarm || remoteID != nil && kind != .observation {
        try db.insert(
          into: "delivery",
          [
            "destination": destination, "row": number, "kind": kind.rawValue, "sequence": sequence, "outcome": outcome,
            "created": created, "settled": wall.rawValue, "attempts": attempts, "remote_id": remoteID,
          ], .replace)
      }
      if state.needs.mayHold(number) { try needs.release(number) }
    case .refused(let reason):
      // What it needs stays with the dead letter, which keeps the row's number.
      key.refused = true
      try db.insert(
        into: "dead_letter",
        [
          "destination": destination, "row": number, "lane": receipt.lane.rawValue, "kind": kind.rawValue, "sequence": sequence,
          "outcome": outcome, "patient": patient.rawValue, "created": created, "refused": wall.rawValue, "attempts": attempts,
          "reason": String(reason.prefix(500)),
        ], .replace)
    case .failed: break
    }
    forwarded[key, default: SequenceRange()].add(UInt64(bitPattern: sequence))
  }

  /// The outbox row that a receipt is about; nil when it names a transition that is not on disk.
  private func rowNumber(_ receipt: DeliveryReceipt) throws -> Int64? {
    switch receipt.item {
    case .row(let number): return signed(number)
    case .transition(let alert, let kind, let instant, let revision):
      // An alert is raised, resolved or cleared once: for these kinds a receipt may come without the instant.
      return try Int64.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT x.row FROM alert_transition t JOIN outcome o ON o.id = t.outcome
            JOIN outbox x ON x.destination = ?1 AND x.lane = ?2 AND x.outcome = t.outcome
            WHERE t.alert = ?3 AND t.kind = ?4 AND (o.instant = ?5 OR t.kind IN \(Self.onceOnly)) AND (?6 IS NULL OR t.revision = ?6)
            LIMIT 1
            """),
        arguments: [
          Int64(receipt.destination), Int64(receipt.lane.rawValue), alert.description, Int64(kind.rawValue), instant.rawValue,
          revision.map { Int64($0) },
        ])
    }
  }

  private static let onceOnly = sqlList([AlertTransitionKind.raised, .resolved, .cleared])

  mutating func sendAgain(_ retry: OutboxRetry) throws {
    let letters = try Row.fetchAll(
      db, sql: "SELECT * FROM dead_letter WHERE destination = ? AND (?2 IS NULL OR row = ?2) ORDER BY row",
      arguments: [Int64(retry.destination), retry.row.map(signed)])
    for letter in letters {
      state.outboxCounter += 1
      try db.insert(
        into: "outbox",
        [
          "destination": letter[of: "destination"] as Int64, "lane": letter[of: "lane"] as Int64, "row": state.outboxCounter,
          "kind": letter[of: "kind"] as Int64, "sequence": letter[of: "sequence"] as Int64, "outcome": letter[of: "outcome"] as Int64,
          "patient": letter[of: "patient"] as Int64, "created": letter[of: "created"] as Int64, "attempts": letter[of: "attempts"] as Int64,
          "last_error": letter[of: "reason"] as String,
        ])
      try keepOld(state.outboxCounter, letter[of: "sequence"], letter[of: "outcome"], oldest: 0)
      if state.needs.mayHold(try letter[of: "row"]) { try needs.release(letter[of: "row"]) }
      try run(
        "DELETE FROM dead_letter WHERE destination = ? AND row = ?", [letter[of: "destination"] as Int64, letter[of: "row"] as Int64])
      try state.access.append(
        AccessRecord(
          wall: wall, actor: retry.actor, action: "resend",
          patient: PatientID(rawValue: UInt32(truncatingIfNeeded: letter[of: "patient"] as Int64)), purpose: retry.reason,
          detail: "destination \(retry.destination) dead letter \(letter[of: "row"] as Int64) as row \(state.outboxCounter)"), db)
    }
  }

  // MARK: Sums of the group

  /// Counts what destinations answered, and logs whose records went where.
  mutating func closeReceipts() throws {
    // Sorted, so that the access log's rows come in one order whatever the dictionary's.
    for (key, range) in forwarded.sorted(by: { order($0.key) < order($1.key) }) {
      try db.insert(
        into: "delivery_count",
        [
          "destination": key.destination, "kind": key.kind.rawValue, "delivered": key.refused ? 0 : range.count,
          "refused": key.refused ? range.count : 0, "last_delivered": key.refused ? nil : wall.rawValue,
        ],
        .update(
          """
          DO UPDATE SET delivered = delivered + excluded.delivered, refused = refused + excluded.refused,
            last_delivered = coalesce(excluded.last_delivered, last_delivered)
          """))
      try state.access.append(
        AccessRecord(
          wall: wall, actor: .hub, action: key.refused ? "forwardRefused" : "forward", patient: key.patient,
          purpose: "sharing agreement",
          detail: "destination \(key.destination) \(key.kind.key) \(range.count) sequence \(range.first)-\(range.last)"), db)
    }
  }

  private func order(_ key: ForwardKey) -> (UInt32, UInt32, UInt8) {
    (key.destination, key.patient.rawValue, key.kind.rawValue << 1 | (key.refused ? 1 : 0))
  }
}
