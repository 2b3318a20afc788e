// The journal is removed, renamed, replaced or cut while it is open: the writer notices and writes it anew, a reader follows.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct JournalStandingTests {
  private func scene() throws -> (JournalFolder, JournalWriter, Intake) {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    #expect(writer.standing() == .inPlace)
    return (folder, writer, intake)
  }

  @Test func checkpointsAndCommitsChangeNothing() throws {
    let (folder, writer, scene) = try scene()
    defer { #expect(FileManager.default.fileExists(atPath: folder.path)) }
    var intake = scene
    for round in 0..<20 {
      try writer.commit(group((0..<50).map { _ in intake.spo2(95) }))
      #expect(writer.standing() == .inPlace)
      if round % 3 == 0 { writer.checkpoint() } else if round % 3 == 1 { writer.checkpointIfIdle() }
      #expect(writer.standing() == .inPlace)
    }
  }

  @Test(arguments: ["", "-wal"]) func whatIsRemovedRenamedOrReplacedIsNoticed(_ suffix: String) throws {
    var (folder, writer, _) = try scene()
    let path = folder.path + suffix
    rename(path, path + ".away")
    #expect(writer.standing() == .removed(path: path))
    rename(path + ".away", path)
    #expect(writer.standing() == .inPlace)
    unlink(path)
    #expect(writer.standing() == .removed(path: path))
    (folder, writer, _) = try scene()
    let other = folder.path + suffix
    try FileManager.default.copyItem(atPath: other, toPath: other + ".copy")
    rename(other + ".copy", other)
    #expect(writer.standing() == .replaced(path: other))
  }

  @Test(arguments: ["", "-wal"]) func whatIsCutIsNoticed(_ suffix: String) throws {
    let (folder, writer, _) = try scene()
    #expect(truncate(folder.path + suffix, suffix.isEmpty ? 0 : 5_000) == 0)
    #expect(writer.standing() == .shortened(path: folder.path + suffix))
  }

  @Test(arguments: [["", "-wal", "-shm"], [""], ["-wal"], ["-wal", "-shm"]]) func whatWasRemovedIsWrittenAnew(_ suffixes: [String]) throws {
    let (folder, first, scene) = try scene()
    var intake = scene
    try first.commit(group((0..<100).map { _ in intake.spo2(95) }))
    for suffix in suffixes { unlink(folder.path + suffix) }
    #expect(first.standing() != .inPlace)
    let writer = try first.rescued()
    #expect(writer.path == folder.path)
    #expect(writer.standing() == .inPlace)
    try writer.commit(group([intake.sos()]))
    #expect(try writer.entries().map(\.sequence) == Array(1..<intake.next))
    #expect(try folder.reader().verifyAccessLog().isIntact)
    #expect(throws: JournalError.writerRunning(path: folder.path)) { try folder.writer() }
    // As a power cut would leave it.
    #expect(try folder.copyAsAfterCrash().writer().entries().count == Int(intake.next - 1))
  }

  /// Another program that writes into the journal, as somebody with `sqlite3` does, and ends: it must see that the journal is in use, and
  /// leave the log where it is. SQLite's locks say so, and they are gone as soon as this process closes any descriptor of the file.
  @Test(arguments: [false, true]) func anotherProgramThatOpensAndClosesItTakesNothingAway(isRescued: Bool) throws {
    let (folder, first, scene) = try scene()
    var (writer, intake) = (first, scene)
    if isRescued {
      unlink(folder.path + "-wal")
      writer = try first.rescued()
    }
    let reader = try folder.reader()
    for _ in 0..<3 {
      try writer.commit(group([intake.spo2(95)]))
      let another = Process()
      another.executableURL = URL(filePath: "/usr/bin/python3")
      another.arguments = [
        "-c", "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('BEGIN IMMEDIATE'); db.close()",
        folder.path,
      ]
      try another.run()
      another.waitUntilExit()
      #expect(another.terminationStatus == 0)
      #expect(writer.standing() == .inPlace)
      #expect(try reader.patients().count == 2)
      // Each that opens it looks at its version first.
      _ = try folder.reader()
    }
  }

  @Test func aLinkToAnotherDiskIsInPlace() throws {
    let (folder, elsewhere) = (try JournalFolder(), try JournalFolder())
    do { _ = try elsewhere.writer() }
    #expect(symlink(elsewhere.path, folder.path) == 0)
    // An empty one may lie beside the link, of an older version.
    try Data().write(to: URL(fileURLWithPath: folder.path + "-wal"))
    let first = try folder.writer()
    var intake = Intake()
    try first.commit(intake.registration())
    try first.commit(group((0..<100).map { _ in intake.spo2(95) }))
    #expect(first.standing() == .inPlace)
    unlink(elsewhere.path + "-wal")
    #expect(first.standing() == .removed(path: elsewhere.path + "-wal"))
    let writer = try first.rescued()
    #expect(writer.standing() == .inPlace)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path) == elsewhere.path, "the link stays")
    #expect(try writer.entries().count == Int(intake.next - 1))
  }

  @Test func anotherFileOfThatNameIsNotTouched() throws {
    let (folder, writer, _) = try scene()
    let theirs = URL(fileURLWithPath: folder.path)
    try FileManager.default.removeItem(at: theirs)
    try Data("theirs".utf8).write(to: theirs)
    #expect(throws: JournalError.self) { try writer.rescued() }
    #expect(try Data(contentsOf: theirs) == Data("theirs".utf8))
  }

  @Test func openAlertsGoAlong() throws {
    let home = try JournalFolder()
    let writer = try home.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    let call = intake.sos()
    var batch = group([call])
    batch.append(outcome(call, .alert(transition(1, .raised, .raised, firstCause: call.sequence))))
    try writer.commit(batch)
    let places = JournalPlaces(home.configuration(), volatileFolder: home.url.path)
    let emergency = try places.openEmergency(
      JournalLoss(kind: .removed, path: home.path, detail: "x"), running: writer.durableSequence, wall: WallTime(rawValue: Street.start))
    emergency.writer.takeOpenAlerts(from: writer)
    #expect(try JournalReader(path: emergency.writer.path).openAlerts().count == 1)
    // The running core goes on with its own numbers and salt.
    #expect(try emergency.writer.recover().lastSequence == writer.durableSequence)
    #expect(try emergency.writer.commit(group([intake.sos()])).entriesWritten == 1)
  }
}

