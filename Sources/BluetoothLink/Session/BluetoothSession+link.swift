// A link from its beginning to its end: waiting for the services, signals and time, and everything that must be given back
// exactly once.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Connected; the slot is granted.
  mutating func linkUp() {
    connections &+= 1
    setbacks.inProgressInARow = 0
    actions.append(.established)
    actions.append(.report(.connected))
    secure(
      Link(steps: plan.steps, sawConnected: facts.isConnected, sawResolved: facts.servicesResolved, lastNotification: now))
  }

  // MARK: Services

  mutating func resolve(_ link: Link) {
    state = .linked(link, .resolving(until: now.adding(Self.resolveTimeout), isWaitingForObjects: false))
    runIfResolved()
  }

  private mutating func runIfResolved() {
    guard case .linked(var link, .resolving(let until, let isWaiting)) = state, facts.servicesResolved else { return }
    link.sawResolved = true
    let needsSome = link.steps.contains { $0.characteristic != nil }
    if link.steps.allSatisfy(hasWhatItNeeds), !facts.characteristics.isEmpty || !needsSome {
      runStep(0, on: link)
    } else {
      state = .linked(
        link, .resolving(until: isWaiting ? until : now.adding(Self.objectsGrace), isWaitingForObjects: true))
    }
  }

  private func hasWhatItNeeds(_ step: BluetoothSessionStep) -> Bool {
    step.isOptional || step.needed.allSatisfy { facts.has($0, in: step.service) }
  }

  private mutating func characteristicsMissing(on link: Link) {
    // Only optional ones were awaited.
    if link.steps.allSatisfy(hasWhatItNeeds) { return runStep(0, on: link) }
    leave(link, awaiting: nil, departOutdated())
  }

  /// BlueZ keeps what it once read of a device; after a firmware update only forgetting the device makes it read anew.
  mutating func departOutdated() -> Departure {
    setbacks.missingInARow += 1
    let removes = !facts.isPaired || plan.staleBond == .renew
    guard setbacks.missingInARow >= 2 else { return Departure(next: .failed(nil), removes: removes) }
    setProblem(.missingCharacteristic)
    return Departure(next: .coolDown, removes: removes)
  }

  // MARK: Signals and time on a link

  mutating func linkFactsChanged(_ link: Link, _ phase: Phase, from old: SessionFacts) {
    if link.sawConnected ? !facts.isConnected : (old.exists && !facts.exists) { return linkLost(link, phase) }
    if link.sawResolved, !facts.servicesResolved, !facts.isConnected { return linkLost(link, phase) }
    var (link, phase) = (link, phase)
    if facts.isConnected { link.sawConnected = true }
    if facts.servicesResolved { link.sawResolved = true }
    if case .pairing(let until, let isLinkLost) = phase, facts.isPaired {
      // bluetoothd 5.66 never answers a Pair that falls into its own reading of the services; the bond is there all the same.
      phase = .pairing(until: min(until, now.adding(Self.signalGrace)), isLinkLost: isLinkLost)
    }
    state = .linked(link, phase)
    runIfResolved()
  }

  mutating func notificationsEnded(_ characteristic: BluetoothUUID) {
    guard case .linked(let link, let phase) = state, link.subscribed.contains(characteristic) else { return }
    linkLost(link, phase)
  }

  mutating func linkDeadlineCame(_ link: Link, _ phase: Phase) {
    if now >= link.leaveBy {
      if case .pairing = phase { return leave(link, phase, Departure(next: .eligible)) }
      return leave(link, phase, Departure(next: link.yielding))
    }
    switch phase {
    case .pairing(_, let isLinkLost): pairDeadlineCame(link, isLinkLost: isLinkLost)
    case .trusting(_, isLinkLost: true): linkClosed(link, Departure(next: judgeLoss(of: link)))
    case .trusting(_, isLinkLost: false): leave(link, phase, Departure(next: .failed(nil)))
    case .resolving(_, isWaitingForObjects: true): characteristicsMissing(on: link)
    case .resolving(_, isWaitingForObjects: false): leave(link, phase, Departure(next: .failed(.noServices)))
    case .running(let step, let activity): stepDeadlineCame(link, step, activity)
    case .quiet: leave(link, phase, Departure(next: .rest(hasBrought: link.hasBrought)))
    }
  }

  // MARK: The link's end

  /// Ends a link by a Disconnect.
  mutating func leave(_ link: Link, _ phase: Phase, _ departure: Departure) {
    leave(link, awaiting: phase.awaited, departure)
  }

  /// `operation`: the one under way, nil when its reply is what led here.
  mutating func leave(_ link: Link, awaiting operation: SessionOperation?, _ departure: Departure) {
    if operation == .pair { perform(.cancelPairing) }
    state = .disconnecting(
      Disconnecting(link: link, departure: departure, awaited: operation, until: now.adding(Self.leaveTimeout)))
    perform(.disconnect)
  }

  /// The link is gone without our doing.
  mutating func linkLost(_ link: Link, _ phase: Phase) {
    switch phase {
    case .pairing(let until, isLinkLost: false):
      // The reply is on its way and says whether there is a bond.
      state = .linked(link, .pairing(until: min(until, now.adding(Self.signalGrace)), isLinkLost: true))
    case .trusting(let until, isLinkLost: false):
      state = .linked(link, .trusting(until: min(until, now.adding(Self.signalGrace)), isLinkLost: true))
    case .pairing(_, isLinkLost: true), .trusting(_, isLinkLost: true): break
    case .resolving, .running, .quiet:
      var link = link
      // Some cuffs send what they have and leave, without a word that it was all.
      if link.hasOnlyToWait(in: phase) { complete(&link) }
      let next = judgeLoss(of: link)
      let isBondSuspect = plan.security != .none && setbacks.earlyDrops >= Self.earlyDropsMax
      guard link.progress != .completed, isBondSuspect else { return linkClosed(link, Departure(next: next)) }
      closeLink(link)
      conclude(departWithLostBond())
    }
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

  mutating func disconnectReplied() {
    guard case .disconnecting(var leaving) = state, !leaving.isReplied else { return }
    if facts.isUp {
      // The signal follows; whoever connects before it gets the old link's end.
      leaving.isReplied = true
      leaving.until = min(leaving.until, now.adding(Self.signalGrace))
      state = .disconnecting(leaving)
    } else {
      linkClosed(leaving.link, leaving.departure)
    }
  }

  /// Gives everything back, and goes on.
  mutating func linkClosed(_ link: Link?, _ departure: Departure) {
    closeLink(link)
    let forgets = link.map(forgetsAfterLink) ?? false
    conclude(Departure(next: departure.next, removes: departure.removes || forgets))
  }

  /// Gives everything back: once for each connection, whatever ended it. The caller puts another state in its place.
  mutating func closeLink(_ link: Link?) {
    if link != nil { actions.append(.closeNotifications) }
    actions.append(.releaseSlot)
    if link != nil { actions.append(.report(.disconnected)) }
  }
}

extension BluetoothSession.Link {
  /// What comes after a link that was given up for another device.
  var yielding: BluetoothSession.Next { progress == .completed ? .rest(hasBrought: hasBrought) : .eligible }

  /// It waits for more, and nothing that the profile asks for is left to do.
  func hasOnlyToWait(in phase: BluetoothSession.Phase) -> Bool {
    guard progress >= .worked, case .running(let step, .silence) = phase else { return false }
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
