// Who is here, which device is whose, and what each person's plan says, as entries like any other. Repeating a change is
// harmless: adding who is there changes nothing (a device's liveness is taken over), removing who is not is remarked.
//
// When a person or a device leaves, suspicions end and technical alerts clear themselves; raised clinical alerts stay until a person
// resolves them.

import VitalSigns

extension RealtimeCore {
  @_noLocks func register(_ change: RegistryChange, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let patient = arena.patientIndex.find(UInt64(entry.patient.rawValue))
    let device = arena.deviceIndex.find(UInt64(entry.device.rawValue))
    switch change {
    case .patientAdded:
      guard entry.patient != .none else { return remark(.unknownSubject, entry, &outcomes) }
      if patient == 0, !addPatient(entry.patient) { registryIsFull(entry, &outcomes) }
    case .deviceAdded(let liveness):
      guard entry.device != .none else { return remark(.unknownSubject, entry, &outcomes) }
      if !setDevice(device, entry.device, liveness, at: entry.instant, &outcomes) { registryIsFull(entry, &outcomes) }
    case .patientEnded:
      guard patient != 0 else { return remark(.unknownSubject, entry, &outcomes) }
      endPatient(patient, at: entry.instant, &outcomes)
    case .deviceRemoved:
      guard device != 0 else { return remark(.unknownSubject, entry, &outcomes) }
      removeDevice(device, at: entry.instant, &outcomes)
    case .deviceAssigned:
      guard device != 0, patient != 0 else { return remark(.unknownSubject, entry, &outcomes) }
      assign(device, to: patient, entry, &outcomes)
    case .deviceReleased:
      guard device != 0 else { return remark(.unknownSubject, entry, &outcomes) }
      release(device, at: entry.instant, &outcomes)
    case .planItem(let item):
      guard patient != 0 else { return remark(.unknownSubject, entry, &outcomes) }
      setPlan(item, patient, entry, &outcomes)
    }
  }

  /// Somebody or something is registered and not watched over: said to who registers, and as an alert of the hub.
  @_noLocks private func registryIsFull(_ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    remark(.noRoom, entry, &outcomes)
    hubReports(HubCondition(rule: .registryFull, holds: true), at: entry.instant, &outcomes)
  }

  @_noLocks private func addPatient(_ id: PatientID) -> Bool {
    let slot = arena.takePatient()
    guard slot != 0 else { return false }
    let state = arena.patient(slot)
    state.pointee.id = id.rawValue
    var hour = 0
    while hour < 25 {
      state.pointee.trend[hour] = PatientState.noTrendSample
      hour += 1
    }
    var rule = 0
    while rule < 48 {
      arena.plan(slot).pointee.episodes[rule] = arena.header.pointee.episodesFloor
      rule += 1
    }
    arena.patientIndex.insert(UInt64(id.rawValue), slot: slot)
    return true
  }

  /// Adds a device, or takes over new liveness for one that is there.
  @_noLocks private func setDevice(
    _ known: UInt32, _ id: DeviceID, _ liveness: DeviceLiveness, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    let slot = known != 0 ? known : arena.takeDevice()
    guard slot != 0 else { return false }
    let device = arena.device(slot)
    device.pointee.expectedIntervalSeconds = liveness.expectedIntervalSeconds
    device.pointee.isContinuous = liveness.isContinuous
    device.pointee.isSafetyAlarm = liveness.isSafetyAlarm
    // It was registered before anybody watched for its first word, which may be long ago.
    let isOld = known != 0 && device.pointee.patient != 0 && !device.pointee.abilities.contains(.speaks)
    if isOld { device.pointee.holding |= DeviceState.wasHeard }
    device.pointee.abilities = liveness.abilities
    device.pointee.measuringSeconds = measuringSeconds(liveness)
    if known == 0 {
      device.pointee.id = id.rawValue
      device.pointee.episodes = arena.header.pointee.episodesFloor
      device.pointee.lastSeen = instant.rawValue
      arena.deviceIndex.insert(UInt64(id.rawValue), slot: slot)
    } else {
      mayBeBack(slot, at: instant, &outcomes)
    }
    armSilence(slot, at: instant)
    return true
  }

  /// How long a device may be heard without measuring: its interval, and for a continuous one not less than what its values live.
  @_noLocks private func measuringSeconds(_ liveness: DeviceLiveness) -> UInt32 {
    guard liveness.abilities.contains(.measures) else { return 0 }
    let interval = liveness.expectedIntervalSeconds
    return liveness.isContinuous ? max(interval, configuration.validity.continuousSeconds) : interval
  }

  @_noLocks private func assign(_ slot: UInt32, to patient: UInt32, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    if device.pointee.patient == patient { return }
    let offlineSince = device.pointee.offlineSince
    release(slot, at: entry.instant, &outcomes)
    device.pointee.patient = patient
    device.pointee.assignedWall = entry.wall.rawValue
    // The watch begins with the assignment: a device from the cupboard has its first interval to report.
    device.pointee.lastSeen = entry.instant.rawValue
    device.pointee.lastMeasured = entry.instant.rawValue
    device.pointee.lastFix = entry.instant.rawValue
    device.pointee.next = arena.patient(patient).pointee.firstDevice
    arena.patient(patient).pointee.firstDevice = slot
    // It said that it is gone and was not heard since: that is no less true of whoever has it now.
    if offlineSince != 0 { wentOffline(slot, at: entry.instant, &outcomes) }
    armSilence(slot, at: entry.instant)
  }

