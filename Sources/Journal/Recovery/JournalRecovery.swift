// From the file back to a running hub: what the last run left, the snapshot to start from, and every entry after it.

internal import Crypto
internal import Foundation
internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

/// One start of the core, so that the next can continue the timeline.
public struct RunRecord: Sendable, Hashable {
  /// `/proc/sys/kernel/random/boot_id`: CLOCK_BOOTTIME compares within one boot only.
  public var bootID: String
  /// CLOCK_BOOTTIME at the start, nanoseconds.
  public var boottimeNanoseconds: Int64
  /// The hub's timeline at the same moment.
  public var instant: MonotonicInstant
  public var wall: WallTime
  public var version: String

  public init(bootID: String, boottimeNanoseconds: Int64, instant: MonotonicInstant, wall: WallTime, version: String) {
    self.bootID = bootID
    self.boottimeNanoseconds = boottimeNanoseconds
    self.instant = instant
    self.wall = wall
    self.version = version
  }
}

/// What the journal tells of alerts after a snapshot: what a replay must give again.
public struct ToldTransitions: Sendable {
  /// In the order of decision.
  public var outcomes: [Outcome]
  /// Entries that came after the snapshot, were decided on, and are not stored: the disk was full.
  public var shed: Int
}

/// What `recover()` found.
public struct JournalRecovery: Sendable {
  /// The highest sequence given so far, kept or shed; the intake goes on from the next. 0: a new journal.
  public var lastSequence: UInt64
  /// The latest instant of any entry or outcome: the timeline never goes below it.
  public var lastInstant: MonotonicInstant
  public var lastWall: WallTime
  public var lastRun: RunRecord?
  /// Made once, at random; alert ids are derived from it.
  public var hubSalt: UInt64
  public var hubID: String
  /// The newest snapshot whose digest holds, newest first; try the next when one cannot be read.
  public var snapshots: [JournalSnapshot]
  /// 0: all that ever came in is still here. Else ordinary entries up to this one have been purged: a replay from the
  /// beginning gives the registry and what followed, not the exact state. A snapshot does.
  public var purgedThrough: UInt64
  /// Numbers in use: new ones start above.
  public var highestPatient: UInt32
  public var highestDevice: UInt32
  public var highestActor: UInt32
  /// How many alerts were ever raised on this hub, whatever has been purged since: no counter of ids may start below it when a replay
  /// is not exact.
  public var alertsEver: UInt32
  /// The counters of alert ids as they stand on the disk.
  public var episodes: [AlertEpisode]
  /// Who is registered now: what a core without a snapshot needs room for.
  public var registeredPatients: Int
  public var registeredDevices: Int
  /// Which program with which sizes decided what is here: another may decide otherwise, so its replay is not exact. Nil: not noted.
  public var decider: String?
  /// The frames that a redelivery may repeat, oldest first by link.
  public var deliveryMarks: [DeliveryMark]
}

/// The core's state as it was after an entry.
public struct JournalSnapshot: Sendable, Hashable {
  public var sequence: UInt64
  public var state: [UInt8]
}

