// Entries in their order, read as a merge: the header table and each kind's table are walked once, side by side, so that
// a replay of a million entries costs no look-ups.

internal import GRDB
internal import VitalSigns

/// A walk over the entries after a sequence. Used inside one access to the connection.
struct EntryStream {
  private let headers: PreparedStatement
  private let contents: [EntryKind: PreparedStatement]

  init(_ db: Database, after sequence: UInt64) throws {
    try self.init(db, condition: "> ?", sequence)
  }

  private init(_ db: Database, condition: String, _ sequence: UInt64) throws {
    func walk(_ table: String, _ columns: String) throws -> PreparedStatement {
      let statement = try PreparedStatement(db, "SELECT sequence, \(columns) FROM \(table) WHERE sequence \(condition) ORDER BY sequence")
      statement.bind(1, signed(sequence))
      return statement
    }
    headers = try walk("entry", "instant, wall, measured_at, kind, device, patient, attachment, more_follows")
    contents = [
      .observation: try walk("observation", "code, mantissa, exponent, unit, quality, origin"),
      .event: try walk("device_event", "kind, phase, detail"),
      .location: try walk("location_fix", "latitude_e7, longitude_e7, accuracy_metres"),
      .registry: try walk(
        "registry_change", "change, expected_interval_seconds, is_continuous, is_safety_alarm, plan_key, plan_value, abilities"),
      .command: try walk(
        "alert_command c LEFT JOIN alert_transition t ON t.outcome = c.standing",
        """
        c.alert, c.action, c.actor, c.usefulness, c.standing, t.first_cause, t.raised_at, t.value, t.bound, coalesce(t.upper, t.value),
        t.subject, t.revision, t.rule, t.priority, t.state, t.level
        """),
      .clock: try walk("clock_anchor", "utc_offset_seconds"),
      .hubCondition: try walk("hub_condition", "rule, holds, subject"),
    ]
  }

  /// One entry by its sequence; nil when it was shed, purged or never was.
  static func entry(_ db: Database, _ sequence: UInt64) throws -> IntakeEntry? {
    let stream = try EntryStream(db, condition: "= ?", sequence)
    return try stream.next()
  }

  func next() throws -> IntakeEntry? {
    guard try headers.step() else { return nil }
    let sequence = UInt64(bitPattern: headers.int(0))
    guard let kind = EntryKind(rawValue: headers.int(4)), let content = contents[kind] else {
      throw JournalError.unreadable(table: "entry", sequence: sequence)
    }
    // Each kind's table has exactly the entries of that kind, in the same order.
    guard try content.step(), content.int(0) == headers.int(0), let payload = Self.payload(kind, content) else {
      throw JournalError.unreadable(table: "\(kind)", sequence: sequence)
    }
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: headers.int(1)), wall: WallTime(rawValue: headers.int(2)),
      measuredAt: headers.optionalInt(3).map(WallTime.init(rawValue:)) ?? .unknown,
      device: DeviceID(rawValue: UInt32(truncatingIfNeeded: headers.int(5))),
      patient: PatientID(rawValue: UInt32(truncatingIfNeeded: headers.int(6))), attachment: UInt64(bitPattern: headers.int(7)),
      moreFollows: headers.int(8) != 0, payload: payload)
    entry.sequence = sequence
    return entry
  }

  private static func payload(_ kind: EntryKind, _ row: PreparedStatement) -> IntakePayload? {
    switch kind {
    case .observation:
      guard let unit = UCUMUnit(rawValue: row.number(4)), let origin = ObservationOrigin(rawValue: row.number(6)) else { return nil }
      return .observation(
        Observation(
          code: ObservationCode(rawValue: row.number(1)), value: Quantity(mantissa: row.int(2), exponent: row.number(3)), unit: unit,
          quality: ObservationQuality(rawValue: row.number(5)), origin: origin))
    case .event:
      guard let event = DeviceEventKind(rawValue: row.number(1)), let phase = DeviceEventPhase(rawValue: row.number(2)) else { return nil }
      return .event(DeviceEvent(kind: event, phase: phase, detail: row.number(3)))
    case .location:
      return .location(
        LocationFix(
          latitudeE7: row.number(1), longitudeE7: row.number(2),
          accuracyMetres: row.isNull(3) ? LocationFix.accuracyUnknown : row.number(3)))
    case .registry: return change(row).map(IntakePayload.registry)
    case .command:
      guard let alert = AlertID(text: row.text(1)), let action = AlertAction(rawValue: row.number(2)),
        let usefulness = AlertUsefulness(rawValue: row.number(4))
      else { return nil }
      return .command(
        AlertCommand(
          alert: alert, action: action, actor: ActorID(rawValue: row.number(3)), usefulness: usefulness, standing: standing(row, alert)))
    case .clock: return .clock(ClockAnchor(utcOffsetSeconds: row.number(1)))
    case .hubCondition:
      guard let rule = AlertRule(rawValue: row.number(1)) else { return nil }
      return .hubCondition(HubCondition(rule: rule, holds: row.int(2) != 0, subject: row.number(3)))
    }
  }

  /// Nil when the command names none, or its transition is not there.
  private static func standing(_ row: PreparedStatement, _ alert: AlertID) -> AlertStanding? {
    guard !row.isNull(5), let rule = AlertRule(rawValue: row.number(13)), let priority = AlertPriority(rawValue: row.number(14)),
      let state = AlertState(rawValue: row.number(15))
    else { return nil }
    let transition = AlertTransition(
      id: alert, rule: rule, priority: priority, state: state, previous: state, kind: .raised, level: row.number(16), deadline: .never,
      firstCause: UInt64(bitPattern: row.int(6)), raisedAt: MonotonicInstant(rawValue: row.int(7)), value: row.number(8),
      limit: row.number(9), subject: row.number(11), actor: .hub, revision: row.number(12), upper: row.number(10))
    return AlertStanding(transition, row: UInt64(bitPattern: row.int(5)))
  }

  private static func change(_ row: PreparedStatement) -> RegistryChange? {
    switch RegistryChangeKind(rawValue: row.int(1)) {
    case .patientAdded: return .patientAdded
    case .patientEnded: return .patientEnded
    case .deviceAdded:
      return .deviceAdded(
        DeviceLiveness(
          expectedIntervalSeconds: row.number(2), isContinuous: row.int(3) != 0, isSafetyAlarm: row.int(4) != 0,
          abilities: DeviceAbilities(rawValue: row.number(7))))
    case .deviceRemoved: return .deviceRemoved
    case .deviceAssigned: return .deviceAssigned
    case .deviceReleased: return .deviceReleased
    case .planItem: return CarePlanItem(key: row.text(5), text: row.text(6)).map(RegistryChange.planItem)
    case nil: return nil
    }
  }
}

extension PreparedStatement {
  /// A column as the narrow number that was written there.
  fileprivate func number<T: FixedWidthInteger>(_ column: Int32) -> T { T(truncatingIfNeeded: int(column)) }
}
