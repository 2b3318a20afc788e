// Which alerts are followed when there are too many. What is not followed is told all the same, at once, can be acknowledged and
// resolved, and makes the hub itself call until nothing of it is left.
//
// A group is one person's alerts of one rule (or one device's, when it is nobody's): it gets at most an eighth of the room, so that a
// stuck button never takes another person's place. The last eighth is for what is urgent; and beyond `alertsMax` there is a
// place for the first urgent alert of each person's group, and sixteen for the hub.

import VitalSigns

extension RealtimeCore {
  /// How many alerts of one group are followed at least, in a small arena.
  private static var groupMin: UInt32 { @_noLocks get { 8 } }
  private static var hubReserve: UInt32 { @_noLocks get { 16 } }

  @_noLocks func groupKey(_ rule: AlertRule, _ person: UInt32, _ device: UInt32) -> UInt64 {
    let holder: UInt64 = person != 0 ? 1 : device != 0 ? 2 : 3
    return holder << 40 | UInt64(rule.rawValue) << 32 | UInt64(person != 0 ? person : device)
  }

  /// A place for an alert, or 0.
  @_noLocks func takeRoom(for opening: AlertOpening, _ group: UInt64) -> UInt32 {
    let timers = arena.timers
    let newest = arena.groupIndex.find(group)
    let held = newest == 0 ? 0 : arena.alert(newest).pointee.groupCount
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
    guard arena.header.pointee.alerts.count < limit else { return 0 }
    return arena.takeAlert()
  }

  /// Puts a record into its place, its group and the tables.
  @_noLocks func place(_ record: AlertRecord, _ slot: UInt32, _ group: UInt64) {
    let newest = arena.groupIndex.find(group)
    arena.alert(slot).pointee = record
    arena.alert(slot).pointee.next = newest
    arena.alert(slot).pointee.groupCount = newest == 0 ? 1 : arena.alert(newest).pointee.groupCount + 1
    if newest != 0 { arena.alert(newest).pointee.newer = slot }
    arena.groupIndex.set(group, slot: slot)
    arena.alertIndex.insert(record.id.low, slot: slot)
    arena.heap.set(arena.timers.alert(slot), record.lifecycle.deadline)
  }

  /// Takes a record out of its group and the tables, and gives its place back.
  @_noLocks func remove(_ slot: UInt32) {
    let record = arena.alert(slot).pointee
    let group = groupKey(record.groupRule, record.patient, record.device)
    if record.next != 0 { arena.alert(record.next).pointee.newer = record.newer }
    if record.newer != 0 {
      arena.alert(record.newer).pointee.next = record.next
      let newest = arena.groupIndex.find(group)
      if newest != 0 { arena.alert(newest).pointee.groupCount -= 1 }
    } else if record.next != 0 {
      arena.alert(record.next).pointee.groupCount = record.groupCount - 1
      arena.groupIndex.set(group, slot: record.next)
    } else {
      arena.groupIndex.remove(group)
    }
    arena.alertIndex.remove(record.id.low)
    arena.heap.set(arena.timers.alert(slot), .never)
    arena.releaseAlert(slot)
  }

  // MARK: Without room

  /// An alert was told that is not followed: the hub calls until nobody has left one open.
  @_noLocks func roomIsMissing(for rule: AlertRule, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    if arena.header.pointee.untracked < .max { arena.header.pointee.untracked += 1 }
    if rule == .alertRoomFull || rule == .nobodyOnDuty { return }
    let count = arena.header.pointee.untracked
    if let slot = openHubAlert(of: .alertRoomFull, subject: 0) {
      arena.alert(slot).pointee.value = Int32(clamping: count)
      arena.alert(slot).pointee.upper = Int32(clamping: count)
    } else if !isRoomFullUnfollowed {
      hubReports(HubCondition(rule: .alertRoomFull, holds: true), value: Int32(clamping: count), at: instant, &outcomes)
    }
  }

  /// Even "there is no room" has found none, and was told without it: its own timer tells it again, not every alert that follows. One
  /// step may tell nine alerts, and must fit into the outcome buffer.
  private var isRoomFullUnfollowed: Bool {
    @_noLocks get {
      guard arena.header.pointee.alerts.count >= arena.timers.alertPlaces, let place = findHubCondition(.alertRoomFull, 0) else {
        return false
      }
      return arena.hubCondition(place).pointee.holds
    }
  }

  @_noLocks func untrackedClosed(at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard arena.header.pointee.untracked != 0 else { return }
    arena.header.pointee.untracked -= 1
    if arena.header.pointee.untracked == 0 {
      hubReports(HubCondition(rule: .alertRoomFull, holds: false), at: instant, &outcomes)
    } else if let slot = openHubAlert(of: .alertRoomFull, subject: 0) {
      arena.alert(slot).pointee.value = Int32(clamping: arena.header.pointee.untracked)
      arena.alert(slot).pointee.upper = Int32(clamping: arena.header.pointee.untracked)
    }
  }

  @_noLocks func noteClosed(_ id: AlertID) {
    let place = arena.header.pointee.nextClosed
    arena.closedIDs[Int(place)] = id.low
    arena.header.pointee.nextClosed = (place + 1) % CoreArena.closedIDsCount
  }

  /// Whether an alert was closed a moment ago: who acts on it now was too late, whatever they saw.
  @_noLocks func wasClosed(_ id: AlertID) -> Bool {
    var index = 0
    while index < Int(CoreArena.closedIDsCount) {
      if arena.closedIDs[index] == id.low { return true }
      index += 1
    }
    return false
  }
}
