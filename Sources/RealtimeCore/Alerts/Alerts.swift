// Open alerts: how a rule opens one, how an event moves it on, and how its end reaches the condition behind it. The state machine
// itself is AlertLifecycle.swift; this file keeps its place in the arena, its timer and its outcomes.

import VitalSigns

/// Opens, moves on and closes alerts. Realtime-safe.
struct Alerts {
  let arena: CoreArena
  private var room: AlertRoom { @_noLocks get { AlertRoom(arena: arena) } }
  private var hub: HubRule { @_noLocks get { HubRule(arena: arena) } }
  private var resolved: ResolvedConditions { @_noLocks get { ResolvedConditions(arena: arena) } }
  private var closed: ClosedConditions { @_noLocks get { ClosedConditions(arena: arena) } }
  private var hubConditions: HubConditionTable { @_noLocks get { HubConditionTable(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Opens an alert or a suspicion and gives its slot. None when there is no room for it: then it has been told all the same, at once,
  /// with the remark `noRoom`; a person can acknowledge and resolve it, but nothing will escalate it.
  @_noLocks func open(_ opening: AlertOpening, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) -> AlertSlot {
    let (id, episode) = makeID(opening)
    let isSuspicion = opening.delaySeconds != 0
    let latches = !opening.rule.isTechnical
    let group = AlertGroup(opening.rule, person: opening.person, device: opening.device)
    let slot = room.takeRoom(for: opening, group)
    let lifecycle =
      isSuspicion && slot != .none
      ? AlertLifecycle(
        suspectedUntil: instant.adding(seconds: opening.delaySeconds), at: instant, priority: opening.priority, latches: latches)
      : AlertLifecycle(raisedAt: instant, priority: opening.priority, latches: latches, policy: arena.configuration.escalation)
    var record = OpenAlert(id: id, firstCause: arena.header.pointee.lastSequence, raisedAt: instant, lifecycle: lifecycle, opening)
    if opening.alsoOwner.index != AlertOwner.none.index {
      record.second = opening.also
      record.alsoOwner = opening.alsoOwner
    }
    if slot == .none {
      record.lifecycle.abandon()
      announce(record, .raised, from: .suspected, actor: .hub, episode, at: instant, &outcomes)
      arena.emit(.remark(.noRoom), patient: opening.person, device: opening.device, at: instant, &outcomes)
      hub.countUntracked(for: opening.rule, at: instant, &outcomes)
      return .none
    }
    let kind: AlertTransitionKind = record.lifecycle.state == .suspected ? .suspected : .raised
    announce(record, kind, from: .suspected, actor: .hub, episode, at: instant, &outcomes)
    record.revision = 1
    room.placeRecord(record, slot, group)
    if case .hub = record.owner { arena.hubCondition(record.ownerSlot.place).pointee.alert = slot }
    if kind == .raised { hub.checkReceivers(record.rule, at: instant, &outcomes) }
    return slot
  }

  /// Takes an event to the alert's state machine, and does what it says. False when the event was an action that the state refuses.
  @_noLocks @discardableResult func apply(
    _ event: AlertLifecycle.Event, to slot: AlertSlot, actor: ActorID = .hub, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    let place = arena.alert(slot)
    let action = place.pointee.lifecycle.event(event, at: instant, policy: arena.configuration.escalation)
    arena.heap.set(arena.timers.alert(slot), place.pointee.lifecycle.deadline)
    switch action {
    case .none: return true
    case .refuse: return false
    case .transition(let kind, let from):
      if kind == .raised { place.pointee.raisedAt = instant }
      let record = place.pointee
      place.pointee.revision &+= 1
      if !record.lifecycle.state.isOpen { close(slot, at: instant) }
      announce(record, kind, from: from, actor: actor, at: instant, &outcomes)
      if kind == .raised { hub.checkReceivers(record.rule, at: instant, &outcomes) }
      if case .hub = record.owner, kind == .retriggered {
        hub.postponeHubRepeat(record.ownerSlot.place, from: event.missedUntil ?? instant)
      }
      return true
    }
  }

  @_noLocks func announce(
    _ record: OpenAlert, _ kind: AlertTransitionKind, from: AlertState, actor: ActorID, _ episode: AlertEpisode? = nil,
    at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
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
      revision: record.revision, upper: record.upper, also: also, episode: episode)
    arena.emit(
      .alert(transition), patient: record.person, device: record.device,
      at: instant, &outcomes)
  }

  /// An id that was never given, and the counter behind it, which stands one higher now. A call has the counter of its button, whosever that
  /// is: calls that were told and never stored may come again in another order, and two buttons of one person must not swap their ids.
  @_noLocks private func makeID(_ opening: AlertOpening) -> (AlertID, AlertEpisode) {
    let index = opening.rule.episodeIndex
    let holder: AlertHolder
    let number: UInt32
    let episode: UInt32
    var counter = AlertEpisode(.hub, number: 0, counter: UInt8(truncatingIfNeeded: index), next: 0)
    let isDevices = opening.deviceSlot != .none && (opening.patient == .none || opening.rule.isCallForHelp)
    // A button that was handed on calls for somebody else.
    let subject = isDevices && opening.patient != .none ? opening.person.rawValue : opening.subject
    if opening.patient != .none, !isDevices {
      let plan = arena.plan(opening.patient)
      (holder, number, episode) = (.patient, opening.person.rawValue, plan.pointee.episodes[index])
      plan.pointee.episodes[index] &+= 1
      (counter.holder, counter.number) = (.patient, number)
    } else if isDevices {
      let device = arena.device(opening.deviceSlot)
      (holder, number, episode) = (.device, opening.device.rawValue, device.pointee.episodes)
      device.pointee.episodes &+= 1
      (counter.holder, counter.number, counter.counter) = (.device, number, 0)
    } else {
      let header = arena.header
      (holder, number) = opening.device == .none ? (.hub, 0) : (.stranger, opening.device.rawValue)
      episode = header.pointee.episodes[index]
      header.pointee.episodes[index] &+= 1
    }
    counter.next = episode &+ 1
    let id = AlertID(
      salt: AlertID.salt(arena.configuration.hubSalt, epoch: arena.header.pointee.idEpoch), holder: holder, number: number,
      rule: opening.rule, subject: subject, episode: episode)
    return (id, counter)
  }

  /// Notes the end at the conditions behind the alert, which decides when they may rise again, and frees its place.
  @_noLocks func close(_ slot: AlertSlot, at instant: MonotonicInstant) {
    let record = arena.alert(slot).pointee
    let isResolved = record.lifecycle.state == .resolved
    notifyOwner(record, owner: record.owner, isResolved, at: instant)
    if record.alsoRule != nil { notifyOwner(record, owner: record.alsoOwner, isResolved, at: instant) }
    room.removeRecord(slot)
    room.noteClosed(record.id)
  }

  @_noLocks private func notifyOwner(_ record: OpenAlert, owner: AlertOwner, _ isResolved: Bool, at instant: MonotonicInstant) {
    switch owner {
    case .none: break
    case .patientNEWS2:
      arena.patient(record.ownerSlot.patient).pointee.newsAlert = .none
      if isResolved { resolved.rememberResolvedScore(record.ownerSlot.patient, at: instant) }
    case .patientSignal:
      guard let planSignal = PlanSignal(rawValue: record.condition) else { break }
      arena.signal(record.ownerSlot.patient, planSignal).pointee.alert = .none
      if isResolved { resolved.rememberResolvedSignal(planSignal, record.ownerSlot.patient, at: instant) }
    case .device:
      closed.noteConditionAlertClosed(Int(record.condition), record.ownerSlot.device, isResolved: isResolved, at: instant)
    case .hub: hubConditions.noteHubAlertClosed(record.ownerSlot.place, at: instant)
    }
  }

  /// The condition lets go of its alert, which stays until a person resolves it. Does nothing for no slot.
  @_noLocks func detachOwner(_ slot: AlertSlot) {
    guard slot != .none else { return }
    arena.alert(slot).pointee.owner = .none
    arena.alert(slot).pointee.alsoOwner = .none
  }

  /// Ends an alert if nobody has been told of it yet. Does nothing for no slot.
  @_noLocks func endSuspicion(_ slot: AlertSlot, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard slot != .none, arena.alert(slot).pointee.lifecycle.state == .suspected else { return }
    apply(.conditionEnded, to: slot, at: instant, &outcomes)
  }
}
