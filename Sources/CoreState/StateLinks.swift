// What is not stored because it follows from what is: the groups of alerts. And whether the lists that the core walks come to an end: a
// core that goes round in circles would stand for ever.

import RealtimeCore
import VitalSigns

/// Ties a state together after its records have been read.
struct StateLinks {
  let arena: CoreArena

  func tie(_ maps: PlaceMaps) throws(SnapshotError) {
    try checkDevices(maps)
    try tieGroups(maps)
  }

  /// Each person's list has exactly that person's devices.
  private func checkDevices(_ maps: PlaceMaps) throws(SnapshotError) {
    let devices = maps.devices(true)
    let assigned = devices.count { arena.device($0).pointee.patient != .none }
    var walked = 0
    for patient in maps.people(true) {
      var device = arena.patient(patient).pointee.firstDevice
      while device != .none {
        walked += 1
        guard walked <= assigned, arena.device(device).pointee.patient == patient else {
          throw .damaged("a list of devices without an end")
        }
        device = arena.device(device).pointee.next
      }
    }
    guard walked == assigned else { throw .damaged("a device that is in nobody's list") }
  }

  private func tieGroups(_ maps: PlaceMaps) throws(SnapshotError) {
    let alerts = maps.alerts(true)
    for slot in alerts {
      let older = arena.alert(slot).pointee.next
      if older == .none { continue }
      let record = arena.alert(older)
      guard record.pointee.id != .none, record.pointee.newer == .none, record.pointee.group.key == arena.alert(slot).pointee.group.key
      else {
        throw .damaged("a group of alerts that is none")
      }
      record.pointee.newer = slot
    }
    var walked = 0
    for slot in alerts where arena.alert(slot).pointee.newer == .none {
      let group = arena.alert(slot).pointee.group
      guard arena.newest(in: group) == .none else { throw .damaged("a group of alerts in two parts") }
      arena.setNewest(slot, in: group)
      var (place, count) = (slot, UInt32(0))
      while place != .none {
        count += 1
        place = arena.alert(place).pointee.next
      }
      arena.alert(slot).pointee.groupCount = count
      walked += Int(count)
    }
    guard walked == alerts.count else { throw .damaged("a group of alerts without an end") }
  }
}
