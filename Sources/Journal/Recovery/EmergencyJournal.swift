// What a hub does at start, and while it runs, when its journal cannot be used: it takes the newest copy of the registry,
// makes a journal for the emergency from it, and goes on. Alarms need people and devices, not history. The lost journal is
// never touched, and this is never taken for a first start.
//
// An emergency journal in the state folder keeps its promises: what is committed there is on that disk, and may be acknowledged.
// One in the runtime folder is in memory: nothing may. Numbers given in it never meet those of the lost journal.

internal import Foundation
internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// A journal that is used instead of the lost one.
public struct EmergencyJournal {
  public var writer: JournalWriter
  public var loss: JournalLoss
  /// Calls for help that were open and that the new core does not know: to be raised again. Empty when an emergency goes on.
  public var openCalls: [OpenCall]
}

/// Where a hub's journal, its copies and its emergency journals lie.
public struct JournalPlaces: Sendable {
  public var configuration: JournalConfiguration
  /// Folder whose content is gone with the machine's power: the last resort.
  public var volatileFolder: String

  public init(_ configuration: JournalConfiguration, volatileFolder: String) {
    self.configuration = configuration
    self.volatileFolder = volatileFolder
  }

  private var stateFolder: String { (configuration.path as NSString).deletingLastPathComponent }
  private var copies: [String] { configuration.copyFolders.map { $0 + "/" + RegistryCopy.fileName } }
  static let emergencyPrefix = "journal.emergency-"
  static let keptPrefix = "journal.kept-"

  // MARK: Is it there?

  /// Why the journal is missing though this hub has had one; nil when it is there, or when this is a first start.
  ///
  /// An empty file is what SQLite leaves when a first start was cut off; with a trace of an earlier run beside it, it is a lost journal.
  public func missing() -> JournalLoss? {
    let bytes = FileIdentity(path: configuration.path)?.bytes ?? 0
    guard bytes == 0, let trace = trace() else { return nil }
    let what = FileIdentity(path: configuration.path) == nil ? "is missing" : "is empty"
    return JournalLoss(
      kind: .missing, path: configuration.path,
      detail: "the journal \(configuration.path) \(what), but \(trace) shows that this hub has had one")
  }

  /// Something that only a hub which had a journal leaves behind.
  private func trace() -> String? {
    if let copy = copies.first(where: { RegistryCopy.marks(at: $0) != nil }) { return copy }
    if let number = numbers(in: stateFolder, Self.emergencyPrefix).max() { return emergencyPath(stateFolder, number) }
    if let number = numbers(in: volatileFolder, Self.emergencyPrefix).max() { return emergencyPath(volatileFolder, number) }
    // Made after the tables, by every version.
    return [configuration.path + ".ballast", stateFolder + "/console.key"].first { FileIdentity(path: $0) != nil }
  }

  /// Why the journal is older than what was acknowledged from it: its log was emptied, or an old copy was put in its place.
  public func behind(_ writer: JournalWriter) -> JournalLoss? {
    let newest = knownThrough(of: writer.journalID)
    guard newest > writer.durableSequence else { return nil }
    return JournalLoss(
      kind: .behind, path: configuration.path,
      detail:
        "the journal \(configuration.path) ends at entry \(writer.durableSequence), but entry \(newest) was on disk once: it is an older file, or its log (-wal) was lost"
    )
  }

  /// The highest entry of the journal with this id that was on disk once, by all that lies beside it; 0: nobody knows of any.
  public func knownThrough(of journalID: String) -> UInt64 {
    if journalID.isEmpty { return 0 }
    let marks = copies.compactMap { RegistryCopy.marks(at: $0) }.filter { $0.journalID == journalID }
    return max(marks.map(\.durableThrough).max() ?? 0, DurableMark.sequence(in: volatileFolder, of: journalID) ?? 0)
  }

  /// Why the journal is another hub's: copies lie beside it that know people, and none of them is of the hub that it is of.
  public func anotherHubs(_ writer: JournalWriter) -> JournalLoss? {
    let known = copies.compactMap { path in RegistryCopy.marks(at: path).map { (path: path, marks: $0) } }
      .filter { $0.marks.isPopulated && !$0.marks.hubID.isEmpty }
    guard let own = known.first, let hubID = writer.hubID, !known.contains(where: { $0.marks.hubID == hubID }) else { return nil }
    return JournalLoss(
      kind: .unusable, path: configuration.path,
      detail:
        "the journal \(configuration.path) is another hub's: \(own.path) shows who is registered here; put this hub's own back, or, if this one is meant, remove every \(RegistryCopy.fileName)"
    )
  }

