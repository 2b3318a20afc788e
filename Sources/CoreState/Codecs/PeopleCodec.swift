// What ordinary observations change about a person: values, score, what was told. One record for each person, in the order of places.
//
// History. 1: versions from 0.4 on.

import RealtimeCore
import VitalSigns

struct PeopleCodec: StateCodec {
  static var name: String { "people" }
  static var version: UInt16 { 1 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { maps.people.used.count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, maps.people.used.count)
    for slot in maps.people(coder.isReading) {
      let state = arena.patient(slot)
      try coder.number(&state.pointee.id)
      try code(state, &coder)
      try codeScore(state, &coder)
      try coder.timer(arena.timers.staleness(slot), arena)
      try coder.timer(arena.timers.schedule(slot), arena)
      try coder.timer(arena.timers.person(slot), arena)
      guard coder.isReading else { continue }
      let id = PatientID(rawValue: state.pointee.id)
      guard id != .none, arena.slot(of: id) == .none else { throw .damaged("a person who is there twice") }
      arena.setSlot(slot, of: id)
    }
  }

  private static func code(_ state: UnsafeMutablePointer<PatientState>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.numbers(&state.pointee.measured)
    try coder.numbers(&state.pointee.sources)
    try coder.numbers(&state.pointee.steps)
    try coder.number(&state.pointee.present)
    try coder.number(&state.pointee.continuous)
    try coder.number(&state.pointee.trendHour)
    try coder.numbers(&state.pointee.trend)
    try coder.slot(&state.pointee.newsAlert)
    try coder.slot(&state.pointee.firstDevice)
    try coder.slot(&state.pointee.frameDevice)
    try coder.flag(&state.pointee.isFrameOpen)
    try coder.flag(&state.pointee.isScoreDue)
    try coder.number(&state.pointee.signalsDue)
  }

  private static func codeScore(_ state: UnsafeMutablePointer<PatientState>, _ coder: inout RecordCoder) throws(SnapshotError) {
    let severities: [NEWS2Severity] = [.none, .singleThree, .medium, .high]
    try coder.number(&state.pointee.scoredAt)
    try coder.number(&state.pointee.intervalSince)
    try coder.numbers(&state.pointee.points)
    try coder.number(&state.pointee.low)
    try coder.number(&state.pointee.high)
    try coder.number(&state.pointee.missing)
    try coder.raw(&state.pointee.band)
    try coder.raw(&state.pointee.toldScale)
    try coder.flag(&state.pointee.hasScore)
    try coder.raw(&state.pointee.intervalBand)
    try coder.choice(&state.pointee.newsSeverity, severities)
    try coder.choice(&state.pointee.resolvedSeverity, severities)
    try coder.number(&state.pointee.heardLow)
    try coder.number(&state.pointee.heardParameter)
    try coder.raw(&state.pointee.scale)
    try coder.raw(&state.pointee.prescribedOxygen)
    try coder.flag(&state.pointee.news2AlertsOff)
  }
}
