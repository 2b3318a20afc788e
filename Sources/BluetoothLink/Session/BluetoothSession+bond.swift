// Bonding and trust, which come before everything else on a link, and what is done about a bond that the device no longer
// knows.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Sees to the bond of a link that has just come up.
  mutating func secure(_ link: Link) -> SecureAction {
    if plan.security == .none { return .step(resolve(link)) }
    if facts.isPaired {
      if facts.isTrusted { return .step(resolve(link)) }
      awaitTrust(link, isLinkLost: false)
      return .trust
    }
    if mayPair || (plan.staleBond == .renew && isRegistered) {
      // Before anything is read: pairing that a protected read sets off can stall until the link drops after 30 s.
      state = .linked(link, .pairing(until: now.adding(Self.pairTimeout), isLinkLost: false))
      return .pair
    }
    return .disconnect(leave(link, awaiting: nil, Departure(next: .needsOperator(.notPaired))))
  }

  // MARK: Pairing

  mutating func pairReplied(_ link: Link, _ failure: BluezFailure?, isLinkLost: Bool) -> PairRepliedAction {
    // There was no bond before Pair, so one that is there now counts, whatever Pair answers: a device may leave as soon as it
    // has bonded.
    if facts.isPaired { return .bonded(bonded(link, isLinkLost: isLinkLost)) }
    switch failure {
    case nil, .alreadyPaired: return .bonded(bonded(link, isLinkLost: isLinkLost))
    case .authenticationFailed, .authenticationCanceled, .authenticationRejected, .authenticationTimeout:
      return .disconnect(leave(link, awaiting: nil, departUnpaired()))
    case .inProgress where !isLinkLost:
      // A Pair of ours is under way, from before the device was chosen. Its bond shows in the facts.
      return .nothing
    case .notConnected, .connectionAborted, .noReply, .notReady, .doesNotExist, .inProgress, .alreadyConnected,
      .insufficientSecurity, .notSupported, .notPermitted, .stackGone, .other:
      // The link, not the device's will: permission lasts for another attempt.
      let departure = Departure(next: .failed(nil))
      return isLinkLost ? .ended(linkClosed(link, departure)) : .disconnect(leave(link, awaiting: nil, departure))
    }
  }

  mutating func pairDeadlineCame(_ link: Link, isLinkLost: Bool) -> DeadlineAction {
    if facts.isPaired { return .bonded(bonded(link, isLinkLost: isLinkLost)) }
    if isLinkLost { return .ended(linkClosed(link, Departure(next: judgeLoss(of: link)))) }
    return .disconnect(leave(link, awaiting: .pair, departUnpaired()))
  }

  private mutating func bonded(_ link: Link, isLinkLost: Bool) -> BondedAction {
    facts.isPaired = true
    setbacks.pairingFailures = 0
    setbacks.earlyDrops = 0
    var link = link
    link.pairedAt = now
    let isOver = problem.map { [.notPaired, .pairingRefused, .bondLost].contains($0) } ?? false
    let change = isOver ? setProblem(nil) : nil
    if facts.isTrusted { return BondedAction(problem: change, then: .trusted(trusted(link, isLinkLost: isLinkLost))) }
    awaitTrust(link, isLinkLost: isLinkLost)
    return BondedAction(problem: change, then: .trust)
  }

  /// The bond that was made does not protect as the profile demands: "just works" where a number was to be compared or typed, so
  /// somebody in between could have answered.
  mutating func bondTooWeak(at instant: MonotonicInstant) -> LeaveAction {
    advance(to: instant)
    switch state {
    case .disconnecting, .removing, .ended: return .nothing
    // A device without a link has left right after bonding.
    case .idle, .waitingForSlot, .connecting, .linked, .backingOff, .coolingDown, .needsOperator:
      return leave(Departure(next: .needsOperator(.pairingRefused), removes: true))
    }
  }

  /// Pairing was refused, or nobody answered: where the session goes from here.
  private mutating func departUnpaired() -> Parting {
    setbacks.pairingFailures += 1
    let isOperators = mayPair || plan.staleBond == .operator
    if isOperators { return Parting(next: .needsOperator(.pairingRefused)) }
    if setbacks.pairingFailures == 1 { return Parting(next: .eligible, removes: true) }
    return Parting(next: .coolDown, problem: setProblem(.pairingRefused))
  }

  // MARK: Trust

  /// Trust was asked for: an untrusted device that was disconnected once may not connect by itself again.
  private mutating func awaitTrust(_ link: Link, isLinkLost: Bool) {
    let until = now.adding(isLinkLost ? Self.signalGrace : Self.stepTimeout)
    state = .linked(link, .trusting(until: until, isLinkLost: isLinkLost))
  }

  mutating func trustReplied(_ link: Link, _ failure: BluezFailure?, isLinkLost: Bool) -> TrustedAction {
    // A refusal costs nothing but a device that cannot call in by itself; the next session tries again.
    if failure == nil { facts.isTrusted = true }
    if failure == .noReply { return .disconnect(leave(link, awaiting: nil, Departure(next: .failed(nil)))) }
    return trusted(link, isLinkLost: isLinkLost)
  }

  private mutating func trusted(_ link: Link, isLinkLost: Bool) -> TrustedAction {
    if isLinkLost { return .ended(linkClosed(link, Departure(next: judgeLoss(of: link)))) }
    if link.leaveBy != .never { return .disconnect(leave(link, awaiting: nil, Departure(next: .eligible))) }
    return .step(resolve(link))
  }

  // MARK: A lost bond

  /// The device does not know the key any more, or seems not to: where the session goes from here.
  mutating func departWithLostBond() -> Parting {
    setbacks.earlyDrops = 0
    let isRenewalDue = lastRenewal.map { now >= $0.adding(Self.renewalDistance) } ?? true
    let isAllowedAnew = mayPair && request.map { asked in lastRenewal.map { $0 < asked.since } ?? true } ?? false
    if isAllowedAnew || (plan.staleBond == .renew && isRenewalDue) {
      lastRenewal = now
      return Parting(next: .eligible, removes: true)
    }
    if plan.staleBond == .renew { return Parting(next: .coolDown, problem: setProblem(.bondLost)) }
    return Parting(next: .needsOperator(.bondLost))
  }
}
