// The one writer of the journal: opens the file, commits groups, and keeps what it needs between them. Recovery stands in
// JournalRecovery.swift, checkpoints, snapshots and retention in JournalUpkeep.swift, one transaction's rows in
// JournalTransaction*.swift.

internal import Foundation
package import GRDB
internal import GRDBSQLite
internal import JournalFiles
public import JournalValues
internal import VitalSigns

/// How much of a group is written. The higher, the less; the order is that of shedding.
@frozen public enum CommitMode: UInt8, Sendable, Hashable, Comparable {
  /// All of it.
  case everything = 0
  /// Device samples that changed nothing are counted in a gap instead.
  case withoutRoutineSamples = 1
  /// Only what can tell somebody to act: alarms, commands, registry changes, and entries that raised or changed an alert.
  case alarmsOnly = 2

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What a commit did.
public struct CommitReport: Sendable, Hashable {
  /// Every entry up to this one is on disk, or recorded as shed: devices may be answered.
  public var durableSequence: UInt64 = 0
  public var entriesWritten = 0
  /// Entries that an earlier commit had written: nothing was done for them.
  public var entriesRepeated = 0
  /// Routine samples that only a gap record tells of.
  public var entriesShed = 0
  /// The mode in force when it succeeded.
  public var mode = CommitMode.everything
  /// Outbox rows made.
  public var queued = 0
  /// Receipts that matched a row.
  public var settled = 0
  /// Receipts that matched none: settled before, or the row's own commit is still to come.
  public var receiptsUnmatched = 0
  /// Sequences were skipped by the intake: recorded as a gap. A defect worth an alarm in the program's own log.
  public var sequenceJumped = false
}

/// The journal's writing end.
///
/// Owned by one thread, the journal writer's: not `Sendable`, no method may run at once with another. Every method blocks
/// on the disk. After an error the transaction is rolled back whole and the same group may be committed again: entries are
/// recognised by their sequence, decisions without an entry by their content.
public final class JournalWriter {
  let configuration: JournalConfiguration
  package let queue: DatabaseQueue
  let lock: WriterLock
  /// Pages in the write-ahead log, told by SQLite after each commit. Owned here, freed after the connection.
  private let walPages: UnsafeMutablePointer<Int32>
  var statements: WriterStatements?
  var state: WriterState
  /// Set by a failure whose effect on the file is not known.
  var stateIsStale = false
  var sharing: CompiledSharing
  var ballast: Ballast
  var files: StandingFiles
  var mark: DurableMark?
  /// Copies of the registry whose tables this writer has looked at.
  var copiesMade: Set<String> = []
  /// By the copy's path: what brings it up to date. Closed before the journal.
  var copyConnections: [String: RegistryCopyConnection] = [:]
  /// How much one step of `purge` takes, and what it remembers of the steps before.
  var purgePace = PurgePace()
  var purgeMemory = RetentionMemory()
  var purgeStatements: RetentionStatements?
  /// How much every commit leaves out at least, whatever mode is asked for: nothing (`everything`) in ordinary times, routine
  /// samples from a full disk on until the reserve file has been made again.
  var standingMode = CommitMode.everything

  /// Opens, checks and migrates the journal, and takes the ballast if there is room.
  ///
  /// Blocks. Refuses a second writer, another program's file, a newer version's file, and a file system on which SQLite
  /// does not promise durability. No sharing rules are set: nothing is queued for anybody until `setSharing`.
  public convenience init(_ configuration: JournalConfiguration) throws(JournalError) {
    try self.init(configuration, lock: try WriterLock(path: configuration.path))
  }

  /// `lock` may be one that another writer of this process has held so far.
  init(_ configuration: JournalConfiguration, lock: WriterLock) throws(JournalError) {
    let queue = try Self.open(configuration)
    let walPages = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    walPages.initialize(to: 0)
    self.configuration = configuration
    self.lock = lock
    self.queue = queue
    self.walPages = walPages
    ballast = Ballast(
      path: configuration.path + ".ballast", bytes: configuration.ballastBytes, freeBytes: configuration.around.freeBytes)
    sharing = CompiledSharing(SharingRules())
    state = WriterState()
    files = StandingFiles(path: configuration.path)
    let prepared = try journalErrors {
      try queue.writeWithoutTransaction { db in
        // Replaces SQLite's own automatic checkpoint: ours runs after the devices have been answered.
        sqlite3_wal_hook(
          db.sqliteConnection,
          { context, _, _, pages in
            context?.assumingMemoryBound(to: Int32.self).pointee = pages
            return SQLITE_OK
          }, walPages)
        var state = WriterState()
        try db.inTransaction(.immediate) {
          try Self.ensureHub(db, configuration)
          state = try WriterState.load(db, configuration: configuration)
          state.hubController = state.controllers[configuration.controller] ?? 1
          return .commit
        }
        return (state, try WriterStatements(db))
      }
    }
    state = prepared.0
    statements = prepared.1
    files = StandingFiles(path: configuration.path)
    // No room for the ballast at start is no reason not to start: the disk being full is what it is for.
    if !ballast.restore() { standingMode = .withoutRoutineSamples }
  }

  deinit {
    // Statements go before their connection, the connection before the hook's memory.
    statements = nil
    purgeStatements = nil
    copyConnections = [:]
    try? queue.close()
    walPages.deinitialize(count: 1)
    walPages.deallocate()
  }

