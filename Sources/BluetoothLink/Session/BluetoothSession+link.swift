// What happens on a link before and after the steps: bonding, trust, waiting for the services, and the link's end with
// everything that must be given back exactly once.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  mutating func linkUp() {
    connections &+= 1
    hasBrought = false
    pending = nil
    answeredRead = nil
    inProgressInARow = 0
    link = Link(
      steps: plan.steps, sawConnected: facts.isConnected, sawResolved: facts.servicesResolved, lastNotification: now)
    actions.append(.established)
    actions.append(.report(.connected))
    secure()
  }

  // MARK: The bond

  private mutating func secure() {
    if plan.security == .none { return resolve() }
    if facts.isPaired { return trust() }
    if mayPair || (plan.staleBond == .renew && isRegistered) {
      // Before anything is read: pairing that a protected read sets off can stall until the link drops after 30 s.
      state = .pairing(until: now.later(by: Self.pairTimeout), isLinkLost: false)
      perform(.pair)
    } else {
      leave(.needsOperator(.notPaired))
    }
  }

  mutating func pairReplied(_ failure: BluezFailure?, isLinkLost: Bool) {
    // There was none before: a bond counts whatever became of the call. A device may leave as soon as it has bonded.
    if facts.isPaired { return bonded(isLinkLost: isLinkLost) }
    switch failure {
    case nil, .alreadyPaired: bonded(isLinkLost: isLinkLost)
    case .authenticationFailed, .authenticationCanceled, .authenticationRejected, .authenticationTimeout: pairingRefused()
    case .inProgress where !isLinkLost:
      // Ours from a moment ago, when the device was still a stranger. Its bond shows in the facts.
      pending = .pair
    case .notConnected, .connectionAborted, .noReply, .notReady, .doesNotExist, .inProgress, .alreadyConnected,
      .insufficientSecurity, .notSupported, .notPermitted, .stackGone, .other:
      // The link, not the device's will: permission lasts for another attempt.
      if isLinkLost { linkClosed(.failed(nil), removes: false) } else { leave(.failed(nil)) }
    }
  }

  private mutating func bonded(isLinkLost: Bool) {
    facts.isPaired = true
    if pending == .pair { pending = nil }
    pairingFailures = 0
    earlyDrops = 0
    link?.pairedAt = now
    actions.append(.report(.paired))
    if let problem, [.notPaired, .pairingRefused, .bondLost].contains(problem) { setProblem(nil) }
    trust(isLinkLost: isLinkLost)
  }

  /// "Just works" where a number was to be compared or typed: somebody in between could have answered.
  mutating func bondTooWeak() {
    switch state {
    case .disconnecting, .removing, .ended: break
    // Without a link it left right after bonding.
    default: leave(.needsOperator(.pairingRefused), removes: true)
    }
  }

  private mutating func pairingRefused() {
    pairingFailures += 1
    let isOperators = mayPair || plan.staleBond == .operator
    if isOperators {
      leave(.needsOperator(.pairingRefused))
    } else if pairingFailures == 1 {
      leave(.eligible, removes: true)
    } else {
      setProblem(.pairingRefused)
      leave(.coolDown)
    }
  }

  /// An untrusted device that was disconnected once may not connect by itself again.
  private mutating func trust(isLinkLost: Bool = false) {
    if facts.isTrusted { return trusted(isLinkLost: isLinkLost) }
    state = .trusting(until: now.later(by: isLinkLost ? Self.signalGrace : Self.stepTimeout), isLinkLost: isLinkLost)
    perform(.trust)
  }

  mutating func trustReplied(_ failure: BluezFailure?, isLinkLost: Bool) {
    // A refusal costs nothing but a device that cannot call in by itself; the next session tries again.
    if failure == nil { facts.isTrusted = true }
    if failure == .noReply { return leave(.failed(nil)) }
    trusted(isLinkLost: isLinkLost)
  }

  private mutating func trusted(isLinkLost: Bool) {
    if isLinkLost {
      linkClosed(nextAfterLoss(), removes: false)
    } else if link?.leaveBy != .never {
      leave(.eligible)
    } else {
      resolve()
    }
  }

  /// The device does not know the key any more, or seems not to.
  mutating func bondLost() {
    earlyDrops = 0
    let isRenewalDue = lastRenewal.map { now >= $0.later(by: Self.renewalDistance) } ?? true
    let isAllowedAnew = mayPair && request.map { asked in lastRenewal.map { $0 < asked.since } ?? true } ?? false
    if isAllowedAnew || (plan.staleBond == .renew && isRenewalDue) {
      lastRenewal = now
      leave(.eligible, removes: true)
    } else if plan.staleBond == .renew {
      setProblem(.bondLost)
      leave(.coolDown)
    } else {
      leave(.needsOperator(.bondLost))
    }
  }

  // MARK: Services

  private mutating func resolve() {
    state = .resolving(until: now.later(by: Self.resolveTimeout), isWaitingForObjects: false)
    checkResolved()
  }

  private mutating func checkResolved() {
    guard case .resolving(_, let isWaiting) = state, facts.servicesResolved else { return }
    link?.sawResolved = true
    let steps = link?.steps ?? []
    let needsSome = steps.contains { $0.characteristic != nil }
    if steps.allSatisfy(hasWhatItNeeds), !facts.characteristics.isEmpty || !needsSome {
      runStep(0)
    } else if !isWaiting {
      state = .resolving(until: now.later(by: Self.objectsGrace), isWaitingForObjects: true)
    }
  }

  private func hasWhatItNeeds(_ step: BluetoothSessionStep) -> Bool {
    step.isOptional || step.needed.allSatisfy { facts.has($0, in: step.service) }
  }

  private mutating func characteristicsMissing() {
    // Only optional ones were awaited.
    if (link?.steps ?? []).allSatisfy(hasWhatItNeeds) { return runStep(0) }
    servicesOutdated()
  }

  /// BlueZ keeps what it once read of a device; after a firmware update only forgetting the device makes it read anew.
  mutating func servicesOutdated() {
    missingInARow += 1
    let removes = !facts.isPaired || plan.staleBond == .renew
    if missingInARow >= 2 {
      setProblem(.missingCharacteristic)
      leave(.coolDown, removes: removes)
    } else {
      leave(.failed(nil), removes: removes)
    }
  }

  // MARK: Signals and time on a link

  mutating func linkFactsChanged(from old: SessionFacts) {
    guard let known = link else { return }
    if known.sawConnected ? !facts.isConnected : (old.exists && !facts.exists) { return linkLost() }
    if known.sawResolved, !facts.servicesResolved, !facts.isConnected { return linkLost() }
    if facts.isConnected { link?.sawConnected = true }
    if facts.servicesResolved { link?.sawResolved = true }
    if case .pairing(let until, let isLinkLost) = state, facts.isPaired {
      // bluetoothd 5.66 never answers a Pair that falls into its own reading of the services; the bond is there all the same.
      state = .pairing(until: min(until, now.later(by: Self.signalGrace)), isLinkLost: isLinkLost)
    }
    checkResolved()
  }

  mutating func notificationsEnded(_ characteristic: BluetoothUUID) {
    guard link?.subscribed.contains(characteristic) == true else { return }
    if case .disconnecting = state { return }
    linkLost()
  }

  mutating func linkDeadlineCame() {
    switch state {
    case .pairing(_, let isLinkLost):
      if facts.isPaired { return bonded(isLinkLost: isLinkLost) }
      if isLinkLost { return linkClosed(nextAfterLoss(), removes: false) }
      pairingRefused()
    case .trusting(_, let isLinkLost):
      if isLinkLost { linkClosed(nextAfterLoss(), removes: false) } else { leave(.failed(nil)) }
    case .resolving(_, let isWaitingForObjects):
      if isWaitingForObjects { characteristicsMissing() } else { leave(.failed(.noServices)) }
    case .running, .settling: stepDeadlineCame()
    case .quiet: leave(.rest)
    default: break
    }
  }

  // MARK: The link's end

  /// The link is gone without our doing.
  mutating func linkLost() {
    switch state {
    case .pairing(let until, isLinkLost: false):
      // The reply is on its way and says whether there is a bond.
      state = .pairing(until: min(until, now.later(by: Self.signalGrace)), isLinkLost: true)
    case .trusting(let until, isLinkLost: false):
      state = .trusting(until: min(until, now.later(by: Self.signalGrace)), isLinkLost: true)
    case .pairing, .trusting: break
    default:
      // Some cuffs send what they have and leave, without a word that it was all.
      if hasOnlyToWait { complete() }
      let removes = forgetsAfterLink
      let next = nextAfterLoss()
      if next == .rest || !isBondSuspect { return linkClosed(next, removes: removes) }
      closeLink()
      bondLost()
    }
  }

  /// It waits for more, and nothing that the profile asks for is left to do.
  private var hasOnlyToWait: Bool {
    guard let link, link.hasWorked, case .running(let step, .silence) = state else { return false }
    return link.steps.dropFirst(step).allSatisfy { step in
      switch step.action {
      case .wait, .disconnect: true
      case .read, .write, .setClock, .subscribe, .fetchRecords: step.isOptional
      }
    }
  }

  private var isBondSuspect: Bool { plan.security != .none && earlyDrops >= Self.earlyDropsMax }

  private mutating func nextAfterLoss() -> Next {
    guard let link else { return .eligible }
    if let pairedAt = link.pairedAt, plan.leavesAfterBonding, now <= pairedAt.later(by: Self.bondingLeave) {
      failures = 0
      return .eligible
    }
    if link.isCompleted { return .rest }
    if facts.isPaired, !link.hasWorked { earlyDrops += 1 }
    return .failed(nil)
  }

  /// BlueZ sends no notifications of an unbonded device that comes back while it remembers the last connection.
  var forgetsAfterLink: Bool {
    plan.security == .none && !facts.isPaired && (link?.steps ?? []).contains { $0.isSubscribing }
  }

  mutating func disconnectReplied() {
    guard case .disconnecting(let next, let removes, false, let until) = state else { return }
    if facts.isUp {
      // The signal follows; whoever connects before it gets the old link's end.
      state = .disconnecting(next, removes: removes, isReplied: true, until: min(until, now.later(by: Self.signalGrace)))
    } else {
      linkClosed(next, removes: removes)
    }
  }

  /// Gives everything back, and goes on.
  mutating func linkClosed(_ next: Next, removes: Bool) {
    let forgets = link != nil && forgetsAfterLink
    closeLink()
    conclude(next, removes: removes || forgets)
  }

  /// Gives everything back: once for each connection, whatever ended it.
  mutating func closeLink() {
    pending = nil
    answeredRead = nil
    if link != nil {
      link = nil
      actions.append(.closeNotifications)
      releaseSlot()
      actions.append(.report(.disconnected))
    } else {
      releaseSlot()
    }
  }
}

extension BluetoothSessionStep {
  /// The characteristics without which the step makes no sense.
  var needed: [BluetoothUUID] {
    var needed: [BluetoothUUID] = []
    if let characteristic { needed.append(characteristic) }
    if case .fetchRecords(let fetch) = action { needed.append(fetch.records) }
    return needed
  }

  var isSubscribing: Bool {
    switch action {
    case .subscribe, .fetchRecords: true
    case .read, .write, .setClock, .wait, .disconnect: false
    }
  }
}
