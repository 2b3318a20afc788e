// A link from its beginning to its end: waiting for the services, signals and time, and the end, whatever brought it.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Connected; the slot is granted.
  mutating func linkUp() -> LinkUpAction {
    connections &+= 1
    setbacks.inProgressInARow = 0
    let link = Link(
      steps: plan.steps, sawConnected: facts.isConnected, sawResolved: facts.servicesResolved, lastNotification: now)
    return LinkUpAction(then: secure(link))
  }

  // MARK: Services

  mutating func resolve(_ link: Link) -> StepAction {
    state = .linked(link, .resolving(until: now.adding(Self.resolveTimeout), isWaitingForObjects: false))
    return runIfResolved()
  }

  private mutating func runIfResolved() -> StepAction {
    guard case .linked(var link, .resolving(let until, let isWaiting)) = state, facts.servicesResolved else { return .wait }
    link.sawResolved = true
    let needsSome = link.steps.contains { $0.characteristic != nil }
    if link.steps.allSatisfy(hasWhatItNeeds), !facts.characteristics.isEmpty || !needsSome { return runStep(0, on: link) }
    state = .linked(
      link, .resolving(until: isWaiting ? until : now.adding(Self.objectsGrace), isWaitingForObjects: true))
    return .wait
  }

  private func hasWhatItNeeds(_ step: BluetoothSessionStep) -> Bool {
    step.isOptional || step.needed.allSatisfy { facts.has($0, in: step.service) }
  }

  private mutating func characteristicsMissing(on link: Link) -> DeadlineAction {
    // Only characteristics of optional steps were awaited.
    if link.steps.allSatisfy(hasWhatItNeeds) { return .step(runStep(0, on: link)) }
    return .disconnect(leave(link, awaiting: nil, departOutdated()))
  }

  /// BlueZ keeps what it once read of a device; after a firmware update only forgetting the device makes it read anew.
  mutating func departOutdated() -> Parting {
    setbacks.missingInARow += 1
    let removes = !facts.isPaired || plan.staleBond == .renew
    guard setbacks.missingInARow >= 2 else { return Parting(next: .failed(nil), removes: removes) }
    return Parting(next: .coolDown, removes: removes, problem: setProblem(.missingCharacteristic))
  }

  // MARK: Signals and time on a link

  mutating func linkFactsChanged(_ link: Link, _ phase: Phase, from old: SessionFacts) -> FactsAction {
    let isGone = link.sawConnected ? !facts.isConnected : (old.exists && !facts.exists)
    if isGone || (link.sawResolved && !facts.servicesResolved && !facts.isConnected) {
      return linkLost(link, phase).map(FactsAction.lost) ?? .nothing
    }
    var (link, phase) = (link, phase)
    if facts.isConnected { link.sawConnected = true }
    if facts.servicesResolved { link.sawResolved = true }
    if case .pairing(let until, let isLinkLost) = phase, facts.isPaired {
      // bluetoothd 5.66 never answers a Pair that falls into its own reading of the services; the bond is there all the same.
      phase = .pairing(until: min(until, now.adding(Self.signalGrace)), isLinkLost: isLinkLost)
    }
    state = .linked(link, phase)
    return .step(runIfResolved())
  }

  /// A notification socket was closed by the other end: the link is down, or bluetoothd is. Nil: it is not over, or was already.
  mutating func notificationsEnded(_ characteristic: BluetoothUUID, at instant: MonotonicInstant) -> LostAction? {
    advance(to: instant)
    guard case .linked(let link, let phase) = state, link.subscribed.contains(characteristic) else { return nil }
    return linkLost(link, phase)
  }

  mutating func linkDeadlineCame(_ link: Link, _ phase: Phase) -> DeadlineAction {
    if now >= link.leaveBy {
      if case .pairing = phase { return .disconnect(leave(link, phase, Departure(next: .eligible))) }
      return .disconnect(leave(link, phase, Departure(next: link.yielding)))
    }
    switch phase {
    case .pairing(_, let isLinkLost): return pairDeadlineCame(link, isLinkLost: isLinkLost)
    case .trusting(_, isLinkLost: true): return .ended(linkClosed(link, Departure(next: judgeLoss(of: link))))
    case .trusting(_, isLinkLost: false): return .disconnect(leave(link, phase, Departure(next: .failed(nil))))
    case .resolving(_, isWaitingForObjects: true): return characteristicsMissing(on: link)
    case .resolving(_, isWaitingForObjects: false): return .disconnect(leave(link, phase, Departure(next: .failed(.noServices))))
    case .running(let step, let activity): return stepDeadlineCame(link, step, activity)
    case .quiet: return .disconnect(leave(link, phase, Departure(next: .rest(hasBrought: link.hasBrought))))
    }
  }

  // MARK: The link's end

  /// Ends a link by a Disconnect.
  mutating func leave(_ link: Link, _ phase: Phase, _ departure: Departure) -> DisconnectAction {
    leave(link, awaiting: phase.awaited, departure)
  }

  mutating func leave(_ link: Link, awaiting operation: SessionOperation?, _ parting: Parting) -> DisconnectAction {
    var disconnect = leave(link, awaiting: operation, parting.departure)
    disconnect.problem = parting.problem
    return disconnect
  }

  /// `operation`: the one under way, nil when its reply is what led here.
  mutating func leave(_ link: Link, awaiting operation: SessionOperation?, _ departure: Departure) -> DisconnectAction {
    state = .disconnecting(
      Disconnecting(link: link, departure: departure, awaited: operation, until: now.adding(Self.leaveTimeout)))
    return DisconnectAction(cancelsPairing: operation == .pair)
  }

  /// The link is gone without our doing. Nil: the reply to what is under way says first whether there is a bond.
  mutating func linkLost(_ link: Link, _ phase: Phase) -> LostAction? {
    switch phase {
    case .pairing(let until, isLinkLost: false):
      state = .linked(link, .pairing(until: min(until, now.adding(Self.signalGrace)), isLinkLost: true))
      return nil
    case .trusting(let until, isLinkLost: false):
      state = .linked(link, .trusting(until: min(until, now.adding(Self.signalGrace)), isLinkLost: true))
      return nil
    case .pairing(_, isLinkLost: true), .trusting(_, isLinkLost: true): return nil
    case .resolving, .quiet: return linkLost(link, completed: nil)
    case .running(let step, let activity): return linkLost(link, runningStep: step, activity)
    }
  }

  mutating func linkLost(_ link: Link, runningStep step: Int, _ activity: Activity) -> LostAction {
    guard link.hasOnlyToWait(from: step, activity) else { return linkLost(link, completed: nil) }
    // Some cuffs send what they have and leave, without a word that it was all.
    var link = link
    let completed = complete(&link)
    return linkLost(link, completed: completed)
  }

  private mutating func linkLost(_ link: Link, completed: CompletedAction?) -> LostAction {
    let next = judgeLoss(of: link)
    let isBondSuspect = plan.security != .none && setbacks.earlyDrops >= Self.earlyDropsMax
    guard link.progress != .completed, isBondSuspect else {
      return LostAction(completed: completed, end: linkClosed(link, Departure(next: next)))
    }
    let parting = departWithLostBond()
    var onward = conclude(parting.departure)
    if let problem = parting.problem { onward.problem = problem }
    return LostAction(completed: completed, end: EndAction(givesBack: .link, onward: onward))
  }

  /// Counts a link that ended by itself, and says what comes next.
  mutating func judgeLoss(of link: Link) -> Next {
    if let pairedAt = link.pairedAt, plan.leavesAfterBonding, now <= pairedAt.adding(Self.bondingLeave) {
      setbacks.failures = 0
      return .eligible
    }
    if link.progress == .completed { return .rest(hasBrought: link.hasBrought) }
    if facts.isPaired, link.progress == .untried { setbacks.earlyDrops += 1 }
    return .failed(nil)
  }

  /// BlueZ sends no notifications of an unbonded device that comes back while it remembers the last connection.
  func forgetsAfterLink(_ link: Link) -> Bool {
    plan.security == .none && !facts.isPaired && link.steps.contains { $0.isSubscribing }
  }

  mutating func disconnectReplied() -> RepliedAction {
    guard case .disconnecting(var leaving) = state, !leaving.isReplied else { return .nothing }
    guard facts.isUp else { return .disconnected(linkClosed(leaving.link, leaving.departure)) }
    // The signal of the end follows. Who connected before it would take it for the end of the new link.
    leaving.isReplied = true
    leaving.until = min(leaving.until, now.adding(Self.signalGrace))
    state = .disconnecting(leaving)
    return .nothing
  }

  /// Everything is given back, and the session goes on. `link`: nil where an attempt was called off.
  mutating func linkClosed(_ link: Link?, _ departure: Departure) -> EndAction {
    let forgets = link.map(forgetsAfterLink) ?? false
    let onward = conclude(Departure(next: departure.next, removes: departure.removes || forgets))
    return EndAction(givesBack: link == nil ? .slot : .link, onward: onward)
  }
}

extension BluetoothSession.Link {
  /// What comes after a link that was given up for another device.
  var yielding: BluetoothSession.Next { progress == .completed ? .rest(hasBrought: hasBrought) : .eligible }

  /// It waits for more, and nothing that the profile asks for is left to do.
  func hasOnlyToWait(from step: Int, _ activity: BluetoothSession.Activity) -> Bool {
    guard progress >= .worked, case .silence = activity else { return false }
    return steps.dropFirst(step).allSatisfy { step in
      switch step.action {
      case .wait, .disconnect: true
      case .read, .write, .setClock, .subscribe, .fetchRecords: step.isOptional
      }
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
