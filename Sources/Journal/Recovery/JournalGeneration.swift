// The file's form for whoever copies it, and what a journal that was begun anew from a copy (JournalCopies) tells at its first start.

package import GRDB
internal import JournalFiles
public import JournalValues
internal import VitalSigns

/// What other programs must know of the file's form.
public enum JournalFormat {
  public static let applicationID = JournalSchema.applicationID
  public static let version = JournalSchema.version
}

extension JournalWriter {
  /// Says once, at the first start after it, that this journal was restored or salvaged and what is missing; nil when there is nothing
  /// to tell.
  public func begunAnew() throws(JournalError) -> JournalLoss? {
    let told = try journalErrors {
      try queue.writeWithoutTransaction { db -> String? in
        let told = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'begun_anew'")
        if told != nil { try db.execute(sql: "DELETE FROM meta WHERE key = 'begun_anew'") }
        return told
      }
    }
    return told.map { JournalLoss(kind: .behind, path: configuration.path, detail: $0) }
  }

  /// A number of `meta`; nil where it has none.
  package static func number(_ db: Database, _ key: String) throws -> Int64? {
    try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key])
  }
}
