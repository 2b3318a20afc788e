// The tables of the hub's own clock, part of migration 4: what was believed, and when it was in doubt (ClockValues.swift).

package enum ClockSchema {
  package static let tables = """
    -- The newest reading of the wall clock that was believed; one row.
    CREATE TABLE clock_believed (
      id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, instant INTEGER NOT NULL, wall INTEGER NOT NULL
    ) STRICT;
    -- Stretches of the timeline in which the wall clock was in doubt. Readers place what was written in one by `difference`.
    CREATE TABLE clock_doubt (
      first_instant INTEGER PRIMARY KEY,
      last_instant INTEGER,           -- the first instant after it; NULL while it lasts
      first_sequence INTEGER NOT NULL,
      boot_id TEXT NOT NULL,
      reason INTEGER NOT NULL,        -- vocabulary 'clockDoubt'
      recorded INTEGER NOT NULL,      -- wall clock minus timeline as the clock had it, ms
      difference INTEGER,             -- the same as it was found to be; NULL: not known
      not_after INTEGER,              -- where `difference` never became known: the wall clock when it was next believed
      is_held INTEGER NOT NULL        -- 1: routine records of it wait for the right time
    ) STRICT;
    -- 1: the hub was away before this anchor. Above: likewise, and until this instant it had been there and decided by itself. 0 in rows of
    -- earlier versions, whose cores told each repeat that had fallen due.
    ALTER TABLE clock_anchor ADD COLUMN begins_run INTEGER NOT NULL DEFAULT 0;
    -- What alert ids are mixed with from this anchor on; 0: as before it.
    ALTER TABLE clock_anchor ADD COLUMN id_epoch INTEGER NOT NULL DEFAULT 0;
    """
}