  /// An older file on a full disk gets the reserve's room for becoming a newer one. Where that is not enough either, it is left as far as
  /// it came, and goes on at the next start.
  private static func open(_ configuration: JournalConfiguration) throws(JournalError) -> DatabaseQueue {
    do { return try JournalFile.openForWriting(configuration) } catch {
      var ballast = Ballast(path: configuration.path + ".ballast", bytes: configuration.ballastBytes)
      guard case .full = error, ballast.release() else { throw error }
      return try JournalFile.openForWriting(configuration)
    }
  }

  /// Pages that wait in the write-ahead log.
  var pagesInLog: Int { Int(walPages.pointee) }

  /// All pages were moved and the log was cut to nothing.
  func logIsEmpty() { walPages.pointee = 0 }

  /// The log's size, bytes. It grows while a reader stands in the middle of a query and holds the checkpoints back.
  public var logBytes: Int { pagesInLog * 4_096 }

  /// Every entry up to this one is on disk, or recorded as shed.
  public var durableSequence: UInt64 { state.lastSequence }

  /// The database file.
  public var path: String { configuration.path }

  /// Whether routine samples are being shed because the disk is full.
  public var isShedding: Bool { standingMode > .everything }

  /// Replaces the sharing rules. Rows that are queued already stay queued.
  public func setSharing(_ rules: SharingRules) throws(JournalError) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          for destination in rules.destinations {
            try db.insert(
              into: "destination", ["number": destination.number, "name": destination.name],
              .update("(number) DO UPDATE SET name = excluded.name WHERE name <> excluded.name"))
          }
          return .commit
        }
      }
    }
    sharing = CompiledSharing(rules)
  }

  /// Notes from now on in `folder`, which is in memory, how far the journal is on disk (`DurableMark`).
  public func keepMark(in folder: String) {
    mark = DurableMark(folder: folder, journalID: journalID)
    mark?.note(state.lastSequence)
  }

  /// Writes a group in one flushed transaction.
  ///
  /// When the disk is full the ballast is given up and the group is tried again with less and less of its routine
  /// samples; the report says how many were shed, and a `gap` row keeps their number and range. From then on samples are
  /// shed until `upkeep()` has found room for the ballast again. Throws `full` only when not even alarms can be written.
  /// - Parameter mode: the least to shed; `everything` in ordinary times.
  @discardableResult
  public func commit(_ group: JournalGroup, mode: CommitMode = .everything) throws(JournalError) -> CommitReport {
    var mode = max(mode, standingMode)
    if group.isEmpty { return CommitReport(durableSequence: state.lastSequence, mode: mode) }
    while true {
      do {
        let report = try attempt(group, mode)
        mark?.note(report.durableSequence)
        // Bounded even when the owner never asks for a checkpoint, and kept short while every page counts.
        if pagesInLog >= configuration.checkpointPages * 4 || isShedding { checkpoint() }
        return report
      } catch {
        guard case .full = error else { throw error }
        if !makeRoom(), mode == .alarmsOnly { throw error }
        if mode < standingMode { mode = standingMode } else { mode = .alarmsOnly }
      }
    }
  }

  /// Gives up the ballast. False when there was none left.
  func makeRoom() -> Bool {
    standingMode = max(standingMode, .withoutRoutineSamples)
    guard ballast.release() else { return false }
    // What is in the log may now fit the file, which makes the log's own pages free for reuse.
    checkpoint()
    return true
  }

  private func attempt(_ group: JournalGroup, _ mode: CommitMode) throws(JournalError) -> CommitReport {
    try refreshState()
    guard let statements else { throw .refused(code: -1, detail: "the journal is closed") }
    do {
      let done = try queue.writeWithoutTransaction { db in
        var transaction = JournalTransaction(
          db: db, statements: statements, state: state, sharing: sharing, configuration: configuration, mode: mode, wall: group.wall)
        try db.inTransaction(.immediate) {
          try transaction.write(group)
          return .commit
        }
        return transaction
      }
      state = done.state
      return done.report
    } catch {
      // A commit that failed may yet be found in the log after a restart; only the file knows.
      stateIsStale = true
      throw JournalError(error)
    }
  }

  /// Loads the state again after a failure.
  func refreshState() throws(JournalError) {
    guard stateIsStale else { return }
    state = try journalErrors {
      try queue.writeWithoutTransaction { db in
        var state = try WriterState.load(db, configuration: configuration)
        state.hubController = state.controllers[configuration.controller] ?? 1
        return state
      }
    }
    stateIsStale = false
  }

  /// Gives the hub its identity at the first start, and its controller a row.
  private static func ensureHub(_ db: Database, _ configuration: JournalConfiguration) throws {
    let surroundings = configuration.around
    try db.insert(into: "meta", ["key": "hub_id", "value": surroundings.uuid()], .ignore)
    try db.insert(into: "meta", ["key": "hub_salt", "value": signed(surroundings.random())], .ignore)
    // Of this file: a copy that is put back has the same, a journal that was made anew has not.
    try db.insert(into: "meta", ["key": "journal_id", "value": surroundings.uuid()], .ignore)
    try db.insert(into: "meta", ["key": "purged_through", "value": 0], .ignore)
    // Simulated hubs speak to no broker, and what chance gives them is counted.
    if configuration.surroundings == nil {
      let key = (0..<4).map { _ in Hexadecimal.text(surroundings.random(), digits: 16) }.joined()
      try db.insert(into: "meta", ["key": "claim_key", "value": key], .ignore)
    }
    try db.insert(into: "controller", ["organisation_number": configuration.controller], .ignore)
  }
}
