// What is forgotten, and when: the oldest samples, scores and delivered rows, in short steps between commits. RetentionStep.swift decides
// about each entry, RetentionNeeds.swift knows who still needs one.
//
// Purging and replay: everything after the older of the two snapshots is untouched, so a start from either snapshot is
// exact. A replay from the beginning is exact only while nothing has been purged; `purged_through` says so.
//
// Pages of what went are used again by what comes: entries go in the order in which they came, so whole pages become free at one end
// while the other grows. The file keeps its largest size; giving free pages back to the disk would move others, at the price of
// writing them once more.

internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

/// What may be forgotten. Registry changes, plans, clock anchors, commands, alerts, the access log and gaps never are.
public struct RetentionLimits: Sendable, Hashable {
  /// Observations, events, fixes and scores that reached the hub before this may go.
  public var samplesBefore: WallTime
  /// Delivered rows that were settled before this may go.
  public var deliveriesBefore: WallTime

  public init(samplesBefore: WallTime, deliveriesBefore: WallTime) {
    self.samplesBefore = samplesBefore
    self.deliveriesBefore = deliveriesBefore
  }
}

/// What one step of `purge` did.
public struct PurgeReport: Sendable, Hashable {
  public var entries = 0
  public var scores = 0
  public var deliveries = 0
  /// All rows that were looked at: what the step cost.
  public var looked = 0
  /// By how much the oldest entry that was not looked at was older than the limit when the step began, milliseconds.
  public var behindMilliseconds: Int64 = 0
  /// Nothing more to do for these limits.
  public var isDone = true
}

extension JournalWriter {
  /// Forgets the oldest of what the limits allow, in one transaction. Call until `isDone`.
  ///
  /// Kept whatever its age: what the older of the two snapshots does not cover yet, what a destination still has to get
  /// or refused, what raised an open alert, what a current score rests on. Without two snapshots no sample is purged. What was kept so is
  /// looked at again once a day, and goes when nobody needs it any more.
  ///
  /// The step is not flushed: it is on the disk with the next commit. A power cut before undoes it, and it is done again.
  ///
  /// - Parameters:
  ///   - rowsMax: rows looked at, at most. Nil: as many as fit into `PurgePace.millisecondsMax` by the last step's measure.
  ///   - yields: asked after every `RetentionStep.chunkRows` rows; true ends the step at once, because somebody waits for the writer.
  public func purge(_ limits: RetentionLimits, rowsMax: Int? = nil, yields: () -> Bool = { false }) throws(JournalError) -> PurgeReport {
    let monotonic = configuration.around.monotonic
    let began = monotonic()
    let end = began &+ PurgePace.millisecondsMax &* 1_000_000
    let report = try purgeStep(limits, rowsMax ?? purgePace.rows) { yields() || (rowsMax == nil && monotonic() > end) }
    if rowsMax == nil { purgePace.took(.nanoseconds(monotonic() &- began), wasFull: !report.isDone) }
    return report
  }

  private func purgeStep(_ limits: RetentionLimits, _ rowsMax: Int, _ yields: () -> Bool) throws(JournalError) -> PurgeReport {
    try refreshState()
    let last = signed(state.lastSequence)
    var memory = purgeMemory
    // After a failure the walks begin anew: what they saw may have been undone.
    purgeMemory = RetentionMemory(roundBegan: memory.roundBegan)
    let (report, needs) = try journalErrors {
      try queue.writeWithoutTransaction { db in
        let statements = try purgeStatements ?? RetentionStatements(db)
        purgeStatements = statements
        var report = PurgeReport()
        var needs = state.needs
        do {
          try db.execute(sql: "PRAGMA synchronous = NORMAL")
          defer { try? db.execute(sql: "PRAGMA synchronous = FULL") }
          try db.inTransaction(.immediate) {
            var step = RetentionStep(db: db, statements: statements, limits: limits, rowsMax: rowsMax, lastSequence: last)
            try step.run(&memory, yields: yields)
            report = step.report
            needs = try NeedsState.load(db)
            return .commit
          }
        }
        // The next commit is a promise again.
        try JournalFile.assertDurable(db)
        return (report, needs)
      }
    }
    purgeMemory = memory
    state.needs = needs
    return report
  }
}

/// How many rows one step of retention takes, and how long it rests: the writer's thread is never away for long, and what falls behind is
/// caught up with.
struct PurgePace: Sendable, Equatable {
  /// A group gathers company for longer than this, and an alarm that comes meanwhile ends the step.
  static let millisecondsMax: Int64 = 8
  static let rowsRange = 128...20_000
  private(set) var rows = 1_024

  /// Halves after a step that was too long, grows by a quarter after one that was short and had more to do.
  mutating func took(_ duration: Duration, wasFull: Bool) {
    let milliseconds = duration.wholeMilliseconds
    if milliseconds > Self.millisecondsMax {
      rows = max(Self.rowsRange.lowerBound, rows / 2)
    } else if milliseconds <= Self.millisecondsMax / 2, wasFull {
      rows = min(Self.rowsRange.upperBound, rows + rows / 4)
    }
  }

  /// The rest after a step, in times the step's own length: 9 (a tenth of the time) while it is within an hour, 3 within a day, then 1.
  static func rests(behindMilliseconds: Int64) -> Int64 {
    switch behindMilliseconds {
    case ..<3_600_000: 9
    case ..<86_400_000: 3
    default: 1
    }
  }
}

extension JournalWriter {
  /// For how long to let others have the writer's thread after a step that took so long, nanoseconds; nil: nothing is left to do.
  public static func purgeRest(after nanoseconds: Int64, _ report: PurgeReport) -> Int64? {
    report.isDone ? nil : max(1_000_000, nanoseconds) &* PurgePace.rests(behindMilliseconds: report.behindMilliseconds)
  }
}
