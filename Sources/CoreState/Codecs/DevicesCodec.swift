// What the core knows of each device: whose it is, when it was heard, which conditions it reports. One record for each device, in the
// order of places.
//
// History. 1: versions from 0.4 on. `holding` has a bit for each of 13 conditions, and `wasHeard`, `noContact`, `doorJudged` above them.

import RealtimeCore
import VitalSigns

struct DevicesCodec: StateCodec {
  static var name: String { "devices" }
  static var version: UInt16 { 1 }
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int { maps.devices.used.count }

  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError) {
    try expect(records, maps.devices.used.count)
    for slot in maps.devices(coder.isReading) {
      let state = arena.device(slot)
      try coder.number(&state.pointee.id)
      try coder.slot(&state.pointee.patient)
      try coder.slot(&state.pointee.next)
      try code(state, &coder)
      try codeTimes(state, &coder)
      try codeConditions(state, &coder)
      try coder.timer(arena.timers.device(slot), arena)
      guard coder.isReading else { continue }
      let id = DeviceID(rawValue: state.pointee.id)
      guard id != .none, arena.slot(of: id) == .none else { throw .damaged("a device that is there twice") }
      arena.setSlot(slot, of: id)
    }
  }

  private static func code(_ state: UnsafeMutablePointer<DeviceState>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.number(&state.pointee.expectedIntervalSeconds)
    try coder.number(&state.pointee.measuringSeconds)
    try coder.number(&state.pointee.episodes)
    var abilities = state.pointee.abilities.rawValue
    try coder.number(&abilities)
    state.pointee.abilities = DeviceAbilities(rawValue: abilities)
    try coder.flag(&state.pointee.isContinuous)
    try coder.flag(&state.pointee.isSafetyAlarm)
    try coder.flag(&state.pointee.isTracker)
    try coder.choice(&state.pointee.fence, [.unknown, .inside, .outside])
    try coder.number(&state.pointee.fenceMetres)
    try coder.number(&state.pointee.fixesOutside)
    try coder.number(&state.pointee.fixesInside)
    try coder.number(&state.pointee.batterySources)
    try coder.number(&state.pointee.batteryPercent)
  }

  private static func codeTimes(_ state: UnsafeMutablePointer<DeviceState>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.number(&state.pointee.lastSeen)
    try coder.number(&state.pointee.lastFix)
    try coder.number(&state.pointee.assignedWall)
    try coder.number(&state.pointee.lastMeasured)
    try coder.number(&state.pointee.measuringDue)
    try coder.number(&state.pointee.offlineSince)
    try coder.number(&state.pointee.lastFall)
    try coder.number(&state.pointee.lastNotUnderstood)
    try coder.number(&state.pointee.callsAt)
    try coder.number(&state.pointee.callDebt)
  }

  private static func codeConditions(_ state: UnsafeMutablePointer<DeviceState>, _ coder: inout RecordCoder) throws(SnapshotError) {
    try coder.number(&state.pointee.holding)
    try coder.number(&state.pointee.unsettled)
    try coder.numbers(&state.pointee.again)
    try coder.numbers(&state.pointee.settles)
    for index in 0..<(try coder.length(DeviceCondition.count)) { try coder.slot(&state.pointee.alerts[index]) }
  }
}
