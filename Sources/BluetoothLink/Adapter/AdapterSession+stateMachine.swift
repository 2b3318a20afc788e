// From a bluetoothd that appears to an adapter that is powered, and back. Scanning itself stands in `+scan.swift`.

import BlueZ
import DeviceProfile
import VitalSigns

extension AdapterSession {
  // Each event may come in any state. Its method takes the time, and its answer is to be carried out before the next event.

  // MARK: Events

  /// bluetoothd is there, or not.
  mutating func serviceChanged(isPresent: Bool, at instant: MonotonicInstant) -> ServiceAction {
    advance(to: instant)
    let wasReady = isReady
    switch state {
    case .stopping, .stopped:
      if isPresent { giveUpStopping() } else { state = .stopped }
      return .nothing
    case .absent, .loading, .noAdapter, .poweringOn, .on, .powerCycling: break
    }
    facts = nil
    stall.silence = .zero
    guard isPresent else {
      state = .absent
      return .absent(endsReadiness: wasReady, setProblem(.noService))
    }
    state = .loading(.objects, failures: 0, .calling(until: answeredBy))
    return .load(endsReadiness: wasReady, endProblem(.noService))
  }

  /// BlueZ says something of the adapter. Nil: bluetoothd has no adapter of the wanted name.
  mutating func factsChanged(to new: AdapterFacts?, at instant: MonotonicInstant) -> FactsAction {
    advance(to: instant)
    let old = facts
    facts = new
    var action = FactsAction()
    switch state {
    case .absent, .loading, .stopping, .stopped: break
    case .noAdapter: action.found = adapterLookedFor()
    case .poweringOn, .on, .powerCycling:
      if let new, old == nil || new.path == old?.path {
        action = powerChanged(new)
      } else {
        // Gone, or another one: whatever was asked of the old one is void, and so are the sessions' links.
        action.endsReadiness = isReady
        action.found = adapterLookedFor()
      }
    }
    action.due = due()
    return action
  }

  /// A call was replied to. The failure is nil when it succeeded.
  mutating func replied(_ operation: AdapterOperation, _ failure: BluezFailure?, at instant: MonotonicInstant) -> RepliedAction {
    advance(to: instant)
    let reply = pending?.operation == operation ? replied(failure) : ReplyAction()
    return RepliedAction(reply: reply, due: due())
  }

  /// Any advertisement of anybody.
  mutating func heard(at instant: MonotonicInstant) -> HeardAction {
    advance(to: instant)
    let change = heardAnybody()
    return HeardAction(problem: change, due: due())
  }

  /// How much the loop wants to hear. `uuids` in BlueZ's form, sorted; empty: everything.
  mutating func needChanged(to new: DiscoveryNeed, uuids wanted: [String], at instant: MonotonicInstant) -> DueAction {
    advance(to: instant)
    need = new
    uuids = wanted
    return due()
  }

  /// A connection attempt is under way, or none is. Scanning pauses for it when nothing but `cycle` is needed.
  mutating func connectingChanged(to isUnderWay: Bool, at instant: MonotonicInstant) -> DueAction {
    advance(to: instant)
    if isUnderWay, !isConnecting { connectBegan() }
    isConnecting = isUnderWay
    return due()
  }

  /// A session found bluetoothd stuck.
  mutating func resetWanted(beside links: Links, at instant: MonotonicInstant) -> DueAction {
    advance(to: instant)
    self.links = links
    owesReset = true
    return due()
  }

  /// `deadline` has come.
  mutating func deadlineCame(at instant: MonotonicInstant) -> DueAction {
    advance(to: instant)
    return due()
  }

  /// The hub is ending.
  mutating func stop(at instant: MonotonicInstant) -> StopAction {
    advance(to: instant)
    switch state {
    case .stopping, .stopped:
      giveUpStopping()
      return StopAction()
    case .on(let radio) where radio.scan != nil:
      state = .stopping(until: answeredBy)
      return StopAction(endsReadiness: true, stopsScan: true)
    case .absent, .loading, .noAdapter, .poweringOn, .on, .powerCycling:
      let wasReady = isReady
      state = .stopped
      return StopAction(endsReadiness: wasReady)
    }
  }

  // MARK: Common

  /// Time does not go back, whatever an event says.
  private mutating func advance(to instant: MonotonicInstant) { now = max(now, instant) }

  /// By then the reply of a call that is made now is here, or bluetoothd is stuck.
  var answeredBy: MonotonicInstant { now.adding(Self.operationTimeout) }

  /// Nil when it is the problem already.
  mutating func setProblem(_ new: AdapterProblem?) -> ProblemChange? {
    guard problem != new else { return nil }
    problem = new
    return ProblemChange(problem: new)
  }

  /// Nil when the problem is another one, or none.
  mutating func endProblem(_ old: AdapterProblem) -> ProblemChange? { problem == old ? setProblem(nil) : nil }

  private mutating func giveUpStopping() {
    if case .stopping(let until) = state, now >= until { state = .stopped }
  }

  // MARK: Power

