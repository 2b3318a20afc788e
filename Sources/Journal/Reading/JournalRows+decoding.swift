// From database rows to the values of JournalRows.swift. Each type keeps its SQL and the reading of it together.

internal import Foundation
internal import GRDB
internal import JournalFiles
internal import JournalValues
internal import VitalSigns

private func time(_ value: Int64?) -> WallTime? { value.map(WallTime.init(rawValue:)) }

extension PatientRow {
  private static let patient = QuerySection<PatientColumn>("p")
  private static let controller = QuerySection<ControllerColumn>("c", from: patient.end)
  static let sql = """
    SELECT \(patient.list), \(controller.list) FROM patient p JOIN controller c ON c.id = p.controller
    """

  init(_ row: Row) {
    self.init(
      id: PatientID(rawValue: row[Self.patient, .id]), name: row[Self.patient, .displayName],
      nationalID: row[Self.patient, .nationalId], controller: row[Self.controller, .organisationNumber],
      started: WallTime(rawValue: row[Self.patient, .started]), ended: time(row[Self.patient, .ended]))
  }

  static func fetch(_ db: Database, _ id: PatientID) throws -> Self? {
    if id == .none { return nil }
    return try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE p.id = ?"), arguments: [Int64(id.rawValue)]).map(Self.init)
  }
}

extension DeviceRow {
  private static let device = QuerySection<DeviceColumn>("d")
  private static let controller = QuerySection<ControllerColumn>("c", from: device.end)
  static let sql = """
    SELECT \(device.list), \(controller.list) FROM device d JOIN controller c ON c.id = d.controller
    """

