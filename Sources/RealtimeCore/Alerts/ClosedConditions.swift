// What the end of an alert means for the condition of a device behind it: when the condition may rise again. Device conditions
// themselves: DeviceConditionRule.swift.

import VitalSigns

/// Remembers how the alerts of a device's conditions ended. Realtime-safe.
struct ClosedConditions {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The alert of a device's condition is closed: it cleared itself, or a person resolved it.
  @_noLocks func noteConditionAlertClosed(_ index: Int, _ slot: DeviceSlot, isResolved: Bool, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    let condition = DeviceCondition(index: index)
    device.pointee.alerts[index] = .none
    device.pointee.settles[index] = 0
    device.pointee.unsettled &= ~condition.bit
    if isResolved, device.pointee.holds(condition) {
      scheduleRaisingAgain(condition, slot, at: instant)
    } else {
      device.pointee.again[index] = instant.adding(seconds: DeviceState.settleSeconds).rawValue
    }
  }

  @_noLocks func scheduleRaisingAgain(_ condition: DeviceCondition, _ slot: DeviceSlot, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    let seconds = secondsUntilAgain(condition, device)
    guard seconds != EscalationPolicy.never else {
      device.pointee.again[condition.index] = 0
      return
    }
    let again = instant.adding(seconds: max(1, seconds))
    device.pointee.again[condition.index] = again.rawValue
    if device.pointee.patient != .none, device.pointee.holds(condition) { arena.heap.ensure(arena.timers.device(slot), by: again) }
  }

  @_noLocks func secondsUntilAgain(_ condition: DeviceCondition, _ device: UnsafeMutablePointer<DeviceState>) -> UInt32 {
    let retrigger = arena.configuration.escalation.steps(for: device.pointee.priority(of: condition)).retriggerSeconds
    switch condition {
    case .fall: return DeviceState.retellSeconds
    case .notUnderstood where device.pointee.isSafetyAlarm: return DeviceState.retellSeconds
    case .signalLoss where device.pointee.isSafetyAlarm && device.pointee.expectedIntervalSeconds != 0:
      return min(retrigger, device.pointee.expectedIntervalSeconds)
    // Low priority (a battery) waits for the next visit: told again the next day at the earliest.
    default: return device.pointee.priority(of: condition) == .low ? max(retrigger, DeviceState.lowAgainSeconds) : retrigger
    }
  }
}