  private mutating func adapterLookedFor() -> FoundAction {
    guard let facts else {
      state = .noAdapter
      return FoundAction(problem: setProblem(.noAdapter))
    }
    let change = endProblem(.noAdapter)
    guard facts.isPowered else {
      powerOn(failures: 0)
      return FoundAction(problem: change, then: .powerOn)
    }
    var found = poweredOn()
    if let change { found.problem = change }
    return found
  }

  /// Powered=true is asked for.
  private mutating func powerOn(failures: Int) {
    state = .poweringOn(failures: failures, .calling(until: answeredBy))
  }

  private mutating func poweredOn(failures: Int = 0) -> FoundAction {
    let isSeen = facts?.isPowered == true
    stall.silence = .zero
    state = .on(Radio(power: isSeen ? .seen : .awaited(since: now, failures: failures)))
    return FoundAction(problem: isSeen ? endProblem(.cannotPowerOn) : nil, then: .ready)
  }

  private mutating func powerChanged(_ new: AdapterFacts) -> FactsAction {
    var action = FactsAction()
    switch state {
    case .poweringOn(_, .pausing):
      // Somebody else has switched it on meanwhile.
      if new.isPowered { action.found = poweredOn() }
    case .on(var radio):
      if new.isPowered {
        radio.power = .seen
        action.found.problem = endProblem(.cannotPowerOn)
      } else if radio.power == .seen {
        // Somebody else switched it off.
        action.endsReadiness = true
        state = .poweringOn(failures: 0, .pausing(until: now.adding(Self.powerReturn)))
        return action
      }
      discoveringChanged(new.isDiscovering, &radio)
      state = .on(radio)
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopping, .stopped: break
    }
    return action
  }

  private mutating func powerRefused(failures: Int) -> ProblemChange? {
    let count = failures + 1
    state = .poweringOn(failures: count, .pausing(until: now.adding(Self.doubled(count))))
    return count >= Self.powerFailuresUntilProblem ? setProblem(.cannotPowerOn) : nil
  }

  /// 1 s, 2 s, 4 s … 60 s.
  private static func doubled(_ failures: Int) -> Duration {
    min(.seconds(1 << min(max(failures - 1, 0), 6)), powerBackOffMax)
  }

  /// Off and on: the remedy for controllers and daemons that have stopped listening.
  mutating func powerCycle() -> DueAction.Then {
    powerCycles &+= 1
    lastReset = now
    owesReset = false
    state = .powerCycling(.calling(until: answeredBy))
    return .powerCycle
  }

  // MARK: Replies

  /// The pending call was replied to.
  private mutating func replied(_ failure: BluezFailure?) -> ReplyAction {
    switch state {
    case .loading(let step, let failures, .calling): return loaded(step, failures, failure)
    case .poweringOn(let failures, .calling):
      if failure == nil || facts?.isPowered == true { return ReplyAction(then: .found(poweredOn(failures: failures))) }
      return ReplyAction(problem: powerRefused(failures: failures))
    case .powerCycling(.calling): state = .powerCycling(.pausing(until: now.adding(Self.cyclePause)))
    case .on(var radio):
      guard let call = radio.call else { break }
      radio.call = nil
      let change = scanReplied(call.operation, failure, &radio)
      state = .on(radio)
      return ReplyAction(problem: change)
    case .stopping: state = .stopped
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopped: break
    }
    return ReplyAction()
  }

  private mutating func loaded(_ step: Loading, _ failures: Int, _ failure: BluezFailure?) -> ReplyAction {
    // "Already exists" is the answer to an agent that is registered.
    if let failure, failure != .alreadyPaired {
      state = .loading(step, failures: failures + 1, .pausing(until: now.adding(Self.doubled(failures + 1))))
      return ReplyAction(problem: setProblem(.noAnswer))
    }
    let change = endProblem(.noAnswer)
    switch step {
    case .objects:
      state = .loading(.agent, failures: 0, .calling(until: answeredBy))
      return ReplyAction(problem: change, then: .registerAgent)
    case .agent: return ReplyAction(problem: change, then: .found(adapterLookedFor()))
    }
  }

  // MARK: Time

  /// Does what is due by now; last comes the call that brings the scan to what is wanted.
  private mutating func due() -> DueAction {
    var action = DueAction()
    if let pending, now >= pending.until { action.missed = replied(.noReply) }
    switch state {
    case .loading(let step, let failures, .pausing(let until)):
      guard now >= until else { break }
      state = .loading(step, failures: failures, .calling(until: answeredBy))
      action.then = .call(step.operation)
    case .poweringOn(let failures, .pausing(let until)):
      guard now >= until else { break }
      powerOn(failures: failures)
      action.then = .call(.setPowered(true))
    case .powerCycling(.pausing(let until)):
      guard now >= until else { break }
      powerOn(failures: 0)
      action.then = .call(.setPowered(true))
    case .on(let radio):
      if case .awaited(let since, let failures) = radio.power, now >= since.adding(Self.powerGrace) {
        action.problem = powerRefused(failures: failures)
        action.then = .endReadiness
      } else if owesReset, links != .alarm, now >= resetAllowedAt {
        action.then = powerCycle()
      } else {
        (action.problem, action.then) = scanTimePassed(radio)
      }
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopping, .stopped: break
    }
    if let operation = takeScanCall() { action.then = .call(operation) }
    return action
  }
}
