// Open alerts: how a rule opens one, how events move it on, and how its end reaches the condition behind it. The state
// machine itself is AlertLifecycle.swift; this is its shell inside the core: arena, timer, outcomes.

import VitalSigns

/// What a rule knows when it opens an alert.
struct AlertOpening {
  var rule: AlertRule
  var priority: AlertPriority
  /// Whose alert: a registered person's slot and number, or 0 and `.none`.
  var patient: UInt32
  var person: PatientID
  /// Slot of the device when it is registered; it gives the id when there is no person.
  var deviceSlot: UInt32 = 0
  var device: DeviceID = .none
  var subject: UInt32 = 0
  var value: Int32 = 0
  var limit: Int32 = 0
  /// How long the condition must last first; 0: the alert rises at once.
  var delaySeconds: UInt32 = 0
  var owner: AlertOwner = .none
  var ownerSlot: UInt32 = 0
  var condition: UInt8 = 0

  @_noLocks init(_ rule: AlertRule, patient: UInt32, person: PatientID) {
    self.rule = rule
    self.priority = rule.priority
    self.patient = patient
    self.person = person
  }
}

extension RealtimeCore {
  /// Opens an alert or a suspicion and gives its slot. 0 when the arena is full: then it has been told all the same, at once, with
  /// the remark `noRoom`, but nothing will escalate it.
  @_noLocks func open(_ opening: AlertOpening, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) -> UInt32 {
    let id = nextID(opening)
    let isSuspicion = opening.delaySeconds != 0
    let latches = !opening.rule.isTechnical
    let slot = takeRoom(for: opening.priority)
    let lifecycle =
      isSuspicion && slot != 0
      ? AlertLifecycle(
        suspectedUntil: instant.adding(seconds: opening.delaySeconds), at: instant, priority: opening.priority, latches: latches)
      : AlertLifecycle(raisedAt: instant, priority: opening.priority, latches: latches, policy: configuration.escalation)
    var record = AlertRecord(id: id, firstCause: lastSequence, raisedAt: instant, lifecycle: lifecycle, opening)
    if slot == 0 {
      record.lifecycle.abandon()
      tell(record, .raised, from: .suspected, actor: .hub, at: instant, &outcomes)
      emit(.remark(.noRoom), patient: opening.person, device: opening.device, at: instant, &outcomes)
      return 0
    }
    arena.alert(slot).pointee = record
    arena.alertIndex.insert(id.low, slot: slot)
    arena.heap.set(arena.timers.alert(slot), record.lifecycle.deadline)
    if case .hub = record.owner { linkHubAlert(slot) }
    let kind: AlertTransitionKind = record.lifecycle.state == .suspected ? .suspected : .raised
    tell(record, kind, from: .suspected, actor: .hub, at: instant, &outcomes)
    if kind == .raised { checkReceivers(record.rule, at: instant, &outcomes) }
    return slot
  }

  /// Moves an alert on. False when the event was an action that its state refuses.
  @_noLocks @discardableResult func apply(
    _ event: AlertLifecycle.Event, to slot: UInt32, actor: ActorID = .hub, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    let place = arena.alert(slot)
    let action = place.pointee.lifecycle.event(event, at: instant, policy: configuration.escalation)
    arena.heap.set(arena.timers.alert(slot), place.pointee.lifecycle.deadline)
    switch action {
    case .none: return true
    case .refuse: return false
    case .transition(let kind, let from):
      if kind == .raised { place.pointee.raisedAt = instant }
      let record = place.pointee
      if !record.lifecycle.state.isOpen { close(slot) }
      tell(record, kind, from: from, actor: actor, at: instant, &outcomes)
      if kind == .raised { checkReceivers(record.rule, at: instant, &outcomes) }
      return true
    }
  }

