// A door that stands open at night. It is worth a visit when it has been open for the plan's delay within the night window,
// whether it was opened then or stood open when the night began. Closing it ends a suspicion; a raised alert stays for a person.
// Once judged, the same opening is not judged again until the door moves or the next night begins; but an alert that a person
// resolved speaks again while the door stands open and the night lasts (DeviceConditions.swift).

import VitalSigns

extension DeviceState {
  /// Beside the conditions' bits: this opening has had its suspicion or alert.
  static var doorJudged: UInt16 { 1 << 15 }
}

extension RealtimeCore {
  @_noLocks func doorOpened(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    // A repeated report of a door that is open already is no new opening.
    guard !device.pointee.holds(.openDoor) else { return }
    device.pointee.holding |= DeviceCondition.openDoor.bit
    device.pointee.holding &= ~DeviceState.doorJudged
    watchDoor(slot, at: instant, &outcomes)
  }

  @_noLocks func doorClosed(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.openDoor.index
    ends(.openDoor, slot, at: instant, &outcomes)
    device.pointee.holding &= ~DeviceState.doorJudged
    // A raised alert belongs to this opening; the next opening has its own.
    orphan(device.pointee.alerts[index])
    device.pointee.alerts[index] = 0
    device.pointee.again[index] = 0
  }

  /// The window opens: each of the person's doors is looked at, by its own timer, at this same instant.
  @_noLocks func nightBegins(_ patient: UInt32, at instant: MonotonicInstant) {
    var slot = arena.patient(patient).pointee.firstDevice
    while slot != 0 {
      let device = arena.device(slot)
      if device.pointee.holds(.openDoor) {
        if device.pointee.alerts[DeviceCondition.openDoor.index] == 0 { device.pointee.holding &= ~DeviceState.doorJudged }
        arena.heap.set(arena.timers.silence(slot), instant)
      }
      slot = device.pointee.next
    }
  }

  /// Starts the suspicion of an open door, once per opening and night, when there is still time for the delay.
  @_noLocks func watchDoor(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.openDoor.index
    guard device.pointee.patient != 0, device.pointee.holds(.openDoor), device.pointee.holding & DeviceState.doorJudged == 0,
      device.pointee.alerts[index] == 0
    else { return }
    let plan = arena.plan(device.pointee.patient)
    guard let end = nightEnd(plan, at: instant) else { return }
    device.pointee.holding |= DeviceState.doorJudged
    let delay = plan.pointee.nightDelaySeconds
    guard instant.adding(seconds: delay) <= end else { return }
    var opening = opening(.openDoor, slot)
    opening.delaySeconds = delay
    opening.value = Int32(clamping: delay)
    opening.limit = Int32(clamping: delay)
    device.pointee.alerts[index] = open(opening, at: instant, &outcomes)
  }

  @_noLocks func isNight(for patient: UInt32, at instant: MonotonicInstant) -> Bool { nightEnd(arena.plan(patient), at: instant) != nil }

  /// The end of the night window that `instant` lies in; nil in the daytime, or without a window.
  @_noLocks private func nightEnd(_ plan: UnsafeMutablePointer<PatientPlan>, at instant: MonotonicInstant) -> MonotonicInstant? {
    let (from, to) = (plan.pointee.nightFrom, plan.pointee.nightTo)
    guard from != to else { return nil }
    let minute = localClock.minuteOfDay(at: instant)
    let isNight = from < to ? minute >= from && minute < to : minute >= from || minute < to
    guard isNight else { return nil }
    let today = localClock.day(at: instant)
    return localClock.instant(day: minute < to ? today : today + 1, minute: to)
  }

  @_noLocks func setNightWatch(_ watch: NightWatch, _ patient: UInt32, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    let isValid = watch.fromMinute < 1_440 && watch.toMinute < 1_440
    plan.pointee.nightFrom = isValid ? watch.fromMinute : 0
    plan.pointee.nightTo = isValid ? watch.toMinute : 0
    plan.pointee.nightDelaySeconds = watch.openDelaySeconds
    plan.pointee.nightNextDay = firstDay(after: instant, minute: plan.pointee.nightFrom)
    armSchedule(patient, at: instant)
    // The plan may begin in the middle of a night, with a door open.
    nightBegins(patient, at: instant)
  }
}
