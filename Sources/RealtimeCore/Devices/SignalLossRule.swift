// Silence as an alert with a deadline, on the monotonic clock, whether or not anything arrives.
//
// A device is watched while it is somebody's; one that may be silent for ever must at least be heard once, within a day. Everything it
// sends is a sign of life, also what is late or unusable. `offline` is none, and neither is what a broker kept and repeats. A tracker
// with a fence must besides give locations often enough, from the day it is given out.

import VitalSigns

/// Decides when a device is lost and when it is back. Realtime-safe.
struct SignalLossRule {
  let arena: CoreArena
  private var measuring: MeasuringRule { @_noLocks get { MeasuringRule(arena: arena) } }
  private var deadlines: DeviceDeadlines { @_noLocks get { DeviceDeadlines(arena: arena) } }
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The device was heard. Two stores and two comparisons, unless it was lost or its measurement is overdue.
  @_noLocks func noteSignOfLife(_ id: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.slot(of: id)
    guard slot != .none else { return }
    let device = arena.device(slot)
    device.pointee.lastSeen = instant.rawValue
    device.pointee.offlineSince = 0
    device.pointee.holding |= DeviceState.wasHeard
    if device.pointee.holds(.signalLoss) { endSignalLossIfHeard(slot, at: instant, &outcomes) }
    if device.pointee.measuringDeadline <= instant { measuring.armMeasuring(slot, at: instant) }
  }

  @_noLocks func endSignalLossIfHeard(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    guard device.pointee.holds(.signalLoss), deadlines.silenceDeadline(slot) > instant else { return }
    conditions.end(.signalLoss, slot, at: instant, &outcomes)
    deadlines.armDeviceTimer(slot, at: instant)
  }

  /// It has been silent for too long: an alert with the silence as its value.
  @_noLocks func raiseSignalLoss(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let (silence, limit) = silence(slot, at: instant)
    conditions.begin(.signalLoss, slot, value: silence, limit: limit, at: instant, &outcomes)
  }

  /// For how long it has been silent, and for how long it might have been.
  @_noLocks func silence(_ slot: DeviceSlot, at instant: MonotonicInstant) -> (seconds: Int32, limit: Int32) {
    let device = arena.device(slot)
    // A tracker may be heard and yet not say where it is: then the silence is that of its locations.
    let interval = device.pointee.expectedIntervalSeconds
    let isSilent =
      !device.pointee.givesLocations || device.pointee.offlineSince != 0
      || (interval != 0 && MonotonicInstant(rawValue: device.pointee.lastSeen).adding(seconds: interval) <= instant)
    let silence = instant.rawValue - (isSilent ? device.pointee.lastSeen : device.pointee.lastFix)
    return (Int32(clamping: silence / 1_000_000_000), Int32(clamping: isSilent ? interval : deadlines.fenceStaleSeconds(slot)))
  }

  /// The device or its bridge says that it is gone. A safety alarm is lost at once; others have their grace, however long their
  /// interval, because links come and go.
  @_noLocks func noteOffline(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    if device.pointee.offlineSince == 0 { device.pointee.offlineSince = instant.rawValue }
    if device.pointee.isSafetyAlarm, !device.pointee.holds(.signalLoss) { raiseSignalLoss(slot, at: instant, &outcomes) }
    deadlines.armDeviceTimer(slot, at: instant)
  }
}
