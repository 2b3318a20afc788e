// What the core decided, as rows: scores with their sources, alert transitions, and where each alert stands after them.

internal import GRDB
internal import VitalSigns

extension JournalTransaction {
  /// Writes an outcome unless it is on disk already. False when it was.
  mutating func place(_ outcome: Outcome) throws -> Bool {
    // Everything before the last entry is complete; with the last entry as cause, the content decides.
    guard outcome.cause >= state.lastSequence else { return false }
    if !state.tail.isEmpty, state.tail.contains(DecisionKey(outcome)) { return false }
    if mode == .alarmsOnly, case .scored = outcome.payload { return false }
    state.outcomeCounter += 1
    let id = state.outcomeCounter
    state.lastInstant = max(state.lastInstant, outcome.instant)
    let row = statements.outcome
    row.bind(1, id)
    row.bind(2, signed(outcome.cause))
    row.bind(3, outcome.instant.rawValue)
    row.bind(4, outcome.wall.rawValue)
    row.bind(5, outcome.patient.rawValue)
    row.bind(6, outcome.device.rawValue)
    switch outcome.payload {
    case .scored(let score):
      row.bind(7, OutcomeKind.scored.rawValue)
      row.bindNull(8)
      try row.execute()
      try insert(score, id, outcome)
    case .alert(let transition):
      row.bind(7, OutcomeKind.alert.rawValue)
      row.bindNull(8)
      try row.execute()
      try insert(transition, id, outcome)
    case .remark(let remark):
      row.bind(7, OutcomeKind.remark.rawValue)
      row.bind(8, remark.rawValue)
      try row.execute()
    }
    return true
  }

  private mutating func insert(_ score: NEWS2Score, _ id: Int64, _ outcome: Outcome) throws {
    let before = statements.scoreCurrent
    before.bind(1, outcome.patient.rawValue)
    let previous = try before.step() ? before.int(0) : nil
    before.reset()
    let row = statements.score
    row.bind(1, id)
    if let previous { row.bind(2, previous) } else { row.bindNull(2) }
    row.bind(3, score.low)
    row.bind(4, score.high)
    row.bind(5, score.band.rawValue)
    row.bind(6, score.scale.rawValue)
    row.bind(7, score.missing)
    if score.changeSinceLast == Int8.min { row.bindNull(8) } else { row.bind(8, score.changeSinceLast) }
    if score.changeOver24Hours == Int8.min { row.bindNull(9) } else { row.bind(9, score.changeOver24Hours) }
    for index in 0..<NEWS2Parameter.count {
      row.bind(Int32(10 + index), score.points[index])
      row.bind(Int32(17 + index), signed(score.sources[index]))
    }
    try row.execute()
    let current = statements.setScoreCurrent
    current.bind(1, outcome.patient.rawValue)
    current.bind(2, id)
    try current.execute()
    try share(
      .score, outcome.cause, UInt64(bitPattern: id), outcome.patient, state.controller(patient: outcome.patient, device: .none),
      outcome.wall)
  }

  private mutating func insert(_ transition: AlertTransition, _ id: Int64, _ outcome: Outcome) throws {
    let row = statements.transition
    let alert = transition.id.description
    row.bind(1, id)
    row.bind(2, alert)
    row.bind(3, transition.rule.rawValue)
    row.bind(4, transition.priority.rawValue)
    row.bind(5, transition.state.rawValue)
    row.bind(6, transition.previous.rawValue)
    row.bind(7, transition.kind.rawValue)
    row.bind(8, transition.level)
    if transition.deadline == .never { row.bindNull(9) } else { row.bind(9, transition.deadline.rawValue) }
    row.bind(10, signed(transition.firstCause))
    row.bind(11, transition.raisedAt.rawValue)
    row.bind(12, transition.value)
    row.bind(13, transition.limit)
    row.bind(14, transition.subject)
    row.bind(15, transition.actor.rawValue)
    row.bind(16, UInt32(transition.revision))
    if transition.isLowerBound { row.bind(17, transition.upper) } else { row.bindNull(17) }
    if let also = transition.also {
      row.bind(18, also.rule.rawValue)
      row.bind(19, also.value)
      row.bind(20, also.limit)
      row.bind(21, also.upper)
      row.bind(22, also.subject)
    } else {
      for column in Int32(18)...22 { row.bindNull(column) }
    }
    try row.execute()
    let controller = state.controller(patient: outcome.patient, device: outcome.device)
    if transition.revision == 0 { state.alertCounter += 1 }
    try updateAlert(transition, alert, id, outcome, controller)
    if transition.mustBeSent {
      try share(
        .alert, outcome.cause, UInt64(bitPattern: id), outcome.patient, controller, outcome.wall, level: transition.level)
    }
  }

  private func updateAlert(_ transition: AlertTransition, _ alert: String, _ id: Int64, _ outcome: Outcome, _ controller: Int64) throws {
    // The transition itself does not carry the usefulness; the command that caused it does.
    let usefulness =
      transition.kind == .resolved
      ? try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT usefulness FROM alert_command WHERE sequence = ?"), arguments: [signed(outcome.cause)]) ?? 0 : 0
    try run(
      """
      INSERT INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?6, ?8, ?9, ?10, ?11)
      ON CONFLICT (id) DO UPDATE SET last_outcome = excluded.last_outcome, changed_wall = excluded.changed_wall,
        raised_wall = coalesce(raised_wall, excluded.raised_wall), rule = excluded.rule, state = excluded.state, is_open = excluded.is_open,
        usefulness = max(usefulness, excluded.usefulness)
      """,
      [
        alert, Int64(outcome.patient.rawValue), Int64(outcome.device.rawValue), controller, id, outcome.wall.rawValue,
        transition.state == .suspected ? nil : outcome.wall.rawValue, Int64(transition.rule.rawValue),
        Int64(transition.state.rawValue), transition.state.isOpen ? 1 : 0, usefulness,
      ])
  }
}
