// From a bluetoothd that appears to an adapter that is powered, and back. Scanning itself stands in `+scan.swift`.

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
      if pending == operation {
        pending = nil
        replied(operation, failure)
      }
    case .heard: heard()
    case .need(let new, let wanted):
      need = new
      uuids = wanted
    case .connecting(let isUnderWay):
      if isUnderWay, !isConnecting { connectBegan() }
      isConnecting = isUnderWay
    case .resetWanted(let isSafe):
      mayPowerCycle = isSafe
      owesReset = true
    case .stop: stop()
    case .deadline: break
    }
    timePassed()
    pumpScan()
    return actions
  }

  mutating func perform(_ operation: AdapterOperation) {
    pending = operation
    pendingUntil = now.later(by: Self.operationTimeout)
    actions.append(.perform(operation))
  }

  mutating func setProblem(_ new: AdapterProblem?) {
    guard problem != new else { return }
    problem = new
    actions.append(.report(new))
  }

  /// Every change of state goes through here, so that `ready` is said exactly when it changes.
  mutating func enter(_ new: State) {
    let was = isReady
    state = new
    if isReady != was { actions.append(.ready(isReady)) }
  }

  private var isStopped: Bool { if case .stopped = state { true } else { false } }

  // MARK: bluetoothd

  private mutating func service(isPresent: Bool) {
    if isStopped {
      if !isPresent { state = .stopped(isDone: true) }
      return
    }
    pending = nil
    facts = nil
    silence = .zero
    if isPresent {
      enter(.loading(.objects, failures: 0, until: nil))
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
    case .absent, .loading, .stopped: break
    case .noAdapter: adapterLookedFor()
    case .poweringOn, .on, .powerCycling:
      guard let new, old == nil || new.path == old?.path else {
        // Gone, or another one: whatever was asked of the old one is void, and so are the sessions' links.
        pending = nil
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
    enter(.poweringOn(failures: failures, until: nil))
    perform(.setPowered(true))
  }

  private mutating func poweredOn(failures: Int = 0) {
    let isSeen = facts?.isPowered == true
    if isSeen, problem == .cannotPowerOn { setProblem(nil) }
    if isReady { return }
    silence = .zero
    enter(.on(Radio(since: now, sawPowered: isSeen, powerFailures: failures)))
  }

  private mutating func powerChanged(_ new: AdapterFacts) {
    switch state {
    case .poweringOn(_, until: _?):
      // It waits before trying again, and somebody else has done it.
      if new.isPowered { poweredOn() }
    case .on(var radio):
      if new.isPowered {
        radio.sawPowered = true
        if problem == .cannotPowerOn { setProblem(nil) }
      } else if radio.sawPowered {
        // Somebody else switched it off.
        pending = nil
        return enter(.poweringOn(failures: 0, until: now.later(by: Self.powerReturn)))
      }
      discoveringChanged(new.isDiscovering, &radio)
      state = .on(radio)
    default: break
    }
  }

  private mutating func powerRefused(failures: Int) {
    let count = failures + 1
    if count >= Self.powerFailuresUntilProblem { setProblem(.cannotPowerOn) }
    enter(.poweringOn(failures: count, until: now.later(by: Self.doubled(count))))
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
    pending = nil
    enter(.powerCycling(until: nil))
    perform(.setPowered(false))
  }

  // MARK: Replies

  private mutating func replied(_ operation: AdapterOperation, _ failure: BluezFailure?) {
    switch state {
    case .loading(let step, let failures, until: nil): loaded(step, failures, failure)
    case .poweringOn(let failures, until: nil):
      if failure == nil || facts?.isPowered == true { poweredOn(failures: failures) } else { powerRefused(failures: failures) }
    case .powerCycling(until: nil): state = .powerCycling(until: now.later(by: Self.cyclePause))
    case .on: scanReplied(operation, failure)
    case .stopped: state = .stopped(isDone: true)
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling: break
    }
  }

  private mutating func loaded(_ step: Loading, _ failures: Int, _ failure: BluezFailure?) {
    // "Already exists" is the answer to an agent that is registered.
    if let failure, failure != .alreadyPaired {
      setProblem(.noAnswer)
      state = .loading(step, failures: failures + 1, until: now.later(by: Self.doubled(failures + 1)))
      return
    }
    if problem == .noAnswer { setProblem(nil) }
    switch step {
    case .objects:
      state = .loading(.agent, failures: 0, until: nil)
      perform(.registerAgent)
    case .agent: adapterLookedFor()
    }
  }

  // MARK: Time

  private mutating func timePassed() {
    if let operation = pending, now >= pendingUntil {
      pending = nil
      replied(operation, .noReply)
    }
    switch state {
    case .loading(let step, let failures, let until?):
      guard now >= until else { return }
      state = .loading(step, failures: failures, until: nil)
      perform(step == .objects ? .loadObjects : .registerAgent)
    case .poweringOn(let failures, let until?):
      if now >= until { powerOn(failures: failures) }
    case .powerCycling(let until?):
      if now >= until { powerOn(failures: 0) }
    case .on(let radio):
      if !radio.sawPowered, now >= radio.since.later(by: Self.powerGrace) {
        pending = nil
        return powerRefused(failures: radio.powerFailures)
      }
      if owesReset, mayPowerCycle, now >= resetAllowedAt { return powerCycle() }
      scanTimePassed()
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopped: break
    }
  }

  private mutating func stop() {
    if isStopped { return }
    let wasScanning = isScanning
    pending = nil
    enter(.stopped(isDone: !wasScanning))
    if wasScanning { perform(.stopDiscovery) }
  }
}
