// A program beside the hub that begins to read the journal and never ends: for a mutant.

import GRDBSQLite

/// Holds the journal's log for as long as it lives. One thread.
final class EndlessLook {
  private var database: OpaquePointer?

  init(into path: String) {
    guard sqlite3_open(path, &database) == SQLITE_OK else { return }
    _ = sqlite3_exec(database, "BEGIN; SELECT count(*) FROM entry", nil, nil, nil)
  }

  deinit { sqlite3_close(database) }
}
