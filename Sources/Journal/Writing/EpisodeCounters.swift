// The counters behind alert ids, raised and read (IdentityTables.swift of JournalFiles).

internal import GRDB
internal import JournalFiles
public import JournalValues
public import VitalSigns

extension InsertStatement<EpisodeColumn> {
  func raise(_ episode: AlertEpisode) throws {
    bind(.holder, episode.holder.rawValue)
    bind(.number, episode.number)
    bind(.counter, episode.counter)
    bind(.next, episode.next)
    try execute()
  }
}

extension JournalWriter {
  /// Raises counters to where a start found them to stand.
  public func noteEpisodes(_ episodes: [AlertEpisode]) throws(JournalError) {
    if episodes.isEmpty { return }
    try journalErrors {
      try queue.writeWithoutTransaction { db in
        let row = try InsertStatement<EpisodeColumn>(db, into: "episode", IdentityTables.raise)
        try db.inTransaction(.immediate) {
          for episode in episodes { try row.raise(episode) }
          return .commit
        }
      }
    }
  }

  /// Every counter; those of kinds that only a newer version knows are left out.
  static func episodes(_ db: Database) throws -> [AlertEpisode] {
    let rows = try RowStatement<EpisodeColumn>(db) { "SELECT \($0) FROM episode ORDER BY holder, number, counter" }
    var episodes: [AlertEpisode] = []
    while try rows.step() {
      guard let holder = EpisodeHolder(rawValue: rows.number(.holder)) else { continue }
      episodes.append(AlertEpisode(holder, number: rows.number(.number), counter: rows.number(.counter), next: rows.number(.next)))
    }
    return episodes
  }
}
