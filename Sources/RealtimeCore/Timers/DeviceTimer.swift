// A device's timer fires: its silence is too long, it was heard without measuring, or one of its conditions settles or rises again.
// When it fires is computed in DeviceDeadlines.swift.

import VitalSigns

/// What happens when a device's timer fires. Realtime-safe.
struct DeviceTimer {
  let arena: CoreArena
  private var devices: DeviceRegistry { @_noLocks get { DeviceRegistry(arena: arena) } }
  private var nightDoors: NightDoorRule { @_noLocks get { NightDoorRule(arena: arena) } }
  private var deadlines: DeviceDeadlines { @_noLocks get { DeviceDeadlines(arena: arena) } }
  private var signalLoss: SignalLossRule { @_noLocks get { SignalLossRule(arena: arena) } }
  private var measuring: MeasuringRule { @_noLocks get { MeasuringRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var closed: ClosedConditions { @_noLocks get { ClosedConditions(arena: arena) } }
  private var battery: BatteryRule { @_noLocks get { BatteryRule(arena: arena) } }
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The device's timer fires. It handles one thing; for others that are due it fires again at this same instant.
  ///
  /// - Parameter missedUntil: the hub was away until then, and what repeats goes on from there; nil: it was not.
  @_noLocks func runDeviceTimer(
    _ slot: DeviceSlot, at instant: MonotonicInstant, missedUntil: MonotonicInstant?, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    guard device.pointee.patient != .none else {
      devices.settleReleased(slot, at: instant, &outcomes)
      arena.heap.set(arena.timers.device(slot), .never)
      return
    }
    nightDoors.watchDoor(slot, at: instant, &outcomes)
    if deadlines.silenceDeadline(slot) <= instant, !device.pointee.holds(.signalLoss) {
      signalLoss.raiseSignalLoss(slot, at: instant, &outcomes)
    } else if device.pointee.measuringDue != 0, device.pointee.measuringDue <= instant.rawValue {
      measuring.raiseNotMeasuring(slot, at: instant, &outcomes)
    } else {
      runDueCondition(slot, at: instant, missedUntil: missedUntil, &outcomes)
    }
    deadlines.armDeviceTimer(slot, at: instant)
  }

  /// Handles one condition whose time has come: its alert settles, or it rises again.
  @_noLocks private func runDueCondition(
    _ slot: DeviceSlot, at instant: MonotonicInstant, missedUntil: MonotonicInstant?, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    var index = 0
    while index < DeviceCondition.count {
      if device.pointee.conditionDeadline(index) <= instant {
        let condition = DeviceCondition(index: index)
        if device.pointee.alerts[index] != .none {
          device.pointee.settles[index] = 0
          alerts.apply(.conditionEnded, to: device.pointee.alerts[index], at: instant, &outcomes)
        } else {
          raiseAgain(condition, slot, at: instant, &outcomes)
          // Without a place it was told as another alert, and would be again and again through all that time.
          if let missedUntil, device.pointee.alerts[index] == .none, device.pointee.again[index] != 0 {
            closed.scheduleRaisingAgain(condition, slot, at: missedUntil)
          }
        }
        return
      }
      index += 1
    }
  }

  @_noLocks private func raiseAgain(
    _ condition: DeviceCondition, _ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let resolved = device.pointee.again[condition.index] - Int64(closed.secondsUntilAgain(condition, device)) * 1_000_000_000
    device.pointee.again[condition.index] = 0
    var (value, limit) = (Int32(0), Int32(0))
    switch condition {
    case .signalLoss: (value, limit) = signalLoss.silence(slot, at: instant)
    case .lowBattery: (value, limit) = battery.batteryNumbers(device)
    case .outsideFence:
      (value, limit) = (device.pointee.fenceMetres, Int32(clamping: arena.plan(device.pointee.patient).pointee.fenceRadiusMetres))
    case .notMeasuring:
      value = Int32(clamping: (instant.rawValue - device.pointee.lastMeasured) / 1_000_000_000)
      limit = Int32(clamping: device.pointee.measuringSeconds)
    case .openDoor:
      // In the daytime it does not rise again; the next night judges it anew.
      guard nightDoors.isNight(for: device.pointee.patient, at: instant) else { return }
      (value, limit) = (Int32(clamping: arena.plan(device.pointee.patient).pointee.nightDelaySeconds), 0)
      limit = value
    case .fall, .notUnderstood:
      // Only a report that came after the alert was closed shows that it still holds.
      let last = condition.index == DeviceCondition.fall.index ? device.pointee.lastFall : device.pointee.lastNotUnderstood
      guard last > resolved else {
        device.pointee.holding &= ~condition.bit
        return
      }
      if condition.index == DeviceCondition.notUnderstood.index { value = 1 }
    default: break
    }
    conditions.openCondition(condition, slot, value: value, limit: limit, at: instant, &outcomes)
  }
}
