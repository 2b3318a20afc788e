// Planned doses: each slot once a day at a local time, missed when nothing shows that it was taken within the grace.
//
// One alert per slot and day, whether the dispenser says so (`doseMissed`, with the slot as detail) or the clock does. Which day an
// event belongs to: that of the last dose whose time has come or is at most four hours ahead. So a dose of 23:50 taken at 00:20 counts
// for the evening before, and one of 08:00 taken at last at 21:00 does not count for the next morning. Slots above 7 are not in any
// plan: such events are told each time. Handed out is not taken. The grace is real time, also when the clock changes meanwhile.
//
// A changed plan forgets nothing: a dose whose time has come and that nobody has taken is judged by the new grace, and what was taken
// or told of the old time counts for the new one only where the two are the same dose.

import VitalSigns

extension RealtimeCore {
  private static var doseSlots: Int { 8 }
  /// How long before its time a dose may be taken and still be that dose. Minutes.
  private static var earlyMinutes: Int64 { @_noLocks get { 240 } }
  /// What a dispenser says of a dose of yesterday's changes nothing any more. Milliseconds.
  private static var lateMilliseconds: Int64 { @_noLocks get { 86_400_000 } }

  @_noLocks func dose(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    switch event.kind {
    case .doseTaken, .doseAssisted, .doseDispensed:
      if provesDose(event.kind, subject.device) { doseTaken(event, subject.patient, at: eventTime(entry)) }
    case .doseMissed: doseFailed(.doseMissed, event, subject, entry, &outcomes)
    case .doseRefused: doseFailed(.doseRefused, event, subject, entry, &outcomes)
    default: break
    }
  }

  /// Of a dose that no plan knows nobody but the dispenser can say that it was not taken, so that counts also when it arrives late; of a
  /// planned one the clock says it.
  @_noLocks func lateDose(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    guard event.kind == .doseMissed || event.kind == .doseRefused else { return }
    if let slot = doseSlot(event), isPlanned(slot, arena.plan(subject.patient)) { return }
    let (age, overflow) = entry.wall.rawValue.subtractingReportingOverflow(entry.measuredAt.rawValue)
    guard !overflow, age <= Self.lateMilliseconds else { return }
    doseFailed(event.kind == .doseMissed ? .doseMissed : .doseRefused, event, subject, entry, &outcomes)
  }

  @_noLocks private func eventTime(_ entry: IntakeEntry) -> WallTime {
    if case .live(let measured, _) = timeliness(of: entry) { return localClock.wall(at: measured) }
    return entry.measuredAt
  }

  /// The day that an event of a slot belongs to.
  @_noLocks private func doseDay(_ slot: Int, _ patient: UInt32, at wall: WallTime) -> Int32 {
    let plan = arena.plan(patient)
    // The day of a slot without a plan is the calendar day.
    let minute = isPlanned(slot, plan) ? Int64(plan.pointee.doseMinute[slot]) - Self.earlyMinutes : 0
    return localClock.lastDay(by: wall, minute: minute)
  }

  @_noLocks private func isPlanned(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>) -> Bool {
    plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0
  }

  @_noLocks func doseTaken(_ event: DeviceEvent, _ patient: UInt32, at wall: WallTime) {
    guard let slot = doseSlot(event) else { return }
    let plan = arena.plan(patient)
    let day = doseDay(slot, patient, at: wall)
    if day > plan.pointee.doseTakenDay[slot] { plan.pointee.doseTakenDay[slot] = day }
  }

  @_noLocks private func doseSlot(_ event: DeviceEvent) -> Int? {
    event.detail < UInt32(Self.doseSlots) ? Int(event.detail) : nil
  }

  @_noLocks private func doseFailed(
    _ rule: AlertRule, _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry,
    _ outcomes: inout OutcomeBuffer
  ) {
    if let slot = doseSlot(event) {
      let plan = arena.plan(subject.patient)
      let day = doseDay(slot, subject.patient, at: eventTime(entry))
      if rule == .doseMissed {
        if plan.pointee.doseMissedDay[slot] >= day { return }
        plan.pointee.doseMissedDay[slot] = day
      } else {
        if plan.pointee.doseRefusedDay[slot] >= day { return }
        plan.pointee.doseRefusedDay[slot] = day
      }
    }
    tellDose(rule, event.detail, subject.patient, entry.device, at: entry.instant, &outcomes)
  }

