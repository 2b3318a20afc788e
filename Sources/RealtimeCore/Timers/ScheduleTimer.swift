// The timer of a person's plan fires: a dose is overdue, or a night begins. And the clock on the wall moves: everything that is planned
// by it falls at another instant. When the timer fires is computed in ScheduleDeadlines.swift.

import VitalSigns

/// What happens when the timer of a person's plan fires, or the wall clock moves. Realtime-safe.
struct ScheduleTimer {
  let arena: CoreArena
  private var schedule: ScheduleDeadlines { @_noLocks get { ScheduleDeadlines(arena: arena) } }
  private var doses: DoseRule { @_noLocks get { DoseRule(arena: arena) } }
  private var nightDoors: NightDoorRule { @_noLocks get { NightDoorRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func runSchedule(_ patient: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let plan = arena.plan(patient)
    var slot = 0
    while slot < PatientPlan.doseSlots {
      if plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0, schedule.doseDeadline(slot, plan) <= instant {
        let day = plan.pointee.doseNextDay[slot]
        plan.pointee.doseNextDay[slot] = day + 1
        if plan.pointee.doseTakenDay[slot] < day, plan.pointee.doseMissedDay[slot] < day, plan.pointee.doseRefusedDay[slot] < day {
          plan.pointee.doseMissedDay[slot] = day
          doses.openDoseAlert(.doseMissed, UInt32(slot), patient, .none, at: instant, &outcomes)
        }
      }
      slot += 1
    }
    if plan.pointee.nightFrom != plan.pointee.nightTo,
      arena.localClock.instant(day: plan.pointee.nightNextDay, minute: plan.pointee.nightFrom) <= instant
    {
      plan.pointee.nightNextDay += 1
      nightDoors.beginNight(patient, at: instant)
    }
    schedule.armSchedule(patient, at: instant)
  }

  /// The wall clock or the offset moved. After a leap forward at most yesterday's and today's doses are judged. What a clock that was
  /// far ahead has noted is forgotten, because it would keep doses from being judged until that day.
  @_noLocks func resetSchedule(_ patient: PatientSlot, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    let today = arena.localClock.day(at: instant)
    var slot = 0
    while slot < PatientPlan.doseSlots {
      if plan.pointee.doseNextDay[slot] > today + 2 {
        plan.pointee.doseNextDay[slot] = schedule.firstDay(after: instant, minute: plan.pointee.doseMinute[slot])
      } else {
        plan.pointee.doseNextDay[slot] = max(plan.pointee.doseNextDay[slot], today - 1)
      }
      if plan.pointee.doseTakenDay[slot] > today + 1 { plan.pointee.doseTakenDay[slot] = 0 }
      if plan.pointee.doseMissedDay[slot] > today + 1 { plan.pointee.doseMissedDay[slot] = 0 }
      if plan.pointee.doseRefusedDay[slot] > today + 1 { plan.pointee.doseRefusedDay[slot] = 0 }
      slot += 1
    }
    plan.pointee.nightNextDay = schedule.firstDay(after: instant, minute: plan.pointee.nightFrom)
    schedule.armSchedule(patient, at: instant)
  }

  /// A new clock anchor: every dose and night watch may now fall at another instant.
  @_noLocks func anchorClock(_ anchor: ClockAnchor, _ entry: IntakeEntry) {
    arena.setClock(instant: entry.instant, wall: entry.wall, utcOffsetSeconds: anchor.utcOffsetSeconds)
    arena.header.pointee.isAnchored = 1
    if anchor.idEpoch != 0 { arena.header.pointee.idEpoch = UInt64(anchor.idEpoch) }
    var number: UInt32 = 1
    while number <= arena.header.pointee.patients.highWater {
      let slot = PatientSlot(number: number)
      if arena.patient(slot).pointee.id != 0 { resetSchedule(slot, at: entry.instant) }
      number += 1
    }
  }
}
