// When a person's plan has something to do: the deadline of the next dose, or the beginning of the next night watch. One timer a person
// stands for the earliest of them. What happens then: ScheduleTimer.swift.

import VitalSigns

/// Computes and arms the deadlines of a person's plan. Realtime-safe.
struct ScheduleDeadlines {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func doseDeadline(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>) -> MonotonicInstant {
    arena.localClock.instant(
      day: plan.pointee.doseNextDay[slot], minute: plan.pointee.doseMinute[slot],
      plusSeconds: plan.pointee.doseGraceSeconds[slot])
  }

  /// The first day on which the local clock shows `minute` after `instant`.
  @_noLocks func firstDay(after instant: MonotonicInstant, minute: UInt16) -> Int32 {
    let today = arena.localClock.day(at: instant)
    return arena.localClock.instant(day: today, minute: minute) > instant ? today : today + 1
  }

  /// Arms the person's schedule for the earliest of the doses' deadlines and the next night watch.
  @_noLocks func armSchedule(_ patient: PatientSlot, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    var earliest = MonotonicInstant.never
    var slot = 0
    while slot < PatientPlan.doseSlots {
      if plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0 { earliest = min(earliest, doseDeadline(slot, plan)) }
      slot += 1
    }
    if plan.pointee.nightFrom != plan.pointee.nightTo {
      earliest = min(earliest, arena.localClock.instant(day: plan.pointee.nightNextDay, minute: plan.pointee.nightFrom))
    }
    arena.heap.set(arena.timers.schedule(patient), earliest == .never ? .never : max(instant, earliest))
  }
}
