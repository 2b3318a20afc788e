// Who is here, which device is whose, and what each person's plan says, as entries like any other. Repeating a change is
// harmless: adding who is there changes nothing (a device's liveness is taken over), removing who is not there is remarked.
//
// When a person leaves, suspicions end and technical alerts clear themselves; raised clinical alerts stay until a person resolves
// them. Devices: DeviceRegistry.swift.

import VitalSigns

/// Applies registry changes: people and their plans. Realtime-safe.
struct RegistryRule {
  let arena: CoreArena
  private var devices: DeviceRegistry { @_noLocks get { DeviceRegistry(arena: arena) } }
  private var hub: HubRule { @_noLocks get { HubRule(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var frames: FrameRule { @_noLocks get { FrameRule(arena: arena) } }
  private var judgement: Judgement { @_noLocks get { Judgement(arena: arena) } }
  private var limitRule: LimitRule { @_noLocks get { LimitRule(arena: arena) } }
  private var validity: ScoreValidity { @_noLocks get { ScoreValidity(arena: arena) } }
  private var doses: DoseRule { @_noLocks get { DoseRule(arena: arena) } }
  private var nightDoors: NightDoorRule { @_noLocks get { NightDoorRule(arena: arena) } }
  private var fences: GeofenceRule { @_noLocks get { GeofenceRule(arena: arena) } }
  private var scores: ScoreRule { @_noLocks get { ScoreRule(arena: arena) } }
  private var scoreAlerts: ScoreAlertRule { @_noLocks get { ScoreAlertRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  @_noLocks func applyChange(_ change: RegistryChange, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let patient = arena.slot(of: entry.patient)
    let device = arena.slot(of: entry.device)
    switch change {
    case .patientAdded:
      guard entry.patient != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      if patient == .none, !addPatient(entry.patient) { registryIsFull(entry, &outcomes) }
    case .deviceAdded(let liveness):
      guard entry.device != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      if !devices.setDevice(device, entry.device, liveness, at: entry.instant, &outcomes) { registryIsFull(entry, &outcomes) }
    case .patientEnded:
      guard patient != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      endPatient(patient, at: entry.instant, &outcomes)
    case .deviceRemoved:
      guard device != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      devices.removeDevice(device, at: entry.instant, &outcomes)
    case .deviceAssigned:
      guard device != .none, patient != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      devices.assign(device, to: patient, entry, &outcomes)
    case .deviceReleased:
      guard device != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      devices.release(device, at: entry.instant, &outcomes)
    case .planItem(let item):
      guard patient != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      setPlan(item, patient, entry, &outcomes)
    case .recordChanged(let eligibility):
      guard patient != .none else { return arena.remark(.unknownSubject, entry, &outcomes) }
      scores.setEligibility(eligibility, patient, at: entry.instant, &outcomes)
      // Whoever may be scored from now on is, by what was measured already.
      judgement.judge(patient, score: .prescribed, signals: 0, device: .none, at: entry.instant, &outcomes)
    }
  }

  /// A person or device that finds no place is not watched: the entry gets a remark, and the hub an alert.
  @_noLocks private func registryIsFull(_ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    arena.remark(.noRoom, entry, &outcomes)
    hub.setHubCondition(HubCondition(rule: .registryFull, holds: true), at: entry.instant, &outcomes)
  }

  @_noLocks private func addPatient(_ id: PatientID) -> Bool {
    let slot = arena.takePatient()
    guard slot != .none else { return false }
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
    arena.setSlot(slot, of: id)
    return true
  }

  @_noLocks private func endPatient(_ slot: PatientSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(slot)
    var index: UInt8 = 0
    while index < UInt8(PlanSignal.count) {
      if let planSignal = PlanSignal(rawValue: index) {
        let signal = arena.signal(slot, planSignal)
        alerts.endSuspicion(signal.pointee.alert, at: instant, &outcomes)
        alerts.detachOwner(signal.pointee.alert)
      }
      index += 1
    }
    alerts.detachOwner(state.pointee.newsAlert)
    // A person may have any number of devices: each settles by its own timer, at this same instant.
    while state.pointee.firstDevice != .none {
      let device = state.pointee.firstDevice
      devices.unlink(device)
      arena.heap.set(arena.timers.device(device), instant)
    }
    var rule = 0
    while rule < 48 {
      arena.header.pointee.episodesFloor = max(arena.header.pointee.episodesFloor, arena.plan(slot).pointee.episodes[rule])
      rule += 1
    }
    frames.closeFrame(slot)
    arena.heap.set(arena.timers.staleness(slot), .never)
    arena.heap.set(arena.timers.schedule(slot), .never)
    arena.heap.set(arena.timers.person(slot), .never)
    arena.removeSlot(of: PatientID(rawValue: state.pointee.id))
    arena.releasePatient(slot)
  }

  @_noLocks private func setPlan(
    _ item: CarePlanItem, _ patient: PatientSlot, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.patient(patient)
    switch item {
    case .spo2Scale(let scale):
      state.pointee.scale = scale
      judgement.judge(patient, score: .prescribed, signals: 0, device: .none, at: entry.instant, &outcomes)
    case .oxygen(let oxygen):
      state.pointee.prescribedOxygen = oxygen
      arena.plan(patient).pointee.oxygenSource = oxygen == .unknown ? 0 : entry.sequence
      judgement.judge(patient, score: .prescribed, signals: 0, device: .none, at: entry.instant, &outcomes)
    case .limits(let signal, let limits):
      guard limitRule.setLimits(limits, of: signal, patient, at: entry.instant, &outcomes) else { return }
      judgement.judge(patient, score: nil, signals: 1 << signal.rawValue, device: .none, at: entry.instant, &outcomes)
    case .validity(let parameter, let seconds):
      arena.plan(patient).pointee.validitySeconds[Int(parameter.rawValue)] = seconds
      validity.armStaleness(patient, at: entry.instant)
    case .dose(let slot, let dose):
      guard slot < 8, (dose?.minuteOfDay ?? 0) < 1_440 else { return arena.remark(.outOfRange, entry, &outcomes) }
      doses.setDose(slot, dose, patient, at: entry.instant)
    case .nightWatch(let watch): nightDoors.setNightWatch(watch, patient, at: entry.instant)
    case .geofence(let fence): fences.setFence(fence, patient, at: entry.instant)
    case .news2Alerts(let isOn):
      state.pointee.news2AlertsOff = !isOn
      guard state.pointee.hasScore else { return }
      let change = scoreAlerts.judgeScore(patient, isLost: false)
      judgement.applyChanges(patient, change, rising: 0, worsening: 0, isKnown: 0, device: .none, at: entry.instant, &outcomes)
    }
  }
}
