// What comes after a link or an attempt, the waits between two of them, and how a session ends.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  // MARK: Between attempts

  /// Ends whatever there is: by a Disconnect when there is a link or an attempt, at once when there is none.
  mutating func leave(_ departure: Departure) -> LeaveAction {
    switch state {
    case .connecting(let attempt): .disconnect(callOff(attempt, departure))
    case .linked(let link, let phase): .disconnect(leave(link, phase, departure))
    case .waitingForSlot: .ended(EndAction(givesBack: .slot, onward: conclude(departure)))
    case .idle, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended:
      .ended(EndAction(onward: conclude(departure)))
    }
  }

  mutating func conclude(_ departure: Departure) -> OnwardAction {
    departure.removes ? remove(departure.next) : enter(departure.next)
  }

  mutating func remove(_ next: Next) -> OnwardAction {
    state = .removing(next, until: now.adding(Self.leaveTimeout))
    return OnwardAction(then: .remove)
  }

  mutating func removed(_ next: Next) -> OnwardAction {
    // The object is gone, and with it what was known. Connecting needs it to be heard again.
    facts = SessionFacts()
    lastHeard = nil
    let onward = enter(next)
    // Only where nothing but the installer can bring the bond back.
    let needsBond = plan.security != .none && !(plan.staleBond == .renew && isRegistered)
    if mayPair, needsBond, case .idle(let notBefore, _) = state {
      state = .idle(notBefore: max(notBefore, now.adding(Self.oldReports)), rehearBy: now.adding(Self.rehearing))
    }
    return onward
  }

  /// Takes up what comes after a connection or an attempt. The slot is free by now.
  mutating func enter(_ next: Next) -> OnwardAction {
    switch next {
    case .rest(let hasBrought):
      let holds = plan.stay == .session && plan.priority != .alarm
      barren = hasBrought ? 0 : min(barren + 1, Self.barrenMax)
      let holdOff = min(timings.holdOff * (1 << max(barren - 1, 0)), max(timings.holdOff, timings.holdOffMax))
      return OnwardAction(rest(notBefore: holds ? now.adding(holdOff) : now))
    case .eligible: return OnwardAction(rest(notBefore: now))
    case .failed(let known): return OnwardAction(problem: failed(known))
    case .coolDown:
      coolDown()
      return OnwardAction()
    case .needsOperator(let reason): return OnwardAction(problem: needOperator(reason))
    case .ended:
      state = .ended(owesRemoval: false)
      return OnwardAction()
    }
  }

  private mutating func needOperator(_ reason: BluetoothProblem) -> ProblemChange? {
    request = nil
    // A lost bond is a guess; a weak radio looks the same, and an alarm must not wait for the guess to be checked.
    let pause = plan.priority == .alarm ? timings.coolDownAlarm : Self.bondLostRetry
    let retryAt = reason == .bondLost ? now.adding(pause) : .never
    state = .needsOperator(reason, retryAt: retryAt)
    return setProblem(reason)
  }

  private mutating func rest(notBefore: MonotonicInstant) -> StartAction {
    rested = (now, notBefore)
    // bluetoothd may call the device connected for a moment longer: that is not taken for a new link.
    state = .idle(notBefore: facts.isUp ? max(notBefore, now.adding(Self.signalGrace)) : notBefore)
    return hasRequest && wasHeardLately ? start() : .nothing
  }

  mutating func idleFactsChanged(
    from old: SessionFacts, notBefore: MonotonicInstant, rehearBy: MonotonicInstant
  ) -> StartAction {
    if old.isUp, !facts.isUp, rested.until < notBefore { return linkEndSignalled(rehearBy: rehearBy) }
    guard facts.isUp, isRegistered || hasRequest, !old.isUp || now >= notBefore else { return .nothing }
    return start()
  }

  /// The end of the link became known before its signal, which is here now: nothing more to wait for.
  private mutating func linkEndSignalled(rehearBy: MonotonicInstant) -> StartAction {
    state = .idle(notBefore: rested.until, rehearBy: rehearBy)
    guard now >= rested.until, let lastHeard, lastHeard > rested.at, isRegistered || hasRequest else { return .nothing }
    return start()
  }

  private mutating func failed(_ known: BluetoothProblem?) -> ProblemChange? {
    setbacks.failures += 1
    guard setbacks.failures <= Self.backOff.count else {
      coolDown()
      return setProblem(known ?? .cannotConnect)
    }
    let until = now.adding(facts.isUp ? Self.signalGrace : backOffNow)
    state = .backingOff(until: until, awaitsLinkDown: facts.isUp)
    return known.flatMap { setProblem($0) }
  }

  var backOffNow: Duration { min(Self.backOff[min(max(setbacks.failures, 1), Self.backOff.count) - 1], timings.coolDown) }

  private mutating func coolDown() {
    setbacks.failures = 0
    let length = plan.priority == .alarm ? min(timings.coolDown, timings.coolDownAlarm) : timings.coolDown
    state = .coolingDown(until: now.adding(length))
  }

  // MARK: The stack

  /// bluetoothd vanished, or the adapter went off. All descriptors and pending calls are void.
  mutating func stackGone(at instant: MonotonicInstant) -> StackLostAction {
    advance(to: instant)
    isStackReady = false
    return stackLost()
  }

  /// What was wanted is still wanted.
  mutating func stackLost() -> StackLostAction {
    generation &+= 1
    facts = SessionFacts()
    lastHeard = nil
    var lost = StackLostAction(givesBack: holding)
    switch state {
    case .coolingDown, .needsOperator, .ended: break
    case .removing(.ended, _): state = .ended(owesRemoval: true)
    case .removing(let next, _): lost.problem = stackLost(before: next)
    case .disconnecting(let leaving):
      if leaving.departure.next == .ended {
        state = .ended(owesRemoval: leaving.departure.removes)
      } else {
        lost.problem = stackLost(before: leaving.departure.next)
      }
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff: state = .idle(notBefore: now)
    }
    return lost
  }

  private mutating func stackLost(before next: Next) -> ProblemChange? {
    switch next {
    case .needsOperator(let reason): return needOperator(reason)
    case .coolDown: coolDown()
    case .rest, .eligible, .failed, .ended: state = .idle(notBefore: now)
    }
    return nil
  }

  mutating func stackReady(at instant: MonotonicInstant) -> OnwardAction.Then {
    advance(to: instant)
    isStackReady = true
    switch state {
    case .idle: return hasRequest ? OnwardAction(start()).then : .nothing
    case .ended(owesRemoval: true): return facts.exists ? remove(.ended).then : .nothing
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended:
      return .nothing
    }
  }

  // MARK: The end

  /// The device is no longer ours: everything ends, and bluetoothd forgets the device.
  mutating func forget(at instant: MonotonicInstant) -> LeaveAction {
    advance(to: instant)
    return end(removes: true)
  }

  /// The hub is ending: the session leaves quietly and keeps the bond.
  mutating func stop(at instant: MonotonicInstant) -> LeaveAction {
    advance(to: instant)
    return end(removes: false)
  }

  private mutating func end(removes: Bool) -> LeaveAction {
    request = nil
    switch state {
    case .ended(let owes):
      if removes, !owes { state = .ended(owesRemoval: !isStackReady) }
      return .nothing
    case .disconnecting(var leaving):
      leaving.departure = Departure(next: .ended, removes: removes || leaving.departure.removes)
      state = .disconnecting(leaving)
      return .nothing
    case .removing(_, let until):
      state = .removing(.ended, until: until)
      return .nothing
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff, .coolingDown, .needsOperator:
      if removes, !isStackReady {
        let end = EndAction(givesBack: holding)
        state = .ended(owesRemoval: true)
        return .ended(end)
      }
      let link = link
      let forgets = link.map(forgetsAfterLink) ?? false
      return leave(Departure(next: .ended, removes: removes && (facts.exists || link != nil) || forgets))
    }
  }
}
