// Devices that come, go, and are given to people. A device that is taken from its person leaves nothing of that person behind: its
// conditions end, its technical alerts clear themselves, raised clinical alerts stay until a person resolves them.

import VitalSigns

/// Applies registry changes: devices. Realtime-safe.
struct DeviceRegistry {
  let arena: CoreArena
  private var signalLoss: SignalLossRule { @_noLocks get { SignalLossRule(arena: arena) } }
  private var deadlines: DeviceDeadlines { @_noLocks get { DeviceDeadlines(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var fences: GeofenceRule { @_noLocks get { GeofenceRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Adds a device, or takes over new liveness for one that is there.
  @_noLocks func setDevice(
    _ known: DeviceSlot, _ id: DeviceID, _ liveness: DeviceLiveness, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    let slot = known != .none ? known : arena.takeDevice()
    guard slot != .none else { return false }
    let device = arena.device(slot)
    device.pointee.expectedIntervalSeconds = liveness.expectedIntervalSeconds
    device.pointee.isContinuous = liveness.isContinuous
    device.pointee.isSafetyAlarm = liveness.isSafetyAlarm
    // It was registered by a version that did not watch for a first sign of life, which may be long ago.
    let isOld = known != .none && device.pointee.patient != .none && !device.pointee.abilities.contains(.speaks)
    if isOld { device.pointee.holding |= DeviceState.wasHeard }
    device.pointee.abilities = liveness.abilities
    device.pointee.measuringSeconds = measuringSeconds(liveness)
    if known == .none {
      device.pointee.id = id.rawValue
      device.pointee.episodes = arena.header.pointee.episodesFloor
      device.pointee.lastSeen = instant.rawValue
      arena.setSlot(slot, of: id)
    } else {
      signalLoss.endSignalLossIfHeard(slot, at: instant, &outcomes)
    }
    deadlines.armDeviceTimer(slot, at: instant)
    return true
  }

  /// How long a device may be heard without measuring: its interval, and for a continuous one not less than what its values live.
  @_noLocks private func measuringSeconds(_ liveness: DeviceLiveness) -> UInt32 {
    guard liveness.abilities.contains(.measures) else { return 0 }
    let interval = liveness.expectedIntervalSeconds
    return liveness.isContinuous ? max(interval, arena.configuration.validity.continuousSeconds) : interval
  }

  @_noLocks func assign(_ slot: DeviceSlot, to patient: PatientSlot, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    if device.pointee.patient == patient { return }
    let offlineSince = device.pointee.offlineSince
    release(slot, at: entry.instant, &outcomes)
    device.pointee.patient = patient
    device.pointee.assignedWall = entry.wall.rawValue
    // Silence is counted from the assignment, because a device that lay in a cupboard has sent nothing.
    device.pointee.lastSeen = entry.instant.rawValue
    device.pointee.lastMeasured = entry.instant.rawValue
    device.pointee.lastFix = entry.instant.rawValue
    device.pointee.next = arena.patient(patient).pointee.firstDevice
    arena.patient(patient).pointee.firstDevice = slot
    // It reported that it is gone, and has not been heard since: that holds for its new person, too.
    if offlineSince != 0 { signalLoss.noteOffline(slot, at: entry.instant, &outcomes) }
    deadlines.armDeviceTimer(slot, at: entry.instant)
  }

  @_noLocks func release(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard arena.device(slot).pointee.patient != .none else { return }
    unlink(slot)
    arena.heap.set(arena.timers.device(slot), .never)
    settleReleased(slot, at: instant, &outcomes)
  }

  /// Takes a device out of its person's list.
  @_noLocks func unlink(_ slot: DeviceSlot) {
    let device = arena.device(slot)
    let state = arena.patient(device.pointee.patient)
    if state.pointee.firstDevice == slot {
      state.pointee.firstDevice = device.pointee.next
    } else {
      var previous = state.pointee.firstDevice
      while previous != .none, arena.device(previous).pointee.next != slot { previous = arena.device(previous).pointee.next }
      if previous != .none { arena.device(previous).pointee.next = device.pointee.next }
    }
    device.pointee.next = .none
    device.pointee.patient = .none
  }

  /// Ends the conditions of a device that is nobody's any more. Raised clinical alerts stay until a person resolves them.
  @_noLocks func settleReleased(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    var index = 0
    while index < DeviceCondition.count {
      let alert = device.pointee.alerts[index]
      if alert != .none {
        // Clears what is technical or suspected, and thereby this link.
        alerts.apply(.conditionEnded, to: alert, at: instant, &outcomes)
        alerts.detachOwner(device.pointee.alerts[index])
        device.pointee.alerts[index] = .none
      }
      index += 1
    }
    device.pointee.again = InlineArray(repeating: 0)
    device.pointee.settles = InlineArray(repeating: 0)
    device.pointee.holding = 0
    device.pointee.unsettled = 0
    device.pointee.isTracker = false
    device.pointee.lastFix = 0
    device.pointee.lastMeasured = 0
    device.pointee.measuringDue = 0
    device.pointee.offlineSince = 0
    device.pointee.lastFall = 0
    device.pointee.lastNotUnderstood = 0
    device.pointee.batterySources = 0
    device.pointee.fenceMetres = 0
    fences.forgetFence(slot)
  }

  @_noLocks func removeDevice(_ slot: DeviceSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    release(slot, at: instant, &outcomes)
    let device = arena.device(slot)
    arena.header.pointee.episodesFloor = max(arena.header.pointee.episodesFloor, device.pointee.episodes)
    arena.heap.set(arena.timers.device(slot), .never)
    arena.removeSlot(of: DeviceID(rawValue: device.pointee.id))
    arena.releaseDevice(slot)
  }
}
