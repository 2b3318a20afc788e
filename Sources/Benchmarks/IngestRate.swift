// Row 4: how many observations a second become durable, decided and all, beside SQLite writing rows of the same shapes; and
// from the same figures how much of a processor a full gateway needs.

import Foundation
import Journal

enum IngestRate {
  static let patients = 10_000

  static func observations(_ scale: Scale) -> Int { scale.pick(full: 1_000_000, quick: 60_000) }

  /// Groups of ours, then as many bare ones, and again: what else the machine does disturbs both alike.
  private static let slice = 10

  static func measure(_ scale: Scale, work: String) throws -> [Measurement] {
    let count = observations(scale)
    let (plain, floor) = try besideBare(count, work)
    let shared = try withOutbox(count / 4, work)
    var figures = plain.commits.microseconds(prefix: "commit of 1000")
    figures["with one destination's outbox /s"] = shared.observationsPerSecond
    figures["outcomes per observation"] = Double(plain.outcomes) / Double(plain.observations)
    figures["core ns per observation"] = Double(plain.coreNanoseconds) / Double(plain.observations)
    figures["CPU ns per observation"] = Double(plain.cpuNanoseconds) / Double(plain.observations)
    let perSecond = Double(patients * Population.signalsPerSecond)
    return [
      Measurement(
        key: "ingest.rate", what: "durable ingest, groups of 1000, decided and journalled", ours: plain.observationsPerSecond, unit: "/s",
        baseline: floor, baselineWhat: "bare SQLite, the same rows in groups of 1000", target: .init(direction: .atLeast, value: 100_000),
        ratioTarget: .init(direction: .atLeast, value: 0.6),
        figures: figures, remark: "one thread: core and writer take turns"),
      Measurement(
        key: "gateway.load", what: "10 000 patients, 2 signals/s each: processors for core and journal",
        ours: Double(plain.cpuNanoseconds) / Double(plain.observations) * perSecond / 1e9, unit: "",
        target: .init(direction: .atMost, value: 1), remark: "computed from the row above; links and decoding are not in it"),
    ]
  }

  private static func besideBare(_ count: Int, _ work: String) throws -> (LoadedJournal.Cost, Double) {
    var progress = ProgressLine("durable ingest, beside bare SQLite")
    defer { progress.done() }
    let folder = try WorkFolder(in: work)
    let journal = try LoadedJournal(path: folder.path + "/journal.sqlite", patients: patients, observations: count)
    let bare = try BareRows(path: folder.path + "/bare.sqlite")
    while journal.cost.observations < count {
      for _ in 0..<slice { try journal.writeGroup() }
      let outcomesEach = Double(journal.cost.outcomes) / Double(journal.cost.observations)
      for _ in 0..<slice { try bare.writeGroup(outcomesEach: outcomesEach) }
      progress.step(journal.cost.observations, of: count)
    }
    return (journal.cost, bare.rowsPerSecond)
  }

  private static func withOutbox(_ count: Int, _ work: String) throws -> LoadedJournal.Cost {
    var progress = ProgressLine("durable ingest, with one destination's outbox")
    defer { progress.done() }
    let folder = try WorkFolder(in: work)
    let journal = try LoadedJournal(path: folder.path + "/journal.sqlite", patients: patients, observations: count, sharesWithOne: true)
    while journal.cost.observations < count {
      try journal.writeGroup()
      progress.step(journal.cost.observations, of: count)
    }
    return journal.cost
  }
}

/// Rows of the journal's shapes, by SQLite alone: an `entry` and an `observation` row for each, and now and then an `outcome` and
/// a `score` row.
private final class BareRows {
  /// A group of these shapes fills some 30 pages, and the journal's own limit is 2 000.
  private static let groupsPerCheckpoint = 60

  private let database: BareSQLite
  private let entries: BareSQLite.Table
  private let observations: BareSQLite.Table
  private let outcomes: BareSQLite.Table
  private let scores: BareSQLite.Table
  private var groups = 0
  private var owed = 0.0
  private var nanoseconds: UInt64 = 0

  var rowsPerSecond: Double { Double(groups * LoadedJournal.groupSize) * 1e9 / Double(max(nanoseconds, 1)) }

  init(path: String) throws {
    database = try BareSQLite(path: path)
    entries = try database.table("entry", columns: 9)
    observations = try database.table("observation", columns: 8)
    outcomes = try database.table("outcome", columns: 8)
    scores = try database.table("score", columns: 21)
  }

  func writeGroup(outcomesEach: Double) throws {
    let start = Clock.now()
    try database.execute("BEGIN IMMEDIATE")
    for _ in 0..<LoadedJournal.groupSize {
      try database.insert(into: entries)
      try database.insert(into: observations)
      owed += outcomesEach
      while owed >= 1 {
        try database.insert(into: outcomes)
        try database.insert(into: scores)
        owed -= 1
      }
    }
    try database.execute("COMMIT")
    groups += 1
    if groups % Self.groupsPerCheckpoint == 0 { try database.execute("PRAGMA wal_checkpoint(PASSIVE)") }
    nanoseconds += Clock.now() - start
  }
}
