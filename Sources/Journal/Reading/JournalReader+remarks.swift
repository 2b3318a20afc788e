// What the core remarked on an entry: why it changed nothing live.

internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

extension JournalReader {
  /// The core's remarks on one entry, in their order; empty for an entry that counted, or is not there.
  public func remarks(on sequence: UInt64) throws(JournalError) -> [IntakeRemark] {
    try read { db in
      try UInt8.fetchAll(
        db, sql: "SELECT remark FROM outcome WHERE cause = ? AND kind = ? AND remark IS NOT NULL ORDER BY id",
        arguments: [signed(sequence), OutcomeKind.remark.rawValue]
      ).compactMap(IntakeRemark.init(rawValue:))
    }
  }
}
