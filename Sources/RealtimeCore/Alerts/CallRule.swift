// Calls for help: SOS and momentary falls. Each is an alert of its own, tied to no condition.
//
// A stuck button sends tens of thousands of calls. Each of the first four thousand is an alert of its own. Calls beyond that, faster
// than one a second, are recorded and not told while nobody has taken what the same button has open: thousands of its calls are on
// every screen then, the hub itself calls about them (`alertRoomFull`), and one more carries no news. Fifty thousand more would delay
// everybody else's board, deliveries and restart. A call is always told when somebody has taken the newest one, or none is open.
//
// A broker may send a call a second time when it cannot know whether the first one was received. It is told again under the id of its
// open alert, so that receivers see one alert; it is never dropped.

import VitalSigns

/// From a call for help to its alert. Realtime-safe.
struct CallRule {
  let arena: CoreArena
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Calls of one device that are alerts of their own before a flood is assumed. Far above what people press, and above what a week
  /// with nobody at the board brings; few enough that board, restart and shutdown stay fast.
  private static var callsMax: UInt16 { @_noLocks get { 4_096 } }

  /// Opens an alert of its own, tied to no condition: for each press and each momentary fall.
  @_noLocks func openCall(
    _ rule: AlertRule, _ subject: IntakeSubject?, _ entry: IntakeEntry, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    if case .event(let event) = entry.payload, event.detail & DeviceEvent.perhapsTold != 0,
      retellOpenCall(rule, of: entry.device, person: subject == nil ? .none : entry.patient, at: instant, &outcomes)
    {
      return
    }
    var opening = AlertOpening(rule, patient: subject?.patient ?? .none, person: subject == nil ? .none : entry.patient)
    opening.device = entry.device
    opening.deviceSlot = subject?.device ?? arena.slot(of: entry.device)
    guard countCall(rule, opening.deviceSlot, entry, person: opening.person, at: instant) else {
      return arena.remark(.flood, entry, &outcomes)
    }
    _ = alerts.open(opening, at: instant, &outcomes)
  }

  /// Counts a call of a device. False: it is one of a flood and carries no news. Realtime-safe.
  @_noLocks private func countCall(
    _ rule: AlertRule, _ device: DeviceSlot, _ entry: IntakeEntry, person: PatientID, at instant: MonotonicInstant
  ) -> Bool {
    guard device != .none else { return true }
    let state = arena.device(device)
    let seconds = (instant.rawValue &- state.pointee.callsAt) / 1_000_000_000
    if seconds > 0 {
      state.pointee.callDebt -= UInt16(truncatingIfNeeded: min(Int64(state.pointee.callDebt), seconds))
      state.pointee.callsAt = instant.rawValue
    }
    if state.pointee.callDebt < Self.callsMax {
      state.pointee.callDebt += 1
      return true
    }
    let newest = arena.newest(in: AlertGroup(rule, person: person, device: entry.device))
    guard newest != .none else { return true }
    let alert = arena.alert(newest)
    switch alert.pointee.lifecycle.state {
    case .raised, .notified: return alert.pointee.device != entry.device
    default: return true
    }
  }

  /// Tells the newest open alert of this rule and device again, if it is the same person's. False when none is open. It looks at
  /// each used place of the arena once: some microseconds, for one message in thousands.
  @_noLocks private func retellOpenCall(
    _ rule: AlertRule, of device: DeviceID, person: PatientID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    guard device != .none else { return false }
    var newest = AlertSlot.none
    var number: UInt32 = 1
    while number <= arena.header.pointee.alerts.highWater {
      let slot = AlertSlot(number: number)
      let record = arena.alert(slot)
      // A device that was given to somebody else calls for somebody else.
      if record.pointee.device == device, record.pointee.rule == rule, record.pointee.person == person,
        arena.slot(of: record.pointee.id) == slot, record.pointee.lifecycle.state.isOpen,
        newest == .none || record.pointee.raisedAt >= arena.alert(newest).pointee.raisedAt
      {
        newest = slot
      }
      number += 1
    }
    guard newest != .none else { return false }
    alerts.apply(.tellAgain, to: newest, at: instant, &outcomes)
    return true
  }
}
