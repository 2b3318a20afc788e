// People's records in the journal: every version stays, the log says which fields and never what, and a copy of the registry has the newest.

import Foundation
import GRDB
import JournalFiles
import JournalValues
import People
import Testing
import VitalSigns

@testable import Journal

@Suite struct RecordTests {
  private func record(_ fields: [String: String]) -> JournalValues.Attachment {
    JournalValues.Attachment(actor: Street.nurse, reason: "flyttet", .record(PersonRecord(stored: fields)))
  }

  private func change(_ intake: inout Intake, _ fields: [String: String], _ writer: JournalWriter, of patient: PatientID = Street.kari)
    throws
  {
    var batch = JournalGroup()
    let eligibility = PersonRecord(stored: fields).eligibility
    batch.append(intake.entry(.registry(.recordChanged(eligibility)), patient: patient, device: .none), attachment: record(fields))
    try writer.commit(batch)
  }

  @Test func everyVersionStays() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    let reader = try folder.reader()
    var intake = Intake()
    try writer.commit(intake.registration())
    #expect(try reader.record(of: Street.kari) == nil && reader.recordHistory(of: Street.kari, limit: 9).isEmpty)
    try change(&intake, ["street": "Storgata 1", "doorCode": "1234"], writer)
    try change(&intake, ["street": "Storgata 2", "doorCode": "1234", "pregnant": "yes"], writer)
    try change(&intake, ["city": "Oslo"], writer, of: Street.ola)
    let now = try #require(try reader.record(of: Street.kari))
    #expect(now.number == 2 && now.record[.street] == "Storgata 2" && now.record[.doorCode] == "1234")
    #expect(now.author == Street.nurse && now.reason == "flyttet" && now.started.rawValue > Street.start)
    #expect(try reader.record(of: Street.kari, version: 1)?.record[.street] == "Storgata 1")
    #expect(try reader.record(of: Street.kari, version: 3) == nil)
    #expect(try reader.recordHistory(of: Street.kari, limit: 9).map(\.number) == [2, 1])
    #expect(try reader.recordHistory(of: Street.kari, limit: 1).map(\.number) == [2])
    let both = try reader.records(of: [Street.kari, Street.ola, PatientID(rawValue: 99)])
    #expect(both.mapValues(\.number) == [Street.kari: 2, Street.ola: 1])
    #expect(try reader.newestRecords().mapValues(\.number) == both.mapValues(\.number))
    let last = try reader.lastRegistryChange()
    #expect(
      try reader.newestRecords(after: last - 1).keys.map(\.rawValue) == [Street.ola.rawValue] && reader.newestRecords(after: last).isEmpty)
    #expect(try reader.eligibilities() == [Street.kari: NEWS2Eligibility(isPregnant: true), Street.ola: NEWS2Eligibility()])
    // The log names fields, and holds nothing of what stands in them.
    let log = try reader.accessLog(of: Street.kari, limit: 9).map(\.record.detail)
    #expect(log.prefix(2) == ["record version 2: street pregnant", "record version 1: street doorCode"])
    // What the core was told is replayed as it was.
    var seen: [RegistryChange] = []
    try writer.replay(after: 0) { entry in if case .registry(let change) = entry.payload { seen.append(change) } }
    #expect(
      seen.suffix(3) == [
        .recordChanged(NEWS2Eligibility()), .recordChanged(NEWS2Eligibility(isPregnant: true)), .recordChanged(NEWS2Eligibility()),
      ])
  }

  @Test func aRefusedChangeMakesNoVersion() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    let entry = intake.entry(.registry(.recordChanged(NEWS2Eligibility())), device: .none)
    var batch = group([entry])
    batch.append(outcome(entry, .remark(.unknownSubject)))
    try writer.commit(batch)
    #expect(try folder.reader().record(of: Street.kari) == nil)
    #expect(try folder.reader().accessLog().first?.record.detail == "recordChanged refused: unknownSubject")
  }

  @Test func aCopyHasTheNewest() throws {
    let folder = try JournalFolder()
    let elsewhere = try JournalFolder()
    let copies = [elsewhere.url.path]
    let writer = try folder.writer { $0.copyFolders = copies }
    var intake = Intake()
    try writer.commit(intake.registration())
    for street in ["Storgata 1", "Storgata 2", "Storgata 3"] {
      try change(&intake, ["street": street, "keyBox": "bak bjelken"], writer)
      #expect(writer.refreshCopies().isEmpty)
    }
    let queue = try DatabaseQueue(path: elsewhere.url.path + "/" + RegistryCopy.fileName)
    let rows = try queue.read { try Row.fetchAll($0, sql: "SELECT version, fields, restricted FROM person_record") }
    #expect(rows.count == 1 && rows.first?["version"] == 3)
    #expect(rows.first?["fields"] == #"{"street":"Storgata 3"}"# && rows.first?["restricted"] == #"{"keyBox":"bak bjelken"}"#)
  }

  @Test func whatCannotBeReadSaysSo() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    try change(&intake, ["street": "Storgata 1"], writer)
    try folder.rawConnection().write { try $0.execute(sql: "UPDATE person_record SET fields = '{'") }
    #expect(throws: JournalError.corrupt(detail: "a person's record cannot be read")) { try folder.reader().record(of: Street.kari) }
  }
}
