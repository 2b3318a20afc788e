// What must never be given twice, in a table that nothing is ever removed from: the counters behind alert ids. Each is raised in the
// transaction that stores the first transition of an alert, so no alert is on the disk whose number is not.
//
// Not here: the counters of outcomes, outbox rows and alerts, which have stood in `counter` since version 1.

package enum IdentityTables {
  /// A part of the migration to version 4.
  ///
  /// The table begins empty. Which numbers were given before it is known to nobody but the core, since ids are hashes; so the first start
  /// writes down where its counters stand (`noteEpisodes`). A start that cannot know them begins above `counter` 'alert', which has
  /// counted every alert since version 2 and is never lowered.
  package static let sql = """
    -- What the next alert of each counter gets; all below were given. holder: 0 whoever comes, 1 a person, 2 a device that is nobody's,
    -- 3 the hub. number: the person's or device's. counter: which of the holder's counters, by rule.
    CREATE TABLE episode (
      holder INTEGER NOT NULL, number INTEGER NOT NULL, counter INTEGER NOT NULL, next INTEGER NOT NULL,
      PRIMARY KEY (holder, number, counter)
    ) STRICT, WITHOUT ROWID;
    """

  /// Where a counter only rises.
  package static let raise = InsertConflict.update("(holder, number, counter) DO UPDATE SET next = max(next, excluded.next)")
}

package enum EpisodeColumn: Int, SQLColumn {
  case holder, number, counter, next
}