@Suite struct JournalReaderLossTests {
  @Test(.timeLimit(.minutes(5))) func aReaderFollowsTheJournal() throws {
    let folder = try JournalFolder()
    let other = try JournalFolder()
    var intake = Intake()
    do {
      let writer = try folder.writer()
      try writer.commit(intake.registration())
      writer.checkpointIfIdle()
      _ = try other.writer()
    }
    let pointer = folder.url.appendingPathComponent("pointer").path
    let reader = try JournalReader(path: folder.path, pointer: pointer)
    #expect(try reader.patients().count == 2)
    // The core went over to another file.
    #expect(symlink(other.path, pointer) == 0)
    while try reader.patients().count != 0 { usleep(50_000) }
    unlink(pointer)
    while try reader.patients().count != 2 { usleep(50_000) }
    // A file was put in its place.
    try FileManager.default.copyItem(atPath: other.path, toPath: folder.path + ".new")
    for suffix in ["-wal", "-shm"] { unlink(folder.path + suffix) }
    rename(folder.path + ".new", folder.path)
    while try reader.patients().count != 0 { usleep(50_000) }
  }

  @Test func aQueryThatTakesTooLongIsEnded() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    let reader = try folder.reader()
    #expect {
      try reader.read { db in
        try JournalReader.limited(db, seconds: 0) {
          _ = try Int.fetchOne(db, sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
        }
      }
    } throws: { ($0 as? JournalError)?.retry == .later }
    #expect(try reader.patients().isEmpty, "the connection goes on")
  }
}
