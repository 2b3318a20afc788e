// A file whose rows hold what their tables do not allow: a page that a disk lost or a power cut tore can be read as such. Opening it says so, and
// never ends the process: a hub that dies at each start hears nobody.

import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct DamagedRowTests {
  /// Puts NULL where the table forbids it, as no statement could.
  private func damage(_ folder: JournalFolder, _ table: String, _ column: String) throws {
    func schema(_ sql: String) throws {
      let queue = try folder.rawConnection()
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA writable_schema = ON")
        try db.execute(sql: sql)
        try db.execute(sql: "PRAGMA writable_schema = RESET")
      }
      try queue.close()
    }
    let before = try folder.rawConnection().read { try String.fetchOne($0, sql: "SELECT sql FROM sqlite_schema WHERE name = '\(table)'") }
    let declared = try #require(before)
    let loose = declared.replacing(try Regex("(\\b\(column) [A-Z]+) NOT NULL")) { "\($0[1].substring ?? "")" }
    #expect(loose != declared, "\(table).\(column) may be NULL already")
    try schema("UPDATE sqlite_schema SET sql = '\(loose.replacing("'", with: "''"))' WHERE name = '\(table)'")
    let queue = try folder.rawConnection()
    try queue.write { try $0.execute(sql: "UPDATE \(table) SET \(column) = NULL") }
    try queue.close()
    try schema("UPDATE sqlite_schema SET sql = '\(declared.replacing("'", with: "''"))' WHERE name = '\(table)'")
  }

  private func filled() throws -> JournalFolder {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var group = intake.registration()
    let press = intake.sos()
    group.append(press)
    group.append(outcome(press, .alert(transition(7, .raised, .raised, firstCause: press.sequence))))
    group.access.append(
      AccessRecord(wall: WallTime(rawValue: Street.start), actor: Street.nurse, action: "look", purpose: "care", detail: ""))
    group.deliveryMarks.append(DeliveryMark(link: 1, message: 2, hash: 3, wall: WallTime(rawValue: Street.start)))
    try writer.commit(group)
    try writer.beginRun(
      RunRecord(
        bootID: "boot", boottimeNanoseconds: 1, instant: MonotonicInstant(rawValue: 1), wall: WallTime(rawValue: Street.start),
        version: "test"))
    try writer.saveSnapshot([1, 2, 3], sequence: press.sequence, wall: WallTime(rawValue: Street.start))
    return folder
  }

  @Test(
    "What a start reads of a damaged row is told as damage",
    arguments: [
      ("access_log", "hash"), ("counter", "value"), ("delivery_mark", "wall"), ("run", "instant"), ("alert_transition", "raised_at"),
      ("outcome", "instant"), ("device", "label"),
    ])
  func start(table: String, column: String) throws {
    let folder = try filled()
    try damage(folder, table, column)
    #expect {
      let writer = try folder.writer()
      _ = try writer.recover()
      let reader = try folder.reader()
      _ = try (reader.patients(), reader.devices(), reader.openAlerts())
    } throws: { error in
      if case JournalError.corrupt = error { true } else { false }
    }
  }

  @Test("A snapshot that cannot be read is passed over") func snapshot() throws {
    let folder = try filled()
    try damage(folder, "snapshot", "state")
    #expect(try folder.writer().recover().snapshots.isEmpty)
  }
}
