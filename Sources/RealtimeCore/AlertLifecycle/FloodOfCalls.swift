// A button that is stuck sends tens of thousands of calls for help. Each of the first four thousand is an alert of its own. What comes
// beyond, faster than one a second, is recorded and not told, as long as nobody has taken what the same button has open: thousands of
// calls of it are on every screen then, the hub itself calls about them (`alertRoomFull`), and one more says nothing to anybody;
// but fifty thousand would cost everybody else's board, deliveries and restart.
//
// A press is never passed over when somebody has taken the alert before it, or none is open: then it is news.

import VitalSigns

extension RealtimeCore {
  /// Far above what people press and what a week without anybody at the board brings; what a board, a restart and the end of the hub
  /// bear without anybody noticing.
  private static var callsMax: UInt16 { @_noLocks get { 4_096 } }

  /// Whether this call is one of a flood that can carry no news; else it counts. Realtime-safe.
  @_noLocks func isFlood(_ rule: AlertRule, _ device: UInt32, _ entry: IntakeEntry, person: PatientID, at instant: MonotonicInstant) -> Bool
  {
    guard device != 0 else { return false }
    let state = arena.device(device)
    let seconds = (instant.rawValue &- state.pointee.callsAt) / 1_000_000_000
    if seconds > 0 {
      state.pointee.callDebt -= UInt16(truncatingIfNeeded: min(Int64(state.pointee.callDebt), seconds))
      state.pointee.callsAt = instant.rawValue
    }
    if state.pointee.callDebt < Self.callsMax {
      state.pointee.callDebt += 1
      return false
    }
    let newest = arena.groupIndex.find(groupKey(rule, person.rawValue, entry.device.rawValue))
    guard newest != 0 else { return false }
    let alert = arena.alert(newest)
    switch alert.pointee.lifecycle.state {
    case .raised, .notified: return alert.pointee.device == entry.device.rawValue
    default: return false
    }
  }
}
