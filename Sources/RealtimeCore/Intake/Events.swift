// One event, from the intake to its rule.
//
// Help is never refused: SOS always raises an alert of its own, late or not, from an unassigned or unregistered device
// too (fail open, with a remark). A fall does so unless it is late. Everything else needs a person, and counts only when live; with
// one exception: late proof that a dose was taken still prevents a false alarm about it. What a broker kept and repeats is a state,
// but no sign of life.

import VitalSigns

extension RealtimeCore {
  @_noLocks func happen(_ event: DeviceEvent, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none, event.kind.isSignOfLife, !event.isRetained { signOfLife(entry.device, at: entry.instant, &outcomes) }
    let timeliness = timeliness(of: entry)
    var isLate = false
    if case .late = timeliness { isLate = true }
    // Whoever has the device now is who needs help now: for SOS the device's person counts even if the press is old.
    let subject = subject(of: &entry, isLate: isLate && event.kind != .sos, &outcomes)
    if event.kind == .sos {
      if event.phase != .cleared { callsForHelp(.sos, subject, entry, at: entry.instant, &outcomes) }
      return
    }
    if let subject { judgeClock(timeliness, entry, subject.device, &outcomes) }
    if isLate {
      if let subject, provesDose(event.kind, subject.device) { doseTaken(event, subject.patient, at: entry.measuredAt) }
      if let subject { lateDose(event, subject, entry, &outcomes) }
      if subject != nil { recordLate(entry, &outcomes) }
      return
    }
    guard let subject else {
      if event.kind == .fall, event.phase != .cleared, !isFallBeingTold(event, entry) {
        callsForHelp(.fall, nil, entry, at: entry.instant, &outcomes)
      }
      nobodysDevice(event, entry, &outcomes)
      return
    }
    if event.kind.isDose { return dose(event, subject, entry, &outcomes) }
    if subject.device != 0 {
      deviceEvent(event, subject, entry, &outcomes)
    } else if event.kind == .fall, event.phase != .cleared {
      callsForHelp(.fall, subject, entry, at: entry.instant, &outcomes)
    }
  }

  /// A fall as a state, of a device that is nobody's, whose alert is open: one that lasts is one alert here too.
  @_noLocks private func isFallBeingTold(_ event: DeviceEvent, _ entry: IntakeEntry) -> Bool {
    guard case .raised = event.phase, entry.device != .none else { return false }
    return arena.groupIndex.find(groupKey(.fall, 0, entry.device.rawValue)) != 0
  }

  /// A device that is nobody's. What its profile does not know may be a call for help, if it is a safety alarm: told as a press would be.
  /// That it is gone whoever gets it must hear.
  @_noLocks private func nobodysDevice(_ event: DeviceEvent, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let slot = entry.device == .none ? 0 : arena.deviceIndex.find(UInt64(entry.device.rawValue))
    guard slot != 0 else { return }
    let device = arena.device(slot)
    if event.kind == .offline, device.pointee.offlineSince == 0 { device.pointee.offlineSince = entry.instant.rawValue }
    guard event.kind == .notUnderstood, event.phase != .cleared, device.pointee.patient == 0, device.pointee.isSafetyAlarm,
      arena.groupIndex.find(groupKey(.notUnderstood, 0, entry.device.rawValue)) == 0
    else { return }
    var opening = AlertOpening(.notUnderstood, patient: 0, person: .none)
    opening.priority = device.pointee.priority(of: .notUnderstood)
    opening.device = entry.device
    opening.deviceSlot = slot
    opening.value = 1
    _ = open(opening, at: entry.instant, &outcomes)
  }

  /// An alert of its own, tied to nothing: each press and each momentary fall.
  @_noLocks private func callsForHelp(
    _ rule: AlertRule, _ subject: IntakeSubject?, _ entry: IntakeEntry, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    if case .event(let event) = entry.payload, event.detail & DeviceEvent.perhapsTold != 0,
      tellAgain(rule, of: entry.device, person: subject == nil ? .none : entry.patient, at: instant, &outcomes)
    {
      return
    }
    var opening = AlertOpening(rule, patient: subject?.patient ?? 0, person: subject == nil ? .none : entry.patient)
    opening.device = entry.device
    opening.deviceSlot = subject?.device ?? arena.deviceIndex.find(UInt64(entry.device.rawValue))
    if isFlood(rule, opening.deviceSlot, entry, person: opening.person, at: instant) { return remark(.flood, entry, &outcomes) }
    _ = open(opening, at: instant, &outcomes)
  }

  @_noLocks private func deviceEvent(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let device = subject.device
    let instant = entry.instant
    switch event.kind {
    case .fall: fall(event, subject, entry, &outcomes)
    case .lowBattery: batteryFlag(event.phase, device, at: instant, &outcomes)
    case .tamper: report(.tamper, event.phase, device, at: instant, &outcomes)
    case .jam: report(.jam, event.phase, device, at: instant, &outcomes)
    case .dispenserEmpty: report(.dispenserEmpty, event.phase, device, at: instant, &outcomes)
    // It is jammed until it moves, also when the device only says so once.
    case .lockJammed: report(.lockJammed, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .locked, .unlocked: ends(.lockJammed, device, at: instant, &outcomes)
    case .doorOpened where event.phase != .cleared: doorOpened(device, at: instant, &outcomes)
    case .doorOpened, .doorClosed: doorClosed(device, at: instant, &outcomes)
    case .offline: wentOffline(device, at: instant, &outcomes)
    case .notUnderstood where event.phase == .cleared: ends(.notUnderstood, device, at: instant, &outcomes)
    case .notUnderstood: saidSomethingUnknown(device, at: instant, &outcomes)
    // Conditions, whatever phase they come in.
    case .clockWrong: report(.clockWrong, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .bondLost: report(.bondLost, event.phase == .cleared ? .cleared : .raised, device, at: instant, &outcomes)
    case .noContact where event.phase == .cleared: arena.device(device).pointee.holding &= ~DeviceState.noContact
    case .noContact: lostContact(device, at: instant)
    // Signs of life and history: recorded, no rule looks at them.
    case .online, .heartbeat, .motion, .motionEnded, .locking, .unlocking: break
    // Handled before.
    case .sos, .dosePlanned, .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: break
    }
  }

  @_noLocks private func report(
    _ condition: DeviceCondition, _ phase: DeviceEventPhase, _ device: UInt32, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    switch phase {
    case .moment: occurs(condition, device, at: instant, &outcomes)
    case .raised: begins(condition, device, at: instant, &outcomes)
    case .cleared: ends(condition, device, at: instant, &outcomes)
    }
  }

  /// Each `moment` is a fall of its own; a state is one fall while it lasts, see `fallLasts`.
  @_noLocks private func fall(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    switch event.phase {
    case .moment: callsForHelp(.fall, subject, entry, at: entry.instant, &outcomes)
    case .raised: fallLasts(subject.device, at: entry.instant, &outcomes)
    case .cleared: fallIsOver(subject.device)
    }
  }

  /// Whether a dose event shows that the person got the dose. Handing it out does not: it may lie in the tray for ever. Only of a device that
  /// can say nothing more it has to do, or it would alarm every day.
  @_noLocks func provesDose(_ kind: DeviceEventKind, _ device: UInt32) -> Bool {
    switch kind {
    case .doseTaken, .doseAssisted: true
    case .doseDispensed: device != 0 && arena.device(device).pointee.abilities.contains(.dispensingIsTaking)
    default: false
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
