// Backup, proof and restoring on real journals: what comes back is what was there, nothing is given twice, and nothing wrong passes.

import Foundation
import GRDB
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import JournalCopies

/// A folder that goes with the value, with a hub's journal in it.
final class CopiesFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("copies-\(UUID().uuidString)")
  static let controller = "974760673"
  static let start: Int64 = 1_800_000_000_000
  static let kari = PatientID(rawValue: 1)

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  var journal: String { path("journal.sqlite") }
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() } }

  func writer() throws -> JournalWriter {
    try JournalWriter(JournalConfiguration(path: journal, controller: Self.controller, ballastBytes: 0))
  }

  static func entry(_ sequence: UInt64, _ payload: IntakePayload) -> IntakeEntry {
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: Int64(sequence) * 1_000_000_000), wall: WallTime(rawValue: start + Int64(sequence) * 1_000),
      measuredAt: .unknown, device: .none, patient: kari, attachment: 0, payload: payload)
    entry.sequence = sequence
    return entry
  }

  static func spo2(_ sequence: UInt64) -> IntakeEntry {
    entry(sequence, .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 95), unit: .percent)))
  }

  /// Kari is registered, an alert is open, and values have come in.
  @discardableResult func fill(_ writer: JournalWriter, values: UInt64 = 50) throws -> AlertID {
    let id = AlertID(high: 0xABCD, low: 7)
    var group = JournalGroup()
    group.append(
      Self.entry(1, .registry(.patientAdded)),
      attachment: Attachment(actor: .hub, reason: "test", .patient(PatientDetails(name: "Kari Test"))))
    let press = Self.entry(2, .event(DeviceEvent(kind: .sos)))
    group.append(press)
    group.append(
      Outcome(
        cause: 2, instant: press.instant, wall: press.wall, patient: Self.kari, device: .none,
        payload: .alert(
          AlertTransition(
            id: id, rule: .sos, priority: .high, state: .raised, previous: .raised, kind: .raised, level: 1,
            deadline: MonotonicInstant(rawValue: 99_000_000_000), firstCause: 2, raisedAt: press.instant, value: 0, limit: 0, subject: 0,
            actor: .hub))))
    for sequence in 3..<(3 + values) { group.append(Self.spo2(sequence)) }
    try writer.commit(group)
    return id
  }

  func backup(to name: String, _ recipients: [AgeRecipient], now: Int64 = start + 100_000) throws -> BackupManifest {
    let sink = try FileSink(path: path(name))
    let manifest = try JournalBackup(journal: journal, workFolder: url.path).write(
      to: recipients, program: "test", now: WallTime(rawValue: now), sink: { try sink.write($0) })
    try sink.finish()
    return manifest
  }

  var restore: JournalRestore { JournalRestore(journal: journal, runtimeFolder: url.path, controller: Self.controller) }
  static func act(_ now: Int64 = start + 200_000) -> JournalRestore.Act {
    JournalRestore.Act(actor: "anna", reason: "disk broken", now: WallTime(rawValue: now), program: "test")
  }

  func restored(from file: String, _ keys: [AgeIdentity] = []) throws -> (generation: Int, movedTo: String?) {
    let prepared = try restore.prepare(try BackupReading(path: file, keys: keys), Self.act())
    #expect(prepared.proof.isSound)
    return try restore.finish(prepared, Self.act())
  }
}

@Suite("Backup")
struct BackupTests {
  @Test("A backup of a journal that is being written is whole and proven", arguments: [true, false])
  func whole(encrypted: Bool) throws {
    let (folder, key) = (try CopiesFolder(), AgeIdentity())
    let writer = try folder.writer()
    try folder.fill(writer)
    let manifest = try folder.backup(to: "b", encrypted ? [key.recipient] : [])
    #expect(manifest.counts.people == 1 && manifest.counts.observations == 50 && manifest.counts.openAlerts == 1)
    #expect(manifest.lastSequence == 52 && manifest.generation == 1 && manifest.counts.accessRows > 0)
    // The writer goes on, and the copy does not.
    var more = JournalGroup()
    more.append(CopiesFolder.spo2(53))
    try writer.commit(more)
    let reading = try BackupReading(path: folder.path("b"), keys: [key])
    #expect(reading.form == (encrypted ? .encrypted : .archive))
    let unpacked = try reading.unpack(to: folder.path("out"))
    #expect(unpacked.manifest == manifest && unpacked.isEncrypted == encrypted)
    let proof = try JournalProof(
      of: folder.path("out"), program: "test", now: WallTime(rawValue: CopiesFolder.start), expecting: unpacked.manifest)
    #expect(proof.isSound, "\(proof.findings)")
    #expect(try FileManager.default.attributesOfItem(atPath: folder.path("b"))[.posixPermissions] as? Int == 0o600)
    #expect(try folder.names.allSatisfy { !$0.hasSuffix(".part") }, "nothing is left behind")
  }

