// The battery: one condition with two sources, a level in per cent and a flag of the device. Low as soon as one of them says so,
// good when neither does any more; so that they never fight over one alert.

import VitalSigns

extension RealtimeCore {
  /// Per cent. Below 15 most home devices have a day or two left; 25 shows that somebody has charged or changed it.
  private static var batteryLowPercent: Int64 { 15 }
  private static var batteryGoodPercent: Int64 { 25 }

  @_noLocks func judgeBattery(
    _ observation: Observation, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    // Below nothing and above full is no level: a sentinel, whatever the profile thought.
    guard observation.unit == .percent, let percent = observation.value.rounded(toExponent: 0), (0...100).contains(percent) else { return }
    arena.device(slot).pointee.batteryPercent = UInt8(truncatingIfNeeded: percent)
    if percent <= Self.batteryLowPercent {
      battery(slot, DeviceState.batteryByLevel, isLow: true, at: instant, &outcomes)
    } else if percent >= Self.batteryGoodPercent {
      battery(slot, DeviceState.batteryByLevel, isLow: false, at: instant, &outcomes)
    }
  }

  @_noLocks func batteryFlag(
    _ phase: DeviceEventPhase, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    switch phase {
    case .moment: occurs(.lowBattery, slot, at: instant, &outcomes)
    case .raised: battery(slot, DeviceState.batteryByFlag, isLow: true, at: instant, &outcomes)
    case .cleared: battery(slot, DeviceState.batteryByFlag, isLow: false, at: instant, &outcomes)
    }
  }

  @_noLocks private func battery(
    _ slot: UInt32, _ source: UInt8, isLow: Bool, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    if isLow { device.pointee.batterySources |= source } else { device.pointee.batterySources &= ~source }
    if device.pointee.batterySources == 0 { return ends(.lowBattery, slot, at: instant, &outcomes) }
    let (value, limit) = batteryNumbers(device)
    begins(.lowBattery, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  /// The level is told when it is the level that is low.
  @_noLocks func batteryNumbers(_ device: UnsafeMutablePointer<DeviceState>) -> (Int32, Int32) {
    device.pointee.batterySources & DeviceState.batteryByLevel != 0
      ? (Int32(device.pointee.batteryPercent), Int32(Self.batteryLowPercent)) : (0, 0)
  }
}