  /// `subject` is the slot, `value` the planned minute of the day, `limit` the grace in seconds.
  @_noLocks private func tellDose(
    _ rule: AlertRule, _ slot: UInt32, _ patient: UInt32, _ device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var opening = AlertOpening(rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.device = device
    opening.subject = slot
    if slot < UInt32(Self.doseSlots) {
      opening.value = Int32(arena.plan(patient).pointee.doseMinute[Int(slot)])
      opening.limit = Int32(clamping: arena.plan(patient).pointee.doseGraceSeconds[Int(slot)])
    }
    _ = open(opening, at: instant, &outcomes)
  }

  @_noLocks private func doseDeadline(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>) -> MonotonicInstant {
    localClock.instant(
      day: plan.pointee.doseNextDay[slot], minute: plan.pointee.doseMinute[slot],
      plusSeconds: plan.pointee.doseGraceSeconds[slot])
  }

  /// Plans or empties a slot. The first dose judged is the first whose planned time lies ahead, or the one that is being waited for.
  @_noLocks func setDose(_ slot: UInt8, _ dose: PlannedDose?, _ patient: UInt32, at instant: MonotonicInstant) {
    guard slot < UInt8(Self.doseSlots) else { return }
    let plan = arena.plan(patient)
    let index = Int(slot)
    if let dose, dose.minuteOfDay < 1_440 {
      let first = firstDay(after: instant, minute: dose.minuteOfDay)
      let next = isPlanned(index, plan) ? min(first, dayWaitedFor(index, plan, at: instant) ?? first) : first
      if isPlanned(index, plan) { forgetOtherDose(index, dose.minuteOfDay, from: next, plan) }
      plan.pointee.dosesPlanned |= 1 << slot
      plan.pointee.doseMinute[index] = dose.minuteOfDay
      plan.pointee.doseGraceSeconds[index] = dose.graceSeconds
      plan.pointee.doseNextDay[index] = next
    } else {
      plan.pointee.dosesPlanned &= ~(1 << slot)
      plan.pointee.doseMinute[index] = 0
      plan.pointee.doseGraceSeconds[index] = 0
      plan.pointee.doseNextDay[index] = 0
    }
    armSchedule(patient, at: instant)
  }

  /// The day of the dose whose time has come, whose grace is not over, and that nobody has taken; nil: there is none.
  @_noLocks private func dayWaitedFor(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>, at instant: MonotonicInstant) -> Int32? {
    let day = plan.pointee.doseNextDay[slot]
    return localClock.instant(day: day, minute: plan.pointee.doseMinute[slot]) <= instant ? day : nil
  }

  /// What is known of a dose that the plan moves by more than it may be early is known of another dose.
  @_noLocks private func forgetOtherDose(_ slot: Int, _ minute: UInt16, from day: Int32, _ plan: UnsafeMutablePointer<PatientPlan>) {
    let moved = Int64(minute) - Int64(plan.pointee.doseMinute[slot])
    guard moved.magnitude > UInt64(Self.earlyMinutes) else { return }
    plan.pointee.doseTakenDay[slot] = min(plan.pointee.doseTakenDay[slot], day - 1)
    plan.pointee.doseMissedDay[slot] = min(plan.pointee.doseMissedDay[slot], day - 1)
    plan.pointee.doseRefusedDay[slot] = min(plan.pointee.doseRefusedDay[slot], day - 1)
  }

  /// The first day on which the local clock shows `minute` after `instant`.
  @_noLocks func firstDay(after instant: MonotonicInstant, minute: UInt16) -> Int32 {
    let today = localClock.day(at: instant)
    return localClock.instant(day: today, minute: minute) > instant ? today : today + 1
  }

  /// The wall clock or the offset moved. At most yesterday's and today's doses are judged after a leap forward, and a
  /// clock that had been far ahead leaves nothing behind that would silence the doses until then.
  @_noLocks func clockChanged(_ patient: UInt32, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    let today = localClock.day(at: instant)
    var slot = 0
    while slot < Self.doseSlots {
      if plan.pointee.doseNextDay[slot] > today + 2 {
        plan.pointee.doseNextDay[slot] = firstDay(after: instant, minute: plan.pointee.doseMinute[slot])
      } else {
        plan.pointee.doseNextDay[slot] = max(plan.pointee.doseNextDay[slot], today - 1)
      }
      if plan.pointee.doseTakenDay[slot] > today + 1 { plan.pointee.doseTakenDay[slot] = 0 }
      if plan.pointee.doseMissedDay[slot] > today + 1 { plan.pointee.doseMissedDay[slot] = 0 }
      if plan.pointee.doseRefusedDay[slot] > today + 1 { plan.pointee.doseRefusedDay[slot] = 0 }
      slot += 1
    }
    plan.pointee.nightNextDay = firstDay(after: instant, minute: plan.pointee.nightFrom)
    armSchedule(patient, at: instant)
  }

  /// Arms the person's schedule for the earliest of the doses' deadlines and the next night watch.
  @_noLocks func armSchedule(_ patient: UInt32, at instant: MonotonicInstant) {
    let plan = arena.plan(patient)
    var earliest = MonotonicInstant.never
    var slot = 0
    while slot < Self.doseSlots {
      if plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0 { earliest = min(earliest, doseDeadline(slot, plan)) }
      slot += 1
    }
    if plan.pointee.nightFrom != plan.pointee.nightTo {
      earliest = min(earliest, localClock.instant(day: plan.pointee.nightNextDay, minute: plan.pointee.nightFrom))
    }
    arena.heap.set(arena.timers.schedule(patient), earliest == .never ? .never : max(instant, earliest))
  }

  @_noLocks func scheduleIsDue(_ patient: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let plan = arena.plan(patient)
    var slot = 0
    while slot < Self.doseSlots {
      if plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0, doseDeadline(slot, plan) <= instant {
        let day = plan.pointee.doseNextDay[slot]
        plan.pointee.doseNextDay[slot] = day + 1
        if plan.pointee.doseTakenDay[slot] < day, plan.pointee.doseMissedDay[slot] < day, plan.pointee.doseRefusedDay[slot] < day {
          plan.pointee.doseMissedDay[slot] = day
          tellDose(.doseMissed, UInt32(slot), patient, .none, at: instant, &outcomes)
        }
      }
      slot += 1
    }
    if plan.pointee.nightFrom != plan.pointee.nightTo,
      localClock.instant(day: plan.pointee.nightNextDay, minute: plan.pointee.nightFrom) <= instant
    {
      plan.pointee.nightNextDay += 1
      nightBegins(patient, at: instant)
    }
    armSchedule(patient, at: instant)
  }
}