  @Test("A journal that is another than its manifest says is no proof")
  func otherManifest() throws {
    let folder = try CopiesFolder()
    try folder.fill(try folder.writer())
    let manifest = try folder.backup(to: "b", [])
    for change: (inout BackupManifest) -> Void in [
      { $0.lastSequence += 1 }, { $0.counts.people = 2 }, { $0.generation = 2 }, { $0.hubID = "x" }, { $0.accessHead = nil },
    ] {
      var other = manifest
      change(&other)
      let proof = try JournalProof(of: folder.journal, program: "test", now: manifest.taken, expecting: other)
      #expect(!proof.isSound)
    }
  }

  @Test("A row that was changed in the access log is found, and so is a damaged page")
  func damage() throws {
    let folder = try CopiesFolder()
    do {
      let writer = try folder.writer()
      try folder.fill(writer)
      writer.checkpointIfIdle()
    }
    let now = WallTime(rawValue: CopiesFolder.start)
    #expect(try JournalProof(of: folder.journal, program: "test", now: now).isSound)
    try DatabaseQueue(path: folder.journal).write { try $0.execute(sql: "UPDATE access_log SET detail = 'x' WHERE id = 1") }
    let proof = try JournalProof(of: folder.journal, program: "test", now: now)
    #expect(proof.findings.contains { $0.contains("access log") })
  }

  @Test("No room beside the journal is said before anything is written; a missing journal too")
  func refusals() throws {
    let folder = try CopiesFolder()
    #expect(throws: BackupError.self) { try folder.backup(to: "b", []) }
    #expect(try folder.names.isEmpty)
    try Data("another file".utf8).write(to: URL(fileURLWithPath: folder.path("b")))
    #expect(throws: BackupError.alreadyThere(path: folder.path("b"))) { try folder.backup(to: "b", []) }
    #expect(throws: BackupError.self) { try BackupReading(path: folder.path("b"), keys: []) }
  }

  @Test("The shelf keeps the newest and touches no other file")
  func shelf() throws {
    let folder = try CopiesFolder()
    let shelf = BackupShelf(folder: folder.url.path, hub: "hub-01")
    for day in 0..<5 {
      let path = shelf.path(at: WallTime(rawValue: CopiesFolder.start + Int64(day) * 86_400_000))
      try Data().write(to: URL(fileURLWithPath: path))
    }
    for name in ["knutepunkt-hub-01-x.age", "knutepunkt-hub-02-20270115T080000Z.age", "photo.age"] {
      try Data().write(to: URL(fileURLWithPath: folder.path(name)))
    }
    #expect(shelf.files.count == 5)
    #expect(shelf.thin(keep: 2).count == 3)
    #expect(shelf.files.count == 2 && shelf.files.last?.hasSuffix("20270119T080000Z.age") == true)
    #expect(try folder.names.count == 5)
  }
}

@Suite("Restore")
struct RestoreTests {
  @Test("It is the hub of then, with a new generation, and no number is given again")
  func newGeneration() throws {
    let (folder, key, other) = (try CopiesFolder(), AgeIdentity(), try CopiesFolder())
    let writer = try folder.writer()
    let alert = try folder.fill(writer)
    let original = try writer.recover()
    _ = try folder.backup(to: "b", [key.recipient])
    let (generation, moved) = try other.restored(from: folder.path("b"), [key])
    #expect(generation == 2 && moved == nil)
    let restored = try other.writer()
    let recovery = try restored.recover()
    #expect(recovery.hubID == original.hubID && recovery.hubSalt != original.hubSalt)
    #expect(recovery.lastSequence >= UInt64(CopiesFolder.start / 1_000) << 20)
    #expect(recovery.highestPatient >= 300_000 && recovery.highestDevice >= 300_000 && recovery.highestActor >= 300_000)
    let reader = try JournalReader(path: other.journal)
    #expect(try reader.openAlerts().map(\.id) == [alert])
    #expect(try reader.counts().gaps.map(\.reason) == [.restored])
    #expect(try reader.counts().gaps.first?.from.rawValue == CopiesFolder.start + 100_000)
    #expect(try reader.verifyAccessLog().isIntact)
    let row = try #require(try reader.accessLog(limit: 1).first)
    #expect(row.record.action == "restore" && row.record.purpose == "disk broken" && row.record.detail.contains("generation 2"))
    // Told once, at the first start.
    #expect(try restored.begunAnew()?.kind == .behind)
    #expect(try restored.begunAnew() == nil)
    #expect(try other.names.filter { $0.contains("restore") }.isEmpty)
  }

  @Test("A restored hub's own backup restores again, one generation on")
  func again() throws {
    let (folder, other, third) = (try CopiesFolder(), try CopiesFolder(), try CopiesFolder())
    try folder.fill(try folder.writer())
    _ = try folder.backup(to: "b", [])
    _ = try other.restored(from: folder.path("b"))
    let first = try other.writer().recover()
    let manifest = try other.backup(to: "c", [], now: CopiesFolder.start + 150_000)
    #expect(manifest.generation == 2)
    #expect(try third.restored(from: other.path("c")).generation == 3)
    let second = try third.writer().recover()
    #expect(second.highestPatient >= first.highestPatient + 300_000 && second.lastSequence > first.lastSequence)
    #expect(second.hubSalt != first.hubSalt)
  }

