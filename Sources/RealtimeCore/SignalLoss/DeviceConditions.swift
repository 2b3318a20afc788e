// Conditions of a device as alerts: one alert for each while it lasts, whoever reports it and how often.
//
// - Speaks again: a person resolved the alert, and the condition still holds. After the priority's re-trigger time, what is low not
//   before the next day; the loss of a safety alarm after its interval, if that is shorter; a fall, and what an alarm device says that nobody understands, after
//   five minutes, if it was reported anew.
// - Unsettled: a condition that ended less than fifteen minutes ago and returns has a new alert, which clears itself only after
//   fifteen quiet minutes. So a condition that comes and goes is two alerts at most, however fast it does.
// - Moments (tamper without an end) tell an alert that somebody has taken anew at most every five minutes.

import VitalSigns

extension DeviceState {
  /// How long a condition that came back must be quiet before it counts as over, and how soon a return is "coming back". Seconds.
  static var settleSeconds: UInt32 { @_noLocks get { 900 } }
  /// Between two tellings of one open alert because it was reported anew; and after which a resolved call for help that is
  /// reported anew is told again. Seconds.
  static var retellSeconds: UInt32 { @_noLocks get { 300 } }
  /// Before this a resolved condition of low priority does not speak again, whatever the re-trigger time is. Seconds.
  static var lowAgainSeconds: UInt32 { @_noLocks get { 86_400 } }
  /// A state that is reported again within this is being repeated; later it is news. Seconds.
  static var repeatSeconds: UInt32 { @_noLocks get { 60 } }

  @_noLocks func holds(_ condition: DeviceCondition) -> Bool { holding & condition.bit != 0 }

  /// When condition `index` has something to say by itself.
  @_noLocks func conditionDeadline(_ index: Int) -> MonotonicInstant {
    let isHeld = holding & DeviceCondition(index: index).bit != 0
    if alerts[index] == 0 { return isHeld && again[index] != 0 ? MonotonicInstant(rawValue: again[index]) : .never }
    return !isHeld && settles[index] != 0 ? MonotonicInstant(rawValue: settles[index]) : .never
  }

  /// Of the condition at this device.
  @_noLocks func priority(of condition: DeviceCondition) -> AlertPriority {
    switch condition {
    case .signalLoss, .bondLost, .notUnderstood: isSafetyAlarm ? .high : .medium
    default: condition.rule.priority
    }
  }
}

extension RealtimeCore {
  @_noLocks func opening(_ condition: DeviceCondition, _ slot: UInt32) -> AlertOpening {
    let device = arena.device(slot)
    let patient = device.pointee.patient
    let person = patient == 0 ? PatientID.none : PatientID(rawValue: arena.patient(patient).pointee.id)
    var opening = AlertOpening(condition.rule, patient: patient, person: person)
    opening.priority = device.pointee.priority(of: condition)
    opening.deviceSlot = slot
    opening.device = DeviceID(rawValue: device.pointee.id)
    opening.owner = .device
    opening.ownerSlot = slot
    opening.condition = UInt8(truncatingIfNeeded: condition.index)
    return opening
  }

  /// A condition that lasts begins, or is reported again: one alert while it holds.
  @_noLocks func begins(
    _ condition: DeviceCondition, _ slot: UInt32, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    guard !device.pointee.holds(condition) else { return }
    device.pointee.holding |= condition.bit
    guard device.pointee.alerts[index] == 0 else {
      // It is back before its end was told: the same alert goes on. One that latches is told anew.
      if device.pointee.settles[index] == 0 { tellAnew(condition, slot, at: instant, &outcomes) }
      device.pointee.settles[index] = 0
      return
    }
    let isBack = device.pointee.again[index] > instant.rawValue
    openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
    if isBack { device.pointee.unsettled |= condition.bit }
  }

  /// Opens the alert of a condition that has none. Told without room to follow it: it speaks again like one that was resolved.
  @_noLocks func openCondition(
    _ condition: DeviceCondition, _ slot: UInt32, value: Int32, limit: Int32, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    var opening = opening(condition, slot)
    opening.value = value
    opening.limit = limit
    device.pointee.again[index] = 0
    device.pointee.settles[index] = 0
    device.pointee.unsettled &= ~condition.bit
    device.pointee.alerts[index] = open(opening, at: instant, &outcomes)
    if device.pointee.alerts[index] == 0 { speaksAgainLater(condition, slot, at: instant) }
  }

