// One step of retention: entries in the order in which they came, each looked at once. Whether one must stay is known by keys: a row in
// `needed_entry`, or its own person's current score. Nothing that waits is read through. What must stay is noted in `passed`, and
// looked at again in rounds.

internal import GRDB
internal import JournalFiles
internal import VitalSigns

/// What the steps of one run of the program remember from each other. Losing it costs work, nothing else.
struct RetentionMemory {
  /// Who is looked at before `held_through` can rise.
  var walk = NeedsWalk()
  /// Where the round over what was passed by is; nil: none is under way.
  var round: Int64?
  /// The limit for which the last round began, milliseconds.
  var roundBegan: Int64?
}

/// Lives inside one transaction.
struct RetentionStep {
  /// Rows between two looks whether somebody waits: less than a millisecond.
  static let chunkRows = NeedsWalk.chunkRows
  /// Between two rounds over what was passed by, milliseconds.
  static let roundMilliseconds: Int64 = 86_400_000

  let db: Database
  let statements: RetentionStatements
  let limits: RetentionLimits
  let rowsMax: Int
  let lastSequence: Int64
  var report = PurgeReport()
  /// The current score of a person and what it rests on, asked for once a step.
  private var current: [Int64: (outcome: Int64, sources: [Int64])] = [:]

  init(db: Database, statements: RetentionStatements, limits: RetentionLimits, rowsMax: Int, lastSequence: Int64) {
    self.db = db
    self.statements = statements
    self.limits = limits
    self.rowsMax = rowsMax
    self.lastSequence = lastSequence
  }

  private struct Entry {
    var sequence: Int64
    var wall: Int64
    var patient: Int64
    var isSample: Bool
  }

  mutating func run(_ memory: inout RetentionMemory, yields: () -> Bool) throws {
    report.deliveries = try deliveries()
    report.looked = report.deliveries
    report.behindMilliseconds = try behind()
    guard try goOnLooking(&memory.walk, yields) else {
      report.isDone = false
      return
    }
    let isForwardDone = try forward(&memory.walk, yields)
    let isRoundDone = try isForwardDone && round(&memory, yields)
    report.isDone = isRoundDone && report.deliveries < rowsMax
    if report.isDone { report.behindMilliseconds = 0 }
  }

  /// Delivered rows go in the order in which they were queued; one that was settled lately holds up those behind it, until it is old.
  private func deliveries() throws -> Int {
    var (taken, after) = (0, Int64.min)
    while taken < rowsMax,
      let destination = try Int64.fetchOne(
        db, sql: "SELECT destination FROM delivery WHERE destination > ? ORDER BY destination LIMIT 1", arguments: [after])
    {
      after = destination
      var last: Int64?
      let rows = try Row.fetchCursor(
        db, sql: "SELECT row, settled FROM delivery WHERE destination = ? ORDER BY row LIMIT ?", arguments: [destination, rowsMax - taken])
      while let row = try rows.next(), try row[of: "settled"] < limits.deliveriesBefore.rawValue {
        last = try row[of: "row"]
        taken += 1
      }
      guard let last else { continue }
      try db.execute(sql: "DELETE FROM delivery WHERE destination = ? AND row <= ?", arguments: [destination, last])
    }
    return taken
  }

  // MARK: Forward

  /// True when all that may go by the limits has gone.
  private mutating func forward(_ walk: inout NeedsWalk, _ yields: () -> Bool) throws -> Bool {
    let snapshots = try Int64.fetchAll(db, sql: "SELECT sequence FROM snapshot ORDER BY sequence")
    guard snapshots.count >= 2, let horizon = snapshots.first else { return true }
    let start = try purgedThrough()
    var at = start
    var isDone = at >= horizon
    while !isDone, report.looked < rowsMax {
      let chunk = try entries(after: at, through: horizon, limit: min(Self.chunkRows, rowsMax - report.looked))
      // Wall times rise with the sequence unless the clock was stepped; then the first young sample ends it.
      let old = chunk.prefix { !($0.isSample && $0.wall >= limits.samplesBefore.rawValue) }
      // Young ones end the walk and cost one look, or nothing would be left for the round of what was passed by.
      report.looked += min(chunk.count, old.count + 1)
      let isLast = old.count < chunk.count || chunk.isEmpty || chunk.last?.sequence == horizon
      let end = old.count < chunk.count ? chunk[old.count].sequence - 1 : isLast ? horizon : chunk[chunk.count - 1].sequence
      if end > at {
        guard try knowsHolders(through: end, horizon, &walk, canLook: at == start, yields) else { break }
        for cause in try clear(old[...], after: at, through: end) {
          statements.passed.bind(1, cause)
          try statements.passed.execute()
        }
        at = end
      }
      isDone = isLast
      if yields() { break }
    }
    if at > start { try db.execute(sql: "UPDATE meta SET value = ? WHERE key = 'purged_through'", arguments: [at]) }
    return isDone
  }

