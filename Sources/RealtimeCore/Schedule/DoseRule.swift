// Planned doses: each slot once a day at a local time, missed when nothing shows that it was taken within the grace.
//
// One alert per slot and day, whether the dispenser reports it (`doseMissed`, with the slot as detail) or the clock shows it. An event
// belongs to the day of the last dose whose time has come or is at most four hours ahead. So a dose of 23:50 taken at 00:20 counts
// for the evening before, and one of 08:00 taken at 21:00 does not count for the next morning. Slots above 7 are in no plan: such
// events are told each time. Handed out is not taken. The grace is real time, also when the clock changes meanwhile.
//
// A changed plan forgets nothing: a dose whose time has come and that nobody has taken is judged by the new grace. What was taken
// or told of the old time counts for the new one only where the two are the same dose.

import VitalSigns

/// Judges doses that were taken, refused or missed. Realtime-safe.
struct DoseRule {
  let arena: CoreArena
  private var arrival: ArrivalRule { @_noLocks get { ArrivalRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var schedule: ScheduleDeadlines { @_noLocks get { ScheduleDeadlines(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How long before its time a dose may be taken and still be that dose. Minutes.
  private static var earlyMinutes: Int64 { @_noLocks get { 240 } }

  /// A report about a dose that is older than this changes nothing, milliseconds.
  private static var lateMilliseconds: Int64 { @_noLocks get { 86_400_000 } }

  @_noLocks func takeDoseEvent(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    switch event.kind {
    case .doseTaken, .doseAssisted, .doseDispensed:
      if provesDose(event.kind, subject.device) { recordTakenDose(event, subject.patient, at: eventTime(entry)) }
    case .doseMissed: recordFailedDose(.doseMissed, event, subject, entry, &outcomes)
    case .doseRefused: recordFailedDose(.doseRefused, event, subject, entry, &outcomes)
    default: break
    }
  }

  /// A late report that a dose was not taken counts only when no plan has the dose: then nothing but the dispenser can tell. A planned
  /// dose is missed by the clock.
  @_noLocks func takeLateDose(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    guard event.kind == .doseMissed || event.kind == .doseRefused else { return }
    if let slot = doseSlot(event), isPlanned(slot, arena.plan(subject.patient)) { return }
    let (age, overflow) = entry.wall.rawValue.subtractingReportingOverflow(entry.measuredAt.rawValue)
    guard !overflow, age <= Self.lateMilliseconds else { return }
    recordFailedDose(event.kind == .doseMissed ? .doseMissed : .doseRefused, event, subject, entry, &outcomes)
  }

  /// Whether a dose event shows that the person got the dose. Handing it out does not, because the dose may stay in the tray. It counts
  /// only from a device that reports nothing more, because each of its doses would be missed otherwise.
  @_noLocks func provesDose(_ kind: DeviceEventKind, _ device: DeviceSlot) -> Bool {
    switch kind {
    case .doseTaken, .doseAssisted: true
    case .doseDispensed: device != .none && arena.device(device).pointee.abilities.contains(.dispensingIsTaking)
    default: false
    }
  }

  @_noLocks private func eventTime(_ entry: IntakeEntry) -> WallTime {
    if case .live(let measured, _) = arrival.timeliness(of: entry) { return arena.localClock.wall(at: measured) }
    return entry.measuredAt
  }

  /// The day that an event of a slot belongs to.
  @_noLocks private func doseDay(_ slot: Int, _ patient: PatientSlot, at wall: WallTime) -> Int32 {
    let plan = arena.plan(patient)
    // A slot without a plan counts by calendar days.
    let minute = isPlanned(slot, plan) ? Int64(plan.pointee.doseMinute[slot]) - Self.earlyMinutes : 0
    return arena.localClock.lastDay(by: wall, minute: minute)
  }

  @_noLocks private func isPlanned(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>) -> Bool {
    plan.pointee.dosesPlanned & 1 << UInt8(slot) != 0
  }

  @_noLocks func recordTakenDose(_ event: DeviceEvent, _ patient: PatientSlot, at wall: WallTime) {
    guard let slot = doseSlot(event) else { return }
    let plan = arena.plan(patient)
    let day = doseDay(slot, patient, at: wall)
    if day > plan.pointee.doseTakenDay[slot] { plan.pointee.doseTakenDay[slot] = day }
  }

  @_noLocks private func doseSlot(_ event: DeviceEvent) -> Int? {
    event.detail < UInt32(PatientPlan.doseSlots) ? Int(event.detail) : nil
  }

  @_noLocks private func recordFailedDose(
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
    openDoseAlert(rule, event.detail, subject.patient, entry.device, at: entry.instant, &outcomes)
  }

  /// `subject` is the slot, `value` the planned minute of the day, `limit` the grace in seconds.
  @_noLocks func openDoseAlert(
    _ rule: AlertRule, _ slot: UInt32, _ patient: PatientSlot, _ device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var opening = AlertOpening(rule, patient: patient, person: PatientID(rawValue: arena.patient(patient).pointee.id))
    opening.device = device
    opening.subject = slot
    if slot < UInt32(PatientPlan.doseSlots) {
      opening.value = Int32(arena.plan(patient).pointee.doseMinute[Int(slot)])
      opening.limit = Int32(clamping: arena.plan(patient).pointee.doseGraceSeconds[Int(slot)])
    }
    _ = alerts.open(opening, at: instant, &outcomes)
  }

  /// Plans or empties a slot. The first dose judged is the first whose planned time lies ahead, or the one that is being waited for.
  @_noLocks func setDose(_ slot: UInt8, _ dose: PlannedDose?, _ patient: PatientSlot, at instant: MonotonicInstant) {
    guard slot < UInt8(PatientPlan.doseSlots) else { return }
    let plan = arena.plan(patient)
    let index = Int(slot)
    if let dose, dose.minuteOfDay < 1_440 {
      let first = schedule.firstDay(after: instant, minute: dose.minuteOfDay)
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
    schedule.armSchedule(patient, at: instant)
  }

  /// The day of the dose whose time has come, whose grace is not over, and that nobody has taken; nil: there is none.
  @_noLocks private func dayWaitedFor(_ slot: Int, _ plan: UnsafeMutablePointer<PatientPlan>, at instant: MonotonicInstant) -> Int32? {
    let day = plan.pointee.doseNextDay[slot]
    return arena.localClock.instant(day: day, minute: plan.pointee.doseMinute[slot]) <= instant ? day : nil
  }

  /// When the plan moves a dose by more than it may be taken early, it is another dose: what was noted of the old one is forgotten.
  @_noLocks private func forgetOtherDose(_ slot: Int, _ minute: UInt16, from day: Int32, _ plan: UnsafeMutablePointer<PatientPlan>) {
    let moved = Int64(minute) - Int64(plan.pointee.doseMinute[slot])
    guard moved.magnitude > UInt64(Self.earlyMinutes) else { return }
    plan.pointee.doseTakenDay[slot] = min(plan.pointee.doseTakenDay[slot], day - 1)
    plan.pointee.doseMissedDay[slot] = min(plan.pointee.doseMissedDay[slot], day - 1)
    plan.pointee.doseRefusedDay[slot] = min(plan.pointee.doseRefusedDay[slot], day - 1)
  }
}
