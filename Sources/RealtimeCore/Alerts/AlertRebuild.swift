// When a replay is not exact (no snapshot can be read and entries have been purged, another version decided, or the outcomes are others
// than those that were told): people, plans, devices and values come from what can be replayed, the alerts from the journal itself. Counters of ids start above everything ever
// given. Called at start only, before the core takes its first entry.

import VitalSigns

/// Takes over the journal's open alerts in place of those that a replay raised.
struct AlertRebuild {
  let arena: CoreArena
  private var room: AlertRoom { @_noLocks get { AlertRoom(arena: arena) } }
  private var hubConditions: HubConditionTable { @_noLocks get { HubConditionTable(arena: arena) } }
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }
  private var closed: ClosedConditions { @_noLocks get { ClosedConditions(arena: arena) } }

  /// Sets every counter of alert ids: of the people and devices that are here, and of those that will come.
  private func setCounters(to floor: UInt32) {
    let header = arena.header
    header.pointee.episodesFloor = floor
    for rule in 0..<48 { header.pointee.episodes[rule] = floor }
    for number in 1..<(header.pointee.patients.highWater + 1) {
      let slot = PatientSlot(number: number)
      if arena.patient(slot).pointee.id == 0 { continue }
      for rule in 0..<48 { arena.plan(slot).pointee.episodes[rule] = floor }
    }
    for number in 1..<(header.pointee.devices.highWater + 1) {
      let slot = DeviceSlot(number: number)
      if arena.device(slot).pointee.id != 0 { arena.device(slot).pointee.episodes = floor }
    }
  }

  /// See `RealtimeCore.forgetAlerts`.
  func forgetAlerts(episodesFloor: UInt32) {
    for number in 1..<(arena.header.pointee.alerts.highWater + 1) {
      let slot = AlertSlot(number: number)
      if arena.alert(slot).pointee.id == .none { continue }
      let record = arena.alert(slot).pointee
      forget(record, record.owner)
      if record.alsoRule != nil { forget(record, record.alsoOwner) }
      room.removeRecord(slot)
    }
    arena.header.pointee.untracked = 0
    if let place = hubConditions.findHubCondition(.alertRoomFull, 0) {
      arena.hubCondition(place).pointee.holds = false
      hubConditions.noteHubAlertClosed(place, at: arena.header.pointee.now)
    }
    setCounters(to: episodesFloor)
  }

  private func forget(_ record: OpenAlert, _ owner: AlertOwner) {
    switch owner {
    case .none: break
    case .patientNEWS2: resolved.rememberResolvedScore(record.ownerSlot.patient, at: arena.header.pointee.now)
    case .patientSignal:
      guard let signal = PlanSignal(rawValue: record.condition) else { break }
      resolved.rememberResolvedSignal(signal, record.ownerSlot.patient, at: arena.header.pointee.now)
    case .device:
      closed.noteConditionAlertClosed(Int(record.condition), record.ownerSlot.device, isResolved: true, at: arena.header.pointee.now)
    case .hub: hubConditions.noteHubAlertClosed(record.ownerSlot.place, at: arena.header.pointee.now)
    }
  }

  /// See `RealtimeCore.adopt`.
  func adopt(_ transition: AlertTransition, patient: PatientID, device: DeviceID) {
    guard transition.state.isOpen, arena.slot(of: transition.id) == .none else { return }
    var opening = AlertOpening(transition.rule, patient: .none, person: patient)
    opening.device = device
    opening.priority = transition.priority
    opening.value = transition.value
    opening.limit = transition.limit
    opening.upper = transition.upper
    opening.subject = transition.subject
    let group = AlertGroup(transition.rule, person: patient, device: device)
    let slot = room.takeRoom(for: opening, group)
    guard slot != .none else {
      arena.header.pointee.untracked += 1
      return
    }
    let lifecycle = AlertLifecycle(
      transition, latches: !transition.rule.isTechnical, at: arena.header.pointee.now,
      arena.configuration.escalation)
    var record = OpenAlert(
      id: transition.id, firstCause: transition.firstCause, raisedAt: transition.raisedAt, lifecycle: lifecycle, opening)
    record.revision = transition.revision &+ 1
    if let also = transition.also {
      record.second = AlertGround(rule: also.rule, value: also.value, limit: also.limit, upper: also.upper, subject: also.subject)
      record.alsoOwner = link(also.rule, also.subject, to: slot, &record, patient, device)
    }
    record.owner = link(transition.rule, transition.subject, to: slot, &record, patient, device)
    room.placeRecord(record, slot, group)
  }

  /// Ties an adopted alert to the condition behind it, if that is free; gives the owner.
  private func link(
    _ rule: AlertRule, _ subject: UInt32, to slot: AlertSlot, _ record: inout OpenAlert, _ person: PatientID, _ device: DeviceID
  ) -> AlertOwner {
    let patient = arena.slot(of: person)
    switch rule {
    case .news2High, .news2Medium, .news2SingleThree:
      guard patient != .none, arena.patient(patient).pointee.newsAlert == .none else { return .none }
      let state = arena.patient(patient)
      state.pointee.newsAlert = slot
      state.pointee.heardLow = rule == .news2SingleThree ? 3 : UInt8(clamping: record.ground(rule)?.value ?? 0)
      state.pointee.heardParameter = UInt8(clamping: subject)
      resolved.clearResolvedScore(patient)
      record.ownerSlot = OwnerSlot(patient)
      record.missing = state.pointee.missing
      return .patientNEWS2
    case .planRed, .planYellow:
      guard patient != .none, let signal = UInt8(exactly: subject).flatMap(PlanSignal.init(rawValue:)) else { return .none }
      let state = arena.signal(patient, signal)
      guard state.pointee.alert == .none, state.pointee.hasLimits else { return .none }
      resolved.forgetResolvedSignal(signal, patient)
      state.pointee.alert = slot
      state.pointee.heard = Int16(clamping: record.ground(rule)?.value ?? 0)
      record.ownerSlot = OwnerSlot(patient)
      record.condition = signal.rawValue
      return .patientSignal
    default:
      return person == .none && device == .none ? linkHub(rule, subject, to: slot, &record) : linkDevice(rule, to: slot, &record, device)
    }
  }

  private func linkHub(_ rule: AlertRule, _ subject: UInt32, to slot: AlertSlot, _ record: inout OpenAlert) -> AlertOwner {
    let condition = HubCondition(rule: rule, holds: true, subject: subject)
    guard let place = hubConditions.findHubCondition(rule, subject) ?? hubConditions.takeHubCondition(condition) else { return .none }
    arena.hubCondition(place).pointee.holds = true
    arena.hubCondition(place).pointee.speaksAgain = 0
    arena.hubCondition(place).pointee.alert = slot
    record.ownerSlot = OwnerSlot(place)
    return .hub
  }

  /// Ties it to a technical condition, or to a clinical one that holds: the next exit from a fence must be an alert of its own. A fall
  /// is never tied, because it may have been a momentary one.
  private func linkDevice(_ rule: AlertRule, to slot: AlertSlot, _ record: inout OpenAlert, _ device: DeviceID) -> AlertOwner {
    let place = arena.slot(of: device)
    guard place != .none, rule.isTechnical || rule.episodeIndex != AlertRule.fall.episodeIndex else { return .none }
    for index in 0..<DeviceCondition.count {
      // A fieldless enum is one byte, 0…count − 1; see `DeviceCondition.index`.
      let condition = unsafeBitCast(UInt8(index), to: DeviceCondition.self)
      guard condition.rule.episodeIndex == rule.episodeIndex, arena.device(place).pointee.alerts[index] == .none else { continue }
      guard rule.isTechnical || arena.device(place).pointee.holds(condition) else { continue }
      arena.device(place).pointee.alerts[index] = slot
      arena.device(place).pointee.again[index] = 0
      arena.device(place).pointee.holding |= condition.bit
      record.ownerSlot = OwnerSlot(place)
      record.condition = UInt8(index)
      return .device
    }
    return .none
  }
}

extension OpenAlert {
  /// The numbers of a rule's reason.
  fileprivate func ground(_ rule: AlertRule) -> AlertGround? {
    if self.rule == rule { return first }
    return alsoRule == rule ? second : nil
  }
}
