// A copy of what a hub must know to raise alarms when its journal is gone: people, devices, whose each is, plans, numbers in
// use, and which calls for help are open. It is a small journal of the same tables, kept beside the journal and in other
// places, brought up to date within a second of each change. That a copy exists also says that this is no first start.
//
// Not a backup: no values, no log, nothing that was delivered.

internal import Foundation
internal import GRDB
internal import JournalFiles
internal import JournalValues
public import VitalSigns

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

enum RegistryCopy {
  /// The file's name in each of its folders.
  static let fileName = "registry.sqlite"

  /// What a copy says of the journal that it was made from.
  struct Marks {
    var journalID = ""
    /// The hub whose journal it was, an emergency's too.
    var hubID = ""
    /// Whether it knows anybody.
    var isPopulated = false
    /// The highest sequence that was on disk when the copy was last brought up to date.
    var durableThrough: UInt64 = 0
    var accessRows: UInt64 = 0
    var accessHash: [UInt8] = []
  }

  /// Tables that are small whatever the hub's size, copied whole.
  private static let wholeTables = ["controller", "actor", "counter", "destination"]
  /// Whose rows a registry change after `copied_through` has touched. CROSS JOIN: from the changes to their entries. By itself SQLite goes
  /// the other way round, through every entry since the last change, which are a year's where nobody moves in.
  private static let changed =
    "(SELECT e.patient p, e.device d, e.sequence s FROM main.registry_change r CROSS JOIN main.entry e USING (sequence) WHERE r.sequence > ?1)"

  // MARK: Bringing it up to date

  /// Writes what has changed since the last time, in one flushed transaction. By the writer's own connection, for when nothing else leads to
  /// the journal any more; else a `RegistryCopyConnection` does it.
  static func refresh(_ db: Database, at path: String) throws {
    try attached(db, path) {
      try db.execute(sql: "PRAGMA copy.synchronous = FULL")
      var rows = try Self.rows(db, from: "main", to: "copy")
      try db.inTransaction(.immediate) {
        try update(db, &rows)
        return .commit
      }
    }
  }

  /// The content of the transaction. The statements are kept: a copy follows each alert.
  static func update(_ db: Database, _ rows: inout CopiedRows) throws {
    try forgetAnotherHub(db)
    let through = try number(db, "copy", "copied_through")
    for table in wholeTables { try rows.copy(db, table) }
    try rows.copy(db, "meta", "key IN ('hub_id', 'hub_salt', 'journal_id', 'generation', 'number_floor')")
    try run(db, "DELETE FROM copy.run")
    try rows.copy(db, "run", "id = (SELECT max(id) FROM main.run)")
    try rows.copy(db, "access_head")
    let registry = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(sequence) FROM main.registry_change")) ?? 0
    if registry > through { try copyRegistry(db, &rows, after: through) }
    for table in ["alert", "alert_transition", "outcome"] { try run(db, "DELETE FROM copy.\(table)") }
    try copyOpenAlerts(db, &rows)
    let last = try Int64.fetchOne(
      db.cachedStatement(
        sql: "SELECT max(coalesce((SELECT max(sequence) FROM main.entry), 0), coalesce((SELECT max(last_sequence) FROM main.gap), 0))"))
    try run(
      db, "INSERT OR REPLACE INTO copy.meta (key, value) VALUES ('copied_through', ?), ('durable_through', ?)", [registry, last ?? 0])
  }

  /// What the registry's changes after `through` have touched.
  private static func copyRegistry(_ db: Database, _ rows: inout CopiedRows, after through: Int64) throws {
    try rows.copy(db, "patient", "id IN (SELECT p FROM \(changed))", [through])
    try rows.copy(db, "device", "id IN (SELECT d FROM \(changed))", [through])
    try rows.copy(
      db, "assignment", "patient IN (SELECT p FROM \(changed) WHERE p <> 0) OR device IN (SELECT d FROM \(changed) WHERE d <> 0)", [through]
    )
    try rows.copy(db, "plan_item", "patient IN (SELECT p FROM \(changed) WHERE p <> 0)", [through])
    try rows.copy(db, "entry", "sequence IN (SELECT s FROM \(changed))", [through])
    try rows.copy(db, "registry_change", "sequence > ?1", [through])
  }

