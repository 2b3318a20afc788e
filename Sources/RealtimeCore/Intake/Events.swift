// One event, from the intake to its rule.
//
// Help is never refused: SOS always raises an alert of its own, late or not, from an unassigned or unregistered device
// too (fail open, with a remark). A fall does so unless it is late. Everything else needs a person, and counts only when live; with
// one exception: late proof that a dose was taken still prevents a false alarm about it.

import VitalSigns

extension RealtimeCore {
  @_noLocks func happen(_ event: DeviceEvent, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    if entry.device != .none, event.kind != .offline { signOfLife(entry.device, at: entry.instant, &outcomes) }
    var isLate = false
    if case .late = timeliness(of: entry) { isLate = true }
    // Whoever has the device now is who needs help now: for SOS the device's person counts even if the press is old.
    let subject = subject(of: &entry, isLate: isLate && event.kind != .sos, &outcomes)
    if event.kind == .sos {
      if event.phase != .cleared { callsForHelp(.sos, subject, entry, at: entry.instant, &outcomes) }
      return
    }
    if isLate {
      if let subject, event.kind.provesDose { doseTaken(event, subject.patient, at: entry.measuredAt) }
      if subject != nil { recordLate(entry, &outcomes) }
      return
    }
    guard let subject else {
      if event.kind == .fall, event.phase != .cleared { callsForHelp(.fall, nil, entry, at: entry.instant, &outcomes) }
      return
    }
    if event.kind.isDose { return dose(event, subject, entry, &outcomes) }
    if subject.device != 0 {
      deviceEvent(event, subject, entry, &outcomes)
    } else if event.kind == .fall, event.phase != .cleared {
      callsForHelp(.fall, subject, entry, at: entry.instant, &outcomes)
    }
  }

  /// An alert of its own, tied to nothing: each press and each momentary fall.
  @_noLocks private func callsForHelp(
    _ rule: AlertRule, _ subject: IntakeSubject?, _ entry: IntakeEntry, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    if case .event(let event) = entry.payload, event.detail == DeviceEvent.perhapsTold,
      tellAgain(rule, of: entry.device, at: instant, &outcomes)
    {
      return
    }
    var opening = AlertOpening(rule, patient: subject?.patient ?? 0, person: subject == nil ? .none : entry.patient)
    opening.device = entry.device
    opening.deviceSlot = subject?.device ?? arena.deviceIndex.find(UInt64(entry.device.rawValue))
    _ = open(opening, at: instant, &outcomes)
  }

  @_noLocks private func deviceEvent(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let device = subject.device
    let instant = entry.instant
    switch event.kind {
    case .fall: fall(event, subject, entry, &outcomes)
    case .lowBattery: report(.lowBattery, event.phase, device, at: instant, &outcomes)
    case .tamper: report(.tamper, event.phase, device, at: instant, &outcomes)
    case .jam: report(.jam, event.phase, device, at: instant, &outcomes)
    case .dispenserEmpty: report(.dispenserEmpty, event.phase, device, at: instant, &outcomes)
    case .lockJammed: report(.lockJammed, event.phase, device, at: instant, &outcomes)
    case .locked, .unlocked: ends(.lockJammed, device, at: instant, &outcomes)
    case .doorOpened where event.phase != .cleared: doorOpened(device, at: instant, &outcomes)
    case .doorOpened, .doorClosed: doorClosed(device, at: instant, &outcomes)
    case .offline: wentOffline(device, at: instant, &outcomes)
    // Signs of life and history: recorded, no rule looks at them.
    case .online, .heartbeat, .motion, .motionEnded, .locking, .unlocking, .notUnderstood, .clockWrong, .bondLost, .noContact: break
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

  /// A sensor that repeats `raised` without `cleared` between tells of the same fall while its alert is open; once a person has
  /// resolved that, the next report counts as a new fall: rather twice than never. Each `moment` is a fall of its own.
  @_noLocks private func fall(
    _ event: DeviceEvent, _ subject: IntakeSubject, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(subject.device)
    let index = DeviceCondition.fall.index
    switch event.phase {
    case .moment: callsForHelp(.fall, subject, entry, at: entry.instant, &outcomes)
    case .raised:
      guard device.pointee.alerts[index] == 0 else { return }
      device.pointee.alerts[index] = open(opening(.fall, subject.device), at: entry.instant, &outcomes)
    case .cleared:
      // The next fall is another one, whether or not somebody has closed this alert.
      orphan(device.pointee.alerts[index])
      device.pointee.alerts[index] = 0
    }
  }
}

extension DeviceEventKind {
  /// A dose event that shows that the person got the dose. `doseDispensed` counts: a dispenser that hands out a dose which is then
  /// not taken says `doseMissed`, and one that can only say `doseDispensed` must not alarm every day.
  var provesDose: Bool { @_noLocks get { self == .doseTaken || self == .doseAssisted || self == .doseDispensed } }

  var isDose: Bool {
    @_noLocks get {
      switch self {
      case .dosePlanned, .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: true
      default: false
      }
    }
  }
}
