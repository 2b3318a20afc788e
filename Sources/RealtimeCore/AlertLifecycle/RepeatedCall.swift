// A call for help of which nobody knows whether it was told: the broker sends it a second time. It is told again, under the id
// that it has when its alert is still open, so that receivers see one alert; and never passed over.

import VitalSigns

extension RealtimeCore {
  /// Tells the newest open alert of this rule and device again, if it is the same person's. False when none is open. Realtime-safe:
  /// looks at each used place of the arena once, some microseconds, for a message in thousands.
  @_noLocks func tellAgain(
    _ rule: AlertRule, of device: DeviceID, person: PatientID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    guard device != .none else { return false }
    var newest: UInt32 = 0
    var slot: UInt32 = 1
    while slot <= arena.header.pointee.alerts.highWater {
      let record = arena.alert(slot)
      // A device that was given to somebody else calls for somebody else.
      if record.pointee.device == device.rawValue, record.pointee.rule == rule, record.pointee.patient == person.rawValue,
        arena.alertIndex.find(record.pointee.id.low) == slot, record.pointee.lifecycle.state.isOpen,
        newest == 0 || record.pointee.raisedAt >= arena.alert(newest).pointee.raisedAt
      {
        newest = slot
      }
      slot += 1
    }
    guard newest != 0 else { return false }
    apply(.tellAgain, to: newest, at: instant, &outcomes)
    return true
  }
}
