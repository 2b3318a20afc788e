// The journal for reading: registry, plans, people's lists. Opens while the writer runs and when nobody does; can neither
// write nor checkpoint. Alerts, scores and their reasons stand in JournalReader+alerts.swift, the outbox in
// JournalReader+outbox.swift, counts and logs in JournalReader+status.swift.

internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import JournalFiles
public import JournalValues
internal import Synchronization
public import VitalSigns

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The journal's reading end. Thread-safe; each call blocks its thread for the time of its query and sees one moment.
///
/// Follows the journal: when another file has its name, or the core has gone over to another journal, the next call reads that.
public final class JournalReader: Sendable {
  /// A query is ended after this long: a reader in the middle of one holds back every checkpoint, and the log grows meanwhile.
  public static let querySecondsMax: Int64 = 30
  private struct Opened {
    var pool: DatabasePool
    var path: String
    var file: FileIdentity?
  }
  private let opened: Mutex<Opened>
  /// Queries that met a damaged page since the file was opened: the writer's own pages may be whole for long.
  private let damaged = Atomic<Int>(0)
  private let path: String
  private let pointer: String?
  private let connectionsMax: Int

  /// Opens the journal read-only. Throws `notReady` when the core role has not made or migrated the file yet.
  /// - Parameters:
  ///   - pointer: a symbolic link that leads to the journal in use; where there is none, `path` is.
  ///   - connectionsMax: queries that can run at the same time; further ones wait.
  public init(path: String, pointer: String? = nil, connectionsMax: Int = 4) throws(JournalError) {
    self.path = path
    self.pointer = pointer
    self.connectionsMax = connectionsMax
    opened = Mutex(try Self.open(Self.resolve(path, pointer), connectionsMax))
  }

  private static func open(_ path: String, _ connectionsMax: Int) throws(JournalError) -> Opened {
    // Looked at before it is opened: a file that takes the name meanwhile is noticed at the next query.
    let file = FileIdentity(path: path)
    let pool = try JournalFile.openForReading(path: path, connectionsMax: connectionsMax)
    return Opened(pool: pool, path: path, file: file)
  }

