// One event, from the intake to its rule.
//
// Help is never refused: SOS always raises an alert of its own, late or not, from an unassigned or unregistered device
// too (fail open, with a remark). A fall does so unless it is late. Everything else needs a person, and counts only when live; with
// one exception: late proof that a dose was taken still prevents a false alarm about it. What a broker kept and repeats is a state,
// but no sign of life.

import VitalSigns

/// Takes an event to the rule that judges it. Realtime-safe.
struct EventRule {
  let arena: CoreArena
  private var signalLoss: SignalLossRule { @_noLocks get { SignalLossRule(arena: arena) } }
  private var arrival: ArrivalRule { @_noLocks get { ArrivalRule(arena: arena) } }
  private var calls: CallRule { @_noLocks get { CallRule(arena: arena) } }
  private var deviceClock: DeviceClockRule { @_noLocks get { DeviceClockRule(arena: arena) } }
  private var doses: DoseRule { @_noLocks get { DoseRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var battery: BatteryRule { @_noLocks get { BatteryRule(arena: arena) } }
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }
  private var nightDoors: NightDoorRule { @_noLocks get { NightDoorRule(arena: arena) } }
  private var repeats: RepeatRule { @_noLocks get { RepeatRule(arena: arena) } }
  private var measuring: MeasuringRule { @_noLocks get { MeasuringRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func takeEvent(_ event: DeviceEvent, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none, event.kind.isSignOfLife, !event.isRetained {
      signalLoss.noteSignOfLife(entry.device, at: entry.instant, &outcomes)
    }
    let timeliness = arrival.timeliness(of: entry)
    var isLate = false
    if case .late = timeliness { isLate = true }
    // For SOS the device's present person counts even if the press is old: that is who needs help now.
    let subject = arrival.subject(of: &entry, isLate: isLate && event.kind != .sos, &outcomes)
    if event.kind == .sos {
      if event.phase != .cleared { calls.openCall(.sos, subject, entry, at: entry.instant, &outcomes) }
      return
    }
    if let subject { deviceClock.judgeClock(timeliness, entry, subject.device, &outcomes) }
    if isLate {
      if let subject, doses.provesDose(event.kind, subject.device) { doses.recordTakenDose(event, subject.patient, at: entry.measuredAt) }
      if let subject { doses.takeLateDose(event, subject, entry, &outcomes) }
      if subject != nil { arrival.recordLate(entry, &outcomes) }
      return
    }
    guard let subject else {
      if event.kind == .fall, event.phase != .cleared, !isFallBeingTold(event, entry) {
        calls.openCall(.fall, nil, entry, at: entry.instant, &outcomes)
      }
      takeEventOfUnassigned(event, entry, &outcomes)
      return
    }
    if event.kind.isDose { return doses.takeDoseEvent(event, subject, entry, &outcomes) }
    if subject.device != .none {
      dispatch(event, subject, entry, &outcomes)
    } else if event.kind == .fall, event.phase != .cleared {
      calls.openCall(.fall, subject, entry, at: entry.instant, &outcomes)
    }
  }

  /// Whether this is a fall as a state, of a device that is nobody's, whose alert is open: a fall that lasts is one alert here, too.
  @_noLocks private func isFallBeingTold(_ event: DeviceEvent, _ entry: IntakeEntry) -> Bool {
    guard case .raised = event.phase, entry.device != .none else { return false }
    return arena.newest(in: AlertGroup(.fall, person: .none, device: entry.device)) != .none
  }

  /// An event of a device that is nobody's. If it is a safety alarm, something that its profile does not know may be a call for help,
  /// and is told like one. That it is gone is remembered for the person who gets it next.
  @_noLocks private func takeEventOfUnassigned(_ event: DeviceEvent, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let slot = entry.device == .none ? DeviceSlot.none : arena.slot(of: entry.device)
    guard slot != .none else { return }
    let device = arena.device(slot)
    if event.kind == .offline, device.pointee.offlineSince == 0 { device.pointee.offlineSince = entry.instant.rawValue }
    guard event.kind == .notUnderstood, event.phase != .cleared, device.pointee.patient == .none, device.pointee.isSafetyAlarm,
      arena.newest(in: AlertGroup(.notUnderstood, person: .none, device: entry.device)) == .none
    else { return }
    var opening = AlertOpening(.notUnderstood, patient: .none, person: .none)
    opening.priority = device.pointee.priority(of: .notUnderstood)
    opening.device = entry.device
    opening.deviceSlot = slot
    opening.value = 1
    _ = alerts.open(opening, at: entry.instant, &outcomes)
  }

  @_noLocks private func dispatch(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let device = subject.device
    let instant = entry.instant
    switch event.kind {
    case .fall: takeFall(event, subject, entry, &outcomes)
    case .lowBattery: battery.takeBatteryFlag(event.phase, device, at: instant, &outcomes)
    case .tamper: conditions.update(.tamper, event.phase, device, at: instant, &outcomes)
    case .jam: conditions.update(.jam, event.phase, device, at: instant, &outcomes)
    case .dispenserEmpty: conditions.update(.dispenserEmpty, event.phase, device, at: instant, &outcomes)
    // A lock is jammed until it moves, also when the device reports it only once.
    case .lockJammed: conditions.update(.lockJammed, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .locked, .unlocked: conditions.end(.lockJammed, device, at: instant, &outcomes)
    case .doorOpened where event.phase != .cleared: nightDoors.noteDoorOpened(device, at: instant, &outcomes)
    case .doorOpened, .doorClosed: nightDoors.noteDoorClosed(device, at: instant, &outcomes)
    case .offline: signalLoss.noteOffline(device, at: instant, &outcomes)
    case .notUnderstood where event.phase == .cleared: conditions.end(.notUnderstood, device, at: instant, &outcomes)
    case .notUnderstood: repeats.noteNotUnderstood(device, at: instant, &outcomes)
    // These are conditions, also when the device reports them as a moment.
    case .clockWrong: conditions.update(.clockWrong, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .bondLost: conditions.update(.bondLost, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .noContact where event.phase == .cleared: measuring.noteContact(device)
    case .noContact: measuring.noteLostContact(device, at: instant)
    // Signs of life and history: recorded, no rule looks at them.
    case .online, .heartbeat, .motion, .motionEnded, .locking, .unlocking: break
    // Handled before.
    case .sos, .dosePlanned, .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: break
    }
  }

  /// Each `moment` is a fall of its own; a state is one fall while it lasts, see `noteFall`.
  @_noLocks private func takeFall(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    switch event.phase {
    case .moment: calls.openCall(.fall, subject, entry, at: entry.instant, &outcomes)
    case .raised: repeats.noteFall(subject.device, at: entry.instant, &outcomes)
    case .cleared: repeats.endFall(subject.device)
    }
  }
}

extension DeviceEventKind {
  /// The hub's own remarks about a device are no words of the device; that something was not understood is, for it spoke.
  var isSignOfLife: Bool {
    @_noLocks get {
      switch self {
      case .offline, .clockWrong, .bondLost: false
      default: true
      }
    }
  }

  var isDose: Bool {
    @_noLocks get {
      switch self {
      case .dosePlanned, .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: true
      default: false
      }
    }
  }
}
