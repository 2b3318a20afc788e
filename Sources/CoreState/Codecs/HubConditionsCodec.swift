// The conditions of the hub itself. One record for each that is used, with its place in the table, because the table is searched from the
// front.
//
// History. 1: versions from 0.4 on.

import RealtimeCore
import VitalSigns

struct HubConditionsCodec: StateCodec {
  static var name: String { "hubConditions" }
  static var version: UInt16 { 1 }

  private static func used(_ arena: CoreArena) -> [HubPlace] {
    (0..<UInt32(HubConditionState.countMax)).map { HubPlace(number: $0) }.filter { arena.hubCondition($0).pointee.isUsed }
  }

  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { used(arena).count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    let places = used(arena)
    for index in 0..<records {
      var number = coder.isReading ? 0 : places[index].number
      try coder.number(&number)
      guard Int(number) < HubConditionState.countMax else { throw .damaged("a place that there is not") }
      let state = arena.hubCondition(HubPlace(number: number))
      if coder.isReading {
        guard !state.pointee.isUsed else { throw .damaged("a place that is taken twice") }
        state.pointee.isUsed = true
        state.pointee.rule = .storeFailing
      }
      try coder.raw(&state.pointee.rule)
      try coder.number(&state.pointee.subject)
      try coder.flag(&state.pointee.holds)
      try coder.number(&state.pointee.speaksAgain)
      try coder.slot(&state.pointee.alert)
    }
  }
}
