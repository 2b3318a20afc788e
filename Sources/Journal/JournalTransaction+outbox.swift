// Who gets a record, what became of it, and what only counts: withheld records, quarantined frames, frame marks, gaps.
// Everything that can grow is a row per subject or a ring.

internal import Foundation
internal import GRDB
internal import VitalSigns

struct WithheldKey: Hashable {
  var destination: UInt32
  var patient: PatientID
  var kind: RecordKind
}

struct DestinationKind: Hashable {
  var destination: UInt32
  var kind: RecordKind
}

struct ForwardKey: Hashable {
  var destination: UInt32
  var patient: PatientID
  var kind: RecordKind
  var refused: Bool
}

extension JournalTransaction {
  // MARK: Sharing

  /// Queues an entry that is a record of its own for whom an agreement allows.
  mutating func share(_ entry: IntakeEntry, controller: Int64) throws {
    // Nobody's data goes nowhere: a device that is not assigned may lie in a cupboard or in the wrong home.
    guard entry.patient != .none else { return }
    let kind: RecordKind
    switch entry.payload {
    case .observation(let observation):
      if !observation.quality.isDisjoint(with: [.demo, .test]) { return }
      kind = .observation
    case .location: kind = .location
    case .event(let event):
      switch event.kind {
      case .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: kind = .dose
      default: return
      }
    default: return
    }
    try share(kind, entry.sequence, 0, entry.patient, controller, entry.wall)
  }

  mutating func share(
    _ kind: RecordKind, _ sequence: UInt64, _ outcome: UInt64, _ patient: PatientID, _ controller: Int64, _ wall: WallTime,
    level: UInt8 = .max
  ) throws {
    if sharing.rules.destinations.isEmpty { return }
    let verdict = sharing.verdict(patient: patient, controller: controller) {
      state.controllers.first { $0.value == controller }?.key ?? configuration.controller
    }
    var allowed = verdict.allowed[Int(kind.rawValue)]
    while allowed != 0 {
      let receiver = sharing.rules.destinations[allowed.trailingZeroBitCount]
      allowed &= allowed - 1
      if level < receiver.alertLevelMin { continue }
      let destination = receiver.number
      state.outboxCounter += 1
      let row = statements.outbox
      row.bind(1, destination)
      row.bind(2, kind.lane.rawValue)
      row.bind(3, state.outboxCounter)
      row.bind(4, kind.rawValue)
      row.bind(5, signed(sequence))
      row.bind(6, signed(outcome))
      row.bind(7, patient.rawValue)
      row.bind(8, wall.rawValue)
      try row.execute()
      queued[DestinationKind(destination: destination, kind: kind), default: 0] += 1
      report.queued += 1
    }
    var withheldFrom = verdict.withheld[Int(kind.rawValue)]
    while withheldFrom != 0 {
      let destination = sharing.rules.destinations[withheldFrom.trailingZeroBitCount].number
      withheldFrom &= withheldFrom - 1
      withheld[WithheldKey(destination: destination, patient: patient, kind: kind), default: SequenceRange()].add(sequence)
    }
  }

