// An upgrade in the middle: the hub's files become what release 0.3.0 wrote (the tables of version 3), and the next start is one of this program,
// which brings them up to date. Every other time it is cut off at some call to the disk, as often in the migration as after it.
//
// What release 0.3.0 did not keep is gone with its tables: the counters of ids, what the clock was believed, the epoch of ids. All promises
// hold all the same; but the first start cannot be exact, because another program decided before.

import Foundation
import HubConfiguration
import HubRuntime
import Synchronization
import VitalSigns

extension World {
  enum Upgrading {
    case nothing
    /// The next start is one of a newer program.
    case due(SeededRandom)
  }

  /// What version 4 of the journal's file brought, taken away again. `Deploy/years/aged.py` does the same, and a process test there compares
  /// it with what the released program wrote. The version is none that this program can have: another decided.
  private static let toVersion3 = """
    PRAGMA synchronous = FULL;
    BEGIN IMMEDIATE;
    \(["needed_entry", "needed_score", "passed", "retention", "clock_believed", "clock_doubt", "episode"].map { "DROP TABLE \($0);" }
      .joined(separator: "\n"))
    ALTER TABLE clock_anchor DROP COLUMN begins_run;
    ALTER TABLE clock_anchor DROP COLUMN id_epoch;
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES
      ('1: entries, outcomes, registry, outbox, access log'),
      ('2: alert transitions have a number, a bound and a second reason'),
      ('3: observations are found by looking back, not along chains');
    UPDATE run SET version = 'released';
    UPDATE meta SET value = 'released' || substr(value, instr(value, ' ')) WHERE key = 'decider';
    PRAGMA user_version = 3;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);
    """

  /// Before a start: makes the files older when that is due. A disk that has no room leaves them as they are.
  func ageIfDue() {
    guard case .due(var random) = upgrading else { return }
    upgrading = .nothing
    // All roles are upgraded together.
    stopForwarder()
    agenda.add(.startForwarder, at: now + Self.second)
    let hub = configuration.hub
    let isOlder = disk.run(Self.toVersion3, on: hub.journalPath)
    trace.note(.aged, isOlder ? 1 : 0, 0)
    // A power that goes in the middle of it may have left an older file all the same.
    if disk.isDead { ledger.upgraded(startsAt: now + Self.second) }
    guard isOlder else { return }
    disk.settle(hub.journalPath)
    for copy in [hub.statePath, hub.runtimePath].map({ $0 + "/registry.sqlite" }) where FileManager.default.fileExists(atPath: copy) {
      if disk.run(Self.toVersion3, on: copy) { disk.settle(copy) }
    }
    ledger.upgraded(startsAt: now + Self.second)
    guard random.next(upTo: 2) == 0 else { return }
    disk.diesAt = disk.operations + 1 + random.next(upTo: 120)
    isPowerCut = random.next(upTo: 2) == 0
  }
}
