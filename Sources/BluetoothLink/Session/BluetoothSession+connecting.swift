// From being heard to a link: who may start, the place in the queue, Connect and the ways in which it fails.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  // MARK: Starting

  mutating func heard() {
    let hasSlept = lastAdvertised.map { now >= $0.adding(Self.asleep) } ?? true
    lastHeard = now
    lastAdvertised = now
    switch state {
    case .idle(let notBefore, _):
      if hasSlept { barren = 0 }
      // A candidate that nobody asked for is never connected for being near.
      let isHoldingOff = notBefore == rested.until && now >= rested.at.adding(timings.holdOff)
      if now >= notBefore || hasSlept && isHoldingOff, isRegistered || hasRequest { start() }
    case .needsOperator(_, let retryAt):
      if now >= retryAt, isRegistered { start() }
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .backingOff, .coolingDown, .ended: break
    }
  }

  /// Somebody asked for a connection, and not too long ago.
  var hasRequest: Bool { request.map { now < $0.since.adding(Self.requestLifetime) } ?? false }

  /// An operator allowed pairing for this session.
  var mayPair: Bool { hasRequest && request?.mayPair == true }

  var wasHeardLately: Bool { lastHeard.map { now < $0.adding(Self.heardWindow) } ?? false }

  mutating func connectNow(mayPair: Bool) {
    if isEnded { return }
    request = Request(mayPair: mayPair, since: now)
    let rehearBy: MonotonicInstant
    switch state {
    case .idle(_, let until): rehearBy = until
    case .backingOff, .coolingDown, .needsOperator: rehearBy = .never
    case .linked(_, .quiet(.never)):
      // It is connected and stays so.
      request = nil
      return
    case .waitingForSlot, .connecting, .linked, .disconnecting, .removing, .ended: return
    }
    // A person who waits starts from the beginning, whatever went wrong before.
    setbacks.failures = 0
    setbacks.pairingFailures = 0
    let isBondLost = problem == .bondLost
    // Whatever goes wrong from now on is to be told again.
    if mayPair { setProblem(nil) }
    if mayPair, isBondLost, facts.isPaired, isStackReady {
      // It is known that the old bond is worth nothing.
      lastRenewal = now
      return remove(.eligible)
    }
    // While bluetoothd is away the request waits for it.
    if mayPair { state = .idle(notBefore: now, rehearBy: rehearBy) }
    start()
  }

  /// Joins the queue, from any state without a slot.
  mutating func start() {
    guard isStackReady else { return }
    state = .waitingForSlot
    actions.append(.requestSlot)
  }

  mutating func slotGranted() {
    guard case .waitingForSlot = state else { return }
    if facts.isUp {
      // A link that outlived its program, or that the device made itself.
      generation &+= 1
      linkUp()
      return
    }
    guard wasHeardLately || hasRequest else {
      // It has gone while it waited: an attempt would cost the others 20 s.
      actions.append(.releaseSlot)
      state = .idle(notBefore: now)
      return
    }
    generation &+= 1
    state = .connecting(Attempt(until: now.adding(timings.connect)))
    perform(.connect)
  }

  mutating func slotWithdrawn() {
    switch state {
    case .connecting(let attempt): callOff(attempt, Departure(next: .eligible))
    case .linked(var link, let phase):
      switch phase {
      case .pairing, .trusting: grantGrace(&link, phase)
      case .running(_, .records(let access)) where access.isSettling: grantGrace(&link, phase)
      case .resolving, .running, .quiet: leave(link, phase, Departure(next: link.yielding))
      }
    case .idle, .waitingForSlot, .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: break
    }
  }

  /// Half a bond helps nobody, and records that are on disk should leave the device.
  private mutating func grantGrace(_ link: inout Link, _ phase: Phase) {
    if link.leaveBy == .never { link.leaveBy = now.adding(Self.withdrawGrace) }
    state = .linked(link, phase)
  }

  // MARK: Connecting

  mutating func connectReplied(_ attempt: Attempt, _ failure: BluezFailure?) {
    switch failure {
    case nil, .alreadyConnected, .alreadyPaired: linkUp()
    case .inProgress: connectInProgress(attempt)
    case .connectionAborted: connectAborted(attempt)
    case .notReady, .doesNotExist:
      // The adapter is going off, or the object went with a scan's end: nobody's failure. Being heard starts anew.
      actions.append(.releaseSlot)
      lastHeard = nil
      state = .idle(notBefore: now.adding(.milliseconds(500)))
    case .authenticationFailed, .authenticationRejected, .authenticationCanceled, .authenticationTimeout, .insufficientSecurity:
      attemptFailed(attempt, facts.isPaired ? departWithLostBond() : Departure(next: .failed(nil)))
    case .noReply:
      // What became of it is unknown, so it is called off.
      callOff(awaiting: nil, Departure(next: .failed(nil)))
    case .notConnected, .notSupported, .notPermitted, .stackGone, .other: attemptFailed(attempt, Departure(next: .failed(nil)))
    }
  }

  /// Weak radio looks like this, and so does a refused key: only where a new bond is allowed anyway is it taken for that.
  private mutating func connectAborted(_ attempt: Attempt) {
    let mayRenew = mayPair || plan.staleBond == .renew
    if mayRenew, facts.isPaired, plan.security != .none, attempt.sawConnected { setbacks.earlyDrops += 1 }
    let isBondLost = mayRenew && facts.isPaired && setbacks.earlyDrops >= Self.earlyDropsMax
    attemptFailed(attempt, isBondLost ? departWithLostBond() : Departure(next: .failed(nil)))
  }

  private mutating func connectInProgress(_ attempt: Attempt) {
    setbacks.inProgressInARow += 1
    if setbacks.inProgressInARow == 2 {
      // Waiting did not help: bluetoothd holds the attempt of a program that is gone.
      if !facts.isPaired || plan.staleBond == .renew { return attemptFailed(attempt, Departure(next: .eligible, removes: true)) }
      setProblem(.stuck)
      actions.append(.resetAdapter)
      return attemptFailed(attempt, Departure(next: .coolDown))
    }
    var attempt = attempt
    attempt.awaits = .elsewhere
    state = .connecting(attempt)
    if facts.isUp { linkUp() }
  }

  /// Connect was answered by a failure.
  private mutating func attemptFailed(_ attempt: Attempt, _ departure: Departure) {
    switch attempt.awaits {
    case .reply, .elsewhere:
      actions.append(.releaseSlot)
      conclude(departure)
    // The link is up all the same.
    case .services: callOff(awaiting: nil, departure)
    }
  }

  mutating func attemptFactsChanged(_ attempt: Attempt) {
    var attempt = attempt
    if facts.isConnected { attempt.sawConnected = true }
    state = .connecting(attempt)
    if attempt.awaits == .elsewhere, facts.isUp { linkUp() }
  }

  mutating func attemptDeadlineCame(_ attempt: Attempt) {
    guard facts.isUp, attempt.awaits == .reply else { return callOff(attempt, Departure(next: .failed(nil))) }
    // Connected, and only the services take their time.
    var attempt = attempt
    attempt.awaits = .services
    attempt.until = now.adding(Self.resolveTimeout)
    state = .connecting(attempt)
  }

  mutating func callOff(_ attempt: Attempt, _ departure: Departure) { callOff(awaiting: attempt.awaited, departure) }

  private mutating func callOff(awaiting operation: SessionOperation?, _ departure: Departure) {
    state = .disconnecting(Disconnecting(departure: departure, awaited: operation, until: now.adding(Self.leaveTimeout)))
    perform(.disconnect)
  }
}
