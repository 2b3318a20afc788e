// From a bluetoothd that appears to an adapter that is powered, and back. Scanning itself stands in `+scan.swift`.

import BlueZ
import DeviceProfile
import VitalSigns

extension AdapterSession {
  /// Moves the adapter. Total: any input may come in any state. Actions are to be performed in their order.
  mutating func handle(_ input: AdapterInput, at instant: MonotonicInstant) -> [AdapterAction] {
    now = max(now, instant)
    actions.removeAll(keepingCapacity: true)
    switch input {
    case .service(let isPresent): service(isPresent: isPresent)
    case .facts(let new): factsChanged(to: new)
    case .replied(let operation, let failure):
      if pending?.operation == operation { replied(failure) }
    case .heard: heard()
    case .need(let new, let wanted):
      need = new
      uuids = wanted
    case .connecting(let isUnderWay):
      if isUnderWay, !isConnecting { connectBegan() }
      isConnecting = isUnderWay
    case .resetWanted(let beside):
      links = beside
      owesReset = true
    case .stop: stop()
    case .deadline: break
    }
    timePassed()
    pumpScan()
    return actions
  }

  /// By then the reply of a call that is made now is here, or bluetoothd is stuck.
  var answeredBy: MonotonicInstant { now.adding(Self.operationTimeout) }

  mutating func perform(_ operation: AdapterOperation) { actions.append(.perform(operation)) }

  mutating func setProblem(_ new: AdapterProblem?) {
    guard problem != new else { return }
    problem = new
    actions.append(.report(new))
  }

  /// A change of state that may begin or end readiness goes through here, so that `ready` is said exactly when it changes.
  mutating func enter(_ new: State) {
    let was = isReady
    state = new
    if isReady != was { actions.append(.ready(isReady)) }
  }

  // MARK: bluetoothd

  private mutating func service(isPresent: Bool) {
    switch state {
    case .stopping, .stopped:
      if !isPresent { state = .stopped }
      return
    case .absent, .loading, .noAdapter, .poweringOn, .on, .powerCycling: break
    }
    facts = nil
    stall.silence = .zero
    if isPresent {
      enter(.loading(.objects, failures: 0, .calling(until: answeredBy)))
      if problem == .noService { setProblem(nil) }
      perform(.loadObjects)
    } else {
      enter(.absent)
      setProblem(.noService)
    }
  }

  private mutating func factsChanged(to new: AdapterFacts?) {
    let old = facts
    facts = new
    switch state {
    case .absent, .loading, .stopping, .stopped: break
    case .noAdapter: adapterLookedFor()
    case .poweringOn, .on, .powerCycling:
      guard let new, old == nil || new.path == old?.path else {
        // Gone, or another one: whatever was asked of the old one is void, and so are the sessions' links.
        enter(.noAdapter)
        return adapterLookedFor()
      }
      powerChanged(new)
    }
  }

  private mutating func adapterLookedFor() {
    guard let facts else {
      enter(.noAdapter)
      setProblem(.noAdapter)
      return
    }
    if problem == .noAdapter { setProblem(nil) }
    if facts.isPowered { return poweredOn() }
    powerOn(failures: 0)
  }

  // MARK: Power

  private mutating func powerOn(failures: Int) {
    enter(.poweringOn(failures: failures, .calling(until: answeredBy)))
    perform(.setPowered(true))
  }

  private mutating func poweredOn(failures: Int = 0) {
    let isSeen = facts?.isPowered == true
    if isSeen, problem == .cannotPowerOn { setProblem(nil) }
    stall.silence = .zero
    enter(.on(Radio(power: isSeen ? .seen : .awaited(since: now, failures: failures))))
  }

  private mutating func powerChanged(_ new: AdapterFacts) {
    switch state {
    case .poweringOn(_, .pausing):
      // Somebody else has switched it on meanwhile.
      if new.isPowered { poweredOn() }
    case .on(var radio):
      if new.isPowered {
        radio.power = .seen
        if problem == .cannotPowerOn { setProblem(nil) }
      } else if radio.power == .seen {
        // Somebody else switched it off.
        return enter(.poweringOn(failures: 0, .pausing(until: now.adding(Self.powerReturn))))
      }
      discoveringChanged(new.isDiscovering, &radio)
      state = .on(radio)
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopping, .stopped: break
    }
  }

  private mutating func powerRefused(failures: Int) {
    let count = failures + 1
    if count >= Self.powerFailuresUntilProblem { setProblem(.cannotPowerOn) }
    enter(.poweringOn(failures: count, .pausing(until: now.adding(Self.doubled(count)))))
  }

  /// 1 s, 2 s, 4 s … 60 s.
  private static func doubled(_ failures: Int) -> Duration {
    min(.seconds(1 << min(max(failures - 1, 0), 6)), powerBackOffMax)
  }

  /// Off and on: the remedy for controllers and daemons that have stopped listening.
  mutating func powerCycle() {
    powerCycles &+= 1
    lastReset = now
    owesReset = false
    enter(.powerCycling(.calling(until: answeredBy)))
    perform(.setPowered(false))
  }

  // MARK: Replies

  /// The pending call was replied to.
  private mutating func replied(_ failure: BluezFailure?) {
    switch state {
    case .loading(let step, let failures, .calling): loaded(step, failures, failure)
    case .poweringOn(let failures, .calling):
      if failure == nil || facts?.isPowered == true { poweredOn(failures: failures) } else { powerRefused(failures: failures) }
    case .powerCycling(.calling): state = .powerCycling(.pausing(until: now.adding(Self.cyclePause)))
    case .on(var radio):
      guard let call = radio.call else { return }
      radio.call = nil
      scanReplied(call.operation, failure, &radio)
      state = .on(radio)
    case .stopping: state = .stopped
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopped: break
    }
  }

  private mutating func loaded(_ step: Loading, _ failures: Int, _ failure: BluezFailure?) {
    // "Already exists" is the answer to an agent that is registered.
    if let failure, failure != .alreadyPaired {
      setProblem(.noAnswer)
      state = .loading(step, failures: failures + 1, .pausing(until: now.adding(Self.doubled(failures + 1))))
      return
    }
    if problem == .noAnswer { setProblem(nil) }
    switch step {
    case .objects: load(.agent, failures: 0)
    case .agent: adapterLookedFor()
    }
  }

  private mutating func load(_ step: Loading, failures: Int) {
    state = .loading(step, failures: failures, .calling(until: answeredBy))
    perform(step.operation)
  }

  // MARK: Time

  private mutating func timePassed() {
    if let pending, now >= pending.until { replied(.noReply) }
    switch state {
    case .loading(let step, let failures, .pausing(let until)):
      if now >= until { load(step, failures: failures) }
    case .poweringOn(let failures, .pausing(let until)):
      if now >= until { powerOn(failures: failures) }
    case .powerCycling(.pausing(let until)):
      if now >= until { powerOn(failures: 0) }
    case .on(let radio):
      if case .awaited(let since, let failures) = radio.power, now >= since.adding(Self.powerGrace) {
        return powerRefused(failures: failures)
      }
      if owesReset, links != .alarm, now >= resetAllowedAt { return powerCycle() }
      scanTimePassed(radio)
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopping, .stopped: break
    }
  }

  private mutating func stop() {
    switch state {
    case .stopping, .stopped: break
    case .on(let radio) where radio.scan != nil:
      enter(.stopping(until: answeredBy))
      perform(.stopDiscovery)
    case .absent, .loading, .noAdapter, .poweringOn, .on, .powerCycling: enter(.stopped)
    }
  }
}
