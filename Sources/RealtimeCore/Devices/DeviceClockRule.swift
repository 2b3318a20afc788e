// A device whose clock is wrong, as its own times show. The links judge clocks with their memory of each device (`DeviceClock`); this
// rule sees what needs no memory: times in the future, and times before there was a hub.

import VitalSigns

/// Judges the clock of a device. Realtime-safe.
struct DeviceClockRule {
  let arena: CoreArena
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// A wrong clock is one condition while it lasts. A live time close to the hub's own clock shows that it is right again.
  @_noLocks func judgeClock(_ timeliness: Timeliness, _ entry: IntakeEntry, _ device: DeviceSlot, _ outcomes: inout OutcomeBuffer) {
    guard device != .none, case .live(_, let clockIsWrong) = timeliness else { return }
    if clockIsWrong { return conditions.begin(.clockWrong, device, at: entry.instant, &outcomes) }
    guard entry.measuredAt != .unknown, arena.device(device).pointee.holds(.clockWrong) else { return }
    let (age, overflow) = entry.wall.rawValue.subtractingReportingOverflow(entry.measuredAt.rawValue)
    if !overflow, age <= DeviceClock.toleranceMilliseconds { conditions.end(.clockWrong, device, at: entry.instant, &outcomes) }
  }
}
