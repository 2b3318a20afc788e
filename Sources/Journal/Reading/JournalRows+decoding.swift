// From database rows to the values of JournalRows.swift. Each type keeps its SQL and the reading of it together.

internal import Foundation
internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

private func time(_ value: Int64?) -> WallTime? { value.map(WallTime.init(rawValue:)) }

extension PatientRow {
  private static let patient = QuerySection<PatientColumn>("p")
  private static let controller = QuerySection<ControllerColumn>("c", from: patient.end)
  static let sql = """
    SELECT \(patient.list), \(controller.list) FROM patient p JOIN controller c ON c.id = p.controller
    """

  init(_ row: Row) throws {
    self.init(
      id: PatientID(rawValue: try row[Self.patient, .id]), name: try row[Self.patient, .displayName],
      nationalID: try row[Self.patient, .nationalId], controller: try row[Self.controller, .organisationNumber],
      started: WallTime(rawValue: try row[Self.patient, .started]), ended: time(try row[Self.patient, .ended]))
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

  init(_ row: Row) throws {
    self.init(
      id: DeviceID(rawValue: try row[Self.device, .id]), label: try row[Self.device, .label], profile: try row[Self.device, .profile],
      address: try row[Self.device, .address], serialNumber: try row[Self.device, .serialNumber], eui64: try row[Self.device, .eui64],
      controller: try row[Self.controller, .organisationNumber],
      liveness: DeviceLiveness(
        expectedIntervalSeconds: try row[Self.device, .expectedIntervalSeconds], isContinuous: try row[Self.device, .isContinuous],
        isSafetyAlarm: try row[Self.device, .isSafetyAlarm], abilities: DeviceAbilities(rawValue: try row[Self.device, .abilities])),
      added: WallTime(rawValue: try row[Self.device, .added]), removed: time(try row[Self.device, .removed]))
  }

  static func fetch(_ db: Database, _ id: DeviceID) throws -> Self? {
    if id == .none { return nil }
    return try Row.fetchOne(db.cachedStatement(sql: sql + " WHERE d.id = ?"), arguments: [Int64(id.rawValue)]).map(Self.init)
  }
}

extension PlanItemRow {
  init(_ row: Row) throws {
    let sequence = UInt64(bitPattern: try row[of: "sequence"] as Int64)
    guard let item = CarePlanItem(key: try row[of: "key"], text: try row[of: "value"]) else {
      throw JournalError.unreadable(table: "plan_item", sequence: sequence)
    }
    self.init(
      sequence: sequence, patient: PatientID(rawValue: try row[of: "patient"]), key: try row[of: "key"], item: item,
      author: ActorID(rawValue: try row[of: "author"]), reason: try row[of: "reason"], started: WallTime(rawValue: try row[of: "started"]),
      ended: time(try row[of: "ended"]))
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
    let sequence = UInt64(bitPattern: try row[entry, .sequence] as Int64)
    guard let unit = UCUMUnit(rawValue: try row[value, .unit]), let origin = ObservationOrigin(rawValue: try row[value, .origin]) else {
      throw JournalError.unreadable(table: "observation", sequence: sequence)
    }
    self.init(
      sequence: sequence, instant: MonotonicInstant(rawValue: try row[entry, .instant]), wall: WallTime(rawValue: try row[entry, .wall]),
      measuredAt: time(try row[entry, .measuredAt]) ?? .unknown,
      deviceTime: DeviceTime(civil: try row[Self.deviceTime, .civil], epoch: try row[Self.deviceTime, .epoch]),
      device: DeviceID(rawValue: try row[entry, .device]), patient: PatientID(rawValue: try row[entry, .patient]),
      controller: try row[Self.controller, .organisationNumber],
      observation: Observation(
        code: ObservationCode(rawValue: try row[value, .code]),
        value: Quantity(mantissa: try row[value, .mantissa], exponent: try row[value, .exponent]), unit: unit,
        quality: ObservationQuality(rawValue: try row[value, .quality]), origin: origin))
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
    return try rows.map {
      FrameMember(sequence: UInt64(bitPattern: try $0[of: "sequence"] as Int64), code: ObservationCode(rawValue: try $0[of: "code"]))
    }
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
    guard let kind = DeviceEventKind(rawValue: try row[of: "kind"]), let phase = DeviceEventPhase(rawValue: try row[of: "phase"]) else {
      throw JournalError.unreadable(table: "device_event", sequence: sequence)
    }
    return Self(
      sequence: sequence, instant: MonotonicInstant(rawValue: try row[of: "instant"]), wall: WallTime(rawValue: try row[of: "wall"]),
      measuredAt: time(try row[of: "measured_at"]) ?? .unknown, device: DeviceID(rawValue: try row[of: "device"]),
      patient: PatientID(rawValue: try row[of: "patient"]), controller: try row[of: "organisation_number"],
      event: DeviceEvent(kind: kind, phase: phase, detail: try row[of: "detail"]))
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
        sequence: sequence, wall: WallTime(rawValue: try row[of: "wall"]), measuredAt: time(try row[of: "measured_at"]) ?? .unknown,
        device: DeviceID(rawValue: try row[of: "device"]), patient: PatientID(rawValue: try row[of: "patient"]),
        controller: try row[of: "organisation_number"],
        fix: LocationFix(
          latitudeE7: try row[of: "latitude_e7"], longitudeE7: try row[of: "longitude_e7"],
          accuracyMetres: (try row[of: "accuracy_metres"] as UInt32?) ?? LocationFix.accuracyUnknown))
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
      transition: transition, patient: PatientID(rawValue: try row[alert, .patient]), device: DeviceID(rawValue: try row[alert, .device]),
      controller: try row[Self.controller, .organisationNumber], firstWall: WallTime(rawValue: try row[alert, .firstWall]),
      raisedWall: time(try row[alert, .raisedWall]), changedWall: WallTime(rawValue: try row[alert, .changedWall]),
      changedInstant: stored.outcome.instant, usefulness: AlertUsefulness(rawValue: try row[alert, .usefulness]) ?? .notStated,
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
    ).map { AlertNote(comment: try $0[of: "comment"], cause: try $0[of: "cause"], action: try $0[of: "action"]) }
    let deliveries = try Row.fetchAll(
      db.cachedStatement(sql: "SELECT destination, settled, attempts, remote_id FROM delivery WHERE outcome = ? ORDER BY destination"),
      arguments: [signed(stored.id)]
    ).map {
      DeliveryRow(
        destination: try $0[of: "destination"], settled: WallTime(rawValue: try $0[of: "settled"]), attempts: try $0[of: "attempts"],
        remoteID: try $0[of: "remote_id"])
    }
    self.init(
      outcome: stored.id, cause: stored.outcome.cause, instant: stored.outcome.instant, wall: stored.outcome.wall,
      transition: transition, note: note, deliveries: deliveries)
  }
}

extension GapRow {
  static let sql = "SELECT reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open FROM gap"

  init(_ row: Row) throws {
    self.init(
      reason: GapReason(rawValue: try row[of: "reason"]) ?? .unexplained, first: UInt64(bitPattern: try row[of: "first_sequence"] as Int64),
      last: UInt64(bitPattern: try row[of: "last_sequence"] as Int64), entries: try row[of: "entries"],
      from: WallTime(rawValue: try row[of: "wall_from"]),
      to: WallTime(rawValue: try row[of: "wall_to"]), isOpen: try row[of: "is_open"])
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