  /// Makes the file when there is none; completes one that a power cut left half made.
  static func make(at path: String) throws {
    if !FileManager.default.fileExists(atPath: path) {
      let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw JournalError.cannotOpen(path: path, detail: String(cString: strerror(errno))) }
      close(descriptor)
    }
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { db in
      try JournalFile.checkFormat(db)
      // One file, whole at rest: it may be carried away by itself.
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
      try db.execute(sql: "PRAGMA application_id = \(JournalSchema.applicationID)")
    }
    try JournalSchema.upgrade(queue)
    try queue.close()
  }

  /// A copy in a folder that an earlier hub used is not ours; nor is one of this hub's life before it was restored, in which the same
  /// numbers may be other people's.
  private static func forgetAnotherHub(_ db: Database) throws {
    let (theirs, ours) = (try text(db, "copy", "hub_id"), try text(db, "main", "hub_id"))
    let isSameLife = try number(db, "copy", "generation") == number(db, "main", "generation")
    if theirs == ours && isSameLife || theirs.isEmpty { return }
    for table in try String.fetchAll(db, sql: "SELECT name FROM copy.sqlite_master WHERE type = 'table' AND name <> 'retention'") {
      try db.execute(sql: "DELETE FROM copy.\"\(table)\"")
    }
    try db.execute(sql: "INSERT OR IGNORE INTO copy.counter (name, value) SELECT name, value FROM main.counter")
  }

  // MARK: Making a journal from it

  /// Fills a new journal, the connection's own file, with what a copy knows. `path` may also be a damaged journal: what can
  /// be read of it is taken, table by table.
  /// - Parameter withOpenAlerts: the core that goes on knows them.
  static func seed(_ db: Database, from path: String, withOpenAlerts: Bool) throws {
    try attached(db, path) {
      var rows = try Self.rows(db, from: "copy", to: "main")
      for table in wholeTables + ["meta", "run", "patient", "device", "assignment", "plan_item", "registry_change"] {
        let condition =
          table == "meta"
          ? "key IN ('hub_id', 'hub_salt', 'generation', 'number_floor')" : table == "run" ? "id = (SELECT max(id) FROM copy.run)" : "1"
        try rows.copy(db, table, condition)
      }
      try rows.copy(db, "entry", "sequence IN (SELECT sequence FROM copy.registry_change)")
      if withOpenAlerts { try copyOpenAlerts(db, &rows) }
    }
  }

  /// Of one person's (or device's) open alerts of one rule: the oldest, which the core follows and which escalate; and the newest. With
  /// a flood of fifty thousand a copy of all took seconds each time, and held up whoever waits for the journal.
  private static let (oldestMax, newestMax) = (1_024, 128)

  /// The alerts that are open, with what is told of them and what caused them.
  static func copyOpenAlerts(_ db: Database, _ rows: inout CopiedRows) throws {
    try run(db, "DELETE FROM temp.open_alert")
    try run(
      db,
      """
      INSERT INTO temp.open_alert SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY patient, device, rule ORDER BY first_outcome) oldest,
          row_number() OVER (PARTITION BY patient, device, rule ORDER BY first_outcome DESC) newest
        FROM \(rows.from).alert WHERE is_open = 1)
      WHERE oldest <= \(oldestMax) OR newest <= \(newestMax)
      """)
    let open = "(SELECT id FROM temp.open_alert)"
    try rows.copy(db, "alert", "id IN \(open)")
    try rows.copy(db, "alert_transition", "alert IN \(open)")
    try rows.copy(db, "outcome", "id IN (SELECT outcome FROM \(rows.from).alert_transition WHERE alert IN \(open))")
  }

  /// What copies rows from one of the connection's files to another: the main file and an attached one.
  static func rows(_ db: Database, from: String, to: String) throws -> CopiedRows {
    try db.execute(sql: "CREATE TEMP TABLE IF NOT EXISTS open_alert (id TEXT)")
    return CopiedRows(from: from, to: to)
  }

  // MARK: Reading it

  static func marks(at path: String) -> Marks? {
    guard JournalFile.isFile(path) else { return nil }
    var options = Configuration()
    options.readonly = (FileIdentity(path: path + "-journal")?.bytes ?? 0) == 0  // A change that was cut off is undone by who may write.
    guard let queue = try? DatabaseQueue(path: path, configuration: options) else { return nil }
    return try? queue.read { db in
      guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == JournalSchema.applicationID else { return nil }
      var marks = Marks()
      marks.journalID = try text(db, "main", "journal_id")
      marks.hubID = try text(db, "main", "hub_id")
      marks.isPopulated = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM patient) OR EXISTS (SELECT 1 FROM device)") ?? false
      marks.durableThrough = UInt64(bitPattern: try number(db, "main", "durable_through"))
      if let head = try AccessHead.fetch(db) { (marks.accessRows, marks.accessHash) = (head.rows, head.hash) }
      // A copy that was begun and never filled knows nobody.
      return try text(db, "main", "hub_id").isEmpty ? nil : marks
    }
  }

  // MARK: Parts

  static func attached(_ db: Database, _ path: String, _ body: () throws -> Void) throws {
    try db.execute(sql: "ATTACH DATABASE ? AS copy", arguments: [path])
    defer { try? db.execute(sql: "DETACH DATABASE copy") }
    try body()
  }

  private static func run(_ db: Database, _ sql: String, _ arguments: StatementArguments = []) throws {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  private static func text(_ db: Database, _ schema: String, _ key: String) throws -> String {
    try String.fetchOne(db.cachedStatement(sql: "SELECT value FROM \(schema).meta WHERE key = ?"), arguments: [key]) ?? ""
  }

  private static func number(_ db: Database, _ schema: String, _ key: String) throws -> Int64 {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT value FROM \(schema).meta WHERE key = ?"), arguments: [key]) ?? 0
  }
}

