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
  /// The most that `value` may be; less than `value`: it is the value itself.
  var upper: Int32 = .min
  /// Which inputs of the score are missing, for NEWS2.
  var missing: UInt8 = 0
  /// A second rule that the same measurement broke, and whose it is; `.none`: there is no second.
  var also = AlertGround(rule: .sos, value: 0, limit: 0, upper: 0, subject: 0)
  var alsoOwner: AlertOwner = .none
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

  @_noLocks mutating func take(_ ground: AlertGround) {
    value = ground.value
    limit = ground.limit
    upper = ground.upper
    subject = ground.subject
  }
}

extension RealtimeCore {
  /// Opens an alert or a suspicion and gives its slot. 0 when there is no room for it: then it has been told all the same, at once,
  /// with the remark `noRoom`; a person can acknowledge and resolve it, but nothing will escalate it.
  @_noLocks func open(_ opening: AlertOpening, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) -> UInt32 {
    let id = nextID(opening)
    let isSuspicion = opening.delaySeconds != 0
    let latches = !opening.rule.isTechnical
    let group = groupKey(opening.rule, opening.person.rawValue, opening.device.rawValue)
    let slot = takeRoom(for: opening, group)
    let lifecycle =
      isSuspicion && slot != 0
      ? AlertLifecycle(
        suspectedUntil: instant.adding(seconds: opening.delaySeconds), at: instant, priority: opening.priority, latches: latches)
      : AlertLifecycle(raisedAt: instant, priority: opening.priority, latches: latches, policy: configuration.escalation)
    var record = AlertRecord(id: id, firstCause: lastSequence, raisedAt: instant, lifecycle: lifecycle, opening)
    if opening.alsoOwner.index != AlertOwner.none.index {
      record.second = opening.also
      record.alsoOwner = opening.alsoOwner
    }
    if slot == 0 {
      record.lifecycle.abandon()
      tell(record, .raised, from: .suspected, actor: .hub, at: instant, &outcomes)
      emit(.remark(.noRoom), patient: opening.person, device: opening.device, at: instant, &outcomes)
      roomIsMissing(for: opening.rule, at: instant, &outcomes)
      return 0
    }
    let kind: AlertTransitionKind = record.lifecycle.state == .suspected ? .suspected : .raised
    tell(record, kind, from: .suspected, actor: .hub, at: instant, &outcomes)
    record.revision = 1
    place(record, slot, group)
    if case .hub = record.owner { arena.hubCondition(record.ownerSlot).pointee.alert = slot }
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
      place.pointee.revision &+= 1
      if !record.lifecycle.state.isOpen { close(slot, at: instant) }
      tell(record, kind, from: from, actor: actor, at: instant, &outcomes)
      if kind == .raised { checkReceivers(record.rule, at: instant, &outcomes) }
      if case .hub = record.owner, kind == .retriggered { hubAlertTold(record.ownerSlot, at: instant) }
      return true
    }
  }

  /// A person's action, or a receipt.
  @_noLocks func obey(_ command: AlertCommand, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.alertIndex.find(command.alert.low)
    var isAllowed = false
    if slot != 0 {
      if arena.alert(slot).pointee.id.high == command.alert.high {
        entry.patient = PatientID(rawValue: arena.alert(slot).pointee.patient)
        entry.device = DeviceID(rawValue: arena.alert(slot).pointee.device)
        isAllowed = apply(.action(command.action), to: slot, actor: command.actor, at: entry.instant, &outcomes)
      }
    } else if let standing = command.standing, !wasClosed(command.alert) {
      isAllowed = obeyUntracked(command, standing, entry, &outcomes)
    }
    if !isAllowed {
      arena.header.pointee.refused &+= 1
      remark(.refused, entry, &outcomes)
    }
  }

  /// An action on an alert that there was no room to follow: what the journal knows of it comes with the command.
  @_noLocks private func obeyUntracked(
    _ command: AlertCommand, _ standing: AlertStanding, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    var lifecycle = AlertLifecycle(standing)
    guard standing.state.isOpen,
      case .transition(let kind, let from) = lifecycle.event(
        .action(command.action), at: entry.instant, policy: configuration.escalation)
    else { return false }
    lifecycle.abandon()
    var opening = AlertOpening(standing.rule, patient: 0, person: entry.patient)
    opening.device = entry.device
    opening.value = standing.value
    opening.limit = standing.limit
    opening.upper = standing.upper
    opening.subject = standing.subject
    var record = AlertRecord(
      id: command.alert, firstCause: standing.firstCause, raisedAt: standing.raisedAt, lifecycle: lifecycle, opening)
    record.revision = standing.revision &+ 1
    tell(record, kind, from: from, actor: command.actor, at: entry.instant, &outcomes)
    if !lifecycle.state.isOpen {
      noteClosed(command.alert)
      untrackedClosed(at: entry.instant, &outcomes)
    }
    return true
  }

  @_noLocks func tell(
    _ record: AlertRecord, _ kind: AlertTransitionKind, from: AlertState, actor: ActorID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    var also: AlertReason?
    if let rule = record.alsoRule {
      also = AlertReason(
        rule: rule, value: record.alsoValue, limit: record.alsoLimit, upper: record.alsoUpper, subject: record.alsoSubject)
    }
    let transition = AlertTransition(
      id: record.id, rule: record.rule, priority: record.lifecycle.priority, state: record.lifecycle.state, previous: from,
      kind: kind, level: record.lifecycle.level, deadline: record.lifecycle.deadline, firstCause: record.firstCause,
      raisedAt: record.raisedAt, value: record.value, limit: record.limit, subject: record.subject, actor: actor,
      revision: record.revision, upper: record.upper, also: also)
    emit(
      .alert(transition), patient: PatientID(rawValue: record.patient), device: DeviceID(rawValue: record.device),
      at: instant, &outcomes)
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

  /// Frees the place and tells the owners of its reasons, who decide by it when the alert may rise again.
  @_noLocks func close(_ slot: UInt32, at instant: MonotonicInstant) {
    let record = arena.alert(slot).pointee
    let isResolved = record.lifecycle.state == .resolved
    settle(record, owner: record.owner, isResolved, at: instant)
    if record.alsoRule != nil { settle(record, owner: record.alsoOwner, isResolved, at: instant) }
    remove(slot)
    noteClosed(record.id)
  }

  @_noLocks private func settle(_ record: AlertRecord, owner: AlertOwner, _ isResolved: Bool, at instant: MonotonicInstant) {
    switch owner {
    case .none: break
    case .patientNEWS2:
      arena.patient(record.ownerSlot).pointee.newsAlert = 0
      if isResolved { resolvedScore(record.ownerSlot, at: instant) }
    case .patientSignal:
      guard let planSignal = PlanSignal(rawValue: record.condition) else { break }
      arena.signal(record.ownerSlot, planSignal).pointee.alert = 0
      if isResolved { resolvedSignal(planSignal, record.ownerSlot, at: instant) }
    case .device:
      conditionAlertClosed(Int(record.condition), record.ownerSlot, isResolved: isResolved, at: instant)
    case .hub: hubAlertClosed(record.ownerSlot, at: instant)
    }
  }

  /// The owner leaves, the alert stays until a person resolves it.
  @_noLocks func orphan(_ slot: UInt32) {
    guard slot != 0 else { return }
    arena.alert(slot).pointee.owner = .none
    arena.alert(slot).pointee.alsoOwner = .none
  }
}
