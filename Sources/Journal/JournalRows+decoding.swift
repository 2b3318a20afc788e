// From database rows to the values of JournalRows.swift. Each type keeps its SQL and the reading of it together.

internal import Foundation
internal import GRDB
internal import VitalSigns

private func time(_ value: Int64?) -> WallTime? { value.map(WallTime.init(rawValue:)) }

extension PatientRow {
  static let sql = """
    SELECT p.id, p.display_name, p.national_id, c.organisation_number, p.started, p.ended
    FROM patient p JOIN controller c ON c.id = p.controller
    """

  init(_ row: Row) {
    self.init(
      id: PatientID(rawValue: row[0]), name: row[1], nationalID: row[2], controller: row[3], started: WallTime(rawValue: row[4]),
      ended: time(row[5]))
  }

  static func fetch(_ db: Database, _ id: PatientID) throws -> Self? {
    if id == .none { return nil }
    return try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE p.id = ?"), arguments: [Int64(id.rawValue)]).map(Self.init)
  }
}

extension DeviceRow {
  static let sql = """
    SELECT d.id, d.label, d.profile, d.address, d.serial_number, d.eui64, c.organisation_number, d.expected_interval_seconds,
      d.is_continuous, d.is_safety_alarm, d.added, d.removed, d.abilities
    FROM device d JOIN controller c ON c.id = d.controller
    """

  init(_ row: Row) {
    self.init(
      id: DeviceID(rawValue: row[0]), label: row[1], profile: row[2], address: row[3], serialNumber: row[4], eui64: row[5],
      controller: row[6],
      liveness: DeviceLiveness(
        expectedIntervalSeconds: row[7], isContinuous: row[8], isSafetyAlarm: row[9], abilities: DeviceAbilities(rawValue: row[12])),
      added: WallTime(rawValue: row[10]), removed: time(row[11]))
  }

  static func fetch(_ db: Database, _ id: DeviceID) throws -> Self? {
    if id == .none { return nil }
    return try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE d.id = ?"), arguments: [Int64(id.rawValue)]).map(Self.init)
  }
}

extension PlanItemRow {
  init(_ row: Row) throws {
    let sequence = UInt64(bitPattern: row["sequence"] as Int64)
    guard let item = CarePlanItem(key: row["key"], text: row["value"]) else {
      throw JournalError.unreadable(table: "plan_item", sequence: sequence)
    }
    self.init(
      sequence: sequence, patient: PatientID(rawValue: row["patient"]), key: row["key"], item: item,
      author: ActorID(rawValue: row["author"]), reason: row["reason"], started: WallTime(rawValue: row["started"]),
      ended: time(row["ended"]))
  }
}

extension ObservationRow {
  static let sql = """
    SELECT e.sequence, e.instant, e.wall, e.measured_at, e.device, e.patient, c.organisation_number,
      x.code, x.mantissa, x.exponent, x.unit, x.quality, x.origin, t.civil, t.epoch
    FROM observation x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller
    LEFT JOIN device_time t ON t.sequence = x.sequence
    """

  init(_ row: Row) throws {
    let sequence = UInt64(bitPattern: row[0] as Int64)
    guard let unit = UCUMUnit(rawValue: row[10]), let origin = ObservationOrigin(rawValue: row[12]) else {
      throw JournalError.unreadable(table: "observation", sequence: sequence)
    }
    self.init(
      sequence: sequence, instant: MonotonicInstant(rawValue: row[1]), wall: WallTime(rawValue: row[2]),
      measuredAt: time(row[3]) ?? .unknown, deviceTime: DeviceTime(civil: row[13], epoch: row[14]), device: DeviceID(rawValue: row[4]),
      patient: PatientID(rawValue: row[5]), controller: row[6],
      observation: Observation(
        code: ObservationCode(rawValue: row[7]), value: Quantity(mantissa: row[8], exponent: row[9]), unit: unit,
        quality: ObservationQuality(rawValue: row[11]), origin: origin))
  }

  static func fetch(_ db: Database, _ sequence: UInt64) throws -> Self? {
    guard sequence != 0 else { return nil }
    return try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE x.sequence = ?"), arguments: [signed(sequence)]).map { try Self($0) }
  }

  /// The observations of the same frame: one device, one instant, one device time. A frame's entries lie side by side.
  func frame(_ db: Database) throws -> [FrameMember] {
    let measured: Int64? = measuredAt == .unknown ? nil : measuredAt.rawValue
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT x.sequence, x.code FROM entry e JOIN observation x ON x.sequence = e.sequence
          WHERE e.sequence BETWEEN ? AND ? AND e.device = ? AND e.instant = ? AND e.measured_at IS ? ORDER BY e.sequence
          """),
      arguments: [
        signed(sequence - min(sequence, Self.frameReach)), signed(sequence + Self.frameReach), Int64(device.rawValue), instant.rawValue,
        measured,
      ])
    return rows.map { FrameMember(sequence: UInt64(bitPattern: $0[0] as Int64), code: ObservationCode(rawValue: $0[1])) }
  }

  /// How far apart entries of one frame can lie: other devices' entries come between them, a frame has at most some twenty.
  private static let frameReach: UInt64 = 256
}

extension DeviceTime {
  /// As `device_time` keeps it: civil text or milliseconds, both absent when the device said nothing.
  init(civil: String?, epoch: Int64?) {
    if let epoch {
      self = .epoch(WallTime(rawValue: epoch))
      return
    }
    let numbers = (civil ?? "").split { !$0.isNumber }.compactMap { UInt16($0) }
    guard numbers.count == 6 else {
      self = .none
      return
    }
    self = .local(
      CivilTime(
        year: numbers[0], month: UInt8(truncatingIfNeeded: numbers[1]), day: UInt8(truncatingIfNeeded: numbers[2]),
        hour: UInt8(truncatingIfNeeded: numbers[3]), minute: UInt8(truncatingIfNeeded: numbers[4]),
        second: UInt8(truncatingIfNeeded: numbers[5])))
  }
}

extension EventRow {
  static func fetch(_ db: Database, _ sequence: UInt64) throws -> Self? {
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT e.instant, e.wall, e.measured_at, e.device, e.patient, c.organisation_number, x.kind, x.phase, x.detail
          FROM device_event x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller WHERE x.sequence = ?
          """), arguments: [signed(sequence)])
    guard let row else { return nil }
    guard let kind = DeviceEventKind(rawValue: row[6]), let phase = DeviceEventPhase(rawValue: row[7]) else {
      throw JournalError.unreadable(table: "device_event", sequence: sequence)
    }
    return Self(
      sequence: sequence, instant: MonotonicInstant(rawValue: row[0]), wall: WallTime(rawValue: row[1]),
      measuredAt: time(row[2]) ?? .unknown, device: DeviceID(rawValue: row[3]), patient: PatientID(rawValue: row[4]), controller: row[5],
      event: DeviceEvent(kind: kind, phase: phase, detail: row[8]))
  }
}