  private static func resolve(_ path: String, _ pointer: String?) -> String {
    guard let pointer else { return path }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { target in
      guard let start = target.baseAddress, case let length = readlink(pointer, start, target.count), length > 0 else { return path }
      return String(decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<length]), as: UTF8.self)
    }
  }

  /// The connections to the file that is the journal now: two system calls a query. A name that leads nowhere changes nothing: the
  /// core tells of that.
  private func current() -> DatabasePool {
    opened.withLock { known in
      let target = Self.resolve(path, pointer)
      guard let file = FileIdentity(path: target) else { return known.pool }
      if target == known.path, let before = known.file, file.isSameFile(as: before) { return known.pool }
      if let next = try? Self.open(target, connectionsMax) {
        known = next
        damaged.store(0, ordering: .relaxed)
      }
      return known.pool
    }
  }

  func read<T>(_ body: (Database) throws -> T) throws(JournalError) -> T {
    let pool = current()
    do {
      return try pool.unsafeRead { db in try Self.atOneMoment(db) { try Self.limited(db) { try body(db) } } }
    } catch {
      let failure = JournalError(error)
      if case .corrupt = failure { damaged.wrappingAdd(1, ordering: .relaxed) }
      throw failure
    }
  }

  /// All that `body` reads is of one moment. By statements that the connection keeps: those of `DatabasePool.read` are compiled each time, which
  /// is more than most queries cost.
  private static func atOneMoment<T>(_ db: Database, _ body: () throws -> T) throws -> T {
    try db.cachedStatement(sql: "BEGIN DEFERRED TRANSACTION").execute()
    do {
      let result = try body()
      try db.cachedStatement(sql: "COMMIT TRANSACTION").execute()
      return result
    } catch {
      try? db.rollback()
      throw error
    }
  }

  /// More than one query has met a damaged page.
  public var isDamaged: Bool { damaged.load(ordering: .relaxed) > 1 }

  /// Ends the query, with SQLITE_INTERRUPT, when it takes too long.
  static func limited<T>(_ db: Database, seconds: Int64 = querySecondsMax, _ body: () throws -> T) throws -> T {
    let end = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    end.initialize(to: monotonicSeconds() + seconds)
    sqlite3_progress_handler(
      db.sqliteConnection, 100_000, { end in monotonicSeconds() > (end?.assumingMemoryBound(to: Int64.self).pointee ?? 0) ? 1 : 0 }, end)
    defer {
      sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil)
      end.deallocate()
    }
    return try body()
  }

  /// Service users by number; with `includingEnded` also former ones.
  public func patients(includingEnded: Bool = false) throws(JournalError) -> [PatientRow] {
    try read { db in
      try Row.fetchAll(db, sql: PatientRow.sql + (includingEnded ? "" : " WHERE p.ended IS NULL") + " ORDER BY p.id").map(PatientRow.init)
    }
  }

  public func patient(_ id: PatientID) throws(JournalError) -> PatientRow? {
    try read { db in try PatientRow.fetch(db, id) }
  }

  /// Devices by number; with `includingRemoved` also former ones.
  public func devices(includingRemoved: Bool = false) throws(JournalError) -> [DeviceRow] {
    try read { db in
      try Row.fetchAll(db, sql: DeviceRow.sql + (includingRemoved ? "" : " WHERE d.removed IS NULL") + " ORDER BY d.id").map(DeviceRow.init)
    }
  }

  public func device(_ id: DeviceID) throws(JournalError) -> DeviceRow? {
    try read { db in try DeviceRow.fetch(db, id) }
  }

  /// Whose each device is now; with `includingEnded` also whose it was.
  public func assignments(includingEnded: Bool = false) throws(JournalError) -> [AssignmentRow] {
    try read { db in
      let condition = includingEnded ? "" : "WHERE ended IS NULL"
      return try Row.fetchAll(db, sql: "SELECT device, patient, started, ended FROM assignment \(condition) ORDER BY id").map {
        AssignmentRow(
          device: DeviceID(rawValue: try $0[of: "device"]), patient: PatientID(rawValue: try $0[of: "patient"]),
          started: WallTime(rawValue: try $0[of: "started"]), ended: (try $0[of: "ended"] as Int64?).map(WallTime.init(rawValue:)))
      }
    }
  }

  /// The person's plan: what holds now, or with `includingEnded` all that ever held, oldest first.
  public func plan(of patient: PatientID, includingEnded: Bool = false) throws(JournalError) -> [PlanItemRow] {
    try read { db in
      let condition = includingEnded ? "" : "AND ended IS NULL"
      return try Row.fetchAll(
        db, sql: "SELECT * FROM plan_item WHERE patient = ? \(condition) ORDER BY sequence", arguments: [Int64(patient.rawValue)]
      ).map { try PlanItemRow($0) }
    }
  }

  public func actors() throws(JournalError) -> [ActorRecord] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT id, account, display_name, role FROM actor ORDER BY id").map {
        ActorRecord(
          id: ActorID(rawValue: try $0[of: "id"]), account: try $0[of: "account"], displayName: try $0[of: "display_name"],
          role: try $0[of: "role"])
      }
    }
  }

  /// The newest usable value of each kind, by code: late, invalid, demonstration and test values are passed over. Looks at every
  /// entry that is kept.
  public func latestObservations(of patient: PatientID) throws(JournalError) -> [ObservationRow] {
    let passedOver: ObservationQuality = [.late, .invalid, .demo, .test]
    return try read { db in
      let newest = try Int64.fetchAll(
        db,
        sql: """
          SELECT max(e.sequence) FROM entry e JOIN observation x ON x.sequence = e.sequence
          WHERE e.patient = ? AND x.quality & ? = 0 GROUP BY x.code ORDER BY x.code
          """, arguments: [Int64(patient.rawValue), Int64(passedOver.rawValue)])
      return try newest.compactMap { try ObservationRow.fetch(db, UInt64(bitPattern: $0)) }
    }
  }

  /// A person's observations, of one kind or of all, newest first. Looks back over everybody's entries until there are enough: the
  /// cost follows how far that is.
  public func observations(
    of patient: PatientID, code: ObservationCode? = nil, before sequence: UInt64 = UInt64(Int64.max), limit: Int = 100
  ) throws(JournalError) -> [ObservationRow] {
    try read { db in
      // CROSS JOIN keeps the entries outermost, so that the look back ends with the last one that is wanted.
      let found = try Int64.fetchAll(
        db,
        sql: """
          SELECT e.sequence FROM entry e CROSS JOIN observation x ON x.sequence = e.sequence
          WHERE e.patient = ?1 AND e.sequence < ?2 AND (?3 IS NULL OR x.code = ?3) ORDER BY e.sequence DESC LIMIT ?4
          """, arguments: [Int64(patient.rawValue), signed(sequence), code.map { Int64($0.rawValue) }, max(0, limit)])
      return try found.compactMap { try ObservationRow.fetch(db, UInt64(bitPattern: $0)) }
    }
  }

  /// One entry as it was committed, with its wall time placed; nil when it was shed, purged or never was.
  public func entry(_ sequence: UInt64) throws(JournalError) -> IntakeEntry? {
    try read { db in try PlacedTime.entry(db, sequence) }
  }

  /// Entries after a sequence, in their order, at most `limit`, with the wall clock as the hub had it then: what the core decided by, and
  /// decides by again.
  public func recordedEntries(after sequence: UInt64, limit: Int) throws(JournalError) -> [IntakeEntry] {
    try read { db in
      var stream = try EntryStream(db, after: sequence)
      var entries: [IntakeEntry] = []
      while entries.count < limit, let entry = try stream.next() { entries.append(entry) }
      return entries
    }
  }

  /// The hub's salt and id, made at the first start.
  public func hub() throws(JournalError) -> (id: String, salt: UInt64) {
    try read { db in
      (
        try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'hub_id'") ?? "",
        UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'hub_salt'") ?? 0)
      )
    }
  }
}

/// CLOCK_MONOTONIC, whole seconds.
func monotonicSeconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec)
}
