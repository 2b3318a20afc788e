// Every input meets every state here: hearing, slots, connecting, failures and the waits between attempts. What happens
// on a link stands in `+link.swift` and `+steps.swift`.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Moves the session. Total: any input may come in any state. Actions are to be performed in their order.
  mutating func handle(_ input: SessionInput, at instant: MonotonicInstant) -> [SessionAction] {
    now = max(now, instant)
    actions.removeAll(keepingCapacity: true)
    switch input {
    case .heard: heard()
    case .facts(let facts): factsChanged(to: facts)
    case .slotGranted: slotGranted()
    case .slotWithdrawn: slotWithdrawn()
    case .replied(let operation, let failure): replied(operation, failure)
    case .value(let characteristic, _): valueRead(characteristic)
    case .notification(let characteristic, let bytes, let outcome): notified(characteristic, bytes, outcome)
    case .notificationsEnded(let characteristic): notificationsEnded(characteristic)
    case .durable(let sequence): durableMoved(to: sequence)
    case .leftOut: recordsLeftOut()
    case .stackGone: stackGone()
    case .stackReady: stackReady()
    case .connectNow(let mayPair): connectNow(mayPair: mayPair)
    case .bondTooWeak: bondTooWeak()
    case .forget: end(removes: true)
    case .stop: end(removes: false)
    case .deadline: deadlineCame()
    }
    return actions
  }

  mutating func perform(_ operation: SessionOperation) {
    if operation != .disconnect, operation != .cancelPairing { pending = operation }
    actions.append(.perform(operation))
  }

  mutating func setProblem(_ new: BluetoothProblem?) {
    guard problem != new else { return }
    problem = new
    actions.append(.report(.problem(new)))
  }

  // MARK: Starting

  private mutating func heard() {
    let hasSlept = lastAdvertised.map { now >= $0.later(by: Self.asleep) } ?? true
    lastHeard = now
    lastAdvertised = now
    switch state {
    case .idle(let notBefore):
      if hasSlept { barren = 0 }
      // A stranger's candidate is never connected for being near.
      let isHoldingOff = notBefore == rested.until && now >= rested.at.later(by: timings.holdOff)
      if now >= notBefore || hasSlept && isHoldingOff, isRegistered || hasRequest { start() }
    case .needsOperator(_, let retryAt):
      if now >= retryAt, isRegistered { start() }
    default: break
    }
  }

  /// Somebody asked for a connection, and not too long ago.
  var hasRequest: Bool { request.map { now < $0.since.later(by: Self.requestLifetime) } ?? false }

  /// An operator allowed pairing for this session.
  var mayPair: Bool { hasRequest && request?.mayPair == true }

  var wasHeardLately: Bool { lastHeard.map { now < $0.later(by: Self.heardWindow) } ?? false }

  private mutating func connectNow(mayPair: Bool) {
    if isEnded { return }
    request = Request(mayPair: mayPair, since: now)
    switch state {
    case .idle, .backingOff, .coolingDown, .needsOperator:
      // A person who waits starts from the beginning, whatever went wrong before.
      failures = 0
      pairingFailures = 0
      let isBondLost = problem == .bondLost
      // Whatever goes wrong from now on is to be told again.
      if mayPair { setProblem(nil) }
      if mayPair, isBondLost, facts.isPaired, isStackReady {
        // It is known that the old bond is worth nothing.
        lastRenewal = now
        return remove(.eligible)
      }
      // While bluetoothd is away the request waits for it.
      if mayPair { state = .idle(notBefore: now) }
      start()
    case .quiet(.never): request = nil  // It is connected and stays so.
    default: break
    }
  }

  mutating func start() {
    guard isStackReady, slot == .none, link == nil else { return }
    slot = .requested
    rehearBy = .never
    state = .waitingForSlot
    actions.append(.requestSlot)
  }

  mutating func releaseSlot() {
    guard slot != .none else { return }
    slot = .none
    actions.append(.releaseSlot)
  }

  private mutating func slotGranted() {
    guard case .waitingForSlot = state else { return }
    slot = .granted
    if facts.isUp {
      // A link that outlived its program, or that the device made itself.
      generation &+= 1
      linkUp()
      return
    }
    guard wasHeardLately || hasRequest else {
      // It has gone while it waited: an attempt would cost the others 20 s.
      releaseSlot()
      state = .idle(notBefore: now)
      return
    }
    generation &+= 1
    sawConnectedWhileConnecting = false
    state = .connecting(until: now.later(by: timings.connect), isElsewhere: false)
    perform(.connect)
  }

  private mutating func slotWithdrawn() {
    guard slot == .granted else { return }
    switch state {
    case .pairing, .trusting, .settling:
      // Half a bond helps nobody, and records that are on disk should leave the device.
      if link?.leaveBy == .never { link?.leaveBy = now.later(by: Self.withdrawGrace) }
    case .connecting, .resolving, .running, .quiet: leave(yielding)
    default: break
    }
  }

  /// What comes after a link that was given up for another device.
  var yielding: Next { link?.isCompleted == true ? .rest : .eligible }

  // MARK: Connecting

  private mutating func replied(_ operation: SessionOperation, _ failure: BluezFailure?) {
    switch operation {
    case .disconnect: return disconnectReplied()
    case .cancelPairing: return
    default: break
    }
    if failure == nil, answeredRead == operation {
      answeredRead = nil
      return
    }
    guard pending == operation else { return }
    pending = nil
    if failure == .stackGone {
      stackLost()
      return
    }
    switch state {
    case .connecting(let until, _): connectReplied(failure, until: until)
    case .pairing(_, let isLinkLost): pairReplied(failure, isLinkLost: isLinkLost)
    case .trusting(_, let isLinkLost): trustReplied(failure, isLinkLost: isLinkLost)
    case .running, .settling: stepReplied(operation, failure)
    case .removing(let next, _): removed(next)
    default: break
    }
  }

  private mutating func connectReplied(_ failure: BluezFailure?, until: MonotonicInstant) {
    switch failure {
    case nil, .alreadyConnected, .alreadyPaired: linkUp()
    case .inProgress: connectInProgress(until: until)
    case .connectionAborted: connectAborted()
    case .notReady, .doesNotExist:
      // The adapter is going off, or the object went with a scan's end: nobody's failure. Being heard starts anew.
      releaseSlot()
      lastHeard = nil
      state = .idle(notBefore: now.later(by: .milliseconds(500)))
    case .authenticationFailed, .authenticationRejected, .authenticationCanceled, .authenticationTimeout, .insufficientSecurity:
      if facts.isPaired { bondLost() } else { leave(.failed(nil)) }
    case .noReply:
      // What became of it is unknown, so it is called off.
      cancelConnecting(.failed(nil))
    case .notConnected, .notSupported, .notPermitted, .stackGone, .other: leave(.failed(nil))
    }
  }

  /// Weak radio looks like this, and so does a refused key: only where a new bond is allowed anyway is it taken for that.
  private mutating func connectAborted() {
    let mayRenew = mayPair || plan.staleBond == .renew
    if mayRenew, facts.isPaired, plan.security != .none, sawConnectedWhileConnecting { earlyDrops += 1 }
    if mayRenew, facts.isPaired, earlyDrops >= Self.earlyDropsMax { bondLost() } else { leave(.failed(nil)) }
  }

  private mutating func connectInProgress(until: MonotonicInstant) {
    inProgressInARow += 1
    if inProgressInARow == 2 {
      // Waiting did not help: bluetoothd holds the attempt of a program that is gone.
      if !facts.isPaired || plan.staleBond == .renew { return leave(.eligible, removes: true) }
      setProblem(.stuck)
      actions.append(.resetAdapter)
      return leave(.coolDown)
    }
    state = .connecting(until: until, isElsewhere: true)
    if facts.isUp { linkUp() }
  }

  /// Disconnect is also how BlueZ is told to stop connecting.
  private mutating func cancelConnecting(_ next: Next) {
    state = .disconnecting(next, removes: false, isReplied: false, until: now.later(by: Self.leaveTimeout))
    perform(.disconnect)
  }

  // MARK: Facts

  private mutating func factsChanged(to new: SessionFacts) {
    let old = facts
    facts = new
    switch state {
    case .idle(let notBefore):
      if old.isUp, !new.isUp, rested.until < notBefore { return linkEndSignalled() }
      guard new.isUp, isRegistered || hasRequest else { return }
      if !old.isUp || now >= notBefore { start() }
    case .connecting(_, let isElsewhere):
      if new.isConnected { sawConnectedWhileConnecting = true }
      if isElsewhere, pending == nil, new.isUp { linkUp() }
    case .backingOff(_, awaitsLinkDown: true):
      if !new.isUp { state = .backingOff(until: now.later(by: backOffNow), awaitsLinkDown: false) }
    case .needsOperator:
      if new.isPaired, !old.isPaired {
        setProblem(nil)
        state = .idle(notBefore: now)
      }
    case .ended(owesRemoval: true):
      if isStackReady, new.exists { remove(.ended) }
    case .disconnecting(let next, let removes, let isReplied, _):
      if !new.isConnected, old.isConnected || isReplied { linkClosed(next, removes: removes) }
    case .pairing, .trusting, .resolving, .running, .settling, .quiet: linkFactsChanged(from: old)
    case .waitingForSlot, .removing, .backingOff, .coolingDown, .ended: break
    }
  }

  // MARK: Between attempts

  /// Ends what there is and goes on to `next`: by a Disconnect when there is a link, at once when there is none.
  mutating func leave(_ next: Next, removes: Bool = false) {
    if pending == .pair { perform(.cancelPairing) }
    let isAttempting = if case .connecting(_, let isElsewhere) = state { pending == .connect || isElsewhere } else { false }
    guard link != nil || isAttempting else {
      releaseSlot()
      return conclude(next, removes: removes)
    }
    link?.leaveBy = .never
    state = .disconnecting(next, removes: removes, isReplied: false, until: now.later(by: Self.leaveTimeout))
    perform(.disconnect)
  }

  mutating func conclude(_ next: Next, removes: Bool) {
    if removes { remove(next) } else { enter(next) }
  }

  mutating func remove(_ next: Next) {
    state = .removing(next, until: now.later(by: Self.leaveTimeout))
    perform(.remove)
  }

  private mutating func removed(_ next: Next) {
    // The object is gone, and with it what was known. Connecting needs it to be heard again.
    facts = SessionFacts()
    lastHeard = nil
    enter(next)
    // Only where nothing but the installer can bring the bond back.
    let needsBond = plan.security != .none && !(plan.staleBond == .renew && isRegistered)
    if mayPair, needsBond, case .idle = state { rehearBy = now.later(by: Self.rehearing) }
  }

  /// Takes up what comes after a connection or an attempt. The slot is free by now.
  mutating func enter(_ next: Next) {
    pending = nil
    switch next {
    case .rest:
      let holds = plan.stay == .session && plan.priority != .alarm
      barren = hasBrought ? 0 : min(barren + 1, 10)
      let holdOff = min(timings.holdOff * (1 << max(barren - 1, 0)), max(timings.holdOff, timings.holdOffMax))
      rest(notBefore: holds ? now.later(by: holdOff) : now)
    case .eligible: rest(notBefore: now)
    case .failed(let known): failed(known)
    case .coolDown: coolDown()
    case .needsOperator(let reason):
      request = nil
      setProblem(reason)
      // A lost bond is a guess; a weak radio looks the same, and an alarm must not wait for the guess to be checked.
      let pause = plan.priority == .alarm ? timings.coolDownAlarm : Self.bondLostRetry
      let retryAt = reason == .bondLost ? now.later(by: pause) : .never
      state = .needsOperator(reason, retryAt: retryAt)
    case .ended: state = .ended(owesRemoval: false)
    }
  }

  private mutating func rest(notBefore: MonotonicInstant) {
    rested = (now, notBefore)
    // While bluetoothd still calls it connected its word is not taken for a new link.
    state = .idle(notBefore: facts.isUp ? max(notBefore, now.later(by: Self.signalGrace)) : notBefore)
    if hasRequest, wasHeardLately { start() }
  }

  /// The end of the link became known before its signal, which is here now: nothing more to wait for.
  private mutating func linkEndSignalled() {
    state = .idle(notBefore: rested.until)
    guard now >= rested.until, let lastHeard, lastHeard > rested.at, isRegistered || hasRequest else { return }
    start()
  }

  private mutating func failed(_ known: BluetoothProblem?) {
    failures += 1
    if let known { setProblem(known) }
    guard failures <= Self.backOff.count else {
      setProblem(known ?? .cannotConnect)
      return coolDown()
    }
    let until = now.later(by: facts.isUp ? Self.signalGrace : backOffNow)
    state = .backingOff(until: until, awaitsLinkDown: facts.isUp)
  }

  private var backOffNow: Duration { min(Self.backOff[min(max(failures, 1), Self.backOff.count) - 1], timings.coolDown) }

  mutating func coolDown() {
    failures = 0
    let length = plan.priority == .alarm ? min(timings.coolDown, timings.coolDownAlarm) : timings.coolDown
    state = .coolingDown(until: now.later(by: length))
  }

  // MARK: Deadlines

  private mutating func deadlineCame() {
    guard now >= deadline else { return }
    if let leaveBy = link?.leaveBy, now >= leaveBy {
      switch state {
      case .disconnecting: break
      case .pairing: return leave(.eligible)
      default: return leave(yielding)
      }
    }
    switch state {
    case .waitingForSlot, .needsOperator, .ended: break
    case .idle:
      guard now >= rehearBy else { return start() }
      rehearBy = .never
      if isStackReady { enter(.needsOperator(.notPaired)) }
    case .connecting(_, let isElsewhere):
      // Connected, and only the services take their time: BlueZ answers Connect after it has read them.
      if facts.isUp, pending == .connect, !isElsewhere {
        state = .connecting(until: now.later(by: Self.resolveTimeout), isElsewhere: true)
      } else {
        cancelConnecting(.failed(nil))
      }
    case .pairing, .trusting, .resolving, .running, .settling, .quiet: linkDeadlineCame()
    case .disconnecting(let next, let removes, _, _): linkClosed(next, removes: removes)
    case .removing(let next, _): removed(next)
    case .backingOff, .coolingDown:
      state = .idle(notBefore: now)
      if wasHeardLately || facts.isUp, isRegistered || hasRequest { start() }
    }
  }

  // MARK: The stack, and the end

  private mutating func stackGone() {
    isStackReady = false
    stackLost()
  }

  /// All descriptors and calls are void. What was wanted is still wanted.
  private mutating func stackLost() {
    generation &+= 1
    closeLink()
    facts = SessionFacts()
    lastHeard = nil
    rehearBy = .never
    switch state {
    case .coolingDown, .needsOperator, .ended: break
    case .removing(.ended, _): state = .ended(owesRemoval: true)
    case .disconnecting(.ended, let removes, _, _): state = .ended(owesRemoval: removes)
    case .removing(let next, _), .disconnecting(let next, _, _, _):
      switch next {
      case .needsOperator, .coolDown: enter(next)
      case .rest, .eligible, .failed, .ended: state = .idle(notBefore: now)
      }
    default: state = .idle(notBefore: now)
    }
  }

  private mutating func stackReady() {
    isStackReady = true
    switch state {
    case .idle: if hasRequest { start() }
    case .ended(owesRemoval: true): if facts.exists { remove(.ended) }
    default: break
    }
  }

  private mutating func end(removes: Bool) {
    request = nil
    rehearBy = .never
    switch state {
    case .ended(let owes):
      if removes, !owes { state = .ended(owesRemoval: !isStackReady) }
    case .disconnecting(_, let removedAnyway, let isReplied, let until):
      state = .disconnecting(.ended, removes: removes || removedAnyway, isReplied: isReplied, until: until)
    case .removing(_, let until): state = .removing(.ended, until: until)
    default:
      if removes, !isStackReady { return enterEnded(owesRemoval: true) }
      leave(.ended, removes: removes && (facts.exists || link != nil) || (link != nil && forgetsAfterLink))
    }
  }

  private mutating func enterEnded(owesRemoval: Bool) {
    closeLink()
    state = .ended(owesRemoval: owesRemoval)
  }
}
