// Entries in their order, read as a merge: the header table and each kind's table are walked once, side by side, so that
// a replay of a million entries costs no look-ups.

internal import GRDB
internal import JournalFiles
internal import JournalValues
internal import VitalSigns

/// A walk over the entries after a sequence. Used inside one access to the connection.
struct EntryStream {
  private let walk: Walk
  private let headers: RowStatement<EntryColumn>
  private var observations: RowStatement<ObservationColumn>?
  private var events: RowStatement<EventColumn>?
  private var locations: RowStatement<LocationColumn>?
  private var changes: RowStatement<RegistryChangeColumn>?
  private var commands: RowStatement<SeenCommandColumn>?
  private var clocks: RowStatement<ClockColumn>?
  private var conditions: RowStatement<HubConditionColumn>?

  init(_ db: Database, after sequence: UInt64) throws {
    try self.init(Walk(db: db, condition: "> ?", sequence: sequence))
  }

  private init(_ walk: Walk) throws {
    self.walk = walk
    headers = try walk.begin("entry")
  }

  /// One entry by its sequence; nil when it was shed, purged or never was.
  static func entry(_ db: Database, _ sequence: UInt64) throws -> IntakeEntry? {
    var stream = try EntryStream(Walk(db: db, condition: "= ?", sequence: sequence, isShared: true))
    defer { stream.reset() }
    return try stream.next()
  }

  /// Gives the statements back.
  private func reset() {
    headers.reset()
    observations?.reset()
    events?.reset()
    locations?.reset()
    changes?.reset()
    commands?.reset()
    clocks?.reset()
    conditions?.reset()
  }

  mutating func next() throws -> IntakeEntry? {
    guard try headers.step() else { return nil }
    let sequence = UInt64(bitPattern: headers.int(.sequence))
    guard let kind = EntryKind(rawValue: headers.int(.kind)) else {
      throw JournalError.unreadable(table: "entry", sequence: sequence)
    }
    guard let payload = try payload(kind, headers.int(.sequence)) else {
      throw JournalError.unreadable(table: "\(kind)", sequence: sequence)
    }
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: headers.int(.instant)), wall: WallTime(rawValue: headers.int(.wall)),
      measuredAt: headers.optionalInt(.measuredAt).map(WallTime.init(rawValue:)) ?? .unknown,
      device: DeviceID(rawValue: headers.number(.device)), patient: PatientID(rawValue: headers.number(.patient)),
      attachment: UInt64(bitPattern: headers.int(.attachment)), moreFollows: headers.int(.moreFollows) != 0, payload: payload)
    entry.sequence = sequence
    return entry
  }

  /// The content of the entry; nil when it is not there, or holds what this version cannot have written.
  private mutating func payload(_ kind: EntryKind, _ sequence: Int64) throws -> IntakePayload? {
    switch kind {
    case .observation:
      return try walk.row(of: "observation", &observations, .sequence, sequence).flatMap(Self.observation).map(IntakePayload.observation)
    case .event: return try walk.row(of: "device_event", &events, .sequence, sequence).flatMap(Self.event).map(IntakePayload.event)
    case .location: return try walk.row(of: "location_fix", &locations, .sequence, sequence).map { .location(Self.fix($0)) }
    case .registry:
      return try walk.row(of: "registry_change", &changes, .sequence, sequence).flatMap(Self.change).map(IntakePayload.registry)
    case .command:
      return try walk.row(of: SeenCommandColumn.query, &commands, .sequence, sequence).flatMap(Self.command).map(IntakePayload.command)
    case .clock:
      return try walk.row(of: "clock_anchor", &clocks, .sequence, sequence).map {
        .clock(
          AbsenceEnd.anchor(
            utcOffsetSeconds: $0.number(.utcOffsetSeconds), number: $0.int(.beginsRun), idEpoch: $0.number(.idEpoch)))
      }
    case .hubCondition:
      return try walk.row(of: "hub_condition", &conditions, .sequence, sequence).flatMap { row in
        AlertRule(rawValue: row.number(.rule)).map {
          .hubCondition(HubCondition(rule: $0, holds: row.int(.holds) != 0, subject: row.number(.subject)))
        }
      }
    }
  }

  private static func observation(_ row: RowStatement<ObservationColumn>) -> Observation? {
    guard let unit = UCUMUnit(rawValue: row.number(.unit)), let origin = ObservationOrigin(rawValue: row.number(.origin)) else {
      return nil
    }
    return Observation(
      code: ObservationCode(rawValue: row.number(.code)),
      value: Quantity(mantissa: row.int(.mantissa), exponent: row.number(.exponent)), unit: unit,
      quality: ObservationQuality(rawValue: row.number(.quality)), origin: origin)
  }

  private static func event(_ row: RowStatement<EventColumn>) -> DeviceEvent? {
    guard let kind = DeviceEventKind(rawValue: row.number(.kind)), let phase = DeviceEventPhase(rawValue: row.number(.phase)) else {
      return nil
    }
    return DeviceEvent(kind: kind, phase: phase, detail: row.number(.detail))
  }

  private static func fix(_ row: RowStatement<LocationColumn>) -> LocationFix {
    LocationFix(
      latitudeE7: row.number(.latitudeE7), longitudeE7: row.number(.longitudeE7),
      accuracyMetres: row.isNull(.accuracyMetres) ? LocationFix.accuracyUnknown : row.number(.accuracyMetres))
  }

  private static func change(_ row: RowStatement<RegistryChangeColumn>) -> RegistryChange? {
    switch RegistryChangeKind(rawValue: row.int(.change)) {
    case .patientAdded: return .patientAdded
    case .patientEnded: return .patientEnded
    case .deviceAdded:
      return .deviceAdded(
        DeviceLiveness(
          expectedIntervalSeconds: row.number(.expectedIntervalSeconds), isContinuous: row.int(.isContinuous) != 0,
          isSafetyAlarm: row.int(.isSafetyAlarm) != 0, abilities: DeviceAbilities(rawValue: row.number(.abilities))))
    case .deviceRemoved: return .deviceRemoved
    case .deviceAssigned: return .deviceAssigned
    case .deviceReleased: return .deviceReleased
    case .planItem: return CarePlanItem(key: row.text(.planKey), text: row.text(.planValue)).map(RegistryChange.planItem)
    case .recordChanged:
      return .recordChanged(NEWS2Eligibility(fromDay: row.number(.news2FromDay), isPregnant: row.int(.isPregnant) != 0))
    case nil: return nil
    }
  }

  private static func command(_ row: RowStatement<SeenCommandColumn>) -> AlertCommand? {
    guard let alert = AlertID(text: row.text(.alert)), let action = AlertAction(rawValue: row.number(.action)),
      let usefulness = AlertUsefulness(rawValue: row.number(.usefulness))
    else { return nil }
    return AlertCommand(
      alert: alert, action: action, actor: ActorID(rawValue: row.number(.actor)), usefulness: usefulness, standing: standing(row, alert))
  }

  /// Nil when the command names none, or its transition is not there.
  private static func standing(_ row: RowStatement<SeenCommandColumn>, _ alert: AlertID) -> AlertStanding? {
    guard !row.isNull(.standing), let rule = AlertRule(rawValue: row.number(.rule)),
      let priority = AlertPriority(rawValue: row.number(.priority)), let state = AlertState(rawValue: row.number(.state))
    else { return nil }
    let transition = AlertTransition(
      id: alert, rule: rule, priority: priority, state: state, previous: state, kind: .raised, level: row.number(.level),
      deadline: .never, firstCause: UInt64(bitPattern: row.int(.firstCause)), raisedAt: MonotonicInstant(rawValue: row.int(.raisedAt)),
      value: row.number(.value), limit: row.number(.bound), subject: row.number(.subject), actor: .hub, revision: row.number(.revision),
      upper: row.number(.upper))
    return AlertStanding(transition, row: UInt64(bitPattern: row.int(.standing)))
  }
}

