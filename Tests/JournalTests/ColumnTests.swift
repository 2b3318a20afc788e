// The columns of the busy tables by name: each enum names exactly columns that the file has, and a query's sections do not overlap.

import Foundation
import GRDB
import Testing
import VitalSigns

@testable import Journal
@testable import JournalFiles

@Suite struct ColumnTests {
  /// Each case is a column of the table, and no column is missing but those named here.
  private static func expect<Column: SQLColumn>(
    _ db: Database, _ table: String, _: Column.Type, without others: Set<String> = []
  ) throws {
    let columns = Set(try db.columns(in: table).map(\.name))
    let named = Column.allCases.map(\.name)
    #expect(Set(named).count == named.count && Set(named).union(others) == columns, "\(table): \(named)")
    #expect(Set(named).isDisjoint(with: others), "\(table): \(named)")
  }

  @Test func columnsAreThoseOfTheFile() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    try folder.rawConnection().read { db in
      // A table that is written through its enum alone is named whole: a column more would be NULL or refused.
      try Self.expect(db, "entry", EntryColumn.self)
      try Self.expect(db, "observation", ObservationColumn.self, without: ["previous"])
      try Self.expect(db, "device_event", EventColumn.self)
      try Self.expect(db, "location_fix", LocationColumn.self)
      try Self.expect(db, "registry_change", RegistryChangeColumn.self)
      try Self.expect(db, "clock_anchor", ClockColumn.self)
      try Self.expect(db, "hub_condition", HubConditionColumn.self)
      try Self.expect(db, "outcome", OutcomeColumn.self)
      try Self.expect(db, "score", ScoreColumn.self)
      try Self.expect(db, "score_current", ScoreCurrentColumn.self)
      try Self.expect(db, "alert_transition", TransitionColumn.self)
      try Self.expect(db, "alert", AlertColumn.self)
      try Self.expect(db, "episode", EpisodeColumn.self)
      try Self.expect(db, "delivery_mark", DeliveryMarkColumn.self)
      try Self.expect(db, "outbox", OutboxColumn.self, without: ["last_error"])
      try Self.expect(db, "delivery_count", QueuedCountColumn.self, without: ["delivered", "refused", "last_delivered"])
      try Self.expect(db, "patient", PatientColumn.self, without: ["controller"])
      try Self.expect(db, "device", DeviceColumn.self, without: ["controller"])
      try Self.expect(db, "controller", ControllerColumn.self, without: ["id"])
      try Self.expect(db, "device_time", DeviceTimeColumn.self, without: ["sequence"])
    }
  }

  @Test func sectionsFollowEachOther() throws {
    let entry = QuerySection<EntryColumn>("e")
    let value = QuerySection<ObservationColumn>("x", from: entry.end)
    let names = "\(entry.list), \(value.list)".components(separatedBy: ", ")
    for column in EntryColumn.allCases { #expect(names[entry.start + column.rawValue] == "e.\(column.name)") }
    for column in ObservationColumn.allCases { #expect(names[value.start + column.rawValue] == "x.\(column.name)") }
    #expect(value.end == names.count)
  }

  @Test func anArrayOfAScoreIsInTheOrderOfItsParameters() {
    #expect(ScoreColumn.points.count == NEWS2Parameter.count && ScoreColumn.sources.count == NEWS2Parameter.count)
    #expect(ScoreColumn.points.map(\.rawValue) == ScoreColumn.points.map(\.rawValue).sorted())
    #expect(zip(ScoreColumn.points, ScoreColumn.sources).allSatisfy { $0.name.dropFirst(7) == $1.name.dropFirst(7) })
  }

  @Test func wordsAreListedByTheirNumbers() {
    #expect(sqlList([AlertTransitionKind.raised, .resolved, .cleared]) == "(2, 6, 7)")
    #expect(EntryKind.samples == "(1, 2, 3)")
  }
}
