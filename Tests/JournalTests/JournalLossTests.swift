// The journal is missing, empty, foreign, older than it was, or taken away while it is open: what is noticed, and what a hub goes on
// with. The lost file itself is never touched.

import Foundation
import GRDB
import JournalFiles
import JournalValues
import Testing
import VitalSigns

@testable import Journal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A journal with copies of its registry in its own folder and in another.
private struct Home {
  let folder: JournalFolder
  let elsewhere: JournalFolder

  init() throws {
    folder = try JournalFolder()
    elsewhere = try JournalFolder()
  }

  func writer() throws -> JournalWriter { try JournalWriter(configuration) }
  var configuration: JournalConfiguration {
    folder.configuration { $0.copyFolders = [folder.url.path, elsewhere.url.path] }
  }
  var places: JournalPlaces { JournalPlaces(configuration, volatileFolder: elsewhere.url.path) }
  func remove(_ suffixes: String...) { for suffix in suffixes { unlink(folder.path + suffix) } }
}

private let wall = WallTime(rawValue: Street.start)

@Suite struct JournalLossTests {
  @Test func aFirstStartIsNoLoss() throws {
    let home = try Home()
    #expect(home.places.missing() == nil)
    // Cut off between making the file and its tables.
    try Data().write(to: URL(fileURLWithPath: home.folder.path))
    #expect(home.places.missing() == nil)
  }

