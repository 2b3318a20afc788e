// What the core decided, as rows: scores with their sources, alert transitions, and where each alert stands after them.

internal import GRDB
internal import JournalFiles
import JournalValues
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
    row.bind(.id, id)
    row.bind(.cause, outcome.cause)
    row.bind(.instant, outcome.instant.rawValue)
    row.bind(.wall, outcome.wall.rawValue)
    row.bind(.patient, outcome.patient.rawValue)
    row.bind(.device, outcome.device.rawValue)
    row.bind(.kind, OutcomeKind(outcome.payload).rawValue)
    var remark: IntakeRemark?
    if case .remark(let given) = outcome.payload { remark = given }
    row.bind(.remark, ifAny: remark?.rawValue)
    try row.execute()
    switch outcome.payload {
    case .scored(let score): try insert(score, id, outcome)
    case .alert(let transition): try insert(transition, id, outcome)
    case .remark: break
    }
    return true
  }

  private mutating func insert(_ score: NEWS2Score, _ id: Int64, _ outcome: Outcome) throws {
    let before = statements.scoreCurrent
    before.bind(1, Int64(outcome.patient.rawValue))
    let previous = try before.number()
    let row = statements.score
    row.bind(.outcome, id)
    row.bind(.previous, ifAny: previous)
    row.bind(.low, score.low)
    row.bind(.high, score.high)
    row.bind(.band, score.band.rawValue)
    row.bind(.scale, score.scale.rawValue)
    row.bind(.missing, score.missing)
    row.bind(.changeSinceLast, ifAny: score.changeSinceLast == Int8.min ? nil : score.changeSinceLast)
    row.bind(.changeOver24Hours, ifAny: score.changeOver24Hours == Int8.min ? nil : score.changeOver24Hours)
    for index in 0..<NEWS2Parameter.count {
      row.bind(ScoreColumn.points[index], score.points[index])
      row.bind(ScoreColumn.sources[index], score.sources[index])
    }
    try row.execute()
    let current = statements.setScoreCurrent
    current.bind(.patient, outcome.patient.rawValue)
    current.bind(.outcome, id)
    try current.execute()
    var oldest = UInt64.max
    for index in score.sources.indices where score.sources[index] != 0 { oldest = min(oldest, score.sources[index]) }
    if Int64(clamping: min(oldest, outcome.cause)) <= state.needs.line {
      for alert in try needs.openAlerts(causedBy: signed(outcome.cause)) { try hold(alert: alert) }
    }
    try share(
      .score, outcome.cause, UInt64(bitPattern: id), outcome.patient, state.controller(patient: outcome.patient, device: .none),
      outcome.wall, oldest: oldest)
  }

  private mutating func insert(_ transition: AlertTransition, _ id: Int64, _ outcome: Outcome) throws {
    let row = statements.transition
    let alert = transition.id.description
    row.bind(.outcome, id)
    row.bind(.alert, alert)
    row.bind(.rule, transition.rule.rawValue)
    row.bind(.priority, transition.priority.rawValue)
    row.bind(.state, transition.state.rawValue)
    row.bind(.previous, transition.previous.rawValue)
    row.bind(.kind, transition.kind.rawValue)
    row.bind(.level, transition.level)
    row.bind(.deadline, ifAny: transition.deadline == .never ? nil : transition.deadline.rawValue)
    row.bind(.firstCause, transition.firstCause)
    row.bind(.raisedAt, transition.raisedAt.rawValue)
    row.bind(.value, transition.value)
    row.bind(.bound, transition.limit)
    row.bind(.subject, transition.subject)
    row.bind(.actor, transition.actor.rawValue)
    row.bind(.revision, transition.revision)
    row.bind(.upper, ifAny: transition.isLowerBound ? transition.upper : nil)
    row.bind(.alsoRule, ifAny: transition.also?.rule.rawValue)
    row.bind(.alsoValue, ifAny: transition.also?.value)
    row.bind(.alsoBound, ifAny: transition.also?.limit)
    row.bind(.alsoUpper, ifAny: transition.also?.upper)
    row.bind(.alsoSubject, ifAny: transition.also?.subject)
    try row.execute()
    let controller = state.controller(patient: outcome.patient, device: outcome.device)
    if transition.revision == 0 { state.alertCounter += 1 }
    if let episode = transition.episode { try statements.episode.raise(episode) }
    try updateAlert(transition, alert, id, outcome, controller)
    if transition.mustBeSent {
      try share(
        .alert, outcome.cause, UInt64(bitPattern: id), outcome.patient, controller, outcome.wall, level: transition.level)
    }
  }

  private mutating func updateAlert(_ transition: AlertTransition, _ alert: String, _ id: Int64, _ outcome: Outcome, _ controller: Int64)
    throws
  {
    // The transition itself does not carry the usefulness; the command that caused it does.
    let usefulness =
      transition.kind == .resolved
      ? try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT usefulness FROM alert_command WHERE sequence = ?"), arguments: [signed(outcome.cause)]) ?? 0 : 0
    let row = statements.alert
    row.bind(.id, alert)
    row.bind(.patient, outcome.patient.rawValue)
    row.bind(.device, outcome.device.rawValue)
    row.bind(.controller, controller)
    row.bind(.firstOutcome, id)
    row.bind(.lastOutcome, id)
    row.bind(.firstWall, outcome.wall.rawValue)
    row.bind(.raisedWall, ifAny: transition.saysThatItWasRaised ? outcome.wall.rawValue : nil)
    row.bind(.changedWall, outcome.wall.rawValue)
    row.bind(.rule, transition.rule.rawValue)
    row.bind(.state, transition.state.rawValue)
    row.bind(.isOpen, transition.state.isOpen ? 1 : 0)
    row.bind(.usefulness, usefulness)
    try row.execute()
    try keepCauses(of: transition, alert, outcome)
  }

  /// What raised an open alert stays, however old it grows.
  private mutating func keepCauses(of transition: AlertTransition, _ alert: String, _ outcome: Outcome) throws {
    // A new one may go with a score that rests on something old.
    let isOld = transition.revision == 0 || min(signed(outcome.cause), signed(transition.firstCause)) <= state.needs.line
    guard transition.state.isOpen ? isOld && state.needs.line > 0 : state.needs.mayHoldAlerts else { return }
    let first = try Int64.fetchOne(db.cachedStatement(sql: "SELECT first_outcome FROM alert WHERE id = ?"), arguments: [alert])
    guard let first else { return }
    if transition.state.isOpen { try hold(alert: first) } else { try needs.release(RetentionNeeds.holder(alert: first)) }
  }

  private mutating func hold(alert first: Int64) throws {
    try needs.hold(alert: first, through: state.needs.line)
    state.needs.add(RetentionNeeds.holder(alert: first))
  }
}

extension OutcomeKind {
  init(_ payload: OutcomePayload) {
    switch payload {
    case .scored: self = .scored
    case .alert: self = .alert
    case .remark: self = .remark
    }
  }
}
