// Silence as an alert with a deadline, on the monotonic clock, whether or not anything arrives.
//
// A device is watched while it is somebody's; one that may be silent for ever must at least be heard once, within a day. Everything it sends is a sign of life, also what is late or unusable; `offline`
// is not, nor what a broker kept and repeats. A tracker with a fence must besides give locations often enough, from the day
// it is given out. A device that measures must measure: see `watchMeasuring`. The other conditions: DeviceConditions.swift.

public import VitalSigns

extension DeviceState {
  /// How long a device other than a safety alarm may be away after it said so. Links come and go: ten minutes bridge a restart
  /// of a gateway. Seconds.
  static var offlineGraceSeconds: UInt32 { @_noLocks get { 600 } }

  /// How soon a device that may be silent must have been heard for the first time. Seconds.
  static var firstWordSeconds: UInt32 { @_noLocks get { 86_400 } }

  /// When it has been silent for too long, given what is known now; `.never` when it may be silent.
  @_noLocks func silenceDeadline(fenceStaleSeconds: UInt32) -> MonotonicInstant {
    guard patient != 0 else { return .never }
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
      measuringSeconds == 0 || patient == 0 ? .never : MonotonicInstant(rawValue: lastMeasured).adding(seconds: measuringSeconds)
    }
  }
}

extension RealtimeCore {
  /// How long a device may be connected before its measurement comes: stored records are fetched first, a cuff is wound on. Seconds.
  private static var measuringGraceSeconds: UInt32 { @_noLocks get { 120 } }

  @_noLocks func silenceDeadline(_ slot: UInt32) -> MonotonicInstant {
    arena.device(slot).pointee.silenceDeadline(fenceStaleSeconds: fenceStaleSeconds(slot))
  }

  /// How old the last location of this device may get; 0: its person has no fence, or the fence does not say.
  @_noLocks private func fenceStaleSeconds(_ slot: UInt32) -> UInt32 {
    let patient = arena.device(slot).pointee.patient
    guard patient != 0, arena.plan(patient).pointee.fenceRadiusMetres != 0 else { return 0 }
    return arena.plan(patient).pointee.fenceStaleSeconds
  }

  /// When this device last gave a sign of life while it was whose it is now, by the clock on the wall as it was set last; nil: it has
  /// given none, or is not known. Realtime-safe.
  @_noLocks public func lastHeard(_ id: DeviceID) -> WallTime? {
    let slot = arena.deviceIndex.find(UInt64(id.rawValue))
    guard slot != 0, arena.device(slot).pointee.holding & DeviceState.wasHeard != 0 else { return nil }
    return localClock.wall(at: MonotonicInstant(rawValue: arena.device(slot).pointee.lastSeen))
  }

  /// The device was heard. Costs two stores and two comparisons unless it was lost or ought to have measured.
  @_noLocks func signOfLife(_ id: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.deviceIndex.find(UInt64(id.rawValue))
    guard slot != 0 else { return }
    let device = arena.device(slot)
    device.pointee.lastSeen = instant.rawValue
    device.pointee.offlineSince = 0
    device.pointee.holding |= DeviceState.wasHeard
    if device.pointee.holds(.signalLoss) { mayBeBack(slot, at: instant, &outcomes) }
    if device.pointee.measuringDeadline <= instant { watchMeasuring(slot, at: instant) }
  }

  @_noLocks func mayBeBack(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    guard device.pointee.holds(.signalLoss), silenceDeadline(slot) > instant else { return }
    ends(.signalLoss, slot, at: instant, &outcomes)
    armSilence(slot, at: instant)
  }

  /// Arms the device's timer anew after the device, its person or the fence changed.
  @_noLocks func armSilence(_ slot: UInt32, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    var deadline = MonotonicInstant.never
    if device.pointee.patient != 0 {
      if !device.pointee.holds(.signalLoss) { deadline = silenceDeadline(slot) }
      if device.pointee.measuringDue != 0 { deadline = min(deadline, MonotonicInstant(rawValue: device.pointee.measuringDue)) }
      var index = 0
      while index < DeviceCondition.count {
        deadline = min(deadline, device.pointee.conditionDeadline(index))
        index += 1
      }
    }
    arena.heap.set(arena.timers.silence(slot), deadline == .never ? .never : max(instant, deadline))
  }

