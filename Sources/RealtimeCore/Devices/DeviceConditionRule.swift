// Conditions of a device as alerts: one alert for each while it lasts, whoever reports it and how often.
//
// - Rises again: a person resolved the alert, and the condition still holds. After the priority's re-trigger time; low priority not
//   before the next day; the loss of a safety alarm after its interval, if that is shorter; a fall, and what an alarm device sends that
//   nobody understands, after five minutes, if it was reported anew. See ClosedConditions.swift and DeviceTimer.swift.
// - Unsettled: a condition that ended less than fifteen minutes ago and returns has a new alert, which clears itself only after
//   fifteen quiet minutes. So a condition that comes and goes is two alerts at most, however fast it does.
// - Moments (tamper without an end) tell an alert that somebody has taken anew at most every five minutes.

import VitalSigns

/// Begins and ends conditions of a device. Realtime-safe.
struct DeviceConditionRule {
  let arena: CoreArena
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var closed: ClosedConditions { @_noLocks get { ClosedConditions(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func newOpening(_ condition: DeviceCondition, _ slot: DeviceSlot) -> AlertOpening {
    let device = arena.device(slot)
    let patient = device.pointee.patient
    let person = patient == .none ? PatientID.none : PatientID(rawValue: arena.patient(patient).pointee.id)
    var opening = AlertOpening(condition.rule, patient: patient, person: person)
    opening.priority = device.pointee.priority(of: condition)
    opening.deviceSlot = slot
    opening.device = DeviceID(rawValue: device.pointee.id)
    opening.owner = .device
    opening.ownerSlot = OwnerSlot(slot)
    opening.condition = UInt8(truncatingIfNeeded: condition.index)
    return opening
  }

  /// A condition that lasts begins, or is reported again: one alert while it holds.
  @_noLocks func begin(
    _ condition: DeviceCondition, _ slot: DeviceSlot, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    guard !device.pointee.holds(condition) else { return }
    device.pointee.holding |= condition.bit
    guard device.pointee.alerts[index] == .none else {
      // It is back before its alert was closed, so the same alert goes on. An alert that latches is told anew.
      if device.pointee.settles[index] == 0 { retell(condition, slot, at: instant, &outcomes) }
      device.pointee.settles[index] = 0
      return
    }
    let isBack = device.pointee.again[index] > instant.rawValue
    openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
    if isBack { device.pointee.unsettled |= condition.bit }
  }

  /// Opens the alert of a condition that has none. If there is no room to follow it, it rises again like one that was resolved.
  @_noLocks func openCondition(
    _ condition: DeviceCondition, _ slot: DeviceSlot, value: Int32, limit: Int32, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    var opening = newOpening(condition, slot)
    opening.value = value
    opening.limit = limit
    device.pointee.again[index] = 0
    device.pointee.settles[index] = 0
    device.pointee.unsettled &= ~condition.bit
    device.pointee.alerts[index] = alerts.open(opening, at: instant, &outcomes)
    if device.pointee.alerts[index] == .none { closed.scheduleRaisingAgain(condition, slot, at: instant) }
  }

  /// Something occurs that has no end of its own: opens an alert, or tells the open one anew when somebody has taken it.
  @_noLocks func noteOccurrence(
    _ condition: DeviceCondition, _ slot: DeviceSlot, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    if arena.device(slot).pointee.alerts[condition.index] != .none { return retell(condition, slot, at: instant, &outcomes) }
    openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  @_noLocks func retell(
    _ condition: DeviceCondition, _ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    guard device.pointee.again[index] <= instant.rawValue else { return }
    device.pointee.again[index] = instant.adding(seconds: DeviceState.retellSeconds).rawValue
    alerts.apply(.conditionAgain, to: device.pointee.alerts[index], at: instant, &outcomes)
  }

  /// A condition ends: a technical alert clears itself, at once or when it has settled; a clinical one stays; a suspicion ends.
  @_noLocks func end(
    _ condition: DeviceCondition, _ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    let hasHeld = device.pointee.holds(condition)
    device.pointee.holding &= ~condition.bit
    let alert = device.pointee.alerts[index]
    if alert == .none {
      if hasHeld { device.pointee.again[index] = instant.adding(seconds: DeviceState.settleSeconds).rawValue }
    } else if device.pointee.unsettled & condition.bit != 0 {
      guard hasHeld else { return }
      let settled = instant.adding(seconds: DeviceState.settleSeconds)
      device.pointee.settles[index] = settled.rawValue
      arena.heap.ensure(arena.timers.device(slot), by: settled)
    } else {
      alerts.apply(.conditionEnded, to: alert, at: instant, &outcomes)
    }
  }

  @_noLocks func update(
    _ condition: DeviceCondition, _ phase: DeviceEventPhase, _ device: DeviceSlot, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    switch phase {
    case .moment: noteOccurrence(condition, device, at: instant, &outcomes)
    case .raised: begin(condition, device, at: instant, &outcomes)
    case .cleared: end(condition, device, at: instant, &outcomes)
    }
  }
}
