// What comes after a link or an attempt, the waits between two of them, and how a session ends.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  // MARK: Between attempts

  /// Ends whatever there is: by a Disconnect when there is a link or an attempt, at once when there is none.
  mutating func leave(_ departure: Departure) {
    switch state {
    case .connecting(let attempt): callOff(attempt, departure)
    case .linked(let link, let phase): leave(link, phase, departure)
    case .waitingForSlot:
      actions.append(.releaseSlot)
      conclude(departure)
    case .idle, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: conclude(departure)
    }
  }

  mutating func conclude(_ departure: Departure) {
    if departure.removes { remove(departure.next) } else { enter(departure.next) }
  }

  mutating func remove(_ next: Next) {
    state = .removing(next, until: now.adding(Self.leaveTimeout))
    perform(.remove)
  }

  mutating func removed(_ next: Next) {
    // The object is gone, and with it what was known. Connecting needs it to be heard again.
    facts = SessionFacts()
    lastHeard = nil
    enter(next)
    // Only where nothing but the installer can bring the bond back.
    let needsBond = plan.security != .none && !(plan.staleBond == .renew && isRegistered)
    if mayPair, needsBond, case .idle(let notBefore, _) = state {
      state = .idle(notBefore: notBefore, rehearBy: now.adding(Self.rehearing))
    }
  }

  /// Takes up what comes after a connection or an attempt. The slot is free by now.
  mutating func enter(_ next: Next) {
    switch next {
    case .rest(let hasBrought):
      let holds = plan.stay == .session && plan.priority != .alarm
      barren = hasBrought ? 0 : min(barren + 1, Self.barrenMax)
      let holdOff = min(timings.holdOff * (1 << max(barren - 1, 0)), max(timings.holdOff, timings.holdOffMax))
      rest(notBefore: holds ? now.adding(holdOff) : now)
    case .eligible: rest(notBefore: now)
    case .failed(let known): failed(known)
    case .coolDown: coolDown()
    case .needsOperator(let reason):
      request = nil
      setProblem(reason)
      // A lost bond is a guess; a weak radio looks the same, and an alarm must not wait for the guess to be checked.
      let pause = plan.priority == .alarm ? timings.coolDownAlarm : Self.bondLostRetry
      let retryAt = reason == .bondLost ? now.adding(pause) : .never
      state = .needsOperator(reason, retryAt: retryAt)
    case .ended: state = .ended(owesRemoval: false)
    }
  }

  private mutating func rest(notBefore: MonotonicInstant) {
    rested = (now, notBefore)
    // While bluetoothd still calls it connected its word is not taken for a new link.
    state = .idle(notBefore: facts.isUp ? max(notBefore, now.adding(Self.signalGrace)) : notBefore)
    if hasRequest, wasHeardLately { start() }
  }

  mutating func idleFactsChanged(from old: SessionFacts, notBefore: MonotonicInstant, rehearBy: MonotonicInstant) {
    if old.isUp, !facts.isUp, rested.until < notBefore { return linkEndSignalled(rehearBy: rehearBy) }
    guard facts.isUp, isRegistered || hasRequest else { return }
    if !old.isUp || now >= notBefore { start() }
  }

  /// The end of the link became known before its signal, which is here now: nothing more to wait for.
  private mutating func linkEndSignalled(rehearBy: MonotonicInstant) {
    state = .idle(notBefore: rested.until, rehearBy: rehearBy)
    guard now >= rested.until, let lastHeard, lastHeard > rested.at, isRegistered || hasRequest else { return }
    start()
  }

  private mutating func failed(_ known: BluetoothProblem?) {
    setbacks.failures += 1
    if let known { setProblem(known) }
    guard setbacks.failures <= Self.backOff.count else {
      setProblem(known ?? .cannotConnect)
      return coolDown()
    }
    let until = now.adding(facts.isUp ? Self.signalGrace : backOffNow)
    state = .backingOff(until: until, awaitsLinkDown: facts.isUp)
  }

  var backOffNow: Duration { min(Self.backOff[min(max(setbacks.failures, 1), Self.backOff.count) - 1], timings.coolDown) }

  private mutating func coolDown() {
    setbacks.failures = 0
    let length = plan.priority == .alarm ? min(timings.coolDown, timings.coolDownAlarm) : timings.coolDown
    state = .coolingDown(until: now.adding(length))
  }

  // MARK: The stack

  mutating func stackGone() {
    isStackReady = false
    stackLost()
  }

  /// All descriptors and calls are void. What was wanted is still wanted.
  mutating func stackLost() {
    generation &+= 1
    giveBack()
    facts = SessionFacts()
    lastHeard = nil
    switch state {
    case .coolingDown, .needsOperator, .ended: break
    case .removing(.ended, _): state = .ended(owesRemoval: true)
    case .removing(let next, _): stackLost(before: next)
    case .disconnecting(let leaving):
      if leaving.departure.next == .ended {
        state = .ended(owesRemoval: leaving.departure.removes)
      } else {
        stackLost(before: leaving.departure.next)
      }
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff: state = .idle(notBefore: now)
    }
  }

  private mutating func stackLost(before next: Next) {
    switch next {
    case .needsOperator, .coolDown: enter(next)
    case .rest, .eligible, .failed, .ended: state = .idle(notBefore: now)
    }
  }

  mutating func stackReady() {
    isStackReady = true
    switch state {
    case .idle: if hasRequest { start() }
    case .ended(owesRemoval: true): if facts.exists { remove(.ended) }
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: break
    }
  }

  /// Gives the slot and the link back, where the state has them. The caller puts another state in its place.
  private mutating func giveBack() {
    switch state {
    case .waitingForSlot, .connecting: actions.append(.releaseSlot)
    case .linked, .disconnecting: closeLink(link)
    case .idle, .removing, .backingOff, .coolingDown, .needsOperator, .ended: break
    }
  }

  // MARK: The end

  mutating func end(removes: Bool) {
    request = nil
    switch state {
    case .ended(let owes):
      if removes, !owes { state = .ended(owesRemoval: !isStackReady) }
    case .disconnecting(var leaving):
      leaving.departure = Departure(next: .ended, removes: removes || leaving.departure.removes)
      state = .disconnecting(leaving)
    case .removing(_, let until): state = .removing(.ended, until: until)
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff, .coolingDown, .needsOperator:
      if removes, !isStackReady {
        giveBack()
        state = .ended(owesRemoval: true)
        return
      }
      let link = link
      let forgets = link.map(forgetsAfterLink) ?? false
      leave(Departure(next: .ended, removes: removes && (facts.exists || link != nil) || forgets))
    }
  }
}
