// People's records as they are and as they were.

internal import Foundation
internal import GRDB
internal import JournalFiles
public import JournalValues
public import People
public import VitalSigns

extension JournalReader {
  /// The person's record: the newest version, or one by its number. Nil: there is none.
  public func record(of patient: PatientID, version: Int? = nil) throws(JournalError) -> PersonRecordVersion? {
    try read { db in try PersonRecordVersion.fetch(db, of: patient, version: version) }
  }

  /// The versions of the person's record, newest first.
  public func recordHistory(of patient: PatientID, limit: Int) throws(JournalError) -> [PersonRecordVersion] {
    try read { db in
      try Row.fetchAll(
        db, sql: "\(PersonRecordVersion.selection) WHERE patient = ? ORDER BY version DESC LIMIT ?", arguments: [patient.rawValue, limit]
      ).compactMap { try PersonRecordVersion(row: $0) }
    }
  }

  /// The newest record of everybody whose record was changed after this entry; 0: of everybody who has one.
  public func newestRecords(after sequence: UInt64 = 0) throws(JournalError) -> [PatientID: PersonRecordVersion] {
    try read { db in
      let newest = "(SELECT patient p, max(version) v FROM person_record GROUP BY patient) ON p = patient AND v = version"
      let rows = try Row.fetchAll(
        db, sql: "\(PersonRecordVersion.selection) JOIN \(newest) WHERE sequence > ?", arguments: [signed(sequence)])
      return Dictionary(
        try rows.map { row in
          let version = try PersonRecordVersion(row: row)
          return (version.patient, version)
        }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// For whom NEWS2 is not made, as each person's newest record says. No record is read for it: a start knows ten thousand people at once.
  public func eligibilities() throws(JournalError) -> [PatientID: NEWS2Eligibility] {
    try read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT patient, max(version), news2_from_day, is_pregnant FROM person_record JOIN registry_change USING (sequence) GROUP BY patient
          """)
      return Dictionary(
        try rows.map { row in
          (
            PatientID(rawValue: try row[of: "patient"]),
            NEWS2Eligibility(fromDay: try row[of: "news2_from_day"], isPregnant: try row[of: "is_pregnant"])
          )
        }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// The sequence of the newest change of the registry; 0: there was none. One step in an index.
  public func lastRegistryChange() throws(JournalError) -> UInt64 {
    try read { db in UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM registry_change") ?? 0) }
  }

  /// The newest record of each of these people who has one.
  public func records(of patients: some Collection<PatientID>) throws(JournalError) -> [PatientID: PersonRecordVersion] {
    let patients = Set(patients)
    if patients.isEmpty { return [:] }
    return try read { db in
      var records: [PatientID: PersonRecordVersion] = [:]
      for patient in patients { records[patient] = try PersonRecordVersion.fetch(db, of: patient) }
      return records
    }
  }
}

extension PersonRecordVersion {
  fileprivate static let selection = "SELECT patient, version, author, reason, started, fields, restricted FROM person_record"

  /// The version with this number, or the newest.
  static func fetch(_ db: Database, of patient: PatientID, version: Int? = nil) throws -> Self? {
    let newest = "\(selection) WHERE patient = ?1 AND version = coalesce(?2, (SELECT max(version) FROM person_record WHERE patient = ?1))"
    return try Row.fetchOne(db.cachedStatement(sql: newest), arguments: [patient.rawValue, version]).map { try Self(row: $0) }
  }

  /// The version that an entry made.
  static func fetch(_ db: Database, madeBy sequence: Int64) throws -> Self? {
    try Row.fetchOne(db, sql: "\(selection) WHERE sequence = ?", arguments: [sequence]).map { try Self(row: $0) }
  }

  fileprivate init(row: Row) throws {
    let fields = try Self.fields(try row[of: "fields"]).merging(Self.fields(try row[of: "restricted"])) { open, _ in open }
    self.init(
      patient: PatientID(rawValue: try row[of: "patient"]), number: try row[of: "version"],
      author: ActorID(rawValue: try row[of: "author"]),
      reason: try row[of: "reason"], started: WallTime(rawValue: try row[of: "started"]), record: PersonRecord(stored: fields))
  }

  /// A JSON object, its keys sorted.
  static func text(_ fields: [String: String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(fields), as: UTF8.self)
  }

  private static func fields(_ text: String) throws -> [String: String] {
    do { return try JSONDecoder().decode([String: String].self, from: Data(text.utf8)) } catch {
      throw JournalError.corrupt(detail: "a person's record cannot be read")
    }
  }
}
