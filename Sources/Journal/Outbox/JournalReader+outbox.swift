// What is still to be delivered, with everything that a connector needs, and what was refused.

internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

extension JournalReader {
  /// The next records of a lane, in their order, after a row.
  ///
  /// A record whose source has gone (it cannot while it is queued, unless the file was changed by hand) comes as nothing:
  /// it stays in the outbox and is listed by `outboxStatus`.
  public func outboxPending(
    destination: UInt32, lane: OutboxLane, after row: UInt64 = 0, limit: Int = 100
  ) throws(JournalError) -> [OutboxItem] {
    try read { db in
      let rows = try Row.fetchAll(
        db.cachedStatement(
          sql: """
            SELECT \(OutboxColumn.list) FROM outbox
            WHERE destination = ? AND lane = ? AND row > ? ORDER BY row LIMIT ?
            """),
        arguments: [Int64(destination), Int64(lane.rawValue), signed(row), max(0, limit)])
      var registry = RegistryCache(db: db)
      return try rows.compactMap { try Self.readable($0, destination, lane, &registry) }
    }
  }

  /// Likewise, of some people only, and with how far the read came: a record without a source is passed over.
  public func outboxPage(
    destination: UInt32, lane: OutboxLane, after row: UInt64, limit: Int, scope: OutboxScope
  ) throws(JournalError) -> OutboxRows {
    try read { db in
      let key: [(any DatabaseValueConvertible)?] = [Int64(destination), Int64(lane.rawValue)]
      var condition = ""
      var only: StatementArguments = []
      switch scope {
      case .everybody: break
      case .others(let people): condition = "AND patient NOT IN (\(people.map { String($0.rawValue) }.joined(separator: ", ")))"
      case .one(let person): (condition, only) = ("AND patient = ?", [Int64(person.rawValue)])
      }
      // Routine records wait while the hub's clock is in doubt. What is left of one person lies before them.
      var held: Int64?
      if case .one = scope {} else if lane == .routine { held = try Self.firstHeldRow(db, destination) }
      let sql = """
        SELECT \(OutboxColumn.list) FROM outbox
        WHERE destination = ? AND lane = ? AND row > ? AND row < ? \(condition) ORDER BY row LIMIT ?
        """
      let arguments = StatementArguments(key + [signed(row), held ?? Int64.max]) + only + [max(0, limit)]
      // Without some people the text is another each time: not worth keeping.
      let rows: [Row] =
        if case .others = scope {
          try Row.fetchAll(db, sql: sql, arguments: arguments)
        } else {
          try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments)
        }
      let through = try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT max(row) FROM outbox WHERE destination = ? AND lane = ? AND row < ?"),
        arguments: StatementArguments(key + [held ?? Int64.max]))
      var registry = RegistryCache(db: db)
      let items = try rows.compactMap { try Self.readable($0, destination, lane, &registry) }
      return OutboxRows(
        items: items, reachedEnd: rows.count < limit, lastRow: try rows.last.map { UInt64(bitPattern: try $0[outbox, .row] as Int64) },
        through: through.map(UInt64.init(bitPattern:)) ?? 0)
    }
  }

  /// The first routine row that waits for the hub's clock; nil when none does. Rows rise with their entries.
  private static func firstHeldRow(_ db: Database, _ destination: UInt32) throws -> Int64? {
    guard let first = try firstHeld(db) else { return nil }
    return try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT min(row) FROM outbox WHERE destination = ? AND lane = ? AND sequence >= ?"),
      arguments: [Int64(destination), Int64(OutboxLane.routine.rawValue), first])
  }

  /// People for whom a raised alert of high priority waits, the longest waiting first.
  public func outboxUrgent(destination: UInt32, limit: Int) throws(JournalError) -> [PatientID] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT x.patient FROM outbox x JOIN alert_transition t ON t.outcome = x.outcome
          WHERE x.destination = ? AND x.lane = ? AND t.kind = ? AND t.priority = ? GROUP BY x.patient ORDER BY min(x.row) LIMIT ?
          """,
        arguments: [
          Int64(destination), Int64(OutboxLane.alarm.rawValue), Int64(AlertTransitionKind.raised.rawValue),
          Int64(AlertPriority.high.rawValue), limit,
        ]
      ).map { PatientID(rawValue: UInt32(truncatingIfNeeded: try $0[of: "patient"] as Int64)) }
    }
  }

  /// Where a person was last, as of a journal sequence; nil when no tracker has told.
  public func lastLocation(of patient: PatientID, upTo sequence: UInt64) throws(JournalError) -> LocationRow? {
    try read { db in
      let found = try Int64.fetchOne(
        db, sql: "SELECT max(sequence) FROM location_fix WHERE patient = ? AND sequence <= ?",
        arguments: [Int64(patient.rawValue), signed(sequence)])
      return try found.flatMap { try LocationRow.fetch(db, UInt64(bitPattern: $0)) }
    }
  }

  /// How many records wait in a lane.
  public func outboxPendingCount(destination: UInt32, lane: OutboxLane) throws(JournalError) -> Int {
    try read { db in
      try Int.fetchOne(
        db, sql: "SELECT count(*) FROM outbox WHERE destination = ? AND lane = ?", arguments: [Int64(destination), Int64(lane.rawValue)])
        ?? 0
    }
  }

  /// One row; nil for one that this version cannot read, which a core of a later version has written, or which is damaged. It stays in the
  /// outbox and counts as waiting. The calls behind it must not wait for it.
  private static func readable(
    _ row: Row, _ destination: UInt32, _ lane: OutboxLane, _ registry: inout RegistryCache
  ) throws -> OutboxItem? {
    do {
      return try item(row, destination, lane, &registry)
    } catch JournalError.unreadable {
      return nil
    }
  }

  private static func item(_ row: Row, _ destination: UInt32, _ lane: OutboxLane, _ registry: inout RegistryCache) throws -> OutboxItem? {
    let number = UInt64(bitPattern: try row[outbox, .row] as Int64)
    guard let kind = RecordKind(rawValue: try row[outbox, .kind]) else { throw JournalError.unreadable(table: "outbox", sequence: number) }
    let db = registry.db
    let sequence = UInt64(bitPattern: try row[outbox, .sequence] as Int64)
    let outcome = UInt64(bitPattern: try row[outbox, .outcome] as Int64)
    let content: OutboxItem.Content
    let instant: MonotonicInstant?
    var device = DeviceID.none
    switch kind {
    case .observation:
      guard let observation = try registry.observation(sequence) else { return nil }
      device = observation.device
      instant = observation.instant
      content = .observation(observation, frame: observation.isPressure ? try observation.frame(db) : [])
    case .score:
      guard let stored = try StoredOutcome.fetch(db, id: outcome),
        let score = try ScoreRow(db, stored, patient: try registry.patient(stored.outcome.patient))
      else { return nil }
      var sources: [ObservationRow?] = []
      var frames: [Int: [FrameMember]] = [:]
      for index in 0..<NEWS2Parameter.count {
        let source = try registry.observation(score.score.sources[index])
        if let source, source.isPressure { frames[index] = try source.frame(db) }
        sources.append(source)
      }
      instant = score.instant
      content = .score(score, sources: sources, frames: frames)
    case .alert:
      guard let stored = try StoredOutcome.fetch(db, id: outcome), let transition = try AlertTransitionRow(db, stored),
        let alert = try AlertRow.fetch(db, transition.transition.id)
      else { return nil }
      device = alert.device
      instant = transition.instant
      content = .alert(transition, alert: alert, evidence: try evidence(db, alert))
    case .dose:
      guard let event = try EventRow.fetch(db, sequence) else { return nil }
      device = event.device
      instant = event.instant
      content = .dose(event, planned: try planned(db, event))
    case .location:
      guard let location = try LocationRow.fetch(db, sequence) else { return nil }
      device = location.device
      instant = nil
      content = .location(location)
    }
    return OutboxItem(
      row: number, destination: destination, lane: lane, kind: kind, attempts: try row[outbox, .attempts],
      created: WallTime(rawValue: try row[outbox, .created]), patient: try registry.patient(PatientID(rawValue: row[outbox, .patient])),
      device: try registry.device(device), content: content, isTimeUncertain: try registry.timeUncertainty(at: instant))
  }

  /// The observations that an alert rests on: its score's sources, or the one that raised it.
  private static func evidence(_ db: Database, _ alert: AlertRow) throws -> [ObservationRow] {
    let first = try StoredOutcome.fetch(db, where: "t.alert = ?", [alert.id.description], limit: 1).first
    if let first, let transition = try AlertTransitionRow(db, first), let score = try score(db, behind: alert, transition) {
      return score.sources.compactMap { $0 }
    }
    return try ObservationRow.fetch(db, alert.transition.firstCause).map { [$0] } ?? []
  }

  /// What the person's plan said about this dose's slot when it happened.
  private static func planned(_ db: Database, _ event: EventRow) throws -> PlannedDose? {
    let row = try Row.fetchOne(
      db, sql: "SELECT * FROM plan_item WHERE patient = ? AND key = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1",
      arguments: [Int64(event.patient.rawValue), "dose.\(event.event.detail)", signed(event.sequence)])
    guard let row, case .dose(_, let dose) = try PlanItemRow(row).item else { return nil }
    return dose
  }

  /// Records that a destination refused for good, oldest first.
  public func deadLetters(destination: UInt32? = nil, limit: Int = 200) throws(JournalError) -> [DeadLetterRow] {
    try read { db in
      let rows = try Row.fetchAll(
        db, sql: "SELECT * FROM dead_letter WHERE ?1 IS NULL OR destination = ?1 ORDER BY destination, row LIMIT \(max(0, limit))",
        arguments: [destination.map { Int64($0) }])
      return try rows.map { row in
        DeadLetterRow(
          destination: try row[of: "destination"], row: UInt64(bitPattern: try row[of: "row"] as Int64),
          lane: OutboxLane(rawValue: try row[of: "lane"]) ?? .routine,
          kind: RecordKind(rawValue: try row[of: "kind"]) ?? .observation, sequence: UInt64(bitPattern: try row[of: "sequence"] as Int64),
          outcome: UInt64(bitPattern: try row[of: "outcome"] as Int64), patient: PatientID(rawValue: try row[of: "patient"]),
          created: WallTime(rawValue: try row[of: "created"]), refused: WallTime(rawValue: try row[of: "refused"]),
          attempts: try row[of: "attempts"],
          reason: try row[of: "reason"])
      }
    }
  }

  /// Calls of high priority that a destination refused for good, whose alert nobody has taken, and of which nothing later has
  /// arrived there. At most `limit`.
  public func refusedCalls(limit: Int) throws(JournalError) -> [RefusedCallRow] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT t.alert, d.destination, max(d.refused) AS refused FROM dead_letter d
          JOIN alert_transition t ON t.outcome = d.outcome JOIN alert a ON a.id = t.alert
          JOIN alert_transition n ON n.outcome = a.last_outcome
          WHERE d.lane = ? AND d.kind = ? AND a.is_open = 1 AND a.state IN \(sqlList([AlertState.raised, .notified]))
            AND n.priority = ? AND NOT EXISTS (
            SELECT 1 FROM alert_transition u JOIN delivery y ON y.outcome = u.outcome
            WHERE u.alert = t.alert AND y.destination = d.destination AND u.outcome > t.outcome)
          GROUP BY t.alert, d.destination ORDER BY d.destination, t.alert LIMIT \(max(0, limit))
          """,
        arguments: [
          Int64(OutboxLane.alarm.rawValue), Int64(RecordKind.alert.rawValue), Int64(AlertPriority.high.rawValue),
        ]
      ).compactMap { row in
        try AlertID(text: try row[of: "alert"] as String).map {
          RefusedCallRow(
            alert: $0, destination: UInt32(truncatingIfNeeded: try row[of: "destination"] as Int64),
            refused: WallTime(rawValue: try row[of: "refused"]))
        }
      }
    }
  }

  /// How each destination stands, by number.
  public func outboxStatus() throws(JournalError) -> [OutboxStatus] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT number, name FROM destination ORDER BY number").map { row in
        let number: Int64 = try row[of: "number"]
        func count(_ what: String, _ more: StatementArguments = []) throws -> Int {
          try Int.fetchOne(db, sql: "SELECT \(what)", arguments: [number] + more) ?? 0
        }
        func pending(_ lane: OutboxLane) throws -> Int {
          try count("count(*) FROM outbox WHERE destination = ? AND lane = ?", [Int64(lane.rawValue)])
        }
        var counts: [RecordKind: DeliveryCount] = [:]
        var last: Int64?
        for line in try Row.fetchAll(
          db, sql: "SELECT kind, queued, delivered, refused, last_delivered FROM delivery_count WHERE destination = ?", arguments: [number])
        {
          guard let kind = RecordKind(rawValue: try line[of: "kind"]) else { continue }
          counts[kind] = DeliveryCount(
            queued: try line[of: "queued"], delivered: try line[of: "delivered"], refused: try line[of: "refused"])
          if let delivered: Int64 = try line[of: "last_delivered"] { last = max(last ?? delivered, delivered) }
        }
        let oldest = try Int64.fetchOne(db, sql: "SELECT min(created) FROM outbox WHERE destination = ?", arguments: [number])
        return OutboxStatus(
          destination: UInt32(truncatingIfNeeded: number), name: try row[of: "name"], pendingAlarms: try pending(.alarm),
          pendingRoutine: try pending(.routine),
          deadLetters: try count("count(*) FROM dead_letter WHERE destination = ?"),
          oldestPending: oldest.map(WallTime.init(rawValue:)),
          lastError: try String.fetchOne(
            db, sql: "SELECT last_error FROM outbox WHERE destination = ? AND last_error IS NOT NULL ORDER BY lane, row LIMIT 1",
            arguments: [number]),
          lastDelivered: last.map(WallTime.init(rawValue:)), counts: counts,
          withheld: try count("coalesce(sum(records), 0) FROM withheld WHERE destination = ?"))
      }
    }
  }
}

