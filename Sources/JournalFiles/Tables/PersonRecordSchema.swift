// The tables of people's records, migration 5: each version of a record is a row, and none is ever changed or removed.

package enum PersonRecordSchema {
  package static let tables = """
    -- What staff must know of a person to help. `fields`, `restricted`: JSON objects, field to text (`PersonField`). Restricted ones are
    -- shown under an open alert or for a stated reason only, and stand in no list and no export.
    CREATE TABLE person_record (
      sequence INTEGER PRIMARY KEY,   -- the entry that changed it
      patient INTEGER NOT NULL,
      version INTEGER NOT NULL,       -- 1, 2, 3, …
      author INTEGER NOT NULL,        -- actor.id
      reason TEXT NOT NULL,
      started INTEGER NOT NULL,
      fields TEXT NOT NULL,
      restricted TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX person_record_by_patient ON person_record (patient, version);
    ALTER TABLE registry_change ADD COLUMN news2_from_day INTEGER;  -- recordChanged
    ALTER TABLE registry_change ADD COLUMN is_pregnant INTEGER;     -- recordChanged
    """
}
