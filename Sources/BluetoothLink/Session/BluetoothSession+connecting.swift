// From being heard to a link: who may start, the place in the queue, Connect and the ways in which it fails.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  // MARK: Starting

  /// The device was heard: an advertisement, or a new signal strength.
  mutating func heard(at instant: MonotonicInstant) -> StartAction {
    advance(to: instant)
    let hasSlept = lastAdvertised.map { now >= $0.adding(Self.asleep) } ?? true
    lastHeard = now
    lastAdvertised = now
    switch state {
    case .idle(let notBefore, _):
      if hasSlept { barren = 0 }
      let isHoldingOff = notBefore == rested.until && now >= rested.at.adding(timings.holdOff)
      // A candidate that nobody asked for is never connected for being near.
      guard now >= notBefore || hasSlept && isHoldingOff, isRegistered || hasRequest else { return .nothing }
      return start()
    case .needsOperator(_, let retryAt): return now >= retryAt && isRegistered ? start() : .nothing
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .backingOff, .coolingDown, .ended: return .nothing
    }
  }

  /// Somebody asked for a connection, and not too long ago.
  var hasRequest: Bool { request.map { now < $0.since.adding(Self.requestLifetime) } ?? false }

  /// An operator allowed pairing for this session.
  var mayPair: Bool { hasRequest && request?.mayPair == true }

  var wasHeardLately: Bool { lastHeard.map { now < $0.adding(Self.heardWindow) } ?? false }

  /// Connect as soon as possible, not only when heard. `mayPair`: under operator control, for this session.
  mutating func connectNow(mayPair: Bool, at instant: MonotonicInstant) -> OnwardAction {
    advance(to: instant)
    if isEnded { return OnwardAction() }
    request = Request(mayPair: mayPair, since: now)
    let rehearBy: MonotonicInstant
    switch state {
    case .idle(_, let until): rehearBy = until
    case .backingOff, .coolingDown, .needsOperator: rehearBy = .never
    case .linked(_, .quiet(.never)):
      // It is connected and stays so.
      request = nil
      return OnwardAction()
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .ended: return OnwardAction()
    }
    // A person who waits starts from the beginning, whatever went wrong before.
    setbacks.failures = 0
    setbacks.pairingFailures = 0
    let isBondLost = problem == .bondLost
    // Whatever goes wrong from now on is to be told again.
    let change = mayPair ? setProblem(nil) : nil
    if mayPair, isBondLost, facts.isPaired, isStackReady {
      // It is known that the old bond is worth nothing.
      lastRenewal = now
      var onward = remove(.eligible)
      onward.problem = change
      return onward
    }
    // While bluetoothd is away the request waits for it.
    if mayPair { state = .idle(notBefore: now, rehearBy: rehearBy) }
    return OnwardAction(start(), problem: change)
  }

  /// Joins the queue, from any state without a slot.
  mutating func start() -> StartAction {
    guard isStackReady else { return .nothing }
    state = .waitingForSlot
    return .requestSlot
  }

  mutating func slotGranted(at instant: MonotonicInstant) -> SlotGrantedAction {
    advance(to: instant)
    guard case .waitingForSlot = state else { return .nothing }
    if facts.isUp {
      // The link outlived the program that made it, or the device made it itself.
      generation &+= 1
      return .linkUp(linkUp())
    }
    guard wasHeardLately || hasRequest else {
      // It has gone while it waited: an attempt would cost the others 20 s.
      state = .idle(notBefore: now)
      return .releaseSlot
    }
    generation &+= 1
    state = .connecting(Attempt(until: now.adding(timings.connect)))
    return .connect
  }

  /// A device of higher priority needs the connection. Nil: there is none, or it is kept a little longer.
  mutating func slotWithdrawn(at instant: MonotonicInstant) -> DisconnectAction? {
    advance(to: instant)
    switch state {
    case .connecting(let attempt): return callOff(attempt, Departure(next: .eligible))
    case .linked(var link, let phase):
      switch phase {
      case .pairing, .trusting: grantGrace(&link, phase)
      case .running(_, .records(let access)) where access.isSettling: grantGrace(&link, phase)
      case .resolving, .running, .quiet: return leave(link, phase, Departure(next: link.yielding))
      }
    case .idle, .waitingForSlot, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: break
    }
    return nil
  }

  /// The link is kept a little longer: half a bond helps nobody, and records that are on disk should leave the device.
  private mutating func grantGrace(_ link: inout Link, _ phase: Phase) {
    if link.leaveBy == .never { link.leaveBy = now.adding(Self.withdrawGrace) }
    state = .linked(link, phase)
  }

  // MARK: Connecting

  mutating func connectReplied(_ attempt: Attempt, _ failure: BluezFailure?) -> ConnectRepliedAction {
    switch failure {
    case nil, .alreadyConnected, .alreadyPaired: return .linkUp(linkUp())
    case .inProgress: return connectInProgress(attempt)
    case .connectionAborted: return .failed(connectAborted(attempt))
    case .notReady, .doesNotExist:
      // The adapter is going off, or the object went with a scan's end: nobody's failure. Being heard starts anew.
      lastHeard = nil
      state = .idle(notBefore: now.adding(.milliseconds(500)))
      return .failed(AttemptFailedAction(then: .ended(EndAction(givesBack: .slot))))
    case .authenticationFailed, .authenticationRejected, .authenticationCanceled, .authenticationTimeout, .insufficientSecurity:
      return .failed(attemptFailed(attempt, facts.isPaired ? departWithLostBond() : Parting(next: .failed(nil))))
    case .noReply:
      // What became of the attempt is unknown, so it is called off.
      return .failed(AttemptFailedAction(then: .disconnect(callOff(awaiting: nil, Departure(next: .failed(nil))))))
    case .notConnected, .notSupported, .notPermitted, .stackGone, .other:
      return .failed(attemptFailed(attempt, Parting(next: .failed(nil))))
    }
  }

  /// A refused key looks like weak radio here. The abort is taken for a refused key only where a new bond is allowed anyway.
  private mutating func connectAborted(_ attempt: Attempt) -> AttemptFailedAction {
    let mayRenew = mayPair || plan.staleBond == .renew
    if mayRenew, facts.isPaired, plan.security != .none, attempt.sawConnected { setbacks.earlyDrops += 1 }
    let isBondLost = mayRenew && facts.isPaired && setbacks.earlyDrops >= Self.earlyDropsMax
    return attemptFailed(attempt, isBondLost ? departWithLostBond() : Parting(next: .failed(nil)))
  }

  private mutating func connectInProgress(_ attempt: Attempt) -> ConnectRepliedAction {
    setbacks.inProgressInARow += 1
    if setbacks.inProgressInARow == 2 {
      // Waiting did not help: bluetoothd holds the attempt of a program that is gone.
      if !facts.isPaired || plan.staleBond == .renew {
        return .failed(attemptFailed(attempt, Parting(next: .eligible, removes: true)))
      }
      var failed = attemptFailed(attempt, Parting(next: .coolDown, problem: setProblem(.stuck)))
      failed.resetsAdapter = true
      return .failed(failed)
    }
    var attempt = attempt
    attempt.awaits = .elsewhere
    state = .connecting(attempt)
    return facts.isUp ? .linkUp(linkUp()) : .nothing
  }

  /// Connect was answered by a failure.
  private mutating func attemptFailed(_ attempt: Attempt, _ parting: Parting) -> AttemptFailedAction {
    switch attempt.awaits {
    case .reply, .elsewhere:
      let end = EndAction(givesBack: .slot, onward: conclude(parting.departure))
      return AttemptFailedAction(problem: parting.problem, then: .ended(end))
    // The link is up all the same.
    case .services:
      return AttemptFailedAction(problem: parting.problem, then: .disconnect(callOff(awaiting: nil, parting.departure)))
    }
  }

  mutating func attemptFactsChanged(_ attempt: Attempt) -> FactsAction {
    var attempt = attempt
    if facts.isConnected { attempt.sawConnected = true }
    state = .connecting(attempt)
    return attempt.awaits == .elsewhere && facts.isUp ? .linkUp(linkUp()) : .nothing
  }

  mutating func attemptDeadlineCame(_ attempt: Attempt) -> DeadlineAction {
    guard facts.isUp, attempt.awaits == .reply else { return .disconnect(callOff(attempt, Departure(next: .failed(nil)))) }
    // Connected, and only the services take their time.
    var attempt = attempt
    attempt.awaits = .services
    attempt.until = now.adding(Self.resolveTimeout)
    state = .connecting(attempt)
    return .nothing
  }

  mutating func callOff(_ attempt: Attempt, _ departure: Departure) -> DisconnectAction {
    callOff(awaiting: attempt.awaited, departure)
  }

  private mutating func callOff(awaiting operation: SessionOperation?, _ departure: Departure) -> DisconnectAction {
    state = .disconnecting(Disconnecting(departure: departure, awaited: operation, until: now.adding(Self.leaveTimeout)))
    return DisconnectAction()
  }
}
