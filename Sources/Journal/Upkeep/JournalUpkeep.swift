// What keeps the file small and the next start short: checkpoints, snapshots, the ballast. All of it runs on the writer's
// thread between commits. Retention stands in JournalRetention.swift.

internal import Crypto
internal import Foundation
internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

extension JournalWriter {
  /// Moves the log's pages to the file when there are many. Call after the devices have been answered.
  public func checkpointIfNeeded() {
    if pagesInLog >= configuration.checkpointPages { checkpoint() }
  }

  /// Moves all pages and cuts the log's file to nothing. Call when nothing has come for a while; never waits for a reader.
  public func checkpointIfIdle() {
    guard pagesInLog > 0 else { return }
    // A reader in the middle of a query holds it back: then the log stays as it is until the next idle moment.
    try? queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA busy_timeout = 0")
      defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(JournalFile.busySeconds * 1_000))") }
      _ = try db.checkpoint(.truncate)
      logIsEmpty()
      files.noteSize()
    }
  }

  /// Moves all pages to the file, for whoever takes the file alone. Throws when something stays in the log, as while somebody reads.
  package func emptyLog() throws(JournalError) {
    try journalErrors { try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) } }
  }

  /// The machine that this journal asks.
  package var around: JournalSurroundings { configuration.around }

  /// A checkpoint that fails loses nothing: the pages stay in the log, and the next commit or checkpoint tells why.
  func checkpoint() {
    _ = try? queue.writeWithoutTransaction { db in try db.checkpoint(.passive) }
    files.noteSize()
  }

  /// Tries to get the ballast back after a full disk. True when nothing is shed any more.
  ///
  /// When it turns true, save a snapshot: a replay lacks what was shed.
  public func upkeep() -> Bool {
    if ballast.restore() { standingMode = .everything }
    return standingMode == .everything
  }

  /// Keeps the core's state as it was after `sequence`, and forgets all but the last two.
  ///
  /// The entries up to `sequence` must have been committed before. A snapshot of a state that the journal does not
  /// have yet is refused: after a crash it would tell of what never happened.
  public func saveSnapshot(_ bytes: [UInt8], sequence: UInt64, wall: WallTime) throws(JournalError) {
    guard sequence <= state.lastSequence else { throw .refused(code: -1, detail: "the snapshot is ahead of the journal") }
    let digest = Data(SHA256.hash(data: bytes))
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try db.insert(
            into: "snapshot", ["sequence": signed(sequence), "taken": wall.rawValue, "digest": digest, "state": Data(bytes)], .replace)
          try db.execute(
            sql: "DELETE FROM snapshot WHERE sequence NOT IN (SELECT sequence FROM snapshot ORDER BY sequence DESC LIMIT 2)")
          return .commit
        }
      }
    }
  }
}
