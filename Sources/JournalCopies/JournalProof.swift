// Whether a journal is sound: SQLite's own check of every page and index, the chain of the access log, and what its manifest says of it.

internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
internal import JournalValues
package import VitalSigns

/// What was found about a journal, or about the one inside a backup.
package struct JournalProof: Sendable {
  package var manifest: BackupManifest
  /// What is wrong, one sentence each; empty: all of it holds. At most `findingsMax`.
  package var findings: [String] = []
  package var accessRows: UInt64 = 0

  package var isSound: Bool { findings.isEmpty }
  private static let findingsMax = 20

  /// Looks at every page of the file. Reads only; blocks for seconds a gigabyte. A journal in use may be looked at: its log cannot be cut
  /// meanwhile.
  /// - Parameter expecting: what the backup's manifest says.
  package init(of path: String, program: String, now: WallTime, expecting: BackupManifest? = nil) throws(BackupError) {
    var findings: [String] = []
    do {
      let queue = try JournalFileReading.open(path)
      (manifest, accessRows) = try queue.read { db in
        findings += try String.fetchAll(db, sql: "PRAGMA integrity_check(\(Self.findingsMax))").filter { $0 != "ok" }
        var log = AccessLogVerification()
        while try !log.read(db, rowsMax: 10_000, expecting: nil) {}
        if !log.isIntact {
          findings.append("the access log does not hold from row \(log.firstBroken ?? 0) on (\(log.problem ?? ""))")
        }
        return (try BackupManifest.of(db, program: program, taken: expecting?.taken ?? now), log.rows)
      }
      try queue.close()
    } catch {
      throw .journal(JournalError(error))
    }
    if let expecting {
      var found = manifest
      found.program = expecting.program
      found.takenAt = expecting.takenAt
      if found != expecting { findings.append("the journal inside is not the one that the manifest tells of") }
      manifest = expecting
    }
    self.findings = Array(findings.prefix(Self.findingsMax))
  }
}
