// One transaction from group to rows. It works on a copy of the writer's state; when the transaction fails the copy is
// forgotten with it. Here: the order of things, shedding, entries. Outcomes and edge stand beside it, registry
// and outbox in rooms of their own.

internal import GRDB
internal import JournalFiles
import JournalValues
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
  var withheld: [WithheldKey: SequenceRange] = [:]
  var queued: [DestinationKind: Int64] = [:]
  var forwarded: [ForwardKey: SequenceRange] = [:]

  mutating func write(_ group: JournalGroup) throws {
    report.mode = mode
    let (outcomeCounter, outboxCounter, alertCounter) = (state.outcomeCounter, state.outboxCounter, state.alertCounter)
    let accessRows = state.access.rows
    for actor in group.actors {
      try db.insert(
        into: "actor",
        ["id": actor.id.rawValue, "account": actor.account, "display_name": actor.displayName, "role": actor.role], .replace)
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
    try writeGap()
    try closeSharing()
    try closeReceipts()
    if state.outcomeCounter != outcomeCounter { try set(.outcome, state.outcomeCounter) }
    if state.alertCounter != alertCounter { try set(.alert, state.alertCounter) }
    if state.outboxCounter != outboxCounter { try set(.outboxRow, state.outboxCounter) }
    if state.access.rows != accessRows { try state.access.writeHead(db) }
    report.durableSequence = state.lastSequence
  }

  /// Who needs what retention could take.
  var needs: RetentionNeeds { RetentionNeeds(db: db) }

  func run(_ sql: String, _ arguments: StatementArguments) throws {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  func set(_ counter: JournalCounter, _ value: Int64) throws {
    let row = statements.counter
    row.bind(1, value)
    row.bind(2, counter.rawValue)
    try row.execute()
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
      try db.insert(
        GapRow(
          reason: .unexplained, first: state.lastSequence + 1, last: entry.sequence - 1,
          entries: Int(clamping: entry.sequence - state.lastSequence - 1), from: entry.wall, to: entry.wall, isOpen: false))
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

  private func insert(_ entry: IntakeEntry, controller: Int64) throws {
    let header = statements.entry
    header.bind(.sequence, entry.sequence)
    header.bind(.instant, entry.instant.rawValue)
    header.bind(.wall, entry.wall.rawValue)
    header.bind(.measuredAt, ifKnown: entry.measuredAt)
    header.bind(.kind, EntryKind(entry.payload).rawValue)
    header.bind(.device, entry.device.rawValue)
    header.bind(.patient, entry.patient.rawValue)
    header.bind(.controller, controller)
    header.bind(.attachment, entry.attachment)
    header.bind(.moreFollows, entry.moreFollows ? 1 : 0)
    try header.execute()
    let sequence = signed(entry.sequence)
    switch entry.payload {
    case .observation(let observation): try insert(observation, sequence)
    case .event(let event):
      let row = statements.event
      row.bind(.sequence, sequence)
      row.bind(.patient, entry.patient.rawValue)
      row.bind(.kind, event.kind.rawValue)
      row.bind(.phase, event.phase.rawValue)
      row.bind(.detail, event.detail)
      try row.execute()
    case .location(let fix):
      let row = statements.location
      row.bind(.sequence, sequence)
      row.bind(.patient, entry.patient.rawValue)
      row.bind(.latitudeE7, fix.latitudeE7)
      row.bind(.longitudeE7, fix.longitudeE7)
      row.bind(.accuracyMetres, ifAny: fix.accuracyMetres == LocationFix.accuracyUnknown ? nil : fix.accuracyMetres)
      try row.execute()
    case .registry(let change): try insert(change, sequence)
    case .command(let command):
      try db.insert(
        into: "alert_command",
        [
          "sequence": sequence, "alert": command.alert.description, "action": command.action.rawValue,
          "actor": command.actor.rawValue, "usefulness": command.usefulness.rawValue, "standing": command.standing.map { signed($0.row) },
        ])
    case .clock(let anchor):
      try db.insert(
        into: "clock_anchor",
        [
          "sequence": sequence, "utc_offset_seconds": anchor.utcOffsetSeconds, "begins_run": AbsenceEnd.number(of: anchor),
          "id_epoch": anchor.idEpoch,
        ])
    case .hubCondition(let condition):
      try db.insert(
        into: "hub_condition",
        ["sequence": sequence, "rule": condition.rule.rawValue, "holds": condition.holds, "subject": condition.subject])
    }
  }

  private func insert(_ observation: Observation, _ sequence: Int64) throws {
    let row = statements.observation
    row.bind(.sequence, sequence)
    row.bind(.code, observation.code.rawValue)
    row.bind(.mantissa, observation.value.mantissa)
    row.bind(.exponent, observation.value.exponent)
    row.bind(.unit, observation.unit.rawValue)
    row.bind(.quality, observation.quality.rawValue)
    row.bind(.origin, observation.origin.rawValue)
    try row.execute()
  }

  private func insert(_ change: RegistryChange, _ sequence: Int64) throws {
    var liveness: DeviceLiveness?
    var item: CarePlanItem?
    if case .deviceAdded(let value) = change { liveness = value }
    if case .planItem(let value) = change { item = value }
    var eligibility: NEWS2Eligibility?
    if case .recordChanged(let value) = change { eligibility = value }
    try db.insert(
      into: "registry_change",
      [
        "sequence": sequence, "change": RegistryChangeKind(change).rawValue,
        "expected_interval_seconds": liveness?.expectedIntervalSeconds, "is_continuous": liveness?.isContinuous,
        "is_safety_alarm": liveness?.isSafetyAlarm, "plan_key": item?.key, "plan_value": item?.text,
        "abilities": liveness?.abilities.rawValue, "news2_from_day": eligibility?.fromDay, "is_pregnant": eligibility?.isPregnant,
      ])
  }

  private func insert(_ attachment: Attachment, _ entry: IntakeEntry) throws {
    let sequence = signed(entry.sequence)
    switch attachment.content {
    case .note(let note):
      try db.insert(
        into: "note",
        [
          "sequence": sequence, "actor": attachment.actor.rawValue, "comment": note.comment, "cause": note.cause, "action": note.action,
        ])
    case .deviceTime(.local(let civil)): try db.insert(into: "device_time", ["sequence": sequence, "civil": civil.description])
    case .deviceTime(.epoch(let time)): try db.insert(into: "device_time", ["sequence": sequence, "epoch": time.rawValue])
    case .none, .patient, .device, .record, .deviceTime(.none): break
    }
  }
}

/// A bit pattern as SQLite keeps it. Sequences stay far below 2^63; salts and tokens need all bits.
func signed(_ value: UInt64) -> Int64 { Int64(bitPattern: value) }

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
    case .recordChanged: self = .recordChanged
    }
  }
}