  /// Something happens that has no end of its own: an alert, or the open one is told anew when somebody has taken it.
  @_noLocks func occurs(
    _ condition: DeviceCondition, _ slot: UInt32, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    if arena.device(slot).pointee.alerts[condition.index] != 0 { return tellAnew(condition, slot, at: instant, &outcomes) }
    openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  @_noLocks private func tellAnew(
    _ condition: DeviceCondition, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    guard device.pointee.again[index] <= instant.rawValue else { return }
    device.pointee.again[index] = instant.adding(seconds: DeviceState.retellSeconds).rawValue
    apply(.conditionAgain, to: device.pointee.alerts[index], at: instant, &outcomes)
  }

  /// A condition ends: a technical alert clears itself, at once or when it has settled; a clinical one stays, a suspicion is over.
  @_noLocks func ends(
    _ condition: DeviceCondition, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    let hasHeld = device.pointee.holds(condition)
    device.pointee.holding &= ~condition.bit
    let alert = device.pointee.alerts[index]
    if alert == 0 {
      if hasHeld { device.pointee.again[index] = instant.adding(seconds: DeviceState.settleSeconds).rawValue }
    } else if device.pointee.unsettled & condition.bit != 0 {
      guard hasHeld else { return }
      let settled = instant.adding(seconds: DeviceState.settleSeconds)
      device.pointee.settles[index] = settled.rawValue
      arena.heap.ensure(arena.timers.silence(slot), by: settled)
    } else {
      apply(.conditionEnded, to: alert, at: instant, &outcomes)
    }
  }

  /// The alert of a device's condition is over, by whomever.
  @_noLocks func conditionAlertClosed(_ index: Int, _ slot: UInt32, isResolved: Bool, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    let condition = DeviceCondition(index: index)
    device.pointee.alerts[index] = 0
    device.pointee.settles[index] = 0
    device.pointee.unsettled &= ~condition.bit
    if isResolved, device.pointee.holds(condition) {
      speaksAgainLater(condition, slot, at: instant)
    } else {
      device.pointee.again[index] = instant.adding(seconds: DeviceState.settleSeconds).rawValue
    }
  }

  @_noLocks private func speaksAgainLater(_ condition: DeviceCondition, _ slot: UInt32, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    let seconds = secondsUntilAgain(condition, device)
    guard seconds != EscalationPolicy.never else {
      device.pointee.again[condition.index] = 0
      return
    }
    let again = instant.adding(seconds: max(1, seconds))
    device.pointee.again[condition.index] = again.rawValue
    if device.pointee.patient != 0, device.pointee.holds(condition) { arena.heap.ensure(arena.timers.silence(slot), by: again) }
  }

  @_noLocks private func secondsUntilAgain(_ condition: DeviceCondition, _ device: UnsafeMutablePointer<DeviceState>) -> UInt32 {
    let retrigger = configuration.escalation.steps(for: device.pointee.priority(of: condition)).retriggerSeconds
    switch condition {
    case .fall: return DeviceState.retellSeconds
    case .notUnderstood where device.pointee.isSafetyAlarm: return DeviceState.retellSeconds
    case .signalLoss where device.pointee.isSafetyAlarm && device.pointee.expectedIntervalSeconds != 0:
      return min(retrigger, device.pointee.expectedIntervalSeconds)
    // A battery is changed when somebody comes by, not in half an hour.
    default: return device.pointee.priority(of: condition) == .low ? max(retrigger, DeviceState.lowAgainSeconds) : retrigger
    }
  }

  /// One condition whose time has come: it settles, or it speaks again.
  @_noLocks func conditionIsDue(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    var index = 0
    while index < DeviceCondition.count {
      if device.pointee.conditionDeadline(index) <= instant {
        let condition = DeviceCondition(index: index)
        if device.pointee.alerts[index] != 0 {
          device.pointee.settles[index] = 0
          apply(.conditionEnded, to: device.pointee.alerts[index], at: instant, &outcomes)
        } else {
          speaksAgain(condition, slot, at: instant, &outcomes)
        }
        return
      }
      index += 1
    }
  }

  @_noLocks private func speaksAgain(
    _ condition: DeviceCondition, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let resolved = device.pointee.again[condition.index] - Int64(secondsUntilAgain(condition, device)) * 1_000_000_000
    device.pointee.again[condition.index] = 0
    var (value, limit) = (Int32(0), Int32(0))
    switch condition {
    case .signalLoss: (value, limit) = silence(slot, at: instant)
    case .lowBattery: (value, limit) = batteryNumbers(device)
    case .outsideFence:
      (value, limit) = (device.pointee.fenceMetres, Int32(clamping: arena.plan(device.pointee.patient).pointee.fenceRadiusMetres))
    case .notMeasuring:
      value = Int32(clamping: (instant.rawValue - device.pointee.lastMeasured) / 1_000_000_000)
      limit = Int32(clamping: device.pointee.measuringSeconds)
    case .openDoor:
      // The next night judges it anew.
      guard isNight(for: device.pointee.patient, at: instant) else { return }
      (value, limit) = (Int32(clamping: arena.plan(device.pointee.patient).pointee.nightDelaySeconds), 0)
      limit = value
    case .fall, .notUnderstood:
      // Whether it still is so only a report says that came after somebody had closed the last one.
      let last = condition.index == DeviceCondition.fall.index ? device.pointee.lastFall : device.pointee.lastNotUnderstood
      guard last > resolved else {
        device.pointee.holding &= ~condition.bit
        return
      }
      if condition.index == DeviceCondition.notUnderstood.index { value = 1 }
    default: break
    }
    openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  // MARK: Reports that repeat

  /// A fall as a state. Repeated without `cleared` it is the same fall: while its alert is open (a report out of the quiet reminds who has
  /// taken it, at most every five minutes), and after a person closed that for as
  /// long as the repeats follow each other closely; then it speaks again after five minutes. A report out of the quiet is a new fall.
  @_noLocks func fallLasts(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let isRepeat =
      device.pointee.holds(.fall) && isRepeat(since: device.pointee.lastFall, at: instant)
    device.pointee.lastFall = instant.rawValue
    device.pointee.holding |= DeviceCondition.fall.bit
    if device.pointee.alerts[DeviceCondition.fall.index] != 0 {
      // Out of the quiet it may be another fall of a sensor that never says "over": who has taken the first one hears of it.
      if !isRepeat { tellAnew(.fall, slot, at: instant, &outcomes) }
      return
    }
    if isRepeat { return }
    openCondition(.fall, slot, value: 0, limit: 0, at: instant, &outcomes)
  }

  @_noLocks func fallIsOver(_ slot: UInt32) {
    let device = arena.device(slot)
    let index = DeviceCondition.fall.index
    device.pointee.holding &= ~DeviceCondition.fall.bit
    device.pointee.again[index] = 0
    // The next fall is another one, whether or not somebody has closed this alert.
    orphan(device.pointee.alerts[index])
    device.pointee.alerts[index] = 0
  }

  /// The device said something that its profile does not know: counted in the alert, which stays until a person resolves it. From an
  /// alarm device it may be a call for help: then each report out of the quiet is told.
  @_noLocks func saidSomethingUnknown(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.notUnderstood.index
    let isNews = device.pointee.isSafetyAlarm && !isRepeat(since: device.pointee.lastNotUnderstood, at: instant)
    device.pointee.lastNotUnderstood = instant.rawValue
    device.pointee.holding |= DeviceCondition.notUnderstood.bit
    let alert = device.pointee.alerts[index]
    if alert != 0 {
      let record = arena.alert(alert)
      if record.pointee.value < .max { record.pointee.value += 1 }
      if isNews { tellAnew(.notUnderstood, slot, at: instant, &outcomes) }
      return
    }
    // Closed a moment ago: it speaks again by its timer.
    if device.pointee.again[index] > instant.rawValue, !isNews { return }
    openCondition(.notUnderstood, slot, value: 1, limit: 0, at: instant, &outcomes)
  }

  @_noLocks private func isRepeat(since last: Int64, at instant: MonotonicInstant) -> Bool {
    last != 0 && instant < MonotonicInstant(rawValue: last).adding(seconds: DeviceState.repeatSeconds)
  }
}
