// Bonding and trust, which come before everything else on a link, and what is done about a bond that the device no longer
// knows.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  mutating func secure(_ link: Link) {
    if plan.security == .none { return resolve(link) }
    if facts.isPaired { return trust(link) }
    if mayPair || (plan.staleBond == .renew && isRegistered) {
      // Before anything is read: pairing that a protected read sets off can stall until the link drops after 30 s.
      state = .linked(link, .pairing(until: now.adding(Self.pairTimeout), isLinkLost: false))
      perform(.pair)
    } else {
      leave(link, awaiting: nil, Departure(next: .needsOperator(.notPaired)))
    }
  }

  // MARK: Pairing

  mutating func pairReplied(_ link: Link, _ failure: BluezFailure?, isLinkLost: Bool) {
    // There was none before: a bond counts whatever became of the call. A device may leave as soon as it has bonded.
    if facts.isPaired { return bonded(link, isLinkLost: isLinkLost) }
    switch failure {
    case nil, .alreadyPaired: bonded(link, isLinkLost: isLinkLost)
    case .authenticationFailed, .authenticationCanceled, .authenticationRejected, .authenticationTimeout:
      leave(link, awaiting: nil, departUnpaired())
    case .inProgress where !isLinkLost:
      // Ours from a moment ago, when the device was not chosen yet. Its bond shows in the facts.
      break
    case .notConnected, .connectionAborted, .noReply, .notReady, .doesNotExist, .inProgress, .alreadyConnected,
      .insufficientSecurity, .notSupported, .notPermitted, .stackGone, .other:
      // The link, not the device's will: permission lasts for another attempt.
      let departure = Departure(next: .failed(nil))
      if isLinkLost { linkClosed(link, departure) } else { leave(link, awaiting: nil, departure) }
    }
  }

  mutating func pairDeadlineCame(_ link: Link, isLinkLost: Bool) {
    if facts.isPaired { return bonded(link, isLinkLost: isLinkLost) }
    if isLinkLost { return linkClosed(link, Departure(next: judgeLoss(of: link))) }
    leave(link, awaiting: .pair, departUnpaired())
  }

  private mutating func bonded(_ link: Link, isLinkLost: Bool) {
    facts.isPaired = true
    setbacks.pairingFailures = 0
    setbacks.earlyDrops = 0
    var link = link
    link.pairedAt = now
    actions.append(.report(.paired))
    if let problem, [.notPaired, .pairingRefused, .bondLost].contains(problem) { setProblem(nil) }
    trust(link, isLinkLost: isLinkLost)
  }

  /// "Just works" where a number was to be compared or typed: somebody in between could have answered.
  mutating func bondTooWeak() {
    switch state {
    case .disconnecting, .removing, .ended: break
    // Without a link it left right after bonding.
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff, .coolingDown, .needsOperator:
      leave(Departure(next: .needsOperator(.pairingRefused), removes: true))
    }
  }

  /// Pairing was refused, or nobody answered: where the session goes from here.
  private mutating func departUnpaired() -> Departure {
    setbacks.pairingFailures += 1
    let isOperators = mayPair || plan.staleBond == .operator
    if isOperators { return Departure(next: .needsOperator(.pairingRefused)) }
    if setbacks.pairingFailures == 1 { return Departure(next: .eligible, removes: true) }
    setProblem(.pairingRefused)
    return Departure(next: .coolDown)
  }

  // MARK: Trust

  /// An untrusted device that was disconnected once may not connect by itself again.
  private mutating func trust(_ link: Link, isLinkLost: Bool = false) {
    if facts.isTrusted { return trusted(link, isLinkLost: isLinkLost) }
    let until = now.adding(isLinkLost ? Self.signalGrace : Self.stepTimeout)
    state = .linked(link, .trusting(until: until, isLinkLost: isLinkLost))
    perform(.trust)
  }

  mutating func trustReplied(_ link: Link, _ failure: BluezFailure?, isLinkLost: Bool) {
    // A refusal costs nothing but a device that cannot call in by itself; the next session tries again.
    if failure == nil { facts.isTrusted = true }
    if failure == .noReply { return leave(link, awaiting: nil, Departure(next: .failed(nil))) }
    trusted(link, isLinkLost: isLinkLost)
  }

  private mutating func trusted(_ link: Link, isLinkLost: Bool) {
    if isLinkLost {
      linkClosed(link, Departure(next: judgeLoss(of: link)))
    } else if link.leaveBy != .never {
      leave(link, awaiting: nil, Departure(next: .eligible))
    } else {
      resolve(link)
    }
  }

  // MARK: A lost bond

  /// The device does not know the key any more, or seems not to: where the session goes from here.
  mutating func departWithLostBond() -> Departure {
    setbacks.earlyDrops = 0
    let isRenewalDue = lastRenewal.map { now >= $0.adding(Self.renewalDistance) } ?? true
    let isAllowedAnew = mayPair && request.map { asked in lastRenewal.map { $0 < asked.since } ?? true } ?? false
    if isAllowedAnew || (plan.staleBond == .renew && isRenewalDue) {
      lastRenewal = now
      return Departure(next: .eligible, removes: true)
    }
    if plan.staleBond == .renew {
      setProblem(.bondLost)
      return Departure(next: .coolDown)
    }
    return Departure(next: .needsOperator(.bondLost))
  }
}