/// Where a walk begins. Each table's statement is made when the first entry of its kind is met.
private struct Walk {
  let db: Database
  /// After `sequence`.
  let condition: String
  let sequence: UInt64
  /// The connection keeps the statements: for a walk that is over before another begins.
  var isShared = false

  func begin<Column: SQLColumn>(_ table: String) throws -> RowStatement<Column> {
    let statement = try RowStatement<Column>(db, isShared: isShared) {
      "SELECT \($0) FROM \(table) WHERE sequence \(condition) ORDER BY sequence"
    }
    statement.bind(1, signed(sequence))
    return statement
  }

  /// The next row of a kind's table. Each kind's table has exactly the entries of that kind, in the same order: nil when this one has not.
  func row<Column: SQLColumn>(
    of table: String, _ known: inout RowStatement<Column>?, _ key: Column, _ expected: Int64
  ) throws -> RowStatement<Column>? {
    let statement: RowStatement<Column> = try known ?? begin(table)
    known = statement
    return try statement.step() && statement.int(key) == expected ? statement : nil
  }
}

/// A command, with the transition that the person saw who gave it.
private enum SeenCommandColumn: Int, SQLColumn {
  case sequence, alert, action, actor, usefulness, standing
  case firstCause, raisedAt, value, bound, upper, subject, revision, rule, priority, state, level

  static let query = """
    (SELECT c.sequence AS sequence, c.alert AS alert, c.action AS action, c.actor AS actor, c.usefulness AS usefulness,
      c.standing AS standing, t.first_cause AS first_cause, t.raised_at AS raised_at, t.value AS value, t.bound AS bound,
      coalesce(t.upper, t.value) AS upper, t.subject AS subject, t.revision AS revision, t.rule AS rule, t.priority AS priority,
      t.state AS state, t.level AS level
    FROM alert_command c LEFT JOIN alert_transition t ON t.outcome = c.standing)
    """
}