  /// How much older than the limit the oldest entry is that was not looked at yet.
  private func behind() throws -> Int64 {
    let oldest = try Int64.fetchOne(
      db, sql: "SELECT wall FROM entry WHERE sequence > ? ORDER BY sequence LIMIT 1", arguments: [try purgedThrough()])
    guard let oldest else { return 0 }
    let (behind, isHuge) = limits.samplesBefore.rawValue.subtractingReportingOverflow(oldest)
    return isHuge ? .max : max(0, behind)
  }

  private func purgedThrough() throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'purged_through'") ?? 0
  }

  /// A look at the holders that has begun goes on before anything else. False: it is not over.
  private mutating func goOnLooking(_ walk: inout NeedsWalk, _ yields: () -> Bool) throws -> Bool {
    var line = try RetentionLine.fetch(db)
    if line.isDrawn { report.looked += try walk.look(&line, rowsMax: max(1, rowsMax - report.looked), db, yields: yields) }
    return !line.isDrawn
  }

  /// Whether everybody who needs something up to `end` is known to need it. If not, this step finds out instead of taking anything.
  private mutating func knowsHolders(
    through end: Int64, _ horizon: Int64, _ walk: inout NeedsWalk, canLook: Bool, _ yields: () -> Bool
  ) throws -> Bool {
    var line = try RetentionLine.fetch(db)
    if end <= line.heldThrough { return true }
    guard canLook else { return false }
    walk = NeedsWalk()
    try line.draw(max(end, min(horizon, halfAged(after: end))), lastSequence: lastSequence, db)
    report.looked += try walk.look(&line, rowsMax: max(1, rowsMax - report.looked), db, yields: yields)
    return end <= line.heldThrough
  }

  /// The line is drawn where entries are half as old as the limit, so that it serves for as long again, and nobody who is new needs
  /// anything before it.
  private func halfAged(after start: Int64) throws -> Int64 {
    guard let now = try Int64.fetchOne(db, sql: "SELECT wall FROM entry ORDER BY sequence DESC LIMIT 1") else { return start }
    let limit = limits.samplesBefore.rawValue
    if limit >= now { return lastSequence }
    let middle = limit + (now - limit) / 2
    var (low, high) = (start, max(start, lastSequence))
    while low < high {
      let probe = low + (high - low + 1) / 2
      let wall = try Int64.fetchOne(
        db, sql: "SELECT wall FROM entry WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1", arguments: [probe])
      if wall ?? .min < middle { low = probe } else { high = probe - 1 }
    }
    return low
  }

  // MARK: What was passed by

  /// A piece of the round. True when it is over, or none is due.
  private mutating func round(_ memory: inout RetentionMemory, _ yields: () -> Bool) throws -> Bool {
    let limit = limits.samplesBefore.rawValue
    if memory.round == nil {
      if let began = memory.roundBegan, limit.subtractingReportingOverflow(began).partialValue.magnitude < Self.roundMilliseconds.magnitude
      {
        return true
      }
      (memory.round, memory.roundBegan) = (0, limit)
    }
    let end = try purgedThrough()
    while report.looked < rowsMax, let position = memory.round {
      let chunk = try Int64.fetchAll(
        db, sql: "SELECT sequence FROM passed WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
        arguments: [position, end, min(Self.chunkRows, rowsMax - report.looked)])
      guard let last = chunk.last else {
        memory.round = nil
        break
      }
      // Until everybody is known who needs it, as after an upgrade.
      guard try knowsHolders(through: end, end, &memory.walk, canLook: true, yields) else { return false }
      for sequence in chunk
      where try clear(entries(after: sequence - 1, through: sequence, limit: 1)[...], after: sequence - 1, through: sequence).isEmpty {
        statements.passedNoMore.bind(1, sequence)
        try statements.passedNoMore.execute()
      }
      report.looked += chunk.count
      memory.round = last
      if yields() { break }
    }
    return memory.round == nil
  }

  // MARK: Rows

  private func entries(after start: Int64, through end: Int64, limit: Int) throws -> [Entry] {
    let rows = statements.entries
    rows.bind(1, start)
    rows.bind(2, end)
    rows.bind(3, limit)
    var entries: [Entry] = []
    while try rows.step() {
      entries.append(
        Entry(
          sequence: rows.int(.sequence), wall: rows.int(.wall), patient: rows.int(.patient),
          isSample: EntryKind(rawValue: rows.int(.kind))?.isSample == true))
    }
    return entries
  }

  /// Takes what may go of a stretch: samples nobody needs, remarks on them, scores nobody needs. Alert transitions stay.
  ///
  /// - Returns: causes of which something stays that somebody needs.
  private mutating func clear(_ entries: ArraySlice<Entry>, after start: Int64, through end: Int64) throws -> [Int64] {
    var kept: [Int64] = []
    var gone: Set<Int64> = []
    var needed: Set<Int64> = []
    statements.needed.bind(1, start)
    statements.needed.bind(2, end)
    while try statements.needed.step() { needed.insert(statements.needed.int(0)) }
    var runs = Runs(isDense: false)
    for entry in entries {
      let isYoung = entry.wall >= limits.samplesBefore.rawValue
      guard entry.isSample, !isYoung, !needed.contains(entry.sequence), try !restsCurrentScore(on: entry) else {
        if entry.isSample { kept.append(entry.sequence) }
        runs.end()
        continue
      }
      runs.add(entry.sequence)
      gone.insert(entry.sequence)
    }
    for run in runs.all { for table in statements.samples + [statements.entryRows] { try remove(table, run) } }
    report.entries += gone.count
    kept += try clearOutcomes(after: start, through: end, gone: gone)
    return kept
  }

  /// - Returns: causes whose score stays.
  private mutating func clearOutcomes(after start: Int64, through end: Int64, gone: Set<Int64>) throws -> [Int64] {
    var found: [(id: Int64, cause: Int64, patient: Int64, kind: OutcomeKind?)] = []
    let rows = statements.outcomes
    rows.bind(1, start)
    rows.bind(2, end)
    while try rows.step() { found.append((rows.int(.id), rows.int(.cause), rows.int(.patient), OutcomeKind(rawValue: rows.int(.kind)))) }
    var (scores, remarks) = (Runs(isDense: true), Runs(isDense: true))
    var kept: [Int64] = []
    for outcome in found {
      switch outcome.kind {
      case .remark where gone.contains(outcome.cause): remarks.add(outcome.id)
      case .scored:
        if try stays(score: outcome.id, of: outcome.patient) {
          kept.append(outcome.cause)
        } else {
          scores.add(outcome.id)
          report.scores += 1
        }
      case .remark, .alert, nil: break
      }
    }
    report.looked += found.count
    for run in scores.all {
      try remove(statements.scores, run)
      try remove(statements.outcomeRows, run)
    }
    for run in remarks.all { try remove(statements.outcomeRows, run) }
    return kept
  }

  private func remove(_ statement: PreparedStatement, _ run: ClosedRange<Int64>) throws {
    statement.bind(1, run.lowerBound)
    statement.bind(2, run.upperBound)
    try statement.execute()
  }

  private mutating func stays(score: Int64, of patient: Int64) throws -> Bool {
    statements.neededScore.bind(1, score)
    if try statements.neededScore.number() != nil { return true }
    return try currentScore(of: patient).outcome == score
  }

  private mutating func restsCurrentScore(on entry: Entry) throws -> Bool {
    try currentScore(of: entry.patient).sources.contains(entry.sequence)
  }

  private mutating func currentScore(of patient: Int64) throws -> (outcome: Int64, sources: [Int64]) {
    if let known = current[patient] { return known }
    let row = statements.currentScore
    row.bind(1, patient)
    let score = try row.step() ? (row.int(.outcome), ScoreColumn.sources.map(row.int)) : (0, [])
    row.reset()
    current[patient] = score
    return score
  }
}
