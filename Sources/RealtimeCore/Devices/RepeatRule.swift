// States that a device reports again and again and may never end: a fall that lasts, and something that its profile does not know.
// A report within a minute of the last one repeats it; a report after a quiet time is news.

import VitalSigns

/// Judges repeated reports of falls and of what is not understood. Realtime-safe.
struct RepeatRule {
  let arena: CoreArena
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// A fall as a state. Repeated without `cleared` it is the same fall while its alert is open: a report after a quiet time reminds
  /// whoever has taken it, at most every five minutes. After a person closed the alert it stays the same fall for as long as reports
  /// follow each other closely; then it rises again after five minutes. A report after a quiet time is a new fall.
  @_noLocks func noteFall(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let isRepeat =
      device.pointee.holds(.fall) && isRepeat(since: device.pointee.lastFall, at: instant)
    device.pointee.lastFall = instant.rawValue
    device.pointee.holding |= DeviceCondition.fall.bit
    if device.pointee.alerts[DeviceCondition.fall.index] != .none {
      // After a quiet time it may be another fall, of a sensor that never reports the end: whoever has taken the first one is told.
      if !isRepeat { conditions.retell(.fall, slot, at: instant, &outcomes) }
      return
    }
    if isRepeat { return }
    conditions.openCondition(.fall, slot, value: 0, limit: 0, at: instant, &outcomes)
  }

  @_noLocks func endFall(_ slot: DeviceSlot) {
    let device = arena.device(slot)
    let index = DeviceCondition.fall.index
    device.pointee.holding &= ~DeviceCondition.fall.bit
    device.pointee.again[index] = 0
    // The next fall is another one, whether or not somebody has closed this alert.
    alerts.detachOwner(device.pointee.alerts[index])
    device.pointee.alerts[index] = .none
  }

  /// The device sent something that its profile does not know. It is counted in the alert, which stays until a person resolves it.
  /// From an alarm device it may be a call for help: then each report after a quiet time is told.
  @_noLocks func noteNotUnderstood(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let index = DeviceCondition.notUnderstood.index
    let isNews = device.pointee.isSafetyAlarm && !isRepeat(since: device.pointee.lastNotUnderstood, at: instant)
    device.pointee.lastNotUnderstood = instant.rawValue
    device.pointee.holding |= DeviceCondition.notUnderstood.bit
    let alert = device.pointee.alerts[index]
    if alert != .none {
      let record = arena.alert(alert)
      if record.pointee.value < .max { record.pointee.value += 1 }
      // The journal keeps one number of an exact value: told otherwise, a start would take its own replay for another decision.
      record.pointee.upper = record.pointee.value
      if isNews { conditions.retell(.notUnderstood, slot, at: instant, &outcomes) }
      return
    }
    // Its alert was closed lately, and its timer will raise it again.
    if device.pointee.again[index] > instant.rawValue, !isNews { return }
    conditions.openCondition(.notUnderstood, slot, value: 1, limit: 0, at: instant, &outcomes)
  }

  @_noLocks private func isRepeat(since last: Int64, at instant: MonotonicInstant) -> Bool {
    last != 0 && instant < MonotonicInstant(rawValue: last).adding(seconds: DeviceState.repeatSeconds)
  }
}
