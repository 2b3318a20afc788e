// The battery: one condition with two sources, a level in per cent and a flag of the device. It is low as soon as one of them says so
// and good when neither does any more, so that the two never open and clear one alert in turn.

import VitalSigns

/// Judges battery levels and flags. Realtime-safe.
struct BatteryRule {
  let arena: CoreArena
  private var conditions: DeviceConditionRule { @_noLocks get { DeviceConditionRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Per cent. Below 15 most home devices have a day or two left; 25 shows that somebody has charged or changed it.
  private static var batteryLowPercent: Int64 { 15 }

  private static var batteryGoodPercent: Int64 { 25 }

  @_noLocks func judgeBattery(
    _ observation: Observation, _ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    // Outside 0…100 it is no level but a sentinel that the profile did not know.
    guard observation.unit == .percent, let percent = observation.value.rounded(toExponent: 0), (0...100).contains(percent) else { return }
    arena.device(slot).pointee.batteryPercent = UInt8(truncatingIfNeeded: percent)
    if percent <= Self.batteryLowPercent {
      setBattery(slot, DeviceState.batteryByLevel, isLow: true, at: instant, &outcomes)
    } else if percent >= Self.batteryGoodPercent {
      setBattery(slot, DeviceState.batteryByLevel, isLow: false, at: instant, &outcomes)
    }
  }

  @_noLocks func takeBatteryFlag(
    _ phase: DeviceEventPhase, _ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    switch phase {
    case .moment: conditions.noteOccurrence(.lowBattery, slot, at: instant, &outcomes)
    case .raised: setBattery(slot, DeviceState.batteryByFlag, isLow: true, at: instant, &outcomes)
    case .cleared: setBattery(slot, DeviceState.batteryByFlag, isLow: false, at: instant, &outcomes)
    }
  }

  @_noLocks private func setBattery(
    _ slot: DeviceSlot, _ source: UInt8, isLow: Bool, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    if isLow { device.pointee.batterySources |= source } else { device.pointee.batterySources &= ~source }
    if device.pointee.batterySources == 0 { return conditions.end(.lowBattery, slot, at: instant, &outcomes) }
    let (value, limit) = batteryNumbers(device)
    conditions.begin(.lowBattery, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  /// The level is told when it is the level that is low.
  @_noLocks func batteryNumbers(_ device: UnsafeMutablePointer<DeviceState>) -> (Int32, Int32) {
    device.pointee.batterySources & DeviceState.batteryByLevel != 0
      ? (Int32(device.pointee.batteryPercent), Int32(Self.batteryLowPercent)) : (0, 0)
  }
}