  @_noLocks private func release(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard arena.device(slot).pointee.patient != 0 else { return }
    unlink(slot)
    arena.heap.set(arena.timers.silence(slot), .never)
    settleReleased(slot, at: instant, &outcomes)
  }

  /// Takes a device out of its person's list.
  @_noLocks private func unlink(_ slot: UInt32) {
    let device = arena.device(slot)
    let state = arena.patient(device.pointee.patient)
    if state.pointee.firstDevice == slot {
      state.pointee.firstDevice = device.pointee.next
    } else {
      var previous = state.pointee.firstDevice
      while previous != 0, arena.device(previous).pointee.next != slot { previous = arena.device(previous).pointee.next }
      if previous != 0 { arena.device(previous).pointee.next = device.pointee.next }
    }
    device.pointee.next = 0
    device.pointee.patient = 0
  }

  /// What a device that is nobody's any more leaves behind: its conditions end, raised clinical alerts stay.
  @_noLocks func settleReleased(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let device = arena.device(slot)
    var index = 0
    while index < DeviceCondition.count {
      let alert = device.pointee.alerts[index]
      if alert != 0 {
        // Clears what is technical or suspected, and thereby this link.
        apply(.conditionEnded, to: alert, at: instant, &outcomes)
        orphan(device.pointee.alerts[index])
        device.pointee.alerts[index] = 0
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
    forgetFence(slot)
  }

  @_noLocks private func removeDevice(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    release(slot, at: instant, &outcomes)
    let device = arena.device(slot)
    arena.header.pointee.episodesFloor = max(arena.header.pointee.episodesFloor, device.pointee.episodes)
    arena.heap.set(arena.timers.silence(slot), .never)
    arena.deviceIndex.remove(UInt64(device.pointee.id))
    arena.releaseDevice(slot)
  }

  @_noLocks private func endPatient(_ slot: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(slot)
    var index: UInt8 = 0
    while index < UInt8(PlanSignal.count) {
      if let planSignal = PlanSignal(rawValue: index) {
        let signal = arena.signal(slot, planSignal)
        endSuspicion(signal.pointee.alert, at: instant, &outcomes)
        orphan(signal.pointee.alert)
      }
      index += 1
    }
    orphan(state.pointee.newsAlert)
    // A person may have any number of devices: each settles by its own timer, at this same instant.
    while state.pointee.firstDevice != 0 {
      let device = state.pointee.firstDevice
      unlink(device)
      arena.heap.set(arena.timers.silence(device), instant)
    }
    var rule = 0
    while rule < 48 {
      arena.header.pointee.episodesFloor = max(arena.header.pointee.episodesFloor, arena.plan(slot).pointee.episodes[rule])
      rule += 1
    }
    dropFrame(slot)
    arena.heap.set(arena.timers.staleness(slot), .never)
    arena.heap.set(arena.timers.schedule(slot), .never)
    arena.heap.set(arena.timers.again(slot), .never)
    arena.patientIndex.remove(UInt64(state.pointee.id))
    arena.releasePatient(slot)
  }

  @_noLocks private func setPlan(
    _ item: CarePlanItem, _ patient: UInt32, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.patient(patient)
    switch item {
    case .spo2Scale(let scale):
      state.pointee.scale = scale
      judge(patient, score: .prescribed, signals: 0, device: .none, at: entry.instant, &outcomes)
    case .oxygen(let oxygen):
      state.pointee.prescribedOxygen = oxygen
      arena.plan(patient).pointee.oxygenSource = oxygen == .unknown ? 0 : entry.sequence
      judge(patient, score: .prescribed, signals: 0, device: .none, at: entry.instant, &outcomes)
    case .limits(let signal, let limits): setLimits(limits, of: signal, patient, at: entry.instant, &outcomes)
    case .validity(let parameter, let seconds):
      arena.plan(patient).pointee.validitySeconds[Int(parameter.rawValue)] = seconds
      armStaleness(patient, at: entry.instant)
    case .dose(let slot, let dose):
      guard slot < 8, (dose?.minuteOfDay ?? 0) < 1_440 else { return remark(.outOfRange, entry, &outcomes) }
      setDose(slot, dose, patient, at: entry.instant)
    case .nightWatch(let watch): setNightWatch(watch, patient, at: entry.instant)
    case .geofence(let fence): setFence(fence, patient, at: entry.instant)
    case .news2Alerts(let isOn):
      state.pointee.news2AlertsOff = !isOn
      guard state.pointee.hasScore else { return }
      let change = judgeScore(patient, isLost: false)
      tell(patient, change, rising: 0, worsening: 0, isKnown: 0, device: .none, at: entry.instant, &outcomes)
    }
  }
}
