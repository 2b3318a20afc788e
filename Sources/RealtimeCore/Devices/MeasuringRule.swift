// A device that measures must measure: one that is heard, and whose measurement is overdue, has a grace to bring it, and then an alert.
// Devices that are not heard at all: SignalLossRule.swift.

import VitalSigns

/// Decides when a device is heard and does not measure. Realtime-safe.
struct MeasuringRule {
  let arena: CoreArena
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How long a device may be connected before its measurement comes: stored records are fetched first, a cuff is wound on. Seconds.
  private static var measuringGraceSeconds: UInt32 { @_noLocks get { 120 } }

  /// The device is heard and its measurement is overdue: it gets a grace, within which the measurement may still come.
  @_noLocks func armMeasuring(_ slot: DeviceSlot, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    guard device.pointee.measuringDue == 0, !device.pointee.holds(.notMeasuring) else { return }
    let due = instant.adding(seconds: Self.measuringGraceSeconds)
    device.pointee.measuringDue = due.rawValue
    arena.heap.ensure(arena.timers.device(slot), by: due)
  }

  /// The sensor says that it measures nobody. That is no alarm by itself; it is one when it lasts beyond the grace.
  @_noLocks func noteLostContact(_ slot: DeviceSlot, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    device.pointee.holding |= DeviceState.noContact
    guard device.pointee.measuringSeconds != 0, device.pointee.measuringDue == 0, !device.pointee.holds(.notMeasuring) else { return }
    let due = max(device.pointee.measuringDeadline, instant.adding(seconds: Self.measuringGraceSeconds))
    device.pointee.measuringDue = due.rawValue
    arena.heap.ensure(arena.timers.device(slot), by: due)
  }

  /// The sensor says that it has contact again.
  @_noLocks func noteContact(_ slot: DeviceSlot) { arena.device(slot).pointee.holding &= ~DeviceState.noContact }

  /// A usable measurement or location arrived.
  @_noLocks func noteMeasurement(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    device.pointee.lastMeasured = instant.rawValue
    device.pointee.measuringDue = 0
    device.pointee.holding &= ~DeviceState.noContact
    if device.pointee.holds(.notMeasuring) { conditions.end(.notMeasuring, slot, at: instant, &outcomes) }
  }

  @_noLocks func raiseNotMeasuring(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    device.pointee.measuringDue = 0
    // One that is lost does not measure either, and has its alert.
    guard device.pointee.measuringDeadline <= instant, !device.pointee.holds(.signalLoss) else { return }
    let seconds = (instant.rawValue - device.pointee.lastMeasured) / 1_000_000_000
    conditions.begin(
      .notMeasuring, slot, value: Int32(clamping: seconds), limit: Int32(clamping: device.pointee.measuringSeconds), at: instant, &outcomes)
  }
}