extension LocationRow {
  static func fetch(_ db: Database, _ sequence: UInt64) throws -> Self? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT e.wall, e.measured_at, e.device, e.patient, c.organisation_number, x.latitude_e7, x.longitude_e7, x.accuracy_metres
          FROM location_fix x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller WHERE x.sequence = ?
          """), arguments: [signed(sequence)]
    ).map { row in
      Self(
        sequence: sequence, wall: WallTime(rawValue: row[0]), measuredAt: time(row[1]) ?? .unknown, device: DeviceID(rawValue: row[2]),
        patient: PatientID(rawValue: row[3]), controller: row[4],
        fix: LocationFix(latitudeE7: row[5], longitudeE7: row[6], accuracyMetres: (row[7] as UInt32?) ?? LocationFix.accuracyUnknown))
    }
  }
}

extension ScoreRow {
  /// Nil when the outcome is no score, or is gone.
  static func fetch(_ db: Database, _ outcome: UInt64) throws -> Self? {
    guard let stored = try StoredOutcome.fetch(db, id: outcome) else { return nil }
    return try Self(db, stored)
  }

  init?(_ db: Database, _ stored: StoredOutcome) throws {
    try self.init(db, stored, patient: PatientRow.fetch(db, stored.outcome.patient))
  }

  /// - Parameter patient: whose score it is, as read already.
  init?(_ db: Database, _ stored: StoredOutcome, patient: PatientRow?) throws {
    guard case .scored(let score) = stored.outcome.payload else { return nil }
    let outcome = stored.outcome
    let controller =
      try patient?.controller
      ?? String.fetchOne(
        db, sql: "SELECT c.organisation_number FROM entry e JOIN controller c ON c.id = e.controller WHERE e.sequence = ?",
        arguments: [signed(outcome.cause)]) ?? ""
    self.init(
      outcome: stored.id, cause: outcome.cause, instant: outcome.instant, wall: outcome.wall, patient: outcome.patient,
      controller: controller, score: score)
  }
}

extension AlertRow {
  static let sql = """
    SELECT \(StoredOutcome.columns), c.organisation_number, a.first_wall, a.raised_wall, a.changed_wall, a.usefulness, a.patient, a.device
    FROM alert a JOIN outcome o ON o.id = a.last_outcome JOIN alert_transition t ON t.outcome = o.id
    LEFT JOIN score s ON s.outcome = o.id JOIN controller c ON c.id = a.controller
    """

  init(_ row: Row) throws {
    let at = StoredOutcome.columnCount
    let stored = try StoredOutcome(row)
    guard case .alert(let transition) = stored.outcome.payload else {
      throw JournalError.unreadable(table: "alert_transition", sequence: stored.id)
    }
    self.init(
      transition: transition, patient: PatientID(rawValue: row[at + 5]), device: DeviceID(rawValue: row[at + 6]), controller: row[at],
      firstWall: WallTime(rawValue: row[at + 1]), raisedWall: time(row[at + 2]), changedWall: WallTime(rawValue: row[at + 3]),
      changedInstant: stored.outcome.instant, usefulness: AlertUsefulness(rawValue: row[at + 4]) ?? .notStated,
      outcome: stored.id)
  }

  static func fetch(_ db: Database, _ id: AlertID) throws -> Self? {
    try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE a.id = ?"), arguments: [id.description]).map { try Self($0) }
  }
}

extension AlertTransitionRow {
  init?(_ db: Database, _ stored: StoredOutcome) throws {
    guard case .alert(let transition) = stored.outcome.payload else { return nil }
    let note = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT n.comment, n.cause, n.action FROM note n JOIN alert_command c ON c.sequence = n.sequence
          WHERE n.sequence = ? AND c.alert = ?
          """),
      arguments: [signed(stored.outcome.cause), transition.id.description]
    ).map { AlertNote(comment: $0[0], cause: $0[1], action: $0[2]) }
    let deliveries = try Row.fetchAll(
      db.cachedStatement(sql: "SELECT destination, settled, attempts, remote_id FROM delivery WHERE outcome = ? ORDER BY destination"),
      arguments: [signed(stored.id)]
    ).map { DeliveryRow(destination: $0[0], settled: WallTime(rawValue: $0[1]), attempts: $0[2], remoteID: $0[3]) }
    self.init(
      outcome: stored.id, cause: stored.outcome.cause, instant: stored.outcome.instant, wall: stored.outcome.wall,
      transition: transition, note: note, deliveries: deliveries)
  }
}