  @Test("A journal that is there is moved aside with its log, whole")
  func movesAside() throws {
    let folder = try CopiesFolder()
    do { try folder.fill(try folder.writer()) }
    _ = try folder.backup(to: "b", [])
    let moved = try #require(try folder.restored(from: folder.path("b")).movedTo)
    #expect(try JournalReader(path: moved + "/journal.sqlite").counts().observations == 50)
    #expect(try JournalReader(path: folder.journal).counts().observations == 50)
  }

  @Test("A log without its database, as a restore leaves it that was cut off, never meets the restored journal")
  func strayLog() throws {
    let folder = try CopiesFolder()
    do {
      let writer = try folder.writer()
      try folder.fill(writer)
      _ = try folder.backup(to: "b", [])
      var more = JournalGroup()
      more.append(CopiesFolder.spo2(53))
      try writer.commit(more)
    }
    try FileManager.default.removeItem(atPath: folder.journal)
    #expect(FileManager.default.fileExists(atPath: folder.journal + "-wal"))
    let moved = try #require(try folder.restored(from: folder.path("b")).movedTo)
    #expect(try FileManager.default.contentsOfDirectory(atPath: moved).contains("journal.sqlite-wal"))
    let reader = try JournalReader(path: folder.journal)
    #expect(try reader.entry(52) != nil && reader.entry(53) == nil)
  }

  @Test("A restore whose log cannot be emptied is none: the new generation would stay behind in the log")
  func logThatStays() throws {
    let folder = try CopiesFolder()
    do { try folder.fill(try folder.writer()) }
    _ = try folder.backup(to: "b", [])
    let prepared = try folder.restore.prepare(try BackupReading(path: folder.path("b"), keys: []), CopiesFolder.act())
    // Somebody looks into the file that is not in its place yet.
    var options = Configuration()
    options.allowsUnsafeTransactions = true
    let looking = try DatabaseQueue(path: folder.journal + ".restore", configuration: options)
    try looking.writeWithoutTransaction { db in
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "BEGIN")
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM entry")
    }
    #expect(throws: BackupError.self) { try folder.restore.finish(prepared, CopiesFolder.act()) }
    #expect(try JournalReader(path: folder.journal).counts().gaps.isEmpty)
    #expect(try folder.names.allSatisfy { !$0.hasPrefix("before-restore") })
    try looking.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    try looking.close()
  }

  @Test("A running hub, also one in an emergency, keeps restoring away; nothing is touched")
  func running() throws {
    let (folder, other) = (try CopiesFolder(), try CopiesFolder())
    try folder.fill(try folder.writer())
    _ = try folder.backup(to: "b", [])
    let reading = try BackupReading(path: folder.path("b"), keys: [])
    do {
      let writer = try other.writer()
      #expect(throws: BackupError.inUse(path: other.journal)) { try other.restore.prepare(reading, CopiesFolder.act()) }
      _ = writer.durableSequence
    }
    let emergency = try JournalWriter(
      JournalConfiguration(path: other.path("journal.emergency-1.sqlite"), controller: CopiesFolder.controller, ballastBytes: 0))
    #expect(throws: BackupError.inUse(path: other.path("journal.emergency-1.sqlite"))) {
      try other.restore.prepare(reading, CopiesFolder.act())
    }
    _ = emergency.durableSequence
    #expect(try other.names.filter { $0.contains("restore") }.isEmpty)
  }

  @Test("A clock behind the copy is refused: numbers follow the clock")
  func clock() throws {
    let (folder, other) = (try CopiesFolder(), try CopiesFolder())
    try folder.fill(try folder.writer())
    _ = try folder.backup(to: "b", [])
    #expect(throws: BackupError.self) {
      try other.restore.prepare(try BackupReading(path: folder.path("b"), keys: []), CopiesFolder.act(CopiesFolder.start))
    }
    #expect(try other.names.filter { $0.contains("sqlite.restore") }.isEmpty)
  }

  @Test("A cut or changed backup restores nothing and leaves nothing")
  func unsound() throws {
    let (folder, other) = (try CopiesFolder(), try CopiesFolder())
    try folder.fill(try folder.writer())
    _ = try folder.backup(to: "b", [])
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.path("b"))))
    var wrong: [[UInt8]] = [Array(bytes.dropLast(600)), Array(bytes[..<(bytes.count / 2)]), []]
    for place in stride(from: 100, to: bytes.count, by: 4_999) {
      var changed = bytes
      changed[place] ^= 0x10
      wrong.append(changed)
    }
    for content in wrong {
      let file = other.path("wrong")
      try Data(content).write(to: URL(fileURLWithPath: file))
      #expect(throws: BackupError.self) { try other.restore.prepare(try BackupReading(path: file, keys: []), CopiesFolder.act()) }
      #expect(try Set(other.names).isSubset(of: ["wrong", "journal.sqlite.writer"]))
    }
  }
}
