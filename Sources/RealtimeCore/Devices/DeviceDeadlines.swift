// When a device has something to do by itself: its silence gets too long, it is heard without measuring, or one of its conditions
// settles or rises again. One timer a device stands for the earliest of these. What happens then: DeviceTimer.swift.

import VitalSigns

extension DeviceState {
  /// How long a device other than a safety alarm may be away after it said so. Links come and go: ten minutes bridge a restart
  /// of a gateway. Seconds.
  static var offlineGraceSeconds: UInt32 { @_noLocks get { 600 } }

  /// How soon a device that may be silent must have been heard for the first time. Seconds.
  static var firstWordSeconds: UInt32 { @_noLocks get { 86_400 } }

  /// When it has been silent for too long, given what is known now; `.never` when it may be silent.
  @_noLocks func silenceDeadline(fenceStaleSeconds: UInt32) -> MonotonicInstant {
    guard patient != .none else { return .never }
    var deadline = MonotonicInstant.never
    if expectedIntervalSeconds != 0 {
      deadline = MonotonicInstant(rawValue: lastSeen).adding(seconds: expectedIntervalSeconds)
    } else if abilities.contains(.speaks), holding & Self.wasHeard == 0 {
      deadline = MonotonicInstant(rawValue: lastSeen).adding(seconds: Self.firstWordSeconds)
    }
    if offlineSince != 0 {
      deadline = min(deadline, MonotonicInstant(rawValue: offlineSince).adding(seconds: isSafetyAlarm ? 0 : Self.offlineGraceSeconds))
    }
    if givesLocations, fenceStaleSeconds != 0 {
      deadline = min(deadline, MonotonicInstant(rawValue: lastFix).adding(seconds: fenceStaleSeconds))
    }
    return deadline
  }

  /// Until when it should have measured; `.never` when it need not.
  var measuringDeadline: MonotonicInstant {
    @_noLocks get {
      measuringSeconds == 0 || patient == .none ? .never : MonotonicInstant(rawValue: lastMeasured).adding(seconds: measuringSeconds)
    }
  }
}

/// Computes and arms the deadlines of a device. Realtime-safe.
struct DeviceDeadlines {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func silenceDeadline(_ slot: DeviceSlot) -> MonotonicInstant {
    arena.device(slot).pointee.silenceDeadline(fenceStaleSeconds: fenceStaleSeconds(slot))
  }

  /// How old the last location of this device may get; 0: its person has no fence, or the fence does not say.
  @_noLocks func fenceStaleSeconds(_ slot: DeviceSlot) -> UInt32 {
    let patient = arena.device(slot).pointee.patient
    guard patient != .none, arena.plan(patient).pointee.fenceRadiusMetres != 0 else { return 0 }
    return arena.plan(patient).pointee.fenceStaleSeconds
  }

  /// Arms the device's timer anew after the device, its person or the fence changed.
  @_noLocks func armDeviceTimer(_ slot: DeviceSlot, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    var deadline = MonotonicInstant.never
    if device.pointee.patient != .none {
      if !device.pointee.holds(.signalLoss) { deadline = silenceDeadline(slot) }
      if device.pointee.measuringDue != 0 { deadline = min(deadline, MonotonicInstant(rawValue: device.pointee.measuringDue)) }
      var index = 0
      while index < DeviceCondition.count {
        deadline = min(deadline, device.pointee.conditionDeadline(index))
        index += 1
      }
    }
    arena.heap.set(arena.timers.device(slot), deadline == .never ? .never : max(instant, deadline))
  }
}
