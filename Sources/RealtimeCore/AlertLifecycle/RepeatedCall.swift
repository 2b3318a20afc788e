// A call for help of which nobody knows whether it was told: the broker sends it a second time. It is told again, under the id
// that it has when its alert is still open, so that receivers see one alert; and never passed over.

import VitalSigns

extension RealtimeCore {
  /// Tells the newest open alert of this rule and device again. False when none is open. Realtime-safe: looks at each place of the
  /// arena once, some microseconds, for a message in thousands.
  @_noLocks func tellAgain(_ rule: AlertRule, of device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) -> Bool {
    guard device != .none else { return false }
    var newest: UInt32 = 0
    for slot in 1...arena.timers.alertsMax {
      let record = arena.alert(slot)
      guard record.pointee.device == device.rawValue, record.pointee.rule == rule, arena.alertIndex.find(record.pointee.id.low) == slot,
        record.pointee.lifecycle.state.isOpen
      else { continue }
      if newest == 0 || record.pointee.raisedAt >= arena.alert(newest).pointee.raisedAt { newest = slot }
    }
    guard newest != 0 else { return false }
    // Who has it is reminded at once, as when its deadline had passed; who has not is called already, and is called again.
    let before = arena.alert(newest).pointee.lifecycle.state
    if before == .acknowledged || before == .responding {
      apply(.conditionAgain, to: newest, at: instant, &outcomes)
    } else {
      tell(arena.alert(newest).pointee, .retriggered, from: before, actor: .hub, at: instant, &outcomes)
    }
    return true
  }
}