  /// The highest head of the access log that any copy has seen of this journal.
  public func accessHead(of writer: JournalWriter) -> AccessHead? {
    copies.compactMap { RegistryCopy.marks(at: $0) }.filter { $0.journalID == writer.journalID && $0.accessRows > 0 }
      .max { $0.accessRows < $1.accessRows }.map { AccessHead(rows: $0.accessRows, hash: $0.accessHash) }
  }

  // MARK: An emergency

  /// Opens the journal of the emergency that goes on, or makes one. Blocks.
  ///
  /// - Parameters:
  ///   - running: the sequence that a running core has given last; its salt is kept. Nil at a start: numbers and ids then begin
  ///     far above all that the lost journal can have given.
  public func openEmergency(_ loss: JournalLoss, running: UInt64? = nil, wall: WallTime) throws(JournalError) -> EmergencyJournal {
    var last = JournalError.cannotOpen(path: stateFolder, detail: "no folder can be written")
    for (folder, isDurable) in [(stateFolder, true), (volatileFolder, false)] {
      do {
        return try openEmergency(loss, in: folder, isDurable: isDurable, running: running, wall: wall)
      } catch .writerRunning(let path) {
        throw .writerRunning(path: path)
      } catch {
        last = error
      }
    }
    throw last
  }

  private func openEmergency(
    _ loss: JournalLoss, in folder: String, isDurable: Bool, running: UInt64?, wall: WallTime
  ) throws(JournalError) -> EmergencyJournal {
    guard access(folder, W_OK | X_OK) == 0 else { throw .cannotOpen(path: folder, detail: String(cString: strerror(errno))) }
    var loss = loss
    loss.isDurable = isDurable
    let known = numbers(in: folder, Self.emergencyPrefix).max() ?? 0
    if known > 0, running == nil {
      do {
        loss.emergencyPath = emergencyPath(folder, known)
        let writer = try JournalWriter(settings(emergencyPath(folder, known), isDurable))
        return EmergencyJournal(writer: writer, loss: loss, openCalls: [])
      } catch .writerRunning(let path) {
        throw .writerRunning(path: path)
      } catch {
        // That one is lost too; it stays where it is.
      }
    }
    let path = emergencyPath(folder, max(known, numbers(in: folder, Self.keptPrefix).max() ?? 0) + 1)
    let source = newestSource()
    let writer = try JournalWriter(settings(path, isDurable))
    try writer.begin(emergencyAfter: source, running: running, wall: wall)
    loss.emergencyPath = path
    loss.knowsNobody = running == nil && source == nil
    return EmergencyJournal(
      writer: writer, loss: loss,
      openCalls: running == nil ? source.flatMap { try? JournalReader(path: $0, connectionsMax: 1).openCalls() } ?? [] : [])
  }

  private func settings(_ path: String, _ isDurable: Bool) -> JournalConfiguration {
    var settings = configuration
    settings.path = path
    if !isDurable { settings.ballastBytes = 0 }
    return settings
  }

  /// The copy that was brought up to date last, else the lost journal itself, of which parts may be readable.
  private func newestSource() -> String? {
    let known = copies.compactMap { path in RegistryCopy.marks(at: path).map { (path, $0.durableThrough) } }
    if let newest = known.max(by: { $0.1 < $1.1 }) { return newest.0 }
    return (FileIdentity(path: configuration.path)?.bytes ?? 0) > 0 ? configuration.path : nil
  }