  init(_ row: Row) {
    self.init(
      id: DeviceID(rawValue: row[Self.device, .id]), label: row[Self.device, .label], profile: row[Self.device, .profile],
      address: row[Self.device, .address], serialNumber: row[Self.device, .serialNumber], eui64: row[Self.device, .eui64],
      controller: row[Self.controller, .organisationNumber],
      liveness: DeviceLiveness(
        expectedIntervalSeconds: row[Self.device, .expectedIntervalSeconds], isContinuous: row[Self.device, .isContinuous],
        isSafetyAlarm: row[Self.device, .isSafetyAlarm], abilities: DeviceAbilities(rawValue: row[Self.device, .abilities])),
      added: WallTime(rawValue: row[Self.device, .added]), removed: time(row[Self.device, .removed]))
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
  private static let entry = QuerySection<EntryColumn>("e", placing: .wall)
  private static let value = QuerySection<ObservationColumn>("x", from: entry.end)
  private static let controller = QuerySection<ControllerColumn>("c", from: value.end)
  private static let deviceTime = QuerySection<DeviceTimeColumn>("t", from: controller.end)
  static let sql = """
    SELECT \(entry.list), \(value.list), \(controller.list), \(deviceTime.list)
    FROM observation x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller
    LEFT JOIN device_time t ON t.sequence = x.sequence
    """

  init(_ row: Row) throws {
    let (entry, value) = (Self.entry, Self.value)
    let sequence = UInt64(bitPattern: row[entry, .sequence] as Int64)
    guard let unit = UCUMUnit(rawValue: row[value, .unit]), let origin = ObservationOrigin(rawValue: row[value, .origin]) else {
      throw JournalError.unreadable(table: "observation", sequence: sequence)
    }
    self.init(
      sequence: sequence, instant: MonotonicInstant(rawValue: row[entry, .instant]), wall: WallTime(rawValue: row[entry, .wall]),
      measuredAt: time(row[entry, .measuredAt]) ?? .unknown,
      deviceTime: DeviceTime(civil: row[Self.deviceTime, .civil], epoch: row[Self.deviceTime, .epoch]),
      device: DeviceID(rawValue: row[entry, .device]), patient: PatientID(rawValue: row[entry, .patient]),
      controller: row[Self.controller, .organisationNumber],
      observation: Observation(
        code: ObservationCode(rawValue: row[value, .code]),
        value: Quantity(mantissa: row[value, .mantissa], exponent: row[value, .exponent]), unit: unit,
        quality: ObservationQuality(rawValue: row[value, .quality]), origin: origin))
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
    return rows.map { FrameMember(sequence: UInt64(bitPattern: $0["sequence"] as Int64), code: ObservationCode(rawValue: $0["code"])) }
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
          SELECT e.instant, \(PlacedTime.wall("e", instant: "e.instant")) AS wall, e.measured_at, e.device, e.patient,
            c.organisation_number, x.kind, x.phase, x.detail
          FROM device_event x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller WHERE x.sequence = ?
          """), arguments: [signed(sequence)])
    guard let row else { return nil }
    guard let kind = DeviceEventKind(rawValue: row["kind"]), let phase = DeviceEventPhase(rawValue: row["phase"]) else {
      throw JournalError.unreadable(table: "device_event", sequence: sequence)
    }
    return Self(
      sequence: sequence, instant: MonotonicInstant(rawValue: row["instant"]), wall: WallTime(rawValue: row["wall"]),
      measuredAt: time(row["measured_at"]) ?? .unknown, device: DeviceID(rawValue: row["device"]),
      patient: PatientID(rawValue: row["patient"]), controller: row["organisation_number"],
      event: DeviceEvent(kind: kind, phase: phase, detail: row["detail"]))
  }
}

extension LocationRow {
  static func fetch(_ db: Database, _ sequence: UInt64) throws -> Self? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT \(PlacedTime.wall("e", instant: "e.instant")) AS wall, e.measured_at, e.device, e.patient, c.organisation_number,
            x.latitude_e7, x.longitude_e7, x.accuracy_metres
          FROM location_fix x JOIN entry e ON e.sequence = x.sequence JOIN controller c ON c.id = e.controller WHERE x.sequence = ?
          """), arguments: [signed(sequence)]
    ).map { row in
      Self(
        sequence: sequence, wall: WallTime(rawValue: row["wall"]), measuredAt: time(row["measured_at"]) ?? .unknown,
        device: DeviceID(rawValue: row["device"]), patient: PatientID(rawValue: row["patient"]), controller: row["organisation_number"],
        fix: LocationFix(
          latitudeE7: row["latitude_e7"], longitudeE7: row["longitude_e7"],
          accuracyMetres: (row["accuracy_metres"] as UInt32?) ?? LocationFix.accuracyUnknown))
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
  /// The times of `alert` have no instants of their own: those of its latest transition place them.
  private static let alert = QuerySection<AlertColumn>(
    columns: AlertColumn.allCases.map { column in
      switch column {
      case .firstWall: PlacedTime.wall("a", wall: column.name, instant: "t.raised_at")
      case .raisedWall: "CASE WHEN a.raised_wall IS NOT NULL THEN \(PlacedTime.wall("a", wall: column.name, instant: "t.raised_at")) END"
      case .changedWall: PlacedTime.wall("a", wall: column.name, instant: "o.instant")
      default: "a.\(column.name)"
      }
    }, from: StoredOutcome.columnsEnd)
  private static let controller = QuerySection<ControllerColumn>("c", from: alert.end)
  static let sql = """
    SELECT \(StoredOutcome.columns), \(alert.list), \(controller.list)
    FROM alert a JOIN outcome o ON o.id = a.last_outcome JOIN alert_transition t ON t.outcome = o.id
    LEFT JOIN score s ON s.outcome = o.id JOIN controller c ON c.id = a.controller
    """

  init(_ row: Row) throws {
    let stored = try StoredOutcome(row)
    guard case .alert(let transition) = stored.outcome.payload else {
      throw JournalError.unreadable(table: "alert_transition", sequence: stored.id)
    }
    let alert = Self.alert
    self.init(
      transition: transition, patient: PatientID(rawValue: row[alert, .patient]), device: DeviceID(rawValue: row[alert, .device]),
      controller: row[Self.controller, .organisationNumber], firstWall: WallTime(rawValue: row[alert, .firstWall]),
      raisedWall: time(row[alert, .raisedWall]), changedWall: WallTime(rawValue: row[alert, .changedWall]),
      changedInstant: stored.outcome.instant, usefulness: AlertUsefulness(rawValue: row[alert, .usefulness]) ?? .notStated,
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
    ).map { AlertNote(comment: $0["comment"], cause: $0["cause"], action: $0["action"]) }
    let deliveries = try Row.fetchAll(
      db.cachedStatement(sql: "SELECT destination, settled, attempts, remote_id FROM delivery WHERE outcome = ? ORDER BY destination"),
      arguments: [signed(stored.id)]
    ).map {
      DeliveryRow(
        destination: $0["destination"], settled: WallTime(rawValue: $0["settled"]), attempts: $0["attempts"], remoteID: $0["remote_id"])
    }
    self.init(
      outcome: stored.id, cause: stored.outcome.cause, instant: stored.outcome.instant, wall: stored.outcome.wall,
      transition: transition, note: note, deliveries: deliveries)
  }
}

extension GapRow {
  static let sql = "SELECT reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open FROM gap"

  init(_ row: Row) {
    self.init(
      reason: GapReason(rawValue: row["reason"]) ?? .unexplained, first: UInt64(bitPattern: row["first_sequence"] as Int64),
      last: UInt64(bitPattern: row["last_sequence"] as Int64), entries: row["entries"], from: WallTime(rawValue: row["wall_from"]),
      to: WallTime(rawValue: row["wall_to"]), isOpen: row["is_open"])
  }
}

extension Database {
  func insert(_ gap: GapRow) throws {
    try insert(
      into: "gap",
      [
        "reason": gap.reason.rawValue, "first_sequence": signed(gap.first), "last_sequence": signed(gap.last), "entries": gap.entries,
        "wall_from": gap.from.rawValue, "wall_to": gap.to.rawValue, "is_open": gap.isOpen,
      ])
  }
}
