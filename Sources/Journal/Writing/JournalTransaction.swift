// One transaction from group to rows. It works on a copy of the writer's state; when the transaction fails the copy is
// forgotten with it. Here: the order of things, shedding, entries. Outcomes, registry and outbox stand beside it.

internal import GRDB
internal import VitalSigns

/// A commit in progress. Lives inside the writer's queue for one transaction.
struct JournalTransaction {
  let db: Database
  let statements: WriterStatements
  var state: WriterState
  let sharing: CompiledSharing
  let configuration: JournalConfiguration
  let mode: CommitMode
  /// The time of rows that no entry times.
  let wall: WallTime
  var report = CommitReport()
  var shed = SequenceRange()
  /// The newest observation of each person and code that this group wrote; the table follows at its end.
  var latest: [PersonCode: Int64] = [:]
  var withheld: [WithheldKey: SequenceRange] = [:]
  var queued: [DestinationKind: Int64] = [:]
  var forwarded: [ForwardKey: SequenceRange] = [:]

  mutating func write(_ group: JournalGroup) throws {
    report.mode = mode
    let (outcomeCounter, outboxCounter, alertCounter) = (state.outcomeCounter, state.outboxCounter, state.alertCounter)
    let accessRows = state.access.rows
    for actor in group.actors {
      try run(
        "INSERT OR REPLACE INTO actor VALUES (?, ?, ?, ?)", [Int64(actor.id.rawValue), actor.account, actor.displayName, actor.role])
    }
    for outcome in group.outcomes[..<group.leadingOutcomes] where try place(outcome) { state.tail.insert(DecisionKey(outcome)) }
    var outcomesStart = group.leadingOutcomes
    for entry in group.entries {
      try write(entry, group.outcomes[outcomesStart..<entry.outcomesEnd])
      outcomesStart = entry.outcomesEnd
    }
    for record in group.receipts { try settle(record) }
    for retry in group.retries { try sendAgain(retry) }
    for frame in group.quarantined { try quarantine(frame) }
    for mark in group.deliveryMarks { try remember(mark) }
    for record in group.access { try state.access.append(record, db) }
    try closeGroup()
    if state.outcomeCounter != outcomeCounter { try run("UPDATE counter SET value = ? WHERE name = 'outcome'", [state.outcomeCounter]) }
    if state.alertCounter != alertCounter { try run("UPDATE counter SET value = ? WHERE name = 'alert'", [state.alertCounter]) }
    if state.outboxCounter != outboxCounter { try run("UPDATE counter SET value = ? WHERE name = 'outboxRow'", [state.outboxCounter]) }
    if state.access.rows != accessRows { try state.access.writeHead(db) }
    report.durableSequence = state.lastSequence
  }

