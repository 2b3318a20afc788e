// The tables, as a migration per version. A released migration is never edited: a new one follows it.
//
// Conventions. `sequence`: position in the hub's order of entries. `instant`: ns on the hub's own timeline, which goes on
// across restarts. `wall` and other times: ms since 1970 UTC. NULL: not known, never, or none. `patient`, `device` and
// `actor` 0: none, or the hub itself. Numbers of closed vocabularies (rule, state, kind, …) are named in `vocabulary`.
// No foreign keys: an entry that names an unknown person is recorded as it came, never refused.

internal import GRDB

enum JournalSchema {
  /// "KNPT": how `file` and other programs know the format.
  static let applicationID: Int64 = 0x4B4E_5054
  /// The newest version that this program reads and writes.
  static let version = 4

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    // Nothing references anything, so the whole-file check of foreign keys would only cost time.
    migrator = migrator.disablingDeferredForeignKeyChecks()
    migrator.registerMigration("1: entries, outcomes, registry, outbox, access log") { db in
      for part in [entryTables, outcomeTables, registryTables, outboxTables, logTables, hubTables] { try db.execute(sql: part) }
      try db.execute(sql: "PRAGMA user_version = 1")
    }
    migrator.registerMigration("2: alert transitions have a number, a bound and a second reason") { db in
      try db.execute(sql: transitionDetails)
      try db.execute(sql: markDetails)
      try db.execute(sql: deviceAbilities)
      try db.execute(sql: "PRAGMA user_version = 2")
    }
    // Each group of a large hub rewrote most pages of `observation_latest`, a third of what a commit cost, for a history that no
    // screen shows. `observation.previous` stays in the table, because without it every row would have to be written anew; it is
    // NULL from now on.
    migrator.registerMigration("3: observations are found by looking back, not along chains") { db in
      try db.execute(sql: "DROP TABLE observation_latest")
      try db.execute(sql: "PRAGMA user_version = 3")
    }
    migrator.registerMigration("4: the first anchor of a run is known") { db in
      try db.execute(sql: anchorDetails)
      try db.execute(sql: "PRAGMA user_version = 4")
    }
    return migrator
  }

  private static let anchorDetails = """
    -- 1: the hub was away before this one. 0 in rows of earlier versions, whose cores told each repeat that had fallen due.
    ALTER TABLE clock_anchor ADD COLUMN begins_run INTEGER NOT NULL DEFAULT 0;
    """

  private static let entryTables = """
    -- One row for everything that entered the intake. Its content is the row of the same sequence in the table of its kind.
    CREATE TABLE entry (
      sequence INTEGER PRIMARY KEY,
      instant INTEGER NOT NULL,
      wall INTEGER NOT NULL,
      measured_at INTEGER,            -- the device's own time resolved to UTC
      kind INTEGER NOT NULL,          -- vocabulary 'entryKind'
      device INTEGER NOT NULL,
      patient INTEGER NOT NULL,
      controller INTEGER NOT NULL,    -- controller.id: who answers for this record
      attachment INTEGER NOT NULL     -- the token that joined texts to it
    ) STRICT;
    -- value = mantissa * 10^exponent, exactly as reported. Histories are chains, from observation_latest along `previous`:
    -- an index by person would write a page of its own for each row once there are thousands of persons.
    CREATE TABLE observation (
      sequence INTEGER PRIMARY KEY,
      previous INTEGER,               -- the person's observation of the same code before this; it may have been purged
      code INTEGER NOT NULL,          -- MDC: partition * 65536 + term
      mantissa INTEGER NOT NULL,
      exponent INTEGER NOT NULL,
      unit INTEGER NOT NULL,          -- vocabulary 'unit'
      quality INTEGER NOT NULL,       -- bits, vocabulary 'quality'
      origin INTEGER NOT NULL         -- 0 device, 1 staff, 2 self-reported, 3 prescribed
    ) STRICT;
    CREATE TABLE observation_latest (
      patient INTEGER NOT NULL, code INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (patient, code)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE device_event (
      sequence INTEGER PRIMARY KEY, patient INTEGER NOT NULL, kind INTEGER NOT NULL, phase INTEGER NOT NULL, detail INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX device_event_by_patient ON device_event (patient);
    CREATE TABLE location_fix (
      sequence INTEGER PRIMARY KEY, patient INTEGER NOT NULL,
      latitude_e7 INTEGER NOT NULL, longitude_e7 INTEGER NOT NULL,
      accuracy_metres INTEGER         -- NULL: the tracker does not say
    ) STRICT;
    CREATE INDEX location_fix_by_patient ON location_fix (patient);
    CREATE TABLE registry_change (
      sequence INTEGER PRIMARY KEY,
      change INTEGER NOT NULL,        -- vocabulary 'registryChange'
      expected_interval_seconds INTEGER, is_continuous INTEGER, is_safety_alarm INTEGER,  -- deviceAdded
      plan_key TEXT, plan_value TEXT  -- planItem, as in plan_item
    ) STRICT;
    CREATE TABLE alert_command (
      sequence INTEGER PRIMARY KEY, alert TEXT NOT NULL, action INTEGER NOT NULL, actor INTEGER NOT NULL, usefulness INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX alert_command_by_alert ON alert_command (alert);
    CREATE TABLE clock_anchor (sequence INTEGER PRIMARY KEY, utc_offset_seconds INTEGER NOT NULL) STRICT;
    CREATE TABLE hub_condition (
      sequence INTEGER PRIMARY KEY, rule INTEGER NOT NULL, holds INTEGER NOT NULL, subject INTEGER NOT NULL
    ) STRICT;
    -- What a person said with a command or a value.
    CREATE TABLE note (
      sequence INTEGER PRIMARY KEY, actor INTEGER NOT NULL, comment TEXT NOT NULL, cause TEXT NOT NULL, action TEXT NOT NULL
    ) STRICT;
    -- What a device itself said about the time: civil text without a zone, or ms since 1970.
    CREATE TABLE device_time (sequence INTEGER PRIMARY KEY, civil TEXT, epoch INTEGER) STRICT;
    -- Entries that are missing and why. first…last in the order of entries; some between may have been kept.
    CREATE TABLE gap (
      id INTEGER PRIMARY KEY, reason TEXT NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
      entries INTEGER NOT NULL, wall_from INTEGER NOT NULL, wall_to INTEGER NOT NULL, is_open INTEGER NOT NULL
    ) STRICT;
    """

  private static let outcomeTables = """
    -- What the core decided, in its order. `cause`: the entry being ingested, or the last one before a deadline.
    CREATE TABLE outcome (
      id INTEGER PRIMARY KEY,
      cause INTEGER NOT NULL,
      instant INTEGER NOT NULL,
      wall INTEGER NOT NULL,
      patient INTEGER NOT NULL,
      device INTEGER NOT NULL,
      kind INTEGER NOT NULL,          -- vocabulary 'outcomeKind'
      remark INTEGER                  -- vocabulary 'remark', for kind 3
    ) STRICT;
    CREATE INDEX outcome_by_cause ON outcome (cause);
    -- points_*: -1 not known as one number. source_*: the entry that gave the input; 0 none.
    CREATE TABLE score (
      outcome INTEGER PRIMARY KEY,
      previous INTEGER,               -- the person's score before this; score_current is where the chain begins
      low INTEGER NOT NULL, high INTEGER NOT NULL, band INTEGER NOT NULL, scale INTEGER NOT NULL,
      missing INTEGER NOT NULL,       -- bit n: the n-th input is missing
      change_since_last INTEGER, change_over_24_hours INTEGER,
      points_respiration INTEGER NOT NULL, points_spo2 INTEGER NOT NULL, points_oxygen INTEGER NOT NULL,
      points_systolic INTEGER NOT NULL, points_pulse INTEGER NOT NULL, points_consciousness INTEGER NOT NULL,
      points_temperature INTEGER NOT NULL,
      source_respiration INTEGER NOT NULL, source_spo2 INTEGER NOT NULL, source_oxygen INTEGER NOT NULL,
      source_systolic INTEGER NOT NULL, source_pulse INTEGER NOT NULL, source_consciousness INTEGER NOT NULL,
      source_temperature INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE score_current (patient INTEGER PRIMARY KEY, outcome INTEGER NOT NULL) STRICT;
    CREATE TABLE alert_transition (
      outcome INTEGER PRIMARY KEY,
      alert TEXT NOT NULL, rule INTEGER NOT NULL, priority INTEGER NOT NULL,
      state INTEGER NOT NULL, previous INTEGER NOT NULL, kind INTEGER NOT NULL, level INTEGER NOT NULL,
      deadline INTEGER,               -- instant; NULL: nothing is due
      first_cause INTEGER NOT NULL, raised_at INTEGER NOT NULL,
      value INTEGER NOT NULL, bound INTEGER NOT NULL, subject INTEGER NOT NULL, actor INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX alert_transition_by_alert ON alert_transition (alert);
    -- Where each alert stands now. Derived from alert_transition, in the same transaction.
    CREATE TABLE alert (
      id TEXT PRIMARY KEY,
      patient INTEGER NOT NULL, device INTEGER NOT NULL, controller INTEGER NOT NULL,
      first_outcome INTEGER NOT NULL, last_outcome INTEGER NOT NULL,
      first_wall INTEGER NOT NULL, raised_wall INTEGER, changed_wall INTEGER NOT NULL,
      rule INTEGER NOT NULL, state INTEGER NOT NULL, is_open INTEGER NOT NULL, usefulness INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_open ON alert (first_outcome) WHERE is_open = 1;
    CREATE INDEX alert_by_patient ON alert (patient, first_outcome);
    """

  private static let deviceAbilities = """
    -- What the device can say, as `DeviceAbilities`. 0 in rows of version 1: what it can be missed for is not known.
    ALTER TABLE device ADD COLUMN abilities INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE registry_change ADD COLUMN abilities INTEGER;  -- deviceAdded
    """

  private static let transitionDetails = """
    -- How many transitions of the alert came before this one. 0 in rows of version 1.
    ALTER TABLE alert_transition ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    -- The most that `value` may be when a score is incomplete; NULL: `value` itself.
    ALTER TABLE alert_transition ADD COLUMN upper INTEGER;
    -- A second rule that the same measurement broke; all NULL: none.
    ALTER TABLE alert_transition ADD COLUMN also_rule INTEGER;
    ALTER TABLE alert_transition ADD COLUMN also_value INTEGER;
    ALTER TABLE alert_transition ADD COLUMN also_bound INTEGER;
    ALTER TABLE alert_transition ADD COLUMN also_upper INTEGER;
    ALTER TABLE alert_transition ADD COLUMN also_subject INTEGER;
    -- 1: more readings of the same frame follow this one.
    ALTER TABLE entry ADD COLUMN more_follows INTEGER NOT NULL DEFAULT 0;
    -- The transition that the person saw when they acted; NULL: a receipt, or a command of version 1.
    ALTER TABLE alert_command ADD COLUMN standing INTEGER;
    -- How many alerts were ever raised, whatever retention does: ids are never given twice.
    INSERT OR IGNORE INTO counter VALUES ('alert', (SELECT count(*) FROM alert));
    """

  private static let markDetails = """
    -- How many readings of the frame are in the journal: 0 all, 65535 it gave none. And when it came, 0 when not known.
    ALTER TABLE delivery_mark ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE delivery_mark ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;
    """

  private static let registryTables = """
    CREATE TABLE controller (id INTEGER PRIMARY KEY, organisation_number TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE actor (
      id INTEGER PRIMARY KEY, account TEXT NOT NULL, display_name TEXT NOT NULL, role TEXT NOT NULL
    ) STRICT;
    CREATE TABLE patient (
      id INTEGER PRIMARY KEY, display_name TEXT NOT NULL, national_id TEXT, controller INTEGER NOT NULL,
      started INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE TABLE device (
      id INTEGER PRIMARY KEY, label TEXT NOT NULL, profile TEXT NOT NULL, address TEXT NOT NULL,
      serial_number TEXT, eui64 TEXT, controller INTEGER NOT NULL,
      expected_interval_seconds INTEGER NOT NULL, is_continuous INTEGER NOT NULL, is_safety_alarm INTEGER NOT NULL,
      added INTEGER NOT NULL, removed INTEGER
    ) STRICT;
    -- Which device was whose, from when to when.
    CREATE TABLE assignment (
      id INTEGER PRIMARY KEY, device INTEGER NOT NULL, patient INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE INDEX assignment_by_device ON assignment (device);
    CREATE INDEX assignment_by_patient ON assignment (patient);
    -- Every plan item that ever held. key: `limits.spo2`, `dose.3`, …; value: `redLow=85 delaySeconds=60`.
    CREATE TABLE plan_item (
      sequence INTEGER PRIMARY KEY, patient INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
      author INTEGER NOT NULL, reason TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER
    ) STRICT;
    CREATE INDEX plan_item_by_patient ON plan_item (patient, key);
    """

  private static let outboxTables = """
    CREATE TABLE destination (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
    -- Still to be delivered. lane 0 alarm, 1 routine; kind: vocabulary 'recordKind'; outcome 0: the record is the entry itself.
    CREATE TABLE outbox (
      destination INTEGER NOT NULL, lane INTEGER NOT NULL, row INTEGER NOT NULL,
      kind INTEGER NOT NULL, sequence INTEGER NOT NULL, outcome INTEGER NOT NULL, patient INTEGER NOT NULL,
      created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT,
      PRIMARY KEY (destination, lane, row)
    ) STRICT, WITHOUT ROWID;
    -- Delivered alarms; and scores, doses and fixes that the destination gave an id of its own.
    CREATE TABLE delivery (
      destination INTEGER NOT NULL, row INTEGER NOT NULL, kind INTEGER NOT NULL, sequence INTEGER NOT NULL, outcome INTEGER NOT NULL,
      created INTEGER NOT NULL, settled INTEGER NOT NULL, attempts INTEGER NOT NULL, remote_id TEXT,
      PRIMARY KEY (destination, row)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX delivery_by_outcome ON delivery (outcome);
    CREATE TABLE dead_letter (
      destination INTEGER NOT NULL, row INTEGER NOT NULL, lane INTEGER NOT NULL, kind INTEGER NOT NULL,
      sequence INTEGER NOT NULL, outcome INTEGER NOT NULL, patient INTEGER NOT NULL,
      created INTEGER NOT NULL, refused INTEGER NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,
      PRIMARY KEY (destination, row)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE delivery_count (
      destination INTEGER NOT NULL, kind INTEGER NOT NULL, queued INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
      refused INTEGER NOT NULL DEFAULT 0, last_delivered INTEGER,
      PRIMARY KEY (destination, kind)
    ) STRICT, WITHOUT ROWID;
    -- What a destination asked for and no agreement allows.
    CREATE TABLE withheld (
      destination INTEGER NOT NULL, patient INTEGER NOT NULL, kind INTEGER NOT NULL,
      records INTEGER NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
      last_wall INTEGER NOT NULL, logged_wall INTEGER NOT NULL,
      PRIMARY KEY (destination, patient, kind)
    ) STRICT, WITHOUT ROWID;
    """

  private static let logTables = """
    -- hash = SHA-256 over the row's canonical bytes and the previous row's hash (AccessLog.swift).
    CREATE TABLE access_log (
      id INTEGER PRIMARY KEY, wall INTEGER NOT NULL, actor INTEGER NOT NULL, action TEXT NOT NULL, patient INTEGER NOT NULL,
      purpose TEXT NOT NULL, detail TEXT NOT NULL, previous_hash BLOB NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX access_log_by_patient ON access_log (patient);
    -- Where the chain ends, so that rows cut off its end are missed too.
    CREATE TABLE access_head (id INTEGER PRIMARY KEY CHECK (id = 1), rows INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
    -- The newest rejected frames, and how many there were by reason.
    CREATE TABLE quarantine (
      id INTEGER PRIMARY KEY, link INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
      payload_bytes INTEGER NOT NULL, prefix BLOB NOT NULL, wall INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE quarantine_count (reason TEXT PRIMARY KEY, frames INTEGER NOT NULL, last_wall INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """

  private static let hubTables = """
    -- The newest frames of each link, a ring of `slot`s: what a redelivery is compared with.
    CREATE TABLE delivery_mark (
      link INTEGER NOT NULL, slot INTEGER NOT NULL, number INTEGER NOT NULL, message INTEGER NOT NULL, hash INTEGER NOT NULL,
      PRIMARY KEY (link, slot)
    ) STRICT, WITHOUT ROWID;
    -- The core's state after `sequence`, to be read by the same layout only. The last two are kept.
    CREATE TABLE snapshot (sequence INTEGER PRIMARY KEY, taken INTEGER NOT NULL, digest BLOB NOT NULL, state BLOB NOT NULL) STRICT;
    CREATE TABLE run (
      id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, boottime_nanoseconds INTEGER NOT NULL, instant INTEGER NOT NULL,
      wall INTEGER NOT NULL, version TEXT NOT NULL
    ) STRICT;
    -- hub_id, hub_salt, created, purged_through, decider.
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    -- Numbers that must never be given twice, even when the row that had the highest is gone.
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO counter VALUES ('outcome', 0), ('outboxRow', 0), ('quarantine', 0);
    -- Names of the numbers in the other tables, for people who read this file with a shell.
    CREATE TABLE vocabulary (
      domain TEXT NOT NULL, value INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (domain, value)
    ) STRICT, WITHOUT ROWID;
    """
}