  // MARK: Receipts

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
    let kind = RecordKind(rawValue: UInt8(truncatingIfNeeded: row.int(0))) ?? .observation
    let (sequence, outcome, patient) = (row.int(1), row.int(2), row.int(3))
    let (created, attempts) = (row.int(4), row.int(5) + 1)
    row.reset()
    report.settled += 1
    let subject = PatientID(rawValue: UInt32(truncatingIfNeeded: patient))
    var key = ForwardKey(destination: receipt.destination, patient: subject, kind: kind, refused: false)
    switch receipt.result {
    case .delivered(let remoteID):
      // Routine rows are counted, not kept: their history would outgrow the observations themselves.
      if receipt.lane == .alarm || remoteID != nil && kind != .observation {
        let row = statements.delivery
        for (index, value) in [destination, number, Int64(kind.rawValue), sequence, outcome, created, wall.rawValue, attempts].enumerated()
        {
          row.bind(Int32(index + 1), value)
        }
        if let remoteID { row.bind(9, remoteID) } else { row.bindNull(9) }
        try row.execute()
      }
    case .refused(let reason):
      key.refused = true
      try run(
        "INSERT OR REPLACE INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          destination, number, Int64(receipt.lane.rawValue), Int64(kind.rawValue), sequence, outcome, patient, created, wall.rawValue,
          attempts, String(reason.prefix(500)),
        ])
    case .failed: break
    }
    forwarded[key, default: SequenceRange()].add(UInt64(bitPattern: sequence))
  }

  /// The outbox row that a receipt is about; nil when it names a transition that is not on disk.
  private func rowNumber(_ receipt: DeliveryReceipt) throws -> Int64? {
    switch receipt.item {
    case .row(let number): return signed(number)
    case .transition(let alert, let kind, let instant, let revision):
      // An alert is raised, resolved or cleared once: there the instant says nothing, and a receipt may come without it.
      return try Int64.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT x.row FROM alert_transition t JOIN outcome o ON o.id = t.outcome
            JOIN outbox x ON x.destination = ?1 AND x.lane = ?2 AND x.outcome = t.outcome
            WHERE t.alert = ?3 AND t.kind = ?4 AND (o.instant = ?5 OR t.kind IN (2, 6, 7)) AND (?6 IS NULL OR t.revision = ?6) LIMIT 1
            """),
        arguments: [
          Int64(receipt.destination), Int64(receipt.lane.rawValue), alert.description, Int64(kind.rawValue), instant.rawValue,
          revision.map { Int64($0) },
        ])
    }
  }

  mutating func sendAgain(_ retry: OutboxRetry) throws {
    let letters = try Row.fetchAll(
      db, sql: "SELECT * FROM dead_letter WHERE destination = ? AND (?2 IS NULL OR row = ?2) ORDER BY row",
      arguments: [Int64(retry.destination), retry.row.map(signed)])
    for letter in letters {
      state.outboxCounter += 1
      try run(
        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          letter["destination"] as Int64, letter["lane"] as Int64, state.outboxCounter, letter["kind"] as Int64,
          letter["sequence"] as Int64, letter["outcome"] as Int64, letter["patient"] as Int64, letter["created"] as Int64,
          letter["attempts"] as Int64, letter["reason"] as String,
        ])
      try run("DELETE FROM dead_letter WHERE destination = ? AND row = ?", [letter["destination"] as Int64, letter["row"] as Int64])
      try state.access.append(
        AccessRecord(
          wall: wall, actor: retry.actor, action: "resend",
          patient: PatientID(rawValue: UInt32(truncatingIfNeeded: letter["patient"] as Int64)), purpose: retry.reason,
          detail: "destination \(retry.destination) dead letter \(letter["row"] as Int64) as row \(state.outboxCounter)"), db)
    }
  }

  // MARK: Edge

  mutating func quarantine(_ frame: QuarantinedFrame) throws {
    state.quarantineCounter += 1
    try run(
      "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?)",
      [
        state.quarantineCounter, Int64(frame.link), String(frame.topic.prefix(256)), frame.reason, frame.payloadBytes,
        Data(frame.prefix.prefix(QuarantinedFrame.prefixBytesMax)), frame.wall.rawValue,
      ])
    try run("DELETE FROM quarantine WHERE id <= ?", [state.quarantineCounter - Int64(configuration.quarantineMax)])
    try run("UPDATE counter SET value = ? WHERE name = 'quarantine'", [state.quarantineCounter])
    try run(
      """
      INSERT INTO quarantine_count VALUES (?, 1, ?)
      ON CONFLICT (reason) DO UPDATE SET frames = frames + 1, last_wall = excluded.last_wall
      """, [frame.reason, frame.wall.rawValue])
  }

  mutating func remember(_ mark: DeliveryMark) throws {
    var number = state.marks[mark.link] ?? 0
    let newest = state.newestMark[mark.link]
    let isSameFrame = mark.taken > 1 && newest.map { $0.message == mark.message && $0.hash == mark.hash && $0.taken < mark.taken } == true
    if !isSameFrame { number += 1 }
    state.marks[mark.link] = number
    state.newestMark[mark.link] = mark
    let row = statements.mark
    row.bind(1, mark.link)
    row.bind(2, number % Int64(configuration.deliveryMarksPerLink))
    row.bind(3, number)
    row.bind(4, mark.message)
    row.bind(5, signed(mark.hash))
    row.bind(6, mark.taken)
    row.bind(7, mark.wall.rawValue)
    try row.execute()
  }

  // MARK: Sums of the group

  /// Writes what was counted while the group was written: the newest observations, gaps, withheld records, forwards, queue counts.
  mutating func closeGroup() throws {
    try writeGap()
    for (key, sequence) in latest {
      let row = statements.setLatest
      row.bind(1, key.patient.rawValue)
      row.bind(2, key.code.rawValue)
      row.bind(3, sequence)
      try row.execute()
    }
    // Sorted, so that the access log's rows come in one order whatever the dictionary's.
    for (key, range) in withheld.sorted(by: { order($0.key) < order($1.key) }) { try writeWithheld(key, range) }
    for (key, count) in queued {
      try run(
        """
        INSERT INTO delivery_count (destination, kind, queued) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET queued = queued + excluded.queued
        """, [Int64(key.destination), Int64(key.kind.rawValue), count])
    }
    for (key, range) in forwarded.sorted(by: { order($0.key) < order($1.key) }) {
      try run(
        """
        INSERT INTO delivery_count (destination, kind, delivered, refused, last_delivered) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered, refused = refused + excluded.refused,
          last_delivered = coalesce(excluded.last_delivered, last_delivered)
        """,
        [
          Int64(key.destination), Int64(key.kind.rawValue), key.refused ? 0 : range.count, key.refused ? range.count : 0,
          key.refused ? nil : wall.rawValue,
        ])
      try state.access.append(
        AccessRecord(
          wall: wall, actor: .hub, action: key.refused ? "forwardRefused" : "forward", patient: key.patient,
          purpose: "sharing agreement",
          detail: "destination \(key.destination) \(key.kind.key) \(range.count) sequence \(range.first)-\(range.last)"), db)
    }
  }

  private mutating func writeGap() throws {
    if shed.count > 0 {
      if let open = state.openGap {
        try run(
          "UPDATE gap SET last_sequence = max(last_sequence, ?), entries = entries + ?, wall_to = ? WHERE id = ?",
          [signed(shed.last), shed.count, wall.rawValue, open])
      } else {
        try run(
          "INSERT INTO gap (reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open) VALUES ('shed', ?, ?, ?, ?, ?, 1)",
          [signed(shed.first), signed(shed.last), shed.count, wall.rawValue, wall.rawValue])
        state.openGap = db.lastInsertedRowID
        try state.access.append(
          AccessRecord(wall: wall, actor: .hub, action: "shed", purpose: "the disk is full", detail: "from sequence \(shed.first)"), db)
      }
    } else if mode == .everything, let open = state.openGap {
      try run("UPDATE gap SET is_open = 0 WHERE id = ?", [open])
      state.openGap = nil
      let entries = try Int64.fetchOne(db, sql: "SELECT entries FROM gap WHERE id = ?", arguments: [open]) ?? 0
      try state.access.append(
        AccessRecord(wall: wall, actor: .hub, action: "shedEnded", purpose: "there is room again", detail: "\(entries) samples"), db)
    }
  }

  private mutating func writeWithheld(_ key: WithheldKey, _ range: SequenceRange) throws {
    let known = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT records, logged_wall FROM withheld WHERE destination = ? AND patient = ? AND kind = ?"),
      arguments: [Int64(key.destination), Int64(key.patient.rawValue), Int64(key.kind.rawValue)])
    let logged = (known?[1] as Int64?).map(WallTime.init(rawValue:))
    let total = ((known?[0] as Int64?) ?? 0) + range.count
    // Also when the clock went back: rather a row too many than silence until it has caught up.
    let interval = Int64(configuration.withheldLogIntervalSeconds) * 1_000
    let isDue = logged.map { wall < $0 || wall >= $0.adding(milliseconds: interval) } ?? true
    try run(
      """
      INSERT INTO withheld VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET records = excluded.records, last_sequence = excluded.last_sequence, last_wall = excluded.last_wall,
        logged_wall = excluded.logged_wall
      """,
      [
        Int64(key.destination), Int64(key.patient.rawValue), Int64(key.kind.rawValue), total, signed(range.first), signed(range.last),
        wall.rawValue, isDue ? wall.rawValue : logged?.rawValue ?? wall.rawValue,
      ])
    if isDue {
      try state.access.append(
        AccessRecord(
          wall: wall, actor: .hub, action: "withheld", patient: key.patient, purpose: "no sharing agreement",
          detail: "destination \(key.destination) \(key.kind.key) \(total) in all, to sequence \(range.last)"), db)
    }
  }

  private func order(_ key: WithheldKey) -> (UInt32, UInt32, UInt8) { (key.destination, key.patient.rawValue, key.kind.rawValue) }
  private func order(_ key: ForwardKey) -> (UInt32, UInt32, UInt8) {
    (key.destination, key.patient.rawValue, key.kind.rawValue << 1 | (key.refused ? 1 : 0))
  }
}