  /// The device's timer. One thing at a time: what else is due fires again at this same instant.
  @_noLocks func deviceIsDue(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    guard device.pointee.patient != 0 else {
      settleReleased(slot, at: instant, &outcomes)
      arena.heap.set(arena.timers.silence(slot), .never)
      return
    }
    watchDoor(slot, at: instant, &outcomes)
    if silenceDeadline(slot) <= instant, !device.pointee.holds(.signalLoss) {
      isLost(slot, at: instant, &outcomes)
    } else if device.pointee.measuringDue != 0, device.pointee.measuringDue <= instant.rawValue {
      measuresNothing(slot, at: instant, &outcomes)
    } else {
      conditionIsDue(slot, at: instant, &outcomes)
    }
    armSilence(slot, at: instant)
  }

  /// It has been silent for too long: an alert with the silence as its value.
  @_noLocks private func isLost(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let (silence, limit) = silence(slot, at: instant)
    begins(.signalLoss, slot, value: silence, limit: limit, at: instant, &outcomes)
  }

  /// For how long it has been silent, and for how long it might have been.
  @_noLocks func silence(_ slot: UInt32, at instant: MonotonicInstant) -> (seconds: Int32, limit: Int32) {
    let device = arena.device(slot)
    // A tracker may be heard and yet not say where it is: then the silence is that of its locations.
    let interval = device.pointee.expectedIntervalSeconds
    let isSilent =
      !device.pointee.givesLocations || device.pointee.offlineSince != 0
      || (interval != 0 && MonotonicInstant(rawValue: device.pointee.lastSeen).adding(seconds: interval) <= instant)
    let silence = instant.rawValue - (isSilent ? device.pointee.lastSeen : device.pointee.lastFix)
    return (Int32(clamping: silence / 1_000_000_000), Int32(clamping: isSilent ? interval : fenceStaleSeconds(slot)))
  }

  /// The device or its bridge says that it is gone. A safety alarm is lost at once; others have their grace, however long their
  /// interval, because links come and go.
  @_noLocks func wentOffline(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    if device.pointee.offlineSince == 0 { device.pointee.offlineSince = instant.rawValue }
    if device.pointee.isSafetyAlarm, !device.pointee.holds(.signalLoss) { isLost(slot, at: instant, &outcomes) }
    armSilence(slot, at: instant)
  }

  // MARK: Heard, but does not measure

  /// It is heard and should have measured by now: a measurement may still follow within the grace.
  @_noLocks func watchMeasuring(_ slot: UInt32, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    guard device.pointee.measuringDue == 0, !device.pointee.holds(.notMeasuring) else { return }
    let due = instant.adding(seconds: Self.measuringGraceSeconds)
    device.pointee.measuringDue = due.rawValue
    arena.heap.ensure(arena.timers.silence(slot), by: due)
  }

  /// Its sensor says that it measures nobody. That alone is no alarm; that it lasts is.
  @_noLocks func lostContact(_ slot: UInt32, at instant: MonotonicInstant) {
    let device = arena.device(slot)
    device.pointee.holding |= DeviceState.noContact
    guard device.pointee.measuringSeconds != 0, device.pointee.measuringDue == 0, !device.pointee.holds(.notMeasuring) else { return }
    let due = max(device.pointee.measuringDeadline, instant.adding(seconds: Self.measuringGraceSeconds))
    device.pointee.measuringDue = due.rawValue
    arena.heap.ensure(arena.timers.silence(slot), by: due)
  }

  /// A usable measurement or location arrived.
  @_noLocks func didMeasure(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    device.pointee.lastMeasured = instant.rawValue
    device.pointee.measuringDue = 0
    device.pointee.holding &= ~DeviceState.noContact
    if device.pointee.holds(.notMeasuring) { ends(.notMeasuring, slot, at: instant, &outcomes) }
  }

  @_noLocks private func measuresNothing(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    device.pointee.measuringDue = 0
    // One that is lost does not measure either, and has its alert.
    guard device.pointee.measuringDeadline <= instant, !device.pointee.holds(.signalLoss) else { return }
    let seconds = (instant.rawValue - device.pointee.lastMeasured) / 1_000_000_000
    begins(
      .notMeasuring, slot, value: Int32(clamping: seconds), limit: Int32(clamping: device.pointee.measuringSeconds), at: instant, &outcomes)
  }
}