/// The outbox alone, in rows of a query on it.
private let outbox = QuerySection<OutboxColumn>("outbox")

/// Persons, devices and observations of one page of items, each read once: a score's values are on the page themselves, or stand behind
/// several scores.
private struct RegistryCache {
  let db: Database
  private var observations: [UInt64: ObservationRow] = [:]
  private var patients: [PatientID: PatientRow] = [:]
  private var devices: [DeviceID: DeviceRow] = [:]

  init(db: Database) { self.db = db }

  /// Whether any time in the journal is in doubt, and was not placed.
  private lazy var hasUncertain: Bool =
    (try? Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM clock_doubt WHERE difference IS NULL)"))) ?? true

  mutating func timeUncertainty(at instant: MonotonicInstant?) throws -> Bool {
    guard let instant, hasUncertain else { return false }
    return try JournalReader.isTimeUncertain(db, at: instant)
  }

  mutating func observation(_ sequence: UInt64) throws -> ObservationRow? {
    if let known = observations[sequence] { return known }
    let row = try ObservationRow.fetch(db, sequence)
    observations[sequence] = row
    return row
  }

  mutating func patient(_ id: PatientID) throws -> PatientRow? {
    if let known = patients[id] { return known }
    let row = try PatientRow.fetch(db, id)
    patients[id] = row
    return row
  }

  mutating func device(_ id: DeviceID) throws -> DeviceRow? {
    if let known = devices[id] { return known }
    let row = try DeviceRow.fetch(db, id)
    devices[id] = row
    return row
  }
}

extension ObservationRow {
  /// Whether it is part of a blood pressure.
  var isPressure: Bool {
    observation.code == .systolic || observation.code == .diastolic || observation.code == .meanArterialPressure
  }
}
