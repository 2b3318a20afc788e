// When a replay cannot be exact (no snapshot fits, and entries have been purged, or another version decided then): people, plans,
// devices and values come from what can be replayed, the alerts from the journal itself. Counters of ids start above
// everything ever given. Called at start only, before the core takes its first entry.

public import VitalSigns

extension RealtimeCore {
  /// Every counter of alert ids, of who is here and of who will come.
  func setCounters(to floor: UInt32) {
    let header = arena.header
    header.pointee.episodesFloor = floor
    for rule in 0..<48 { header.pointee.episodes[rule] = floor }
    for slot in 1..<(header.pointee.patients.highWater + 1) where arena.patient(slot).pointee.id != 0 {
      for rule in 0..<48 { arena.plan(slot).pointee.episodes[rule] = floor }
    }
    for slot in 1..<(header.pointee.devices.highWater + 1) where arena.device(slot).pointee.id != 0 {
      arena.device(slot).pointee.episodes = floor
    }
  }

  /// Forgets every alert that the replay raised, without a word: their ids may be those of others. Conditions that hold are
  /// treated as resolved now; what is really open is adopted next.
  public mutating func forgetAlerts() {
    for slot in 1..<(arena.header.pointee.alerts.highWater + 1) where arena.alert(slot).pointee.id != .none {
      let record = arena.alert(slot).pointee
      forget(record, record.owner)
      if record.alsoRule != nil { forget(record, record.alsoOwner) }
      remove(slot)
    }
    arena.header.pointee.untracked = 0
    if let place = findHubCondition(.alertRoomFull, 0) {
      arena.hubCondition(place).pointee.holds = false
      hubAlertClosed(place, at: now)
    }
    setCounters(to: configuration.episodesFloor)
  }

  private func forget(_ record: AlertRecord, _ owner: AlertOwner) {
    switch owner {
    case .none: break
    case .patientNEWS2: resolvedScore(record.ownerSlot, at: now)
    case .patientSignal: if let signal = PlanSignal(rawValue: record.condition) { resolvedSignal(signal, record.ownerSlot, at: now) }
    case .device: conditionAlertClosed(Int(record.condition), record.ownerSlot, isResolved: true, at: now)
    case .hub: hubAlertClosed(record.ownerSlot, at: now)
    }
  }

  /// Takes over an open alert as the journal has it: it keeps its id, state, level and deadline. What finds no room is told by the
  /// hub's own alert when the next one rises.
  public mutating func adopt(_ transition: AlertTransition, patient: PatientID, device: DeviceID) {
    guard transition.state.isOpen, arena.alertIndex.find(transition.id.low) == 0 else { return }
    var opening = AlertOpening(transition.rule, patient: 0, person: patient)
    opening.device = device
    opening.priority = transition.priority
    opening.value = transition.value
    opening.limit = transition.limit
    opening.upper = transition.upper
    opening.subject = transition.subject
    let group = groupKey(transition.rule, patient.rawValue, device.rawValue)
    let slot = takeRoom(for: opening, group)
    guard slot != 0 else {
      arena.header.pointee.untracked += 1
      return
    }
    let lifecycle = AlertLifecycle(transition, latches: !transition.rule.isTechnical, at: now, configuration.escalation)
    var record = AlertRecord(
      id: transition.id, firstCause: transition.firstCause, raisedAt: transition.raisedAt, lifecycle: lifecycle, opening)
    record.revision = transition.revision &+ 1
    if let also = transition.also {
      record.second = AlertGround(rule: also.rule, value: also.value, limit: also.limit, upper: also.upper, subject: also.subject)
      record.alsoOwner = link(also.rule, also.subject, to: slot, &record, patient, device)
    }
    record.owner = link(transition.rule, transition.subject, to: slot, &record, patient, device)
    place(record, slot, group)
  }

  /// Ties an adopted alert to the condition behind it, if that is free; gives the owner.
  private func link(
    _ rule: AlertRule, _ subject: UInt32, to slot: UInt32, _ record: inout AlertRecord, _ person: PatientID, _ device: DeviceID
  ) -> AlertOwner {
    let patient = arena.patientIndex.find(UInt64(person.rawValue))
    switch rule {
    case .news2High, .news2Medium, .news2SingleThree:
      guard patient != 0, arena.patient(patient).pointee.newsAlert == 0 else { return .none }
      let state = arena.patient(patient)
      state.pointee.newsAlert = slot
      state.pointee.heardLow = rule == .news2SingleThree ? 3 : UInt8(clamping: record.ground(rule)?.value ?? 0)
      state.pointee.heardParameter = UInt8(clamping: subject)
      forgetResolution(patient)
      record.ownerSlot = patient
      record.missing = state.pointee.missing
      return .patientNEWS2
    case .planRed, .planYellow:
      guard patient != 0, let signal = UInt8(exactly: subject).flatMap(PlanSignal.init(rawValue:)) else { return .none }
      let state = arena.signal(patient, signal)
      guard state.pointee.alert == 0, state.pointee.hasLimits else { return .none }
      forgetResolved(signal, patient)
      state.pointee.alert = slot
      state.pointee.heard = Int16(clamping: record.ground(rule)?.value ?? 0)
      record.ownerSlot = patient
      record.condition = signal.rawValue
      return .patientSignal
    default:
      return person == .none && device == .none ? linkHub(rule, subject, to: slot, &record) : linkDevice(rule, to: slot, &record, device)
    }
  }

  private func forgetResolution(_ patient: UInt32) {
    arena.patient(patient).pointee.resolvedSeverity = .none
    arena.plan(patient).pointee.newsSpeaksAgain = 0
  }

  private func linkHub(_ rule: AlertRule, _ subject: UInt32, to slot: UInt32, _ record: inout AlertRecord) -> AlertOwner {
    let condition = HubCondition(rule: rule, holds: true, subject: subject)
    guard let place = findHubCondition(rule, subject) ?? takeHubCondition(condition) else { return .none }
    arena.hubCondition(place).pointee.holds = true
    arena.hubCondition(place).pointee.speaksAgain = 0
    arena.hubCondition(place).pointee.alert = slot
    record.ownerSlot = place
    return .hub
  }

  /// Technical conditions, and clinical ones that hold: of another exit nothing later must be taken for. A fall may have been a moment.
  private func linkDevice(_ rule: AlertRule, to slot: UInt32, _ record: inout AlertRecord, _ device: DeviceID) -> AlertOwner {
    let place = arena.deviceIndex.find(UInt64(device.rawValue))
    guard place != 0, rule.isTechnical || rule.episodeIndex != AlertRule.fall.episodeIndex else { return .none }
    for index in 0..<DeviceCondition.count {
      // A fieldless enum is one byte, 0…count − 1; see `DeviceCondition.index`.
      let condition = unsafeBitCast(UInt8(index), to: DeviceCondition.self)
      guard condition.rule.episodeIndex == rule.episodeIndex, arena.device(place).pointee.alerts[index] == 0 else { continue }
      guard rule.isTechnical || arena.device(place).pointee.holds(condition) else { continue }
      arena.device(place).pointee.alerts[index] = slot
      arena.device(place).pointee.again[index] = 0
      arena.device(place).pointee.holding |= condition.bit
      record.ownerSlot = place
      record.condition = UInt8(index)
      return .device
    }
    return .none
  }
}

extension AlertRecord {
  /// The numbers of a rule's reason.
  fileprivate func ground(_ rule: AlertRule) -> AlertGround? {
    if self.rule == rule { return first }
    return alsoRule == rule ? second : nil
  }
}