  /// The journal is back: what came in meanwhile is put aside under another name, so that a later emergency does not go on with it.
  /// Gives the names of all that lie there, for people, and of those that were put aside now.
  public func keepEmergencies() -> (all: [String], now: [String]) {
    var kept: [String] = []
    var now: [String] = []
    for folder in [stateFolder, volatileFolder] {
      for number in numbers(in: folder, Self.emergencyPrefix) {
        let target = "\(folder)/\(Self.keptPrefix)\(number).sqlite"
        for suffix in ["-wal", "-shm"] { rename(emergencyPath(folder, number) + suffix, target + suffix) }
        if rename(emergencyPath(folder, number), target) != 0 { continue }
        for suffix in [".writer", ".ballast"] { unlink(emergencyPath(folder, number) + suffix) }
        now.append(target)
      }
      kept += numbers(in: folder, Self.keptPrefix).sorted().map { "\(folder)/\(Self.keptPrefix)\($0).sqlite" }
    }
    return (kept, now)
  }

  private func emergencyPath(_ folder: String, _ number: Int) -> String { "\(folder)/\(Self.emergencyPrefix)\(number).sqlite" }

  private func numbers(in folder: String, _ prefix: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix(prefix), name.hasSuffix(".sqlite") else { return nil }
      return Int(name.dropFirst(prefix.count).dropLast(".sqlite".count))
    }
  }
}

extension JournalWriter {
  /// Which file this is; a restored copy has the same.
  var journalID: String {
    let id = try? queue.writeWithoutTransaction { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'journal_id'") }
    return (id ?? nil) ?? ""
  }

  /// Which hub this is; an emergency's journal has the same.
  var hubID: String? {
    try? queue.writeWithoutTransaction { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'hub_id'") }
  }

  /// Fills this new journal from a copy, and lifts its numbers above all that the lost journal can have given.
  func begin(emergencyAfter source: String?, running: UInt64?, wall: WallTime) throws(JournalError) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        // A damaged source gives what it can.
        if let source { try? RegistryCopy.seed(db, from: source, withOpenAlerts: running != nil) }
        if running == nil {
          try db.execute(
            sql: "UPDATE meta SET value = ? WHERE key = 'hub_salt'", arguments: [Int64(bitPattern: configuration.around.random())])
        }
      }
    }
    try lift(to: running, reason: .journalLost, wall: wall)
  }

  /// Nobody's decider: ids were lifted since anybody decided here.
  public static let liftedDecider = "lifted"

  /// Makes the next numbers begin above what may have been given in a part that is not here.
  ///
  /// At a start: above 2^20 for each second since 1970, which no hub has given (it would take a million entries a second), and
  /// which stays below 2^53, so that any JSON reader keeps it exact.
  ///
  /// - Parameters:
  ///   - since: when the missing part began, where that is known.
  ///   - keepsSnapshots: the core's state at the copy still holds; only ids begin anew.
  public func lift(
    to running: UInt64? = nil, reason: GapReason, wall: WallTime, since: WallTime? = nil, keepsSnapshots: Bool = false
  ) throws(JournalError) {
    try refreshState()
    let last = state.lastSequence
    let floor = running ?? max(last + 1 << 20, UInt64(clamping: wall.rawValue / 1_000) << 20)
    let counters = max(floor, UInt64(clamping: wall.rawValue / 1_000) << 20)
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          if floor > last {
            try db.insert(GapRow(reason: reason, first: last + 1, last: floor, entries: 0, from: since ?? wall, to: wall, isOpen: false))
          }
          for counter in [JournalCounter.outcome, .outboxRow, .quarantine] {
            try db.execute(
              sql: "UPDATE counter SET value = max(value, ?) WHERE name = ?", arguments: [signed(counters), counter.rawValue])
          }
          // Nor may an alert get an id that was given after the copy: the core is built anew, with its ids from above this.
          try db.execute(
            sql: "UPDATE counter SET value = value + 1048576 WHERE name = ?", arguments: [JournalCounter.alert.rawValue])
          if !keepsSnapshots { try db.execute(sql: "DELETE FROM snapshot") }
          try db.insert(into: "meta", ["key": "decider", "value": Self.liftedDecider], .replace)
          return .commit
        }
      }
    }
    stateIsStale = true
    try refreshState()
  }

  /// Takes over what the old journal still tells of open alerts, so that they stay on the board. As far as it can be read.
  public func takeOpenAlerts(from old: JournalWriter) {
    let path = configuration.path
    _ = try? old.queue.writeWithoutTransaction { db in
      try RegistryCopy.attached(db, path) {
        var rows = try RegistryCopy.rows(db, from: "main", to: "copy")
        try RegistryCopy.copyOpenAlerts(db, &rows)
      }
    }
  }
}