  func run(_ sql: String, _ arguments: StatementArguments) throws {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  // MARK: Entries

  private mutating func write(_ item: JournalEntry, _ outcomes: ArraySlice<Outcome>) throws {
    let entry = item.entry
    guard entry.sequence > state.lastSequence else {
      // Written by an earlier commit, with its outcomes.
      report.entriesRepeated += 1
      return
    }
    if entry.sequence > state.lastSequence + 1 {
      // The intake gives sequences without gaps. Refusing would lose what comes after; so it is written, and told.
      report.sequenceJumped = true
      try run(
        """
        INSERT INTO gap (reason, first_sequence, last_sequence, entries, wall_from, wall_to, is_open)
        VALUES ('unexplained', ?, ?, ?, ?, ?, 0)
        """,
        [
          signed(state.lastSequence + 1), signed(entry.sequence - 1), signed(entry.sequence - state.lastSequence - 1),
          entry.wall.rawValue, entry.wall.rawValue,
        ])
    }
    state.lastSequence = entry.sequence
    state.lastInstant = max(state.lastInstant, entry.instant)
    state.lastWall = entry.wall
    if !state.tail.isEmpty { state.tail.removeAll() }
    if isShed(entry, outcomes) {
      shed.add(entry.sequence)
      report.entriesShed += 1
      return
    }
    report.entriesWritten += 1
    if let mark = item.mark { try remember(mark) }
    let controller = try register(item, outcomes)
    try insert(entry, controller: controller)
    if let attachment = item.attachment { try insert(attachment, entry) }
    try share(entry, controller: controller)
    for outcome in outcomes where try place(outcome) { state.tail.insert(DecisionKey(outcome)) }
  }

  /// Whether a sample is dropped in this mode. What a person did or entered, and what raised an alert, never is.
  private func isShed(_ entry: IntakeEntry, _ outcomes: ArraySlice<Outcome>) -> Bool {
    if mode == .everything { return false }
    switch entry.payload {
    case .registry, .command, .clock, .hubCondition: return false
    case .observation(let observation): if observation.origin != .device { return false }
    case .location: break
    case .event(let event):
      switch event.kind {
      case .heartbeat, .motion, .motionEnded, .online, .offline: break
      default: return false
      }
    }
    return !outcomes.contains { outcome in
      switch outcome.payload {
      case .alert: true
      case .scored: mode == .withoutRoutineSamples
      case .remark: false
      }
    }
  }

  /// Makes this observation the newest of its person and code; gives the one before it.
  private mutating func previous(_ entry: IntakeEntry, _ code: ObservationCode) throws -> Int64? {
    let key = PersonCode(patient: entry.patient, code: code)
    if let known = latest.updateValue(signed(entry.sequence), forKey: key) { return known }
    let row = statements.latest
    row.bind(1, key.patient.rawValue)
    row.bind(2, key.code.rawValue)
    guard try row.step() else { return nil }
    defer { row.reset() }
    return row.int(0)
  }

  private mutating func insert(_ entry: IntakeEntry, controller: Int64) throws {
    let header = statements.entry
    header.bind(1, signed(entry.sequence))
    header.bind(2, entry.instant.rawValue)
    header.bind(3, entry.wall.rawValue)
    header.bind(4, entry.measuredAt)
    header.bind(5, EntryKind(entry.payload).rawValue)
    header.bind(6, entry.device.rawValue)
    header.bind(7, entry.patient.rawValue)
    header.bind(8, controller)
    header.bind(9, signed(entry.attachment))
    header.bind(10, entry.moreFollows ? 1 : 0)
    try header.execute()
    let sequence = signed(entry.sequence)
    let patient = Int64(entry.patient.rawValue)
    switch entry.payload {
    case .observation(let observation):
      let row = statements.observation
      row.bind(1, sequence)
      if let previous = try previous(entry, observation.code) { row.bind(2, previous) } else { row.bindNull(2) }
      row.bind(3, observation.code.rawValue)
      row.bind(4, observation.value.mantissa)
      row.bind(5, observation.value.exponent)
      row.bind(6, observation.unit.rawValue)
      row.bind(7, observation.quality.rawValue)
      row.bind(8, observation.origin.rawValue)
      try row.execute()
    case .event(let event):
      let row = statements.event
      row.bind(1, sequence)
      row.bind(2, patient)
      row.bind(3, event.kind.rawValue)
      row.bind(4, event.phase.rawValue)
      row.bind(5, event.detail)
      try row.execute()
    case .location(let fix):
      let row = statements.location
      row.bind(1, sequence)
      row.bind(2, patient)
      row.bind(3, fix.latitudeE7)
      row.bind(4, fix.longitudeE7)
      if fix.accuracyMetres == LocationFix.accuracyUnknown { row.bindNull(5) } else { row.bind(5, fix.accuracyMetres) }
      try row.execute()
    case .registry(let change): try insert(change, sequence)
    case .command(let command):
      try run(
        "INSERT INTO alert_command VALUES (?, ?, ?, ?, ?, ?)",
        [
          sequence, command.alert.description, Int64(command.action.rawValue), Int64(command.actor.rawValue),
          Int64(command.usefulness.rawValue), command.standing.map { signed($0.row) },
        ])
    case .clock(let anchor): try run("INSERT INTO clock_anchor VALUES (?, ?)", [sequence, Int64(anchor.utcOffsetSeconds)])
    case .hubCondition(let condition):
      try run(
        "INSERT INTO hub_condition VALUES (?, ?, ?, ?)",
        [sequence, Int64(condition.rule.rawValue), condition.holds ? 1 : 0, Int64(condition.subject)])
    }
  }

  private func insert(_ change: RegistryChange, _ sequence: Int64) throws {
    var liveness: DeviceLiveness?
    var item: CarePlanItem?
    if case .deviceAdded(let value) = change { liveness = value }
    if case .planItem(let value) = change { item = value }
    try run(
      "INSERT INTO registry_change VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      [
        sequence, RegistryChangeKind(change).rawValue, liveness.map { Int64($0.expectedIntervalSeconds) },
        liveness.map { $0.isContinuous ? 1 : 0 }, liveness.map { $0.isSafetyAlarm ? 1 : 0 }, item?.key, item?.text,
        liveness.map { Int64($0.abilities.rawValue) },
      ])
  }

  private func insert(_ attachment: Attachment, _ entry: IntakeEntry) throws {
    switch attachment.content {
    case .note(let note):
      try run(
        "INSERT INTO note VALUES (?, ?, ?, ?, ?)",
        [signed(entry.sequence), Int64(attachment.actor.rawValue), note.comment, note.cause, note.action])
    case .deviceTime(.local(let civil)):
      try run("INSERT INTO device_time VALUES (?, ?, NULL)", [signed(entry.sequence), civil.description])
    case .deviceTime(.epoch(let time)):
      try run("INSERT INTO device_time VALUES (?, NULL, ?)", [signed(entry.sequence), time.rawValue])
    case .none, .patient, .device, .deviceTime(.none): break
    }
  }
}

/// A bit pattern as SQLite keeps it. Sequences stay far below 2^63; salts and tokens need all bits.
func signed(_ value: UInt64) -> Int64 { Int64(bitPattern: value) }

/// Whose observations of what.
struct PersonCode: Hashable {
  var patient: PatientID
  var code: ObservationCode
}

/// A count of sequences between two ends.
struct SequenceRange {
  var first: UInt64 = 0
  var last: UInt64 = 0
  var count: Int64 = 0

  mutating func add(_ sequence: UInt64) {
    if count == 0 { first = sequence }
    first = min(first, sequence)
    last = max(last, sequence)
    count += 1
  }
}

extension EntryKind {
  init(_ payload: IntakePayload) {
    switch payload {
    case .observation: self = .observation
    case .event: self = .event
    case .location: self = .location
    case .registry: self = .registry
    case .command: self = .command
    case .clock: self = .clock
    case .hubCondition: self = .hubCondition
    }
  }
}

extension RegistryChangeKind {
  init(_ change: RegistryChange) {
    switch change {
    case .patientAdded: self = .patientAdded
    case .patientEnded: self = .patientEnded
    case .deviceAdded: self = .deviceAdded
    case .deviceRemoved: self = .deviceRemoved
    case .deviceAssigned: self = .deviceAssigned
    case .deviceReleased: self = .deviceReleased
    case .planItem: self = .planItem
    }
  }
}
