// A door that stands open at night. It is worth a visit when it has been open for the plan's delay within the night window,
// whether it was opened then or stood open when the night began. Closing it ends a suspicion; a raised alert stays for a person.
// Once judged, the same opening is not judged again until the door moves or the next night begins. An alert that a person resolved
// rises again while the door stands open and the night lasts (DeviceTimer.swift).

import VitalSigns

extension DeviceState {
  /// Beside the conditions' bits: this opening has had its suspicion or alert.
  static var doorJudged: UInt16 { 1 << 15 }
}

/// Judges doors that stand open at night. Realtime-safe.
struct NightDoorRule {
  let arena: CoreArena
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var schedule: ScheduleDeadlines { @_noLocks get { ScheduleDeadlines(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func noteDoorOpened(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    // A repeated report of a door that is open already is no new opening.
    guard !device.pointee.holds(.openDoor) else { return }
    device.pointee.holding |= DeviceCondition.openDoor.bit
    device.pointee.holding &= ~DeviceState.doorJudged
    watchDoor(slot, at: instant, &outcomes)
  }

  @_noLocks func noteDoorClosed(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.openDoor.index
    conditions.end(.openDoor, slot, at: instant, &outcomes)
    device.pointee.holding &= ~DeviceState.doorJudged
    // A raised alert belongs to this opening; the next opening has its own.
    alerts.detachOwner(device.pointee.alerts[index])
    device.pointee.alerts[index] = .none
    device.pointee.again[index] = 0
  }

  /// The night begins: each door of the person that stands open is judged by its device's timer, at this same instant.
  @_noLocks func beginNight(_ patient: PatientSlot, at instant: MonotonicInstant) {
    var slot = arena.patient(patient).pointee.firstDevice
    while slot != .none {
      let device = arena.device(slot)
      if device.pointee.holds(.openDoor) {
        if device.pointee.alerts[DeviceCondition.openDoor.index] == .none { device.pointee.holding &= ~DeviceState.doorJudged }
        arena.heap.set(arena.timers.device(slot), instant)
      }
      slot = device.pointee.next
    }
  }

  /// Opens the suspicion of an open door, once an opening and night, unless the night ends before the delay.
  @_noLocks func watchDoor(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.openDoor.index
    guard device.pointee.patient != .none, device.pointee.holds(.openDoor), device.pointee.holding & DeviceState.doorJudged == 0,
      device.pointee.alerts[index] == .none
    else { return }
    let plan = arena.plan(device.pointee.patient)
    guard let end = nightEnd(plan, at: instant) else { return }
    device.pointee.holding |= DeviceState.doorJudged
    let delay = plan.pointee.nightDelaySeconds
    guard instant.adding(seconds: delay) <= end else { return }
    var opening = conditions.newOpening(.openDoor, slot)
    opening.delaySeconds = delay
    opening.value = Int32(clamping: delay)
    opening.limit = Int32(clamping: delay)
    device.pointee.alerts[index] = alerts.open(opening, at: instant, &outcomes)
  }

  @_noLocks func isNight(for patient: PatientSlot, at instant: MonotonicInstant) -> Bool {
    nightEnd(arena.plan(patient), at: instant) != nil
  }

  /// The end of the night window that `instant` lies in; nil in the daytime, or without a window.
  @_noLocks private func nightEnd(_ plan: UnsafeMutablePointer<PatientPlan>, at instant: MonotonicInstant) -> MonotonicInstant? {
    let (from, to) = (plan.pointee.nightFrom, plan.pointee.nightTo)
    guard from != to else { return nil }
    let minute = arena.localClock.minuteOfDay(at: instant)
    let isNight = from < to ? minute >= from && minute < to : minute >= from || minute < to
    guard isNight else { return nil }
    let today = arena.localClock.day(at: instant)
    return arena.localClock.instant(day: minute < to ? today : today + 1, minute: to)
  }

  @_noLocks func setNightWatch(_ watch: NightWatch, _ patient: PatientSlot, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    let isValid = watch.fromMinute < 1_440 && watch.toMinute < 1_440
    plan.pointee.nightFrom = isValid ? watch.fromMinute : 0
    plan.pointee.nightTo = isValid ? watch.toMinute : 0
    plan.pointee.nightDelaySeconds = watch.openDelaySeconds
    plan.pointee.nightNextDay = schedule.firstDay(after: instant, minute: plan.pointee.nightFrom)
    schedule.armSchedule(patient, at: instant)
    // The plan may begin in the middle of a night, with a door open.
    beginNight(patient, at: instant)
  }
}
