// Where each person stands in each signal of their plan: its limits, its newest value, what was told. One record for each person, in the
// order of places, which holds as many signals as its first number says, in the order of `PlanSignal`.
//
// History. 1: versions from 0.4 on.

import RealtimeCore
import VitalSigns

struct SignalsCodec: StateCodec {
  static var name: String { "signals" }
  static var version: UInt16 { 1 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { maps.people.used.count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, maps.people.used.count)
    for slot in maps.people(coder.isReading) {
      for index in 0..<(try coder.length(PlanSignal.count)) {
        guard let signal = PlanSignal(rawValue: UInt8(truncatingIfNeeded: index)) else { throw .damaged("a signal that there is not") }
        try code(arena.signal(slot, signal), &coder)
      }
    }
  }

  private static func code(_ state: UnsafeMutablePointer<SignalPlan>, _ coder: inout RecordCoder) throws(SnapshotError) {
    let colours: [PlanColour] = [.green, .yellow, .red]
    try coder.number(&state.pointee.measured)
    try coder.slot(&state.pointee.alert)
    try coder.number(&state.pointee.redLow)
    try coder.number(&state.pointee.yellowLow)
    try coder.number(&state.pointee.yellowHigh)
    try coder.number(&state.pointee.redHigh)
    try coder.number(&state.pointee.hysteresis)
    try coder.number(&state.pointee.value)
    try coder.number(&state.pointee.heard)
    try coder.flag(&state.pointee.hasLimits)
    try coder.choice(&state.pointee.colour, colours)
    try coder.choice(&state.pointee.resolvedColour, colours)
    try coder.flag(&state.pointee.isContinuous)
  }
}