/// A call for help that was open when the journal was lost.
public struct OpenCall: Sendable, Hashable {
  /// Its id in the journal where it was open.
  public var alert: AlertID
  /// `sos` or `fall`.
  public var rule: AlertRule
  public var patient: PatientID
  public var device: DeviceID
}

extension JournalWriter {
  /// Brings the registry's copies up to date; gives what could not be written and why. The others are written all the same.
  public func refreshCopies() -> [(path: String, reason: String)] {
    var failures: [(path: String, reason: String)] = []
    for folder in configuration.copyFolders {
      let path = folder + "/" + RegistryCopy.fileName
      do { try refreshCopy(path) } catch { failures.append((path, "\(JournalError(error))")) }
    }
    return failures
  }

  private func refreshCopy(_ path: String) throws {
    do {
      if !FileManager.default.fileExists(atPath: path) || !copiesMade.contains(path) {
        try RegistryCopy.make(at: path)
        copiesMade.insert(path)
      }
      try bringUpToDate(path)
    } catch {
      // The copy is what is damaged, as the journal itself is read all the time: make it anew.
      guard case .corrupt = JournalError(error), standing() == .inPlace else { throw error }
      unlink(path)
      unlink(path + "-journal")
      try RegistryCopy.make(at: path)
      try bringUpToDate(path)
    }
  }

  /// By a connection that is kept, while the journal's name leads to the file that this writer has open; else by the writer's own.
  private func bringUpToDate(_ path: String) throws {
    var connection = copyConnections.removeValue(forKey: path)
    if standing() == .inPlace {
      if connection?.isOf(path) != true { connection = try RegistryCopyConnection(journal: configuration.path, copy: path) }
      // Looked at again: what was opened meanwhile is this writer's file.
      if let connection, standing() == .inPlace {
        try connection.refresh()
        // One that failed is not used again.
        copyConnections[path] = connection
        return
      }
    }
    try queue.writeWithoutTransaction { try RegistryCopy.refresh($0, at: path) }
  }
}

extension JournalReader {
  /// Calls for help that nobody had taken when this journal, or copy, was last written: everybody's newest first, at most a
  /// thousand.
  public func openCalls() throws(JournalError) -> [OpenCall] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, rule, patient, device FROM alert WHERE is_open = 1
            AND rule IN \(sqlList([AlertRule.sos, .fall])) AND state < \(AlertState.acknowledged.rawValue)
          ORDER BY row_number() OVER (PARTITION BY patient, device, rule ORDER BY first_outcome DESC), first_outcome LIMIT 1000
          """
      ).compactMap { row in
        guard let alert = AlertID(text: try row[of: "id"] as String), let rule = AlertRule(rawValue: try row[of: "rule"]) else {
          return nil
        }
        return OpenCall(
          alert: alert, rule: rule, patient: PatientID(rawValue: try row[of: "patient"]), device: DeviceID(rawValue: try row[of: "device"]))
      }
    }
  }
}