  /// A person's action, or a receipt.
  @_noLocks func obey(_ command: AlertCommand, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.alertIndex.find(command.alert.low)
    var isAllowed = false
    if slot != 0, arena.alert(slot).pointee.id.high == command.alert.high {
      entry.patient = PatientID(rawValue: arena.alert(slot).pointee.patient)
      entry.device = DeviceID(rawValue: arena.alert(slot).pointee.device)
      isAllowed = apply(.action(command.action), to: slot, actor: command.actor, at: entry.instant, &outcomes)
    }
    if !isAllowed {
      arena.header.pointee.refused &+= 1
      remark(.refused, entry, &outcomes)
    }
  }

  @_noLocks func tell(
    _ record: AlertRecord, _ kind: AlertTransitionKind, from: AlertState, actor: ActorID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    let transition = AlertTransition(
      id: record.id, rule: record.rule, priority: record.lifecycle.priority, state: record.lifecycle.state, previous: from,
      kind: kind, level: record.lifecycle.level, deadline: record.lifecycle.deadline, firstCause: record.firstCause,
      raisedAt: record.raisedAt, value: record.value, limit: record.limit, subject: record.subject, actor: actor)
    emit(
      .alert(transition), patient: PatientID(rawValue: record.patient), device: DeviceID(rawValue: record.device),
      at: instant, &outcomes)
  }

  /// The last eighth of the arena is for what is urgent.
  @_noLocks private func takeRoom(for priority: AlertPriority) -> UInt32 {
    let reserve = priority == .high ? 0 : arena.timers.alertsMax / 8
    guard arena.header.pointee.alerts.count < arena.timers.alertsMax - reserve else { return 0 }
    return arena.takeAlert()
  }

  @_noLocks private func nextID(_ opening: AlertOpening) -> AlertID {
    let index = opening.rule.episodeIndex
    let holder: AlertHolder
    let number: UInt32
    let episode: UInt32
    if opening.patient != 0 {
      let plan = arena.plan(opening.patient)
      (holder, number, episode) = (.patient, opening.person.rawValue, plan.pointee.episodes[index])
      plan.pointee.episodes[index] &+= 1
    } else if opening.deviceSlot != 0 {
      let device = arena.device(opening.deviceSlot)
      (holder, number, episode) = (.device, opening.device.rawValue, device.pointee.episodes)
      device.pointee.episodes &+= 1
    } else {
      let header = arena.header
      (holder, number) = opening.device == .none ? (.hub, 0) : (.stranger, opening.device.rawValue)
      episode = header.pointee.episodes[index]
      header.pointee.episodes[index] &+= 1
    }
    return AlertID(
      salt: configuration.hubSalt, holder: holder, number: number, rule: opening.rule, subject: opening.subject,
      episode: episode)
  }

  /// Frees the place and tells the condition's owner, who decides by it when the alert may rise again.
  @_noLocks private func close(_ slot: UInt32) {
    let record = arena.alert(slot).pointee
    let isResolved = record.lifecycle.state == .resolved
    switch record.owner {
    case .none: break
    case .patientNEWS2:
      let state = arena.patient(record.ownerSlot)
      state.pointee.newsAlert = 0
      if isResolved {
        state.pointee.resolvedSeverity = state.pointee.newsSeverity
        state.pointee.resolvedLow = state.pointee.low
      }
    case .patientSignal:
      guard let planSignal = PlanSignal(rawValue: record.condition) else { break }
      let signal = arena.signal(record.ownerSlot, planSignal)
      signal.pointee.alert = 0
      if isResolved { signal.pointee.resolvedColour = signal.pointee.colour }
    case .device:
      conditionAlertClosed(Int(record.condition), record.ownerSlot, isResolved: isResolved, at: arena.header.pointee.now)
    case .hub: unlinkHubAlert(slot)
    }
    arena.alertIndex.remove(record.id.low)
    arena.heap.set(arena.timers.alert(slot), .never)
    arena.releaseAlert(slot)
  }

  /// The owner leaves, the alert stays until a person resolves it.
  @_noLocks func orphan(_ slot: UInt32) {
    if slot != 0 { arena.alert(slot).pointee.owner = .none }
  }
}
