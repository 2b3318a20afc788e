// Silence as an alert with a deadline, on the monotonic clock, whether or not anything arrives; and the other technical
// conditions that a device reports of itself: battery, tamper, jam.
//
// A device is watched while it is somebody's. Everything it sends is a sign of life, also what is late or unusable;
// only `offline` is not. A tracker with a fence must besides give locations often enough.

import VitalSigns

extension DeviceState {
  /// When it has been silent for too long, given what is known now; `.never` when it may be silent.
  @_noLocks func silenceDeadline(fenceStaleSeconds: UInt32) -> MonotonicInstant {
    guard patient != 0 else { return .never }
    var deadline = MonotonicInstant.never
    if expectedIntervalSeconds != 0 {
      deadline = MonotonicInstant(rawValue: lastSeen).adding(seconds: expectedIntervalSeconds)
    }
    if isTracker, fenceStaleSeconds != 0 {
      deadline = min(deadline, MonotonicInstant(rawValue: lastFix).adding(seconds: fenceStaleSeconds))
    }
    return deadline
  }

  @_noLocks func holds(_ condition: DeviceCondition) -> Bool { holding & condition.bit != 0 }
}

extension RealtimeCore {
  /// Per cent. Below 15 most home devices have a day or two left; 25 shows that somebody has charged or changed it.
  private static var batteryLowPercent: Int64 { 15 }
  private static var batteryGoodPercent: Int64 { 25 }

  @_noLocks func silenceDeadline(_ slot: UInt32) -> MonotonicInstant {
    arena.device(slot).pointee.silenceDeadline(fenceStaleSeconds: fenceStaleSeconds(slot))
  }

  /// How old the last location of this device may get; 0: its person has no fence, or the fence does not say.
  @_noLocks private func fenceStaleSeconds(_ slot: UInt32) -> UInt32 {
    let patient = arena.device(slot).pointee.patient
    guard patient != 0, arena.plan(patient).pointee.fenceRadiusMetres != 0 else { return 0 }
    return arena.plan(patient).pointee.fenceStaleSeconds
  }

  /// The device was heard. Costs one store unless it was lost.
  @_noLocks func signOfLife(_ id: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.deviceIndex.find(UInt64(id.rawValue))
    guard slot != 0 else { return }
    arena.device(slot).pointee.lastSeen = instant.rawValue
    if arena.device(slot).pointee.holds(.signalLoss) { mayBeBack(slot, at: instant, &outcomes) }
  }

  @_noLocks func mayBeBack(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    let deadline = silenceDeadline(slot)
    guard device.pointee.holds(.signalLoss), deadline > instant else { return }
    ends(.signalLoss, slot, at: instant, &outcomes)
    arena.heap.set(arena.timers.silence(slot), deadline)
  }

  /// Arms the watch anew after the device, its person or the fence changed.
  @_noLocks func armSilence(_ slot: UInt32, at instant: MonotonicInstant) {
    let deadline = silenceDeadline(slot)
    let isWatched = deadline != .never && !arena.device(slot).pointee.holds(.signalLoss)
    arena.heap.set(arena.timers.silence(slot), isWatched ? max(instant, deadline) : .never)
  }

  /// The device's timer: it has been silent for too long, or it left its person, or a night has begun.
  @_noLocks func deviceIsDue(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    guard device.pointee.patient != 0 else {
      settleReleased(slot, at: instant, &outcomes)
      arena.heap.set(arena.timers.silence(slot), .never)
      return
    }
    watchDoor(slot, at: instant, &outcomes)
    if silenceDeadline(slot) <= instant, !device.pointee.holds(.signalLoss) { isLost(slot, at: instant, &outcomes) }
    armSilence(slot, at: instant)
  }

  @_noLocks private func isLost(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    device.pointee.holding |= DeviceCondition.signalLoss.bit
    var opening = opening(.signalLoss, slot)
    opening.priority = device.pointee.isSafetyAlarm ? .high : .medium
    // A tracker may be heard and yet not say where it is: then the silence is that of its locations.
    let interval = device.pointee.expectedIntervalSeconds
    let isSilent =
      !device.pointee.isTracker
      || (interval != 0 && MonotonicInstant(rawValue: device.pointee.lastSeen).adding(seconds: interval) <= instant)
    let silence = instant.rawValue - (isSilent ? device.pointee.lastSeen : device.pointee.lastFix)
    opening.value = Int32(clamping: silence / 1_000_000_000)
    opening.limit = Int32(clamping: isSilent ? interval : fenceStaleSeconds(slot))
    device.pointee.alerts[DeviceCondition.signalLoss.index] = open(opening, at: instant, &outcomes)
  }

  /// The device or its bridge says that it is gone. A safety alarm is lost at once; for others the interval decides, because
  /// links come and go.
  @_noLocks func wentOffline(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    guard device.pointee.isSafetyAlarm, !device.pointee.holds(.signalLoss) else { return }
    isLost(slot, at: instant, &outcomes)
    arena.heap.set(arena.timers.silence(slot), .never)
  }

  @_noLocks func judgeBattery(
    _ observation: Observation, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    guard observation.unit == .percent, let percent = observation.value.rounded(toExponent: 0) else { return }
    if percent <= Self.batteryLowPercent {
      begins(.lowBattery, slot, value: Int32(clamping: percent), limit: Int32(Self.batteryLowPercent), at: instant, &outcomes)
    } else if percent >= Self.batteryGoodPercent {
      ends(.lowBattery, slot, at: instant, &outcomes)
    }
  }

  @_noLocks func opening(_ condition: DeviceCondition, _ slot: UInt32) -> AlertOpening {
    let device = arena.device(slot)
    let patient = device.pointee.patient
    let person = patient == 0 ? PatientID.none : PatientID(rawValue: arena.patient(patient).pointee.id)
    var opening = AlertOpening(condition.rule, patient: patient, person: person)
    opening.deviceSlot = slot
    opening.device = DeviceID(rawValue: device.pointee.id)
    opening.owner = .device
    opening.ownerSlot = slot
    opening.condition = UInt8(truncatingIfNeeded: condition.index)
    return opening
  }

  /// A condition that lasts begins, or is reported again: one alert while it holds, also after a person resolved it.
  @_noLocks func begins(
    _ condition: DeviceCondition, _ slot: UInt32, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    guard !device.pointee.holds(condition) else { return }
    device.pointee.holding |= condition.bit
    occurs(condition, slot, value: value, limit: limit, at: instant, &outcomes)
  }

  /// Something happens that has no end of its own: an alert, or the open one is told anew when somebody has taken it.
  @_noLocks func occurs(
    _ condition: DeviceCondition, _ slot: UInt32, value: Int32 = 0, limit: Int32 = 0, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    let index = condition.index
    if device.pointee.alerts[index] != 0 {
      apply(.conditionAgain, to: device.pointee.alerts[index], at: instant, &outcomes)
      return
    }
    var opening = opening(condition, slot)
    opening.value = value
    opening.limit = limit
    device.pointee.alerts[index] = open(opening, at: instant, &outcomes)
  }

  /// A condition ends: a technical alert clears itself, a clinical one stays, a suspicion is over.
  @_noLocks func ends(
    _ condition: DeviceCondition, _ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let device = arena.device(slot)
    device.pointee.holding &= ~condition.bit
    let alert = device.pointee.alerts[condition.index]
    if alert != 0 { apply(.conditionEnded, to: alert, at: instant, &outcomes) }
  }
}