extension JournalWriter {
  /// Reads what the last run left. Call before anything else, once.
  public func recover() throws(JournalError) -> JournalRecovery {
    let state = self.state
    return try journalErrors {
      try queue.writeWithoutTransaction { db in
        let run = try Row.fetchOne(db, sql: "SELECT * FROM run ORDER BY id DESC LIMIT 1").map {
          RunRecord(
            bootID: try $0[of: "boot_id"], boottimeNanoseconds: try $0[of: "boottime_nanoseconds"],
            instant: MonotonicInstant(rawValue: try $0[of: "instant"]),
            wall: WallTime(rawValue: try $0[of: "wall"]), version: try $0[of: "version"])
        }
        return JournalRecovery(
          lastSequence: state.lastSequence, lastInstant: max(state.lastInstant, run?.instant ?? .zero), lastWall: state.lastWall,
          lastRun: run, hubSalt: UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'hub_salt'") ?? 0),
          hubID: try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'hub_id'") ?? "",
          snapshots: try Self.soundSnapshots(db),
          purgedThrough: UInt64(bitPattern: try Int64.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'purged_through'") ?? 0),
          highestPatient: try Self.highest(db, in: "patient"),
          highestDevice: try Self.highest(db, in: "device"),
          highestActor: try Self.highest(db, in: "actor"),
          alertsEver: UInt32(truncatingIfNeeded: state.alertCounter),
          episodes: try Self.episodes(db),
          registeredPatients: try Int.fetchOne(db, sql: "SELECT count(*) FROM patient WHERE ended IS NULL") ?? 0,
          registeredDevices: try Int.fetchOne(db, sql: "SELECT count(*) FROM device WHERE removed IS NULL") ?? 0,
          decider: try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = 'decider'"),
          deliveryMarks: try Row.fetchAll(db, sql: "SELECT link, message, hash, taken, wall FROM delivery_mark ORDER BY link, number")
            .map {
              DeliveryMark(
                link: try $0[of: "link"], message: try $0[of: "message"], hash: UInt64(bitPattern: try $0[of: "hash"] as Int64),
                taken: UInt16(truncatingIfNeeded: try $0[of: "taken"] as Int64), wall: WallTime(rawValue: try $0[of: "wall"]))
            })
      }
    }
  }

  /// Of the rows, and of what an earlier life of this hub may have given.
  private static func highest(_ db: Database, in table: String) throws -> UInt32 {
    let used = try Int64.fetchOne(db, sql: "SELECT max(id) FROM \(table)") ?? 0
    return UInt32(truncatingIfNeeded: max(used, try number(db, "number_floor") ?? 0))
  }

  /// Snapshots whose bytes are as they were written, newest first. One from before something was purged cannot be replayed from.
  private static func soundSnapshots(_ db: Database) throws -> [JournalSnapshot] {
    try Row.fetchAll(
      db,
      sql:
        "SELECT sequence, digest, state FROM snapshot WHERE sequence >= coalesce((SELECT value FROM meta WHERE key = 'purged_through'), 0) ORDER BY sequence DESC"
    ).compactMap { row in
      guard let state: Data = try? row[of: "state"], let digest: Data = try? row[of: "digest"],
        Array(SHA256.hash(data: state)) == Array(digest)
      else { return nil }
      return JournalSnapshot(sequence: UInt64(bitPattern: try row[of: "sequence"] as Int64), state: Array(state))
    }
  }

  /// Records this start, durably; at the price of the ballast when the disk is full.
  public func beginRun(_ run: RunRecord) throws(JournalError) {
    do { try record(run) } catch {
      guard case .full = error, makeRoom() else { throw error }
      try record(run)
    }
  }

  private func record(_ run: RunRecord) throws(JournalError) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try db.insert(
            into: "run",
            [
              "boot_id": run.bootID, "boottime_nanoseconds": run.boottimeNanoseconds, "instant": run.instant.rawValue,
              "wall": run.wall.rawValue, "version": run.version,
            ])
          // A hub that restarts in a loop must not fill the disk with its starts.
          try db.execute(sql: "DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - 1000")
          return .commit
        }
      }
    }
  }

  /// Notes who decides from now on. Only after a start whose state is exact, or kept as a snapshot.
  public func noteDecider(_ decider: String) throws(JournalError) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        try db.insert(
          into: "meta", ["key": "decider", "value": decider],
          .update("(key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"))
      }
    }
  }

  /// What was told of alerts by a core after it had taken the entry `sequence` and reached `instant`; of that very instant all of it,
  /// because no instant says what came before and what after.
  public func transitions(after sequence: UInt64, _ instant: MonotonicInstant) throws(JournalError) -> ToldTransitions {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        // Numbers of outcomes rise with their causes: only what came after is looked at.
        let first = try Int64.fetchOne(
          db, sql: "SELECT id FROM outcome WHERE cause >= ? ORDER BY cause, id LIMIT 1", arguments: [signed(sequence)])
        let told = try StoredOutcome.fetch(
          db, where: "o.id >= ? AND o.kind = ? AND (o.cause > ? OR o.instant >= ?)",
          [first ?? .max, OutcomeKind.alert.rawValue, signed(sequence), instant.rawValue])
        let shed = try Int.fetchOne(
          db, sql: "SELECT coalesce(sum(entries), 0) FROM gap WHERE last_sequence > ?", arguments: [signed(sequence)])
        return ToldTransitions(outcomes: told.map(\.outcome), shed: shed ?? 0)
      }
    }
  }

  /// Gives every entry after `sequence` in order, exactly as it was committed. Streams; memory does not grow.
  public func replay(after sequence: UInt64, _ body: (IntakeEntry) -> Void) throws(JournalError) {
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        var stream = try EntryStream(db, after: sequence)
        while let entry = try stream.next() { body(entry) }
      }
    }
  }
}
