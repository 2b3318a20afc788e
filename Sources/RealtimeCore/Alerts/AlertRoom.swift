// Which alerts are followed when there are too many. An alert that is not followed is told all the same, at once. A person can
// acknowledge and resolve it, and the hub calls (`alertRoomFull`) until no such alert is open. See docs/alerts.md.
//
// A group is one person's alerts of one rule, or one device's when the device is nobody's. A group gets at most an eighth of the room,
// so a stuck button never takes another person's place. The last eighth is for high priority. Beyond `alertsMax` there is a place for
// the first urgent alert of each group, and sixteen places for the hub itself.

import VitalSigns

/// Gives out the places of the arena to alerts. Realtime-safe.
struct AlertRoom {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How many alerts of one group are followed at least, in a small arena.
  private static var groupMin: UInt32 { @_noLocks get { 8 } }

  private static var hubReserve: UInt32 { @_noLocks get { 16 } }

  /// A place for an alert; none when there is no room for it.
  @_noLocks func takeRoom(for opening: AlertOpening, _ group: AlertGroup) -> AlertSlot {
    let timers = arena.timers
    let newest = arena.newest(in: group)
    let held = newest == .none ? 0 : arena.alert(newest).pointee.groupCount
    let isUrgent = opening.priority == .high
    let limit: UInt32
    if opening.person == .none, opening.device == .none {
      limit = timers.alertPlaces
    } else if held >= max(Self.groupMin, timers.alertsMax / 8) {
      limit = 0
    } else if isUrgent {
      limit = held == 0 ? timers.alertPlaces - Self.hubReserve : timers.alertsMax
    } else {
      limit = timers.alertsMax - timers.alertsMax / 8
    }
    guard arena.header.pointee.alerts.count < limit else { return .none }
    return arena.takeAlert()
  }

  /// Puts a record into its place, its group and the tables.
  @_noLocks func placeRecord(_ record: OpenAlert, _ slot: AlertSlot, _ group: AlertGroup) {
    let newest = arena.newest(in: group)
    arena.alert(slot).pointee = record
    arena.alert(slot).pointee.next = newest
    arena.alert(slot).pointee.groupCount = newest == .none ? 1 : arena.alert(newest).pointee.groupCount + 1
    if newest != .none { arena.alert(newest).pointee.newer = slot }
    arena.setNewest(slot, in: group)
    arena.setSlot(slot, of: record.id)
    arena.heap.set(arena.timers.alert(slot), record.lifecycle.deadline)
  }

  /// Takes a record out of its group and the tables, and gives its place back.
  @_noLocks func removeRecord(_ slot: AlertSlot) {
    let record = arena.alert(slot).pointee
    let group = record.group
    if record.next != .none { arena.alert(record.next).pointee.newer = record.newer }
    if record.newer != .none {
      arena.alert(record.newer).pointee.next = record.next
      let newest = arena.newest(in: group)
      if newest != .none { arena.alert(newest).pointee.groupCount -= 1 }
    } else if record.next != .none {
      arena.alert(record.next).pointee.groupCount = record.groupCount - 1
      arena.setNewest(record.next, in: group)
    } else {
      arena.removeGroup(group)
    }
    arena.removeSlot(of: record.id)
    arena.heap.set(arena.timers.alert(slot), .never)
    arena.releaseAlert(slot)
  }

  @_noLocks func noteClosed(_ id: AlertID) {
    let place = arena.header.pointee.nextClosed
    arena.closedIDs[Int(place)] = id.low
    arena.header.pointee.nextClosed = (place + 1) % CoreArena.closedIDsCount
  }

  /// Whether an alert is among the ids that were closed last: an action on it comes too late.
  @_noLocks func wasClosed(_ id: AlertID) -> Bool {
    var index = 0
    while index < Int(CoreArena.closedIDsCount) {
      if arena.closedIDs[index] == id.low { return true }
      index += 1
    }
    return false
  }
}