  @Test(arguments: ["deleted", "empty", "folder emptied"]) func aMissingJournalIsNoFirstStart(_ how: String) throws {
    let home = try Home()
    var intake = Intake()
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      #expect(writer.refreshCopies().isEmpty)
    }
    home.remove("", "-wal", "-shm")
    if how == "empty" { try Data().write(to: URL(fileURLWithPath: home.folder.path)) }
    // Its disk is not mounted: the folder is empty, and only the copy elsewhere is left.
    if how == "folder emptied" {
      try FileManager.default.removeItem(at: home.folder.url)
      try FileManager.default.createDirectory(at: home.folder.url, withIntermediateDirectories: true)
    }
    let loss = try #require(home.places.missing())
    #expect(loss.kind == .missing)
    #expect(loss.sentence.contains("restart"))
    let emergency = try home.places.openEmergency(loss, wall: wall)
    #expect(emergency.loss.isDurable && !emergency.loss.knowsNobody)
    #expect(emergency.writer.path != home.folder.path)
    #expect(FileManager.default.fileExists(atPath: home.folder.path) == (how == "empty"))
  }

  @Test func anEmergencyKnowsThePeopleAndRepeatsNoNumber() throws {
    let home = try Home()
    var intake = Intake()
    var before: JournalRecovery?
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      let call = intake.sos()
      var batch = group([call])
      batch.append(outcome(call, .alert(transition(1, .raised, .raised, firstCause: call.sequence))))
      try writer.commit(batch)
      before = try writer.recover()
      #expect(writer.refreshCopies().isEmpty)
    }
    home.remove("", "-wal", "-shm")
    let lost = try #require(before)
    var emergency: EmergencyJournal? = try home.places.openEmergency(try #require(home.places.missing()), wall: wall)
    let path = try #require(emergency?.writer.path)
    let recovery = try #require(try emergency?.writer.recover())
    #expect(recovery.hubID == lost.hubID, "it is the same hub")
    #expect(recovery.hubSalt != lost.hubSalt, "ids of alerts are others")
    #expect(recovery.lastSequence > lost.lastSequence + 1 << 20)
    #expect(recovery.lastSequence < 1 << 53, "any JSON reader keeps it exact")
    #expect(recovery.highestPatient == 2 && recovery.highestDevice == 1 && recovery.purgedThrough == 0)
    #expect(
      emergency?.openCalls
        == [
          OpenCall(
            alert: AlertID(high: 0xABCD_EF01_2345_6789, low: 1), rule: .sos, patient: Street.kari, device: Street.oximeter)
        ])
    // The core gets everybody from the entries.
    let entries = try #require(try emergency?.writer.entries())
    #expect(entries.map(\.sequence) == [1, 2, 3, 4])
    let reader = try JournalReader(path: path)
    #expect(try reader.patients().map(\.name) == ["Kari Test", "Ola Test"])
    #expect(try reader.assignments().map(\.patient) == [Street.kari])
    #expect(try reader.verifyAccessLog().isIntact)
    // A restart goes on with it, and raises nothing a second time.
    var value = intake.spo2(91)
    value.sequence = recovery.lastSequence + 1
    try emergency?.writer.commit(group([value]))
    emergency = nil
    let again = try home.places.openEmergency(try #require(home.places.missing()), wall: wall)
    #expect(again.writer.path == path)
    #expect(again.openCalls.isEmpty)
    #expect(try again.writer.recover().lastSequence == recovery.lastSequence + 1)
  }

  @Test func whenTheJournalIsBackTheEmergencyIsKeptApart() throws {
    let home = try Home()
    var intake = Intake()
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      _ = writer.refreshCopies()
    }
    rename(home.folder.path, home.folder.path + ".away")
    do { _ = try home.places.openEmergency(try #require(home.places.missing()), wall: wall) }
    rename(home.folder.path + ".away", home.folder.path)
    #expect(home.places.missing() == nil)
    let writer = try home.writer()
    #expect(home.places.behind(writer) == nil, "what was counted in the emergency says nothing about this file")
    let kept = home.places.keepEmergencies().now
    #expect(kept.count == 1 && kept.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    // The next emergency is another.
    let next = try home.places.openEmergency(JournalLoss(kind: .damaged, path: home.folder.path, detail: "x"), wall: wall)
    #expect(next.writer.path.hasSuffix("emergency-2.sqlite"))
  }

  @Test func aDamagedCopyIsPassedOverAndMadeAnew() throws {
    let home = try Home()
    var intake = Intake()
    var writer: JournalWriter? = try home.writer()
    try writer?.commit(intake.registration())
    #expect(writer?.refreshCopies().isEmpty == true)
    let copy = home.folder.url.appendingPathComponent(RegistryCopy.fileName)
    try Data(repeating: 0x41, count: 40_000).write(to: copy)
    #expect(RegistryCopy.marks(at: copy.path) == nil)
    let emergency = try home.places.openEmergency(JournalLoss(kind: .damaged, path: home.folder.path, detail: "x"), wall: wall)
    #expect(try JournalReader(path: emergency.writer.path).patients().count == 2, "the other copy is taken")
    #expect(writer?.refreshCopies().isEmpty == true)
    #expect(RegistryCopy.marks(at: copy.path) != nil)
    writer = nil
  }

  /// The power went in the middle of a change, or soon after it: the names of deleted rollback journals may be back in both folders.
  @Test func aCopyWhoseLastChangeWasCutOffIsRead() throws {
    let home = try Home()
    var intake = Intake()
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      #expect(writer.refreshCopies().isEmpty)
    }
    for folder in [home.folder, home.elsewhere] {
      let path = folder.url.path + "/" + RegistryCopy.fileName
      let queue = try DatabaseQueue(path: path)
      try queue.writeWithoutTransaction { db in
        try db.execute(
          sql: """
            PRAGMA cache_size = 2; BEGIN IMMEDIATE; CREATE TABLE filler (x);
            INSERT INTO filler WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200) SELECT randomblob(2000) FROM n
            """)
        for suffix in ["", "-journal"] { try FileManager.default.copyItem(atPath: path + suffix, toPath: path + suffix + ".cut") }
        try db.execute(sql: "ROLLBACK")
      }
      try queue.close()
      for suffix in ["", "-journal"] {
        unlink(path + suffix)
        try FileManager.default.moveItem(atPath: path + suffix + ".cut", toPath: path + suffix)
      }
    }
    home.remove("", "-wal", "-shm")
    let emergency = try home.places.openEmergency(try #require(home.places.missing()), wall: wall)
    #expect(!emergency.loss.knowsNobody)
    #expect(try !JournalReader(path: emergency.writer.path).patients().isEmpty)
  }

  @Test func withoutAnyCopyTheLostFileIsReadAsFarAsItGoes() throws {
    let home = try Home()
    var intake = Intake()
    do { try home.writer().commit(intake.registration()) }
    let raw = try home.folder.rawConnection()
    try raw.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
    try raw.close()
    #expect(throws: JournalError.newerVersion(found: 99, supported: JournalSchema.version)) { try home.writer() }
    let emergency = try home.places.openEmergency(JournalLoss(kind: .newer, path: home.folder.path, detail: "x"), wall: wall)
    #expect(try JournalReader(path: emergency.writer.path).patients().count == 2)
    home.remove("", "-wal", "-shm")
    let nobody = try Home()
    #expect(
      try nobody.places.openEmergency(JournalLoss(kind: .missing, path: nobody.folder.path, detail: "x"), wall: wall).loss.knowsNobody)
  }

  @Test func aFolderThatCannotBeWrittenLeavesMemory() throws {
    let home = try Home()
    var intake = Intake()
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      _ = writer.refreshCopies()
    }
    try FileManager.default.removeItem(at: home.folder.url)
    let emergency = try home.places.openEmergency(JournalLoss(kind: .readOnly, path: home.folder.path, detail: "x"), wall: wall)
    #expect(!emergency.loss.isDurable)
    #expect(emergency.loss.sentence.contains("nothing is acknowledged"))
    #expect(try JournalReader(path: emergency.writer.path).patients().count == 2)
  }

  @Test func aCopyIsBroughtUpToDateAndIsTheOwnersOnly() throws {
    let home = try Home()
    let writer = try home.writer()
    var intake = Intake()
    _ = writer.refreshCopies()
    try writer.commit(intake.registration())
    _ = writer.refreshCopies()
    var more = JournalGroup()
    more.append(intake.entry(.registry(.patientEnded), patient: Street.ola, device: .none))
    more.append(intake.entry(.registry(.deviceReleased), patient: .none))
    try writer.commit(more)
    #expect(writer.refreshCopies().isEmpty)
    let path = home.elsewhere.url.path + "/" + RegistryCopy.fileName
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let queue = try DatabaseQueue(path: path)
    func count(_ table: String) throws -> Int? { try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") } }
    #expect(try count("patient WHERE ended IS NULL") == 1)
    #expect(try count("assignment WHERE ended IS NULL") == 0)
    #expect(try count("entry") == 6)
    #expect(RegistryCopy.marks(at: path)?.durableThrough == 6)
  }

  @Test func aJournalThatIsOlderThanItWasIsNoticedAndRepeatsNothing() throws {
    let home = try Home()
    var intake = Intake()
    do {
      let writer = try home.writer()
      try writer.commit(intake.registration())
      writer.checkpointIfIdle()
    }
    let old = try Data(contentsOf: URL(fileURLWithPath: home.folder.path))
    do {
      let writer = try home.writer()
      try writer.commit(group((0..<20).map { _ in intake.spo2(95) }))
      #expect(writer.refreshCopies().isEmpty)
      #expect(home.places.behind(writer) == nil)
    }
    home.remove("-wal", "-shm")
    try old.write(to: URL(fileURLWithPath: home.folder.path))
    let writer = try home.writer()
    let loss = try #require(home.places.behind(writer))
    #expect(loss.kind == .behind && loss.detail.contains("24"))
    try writer.lift(reason: .journalBehind, wall: wall)
    #expect(try writer.recover().lastSequence > 1 << 40)
    #expect(home.places.behind(writer) == nil)
    #expect(try JournalReader(path: home.folder.path).counts().gaps.map(\.reason) == [.journalBehind])
  }
}
