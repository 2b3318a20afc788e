// One device's Bluetooth session as a value: what it is doing, until when, and what it remembers from one connection to
// the next. The states stand in `+state.swift`, their waits in `+waits.swift`, the transitions in `+connecting.swift`,
// `+bond.swift`, `+link.swift`, `+steps.swift` and `+between.swift`. Each event has a method, which answers with a type of
// its own (`SessionActions.swift`).
//
//   idle ─heard─▶ waitingForSlot ─▶ connecting ─▶ pairing ─▶ trusting ─▶ resolving ─▶ running ⇄ settling ─▶ quiet
//    ▲                                  │ failure                                                            │
//    └── backingOff, coolingDown ◀──────┴─────────────── removing ◀── disconnecting ◀────────────────────────┘
//
// It holds no descriptor and no clock, and it decides nothing about what a frame means.

import BlueZ
import DeviceProfile
import VitalSigns

struct BluetoothSession: Sendable {
  /// Somebody asked for a connection.
  struct Request: Sendable, Hashable {
    var mayPair: Bool
    var since: MonotonicInstant
  }

  /// What went wrong lately. A session that completes clears all of it.
  struct Setbacks: Sendable, Hashable {
    /// Failures in a row.
    var failures = 0
    /// Links of a bonded device in a row that ended before anything worked.
    var earlyDrops = 0
    /// Sessions in a row that missed a characteristic.
    var missingInARow = 0
    /// Times in a row that bluetoothd held an operation of somebody else; the remedy comes at the second.
    var inProgressInARow = 0
    var pairingFailures = 0
    /// Optional steps that ended a session by a time-out: left out until a session completes.
    var avoidedSteps: Set<Int> = []
  }

  /// May be replaced when the profile changes; steps count from the next connection on.
  var plan: BluetoothSessionPlan
  /// A candidate that nobody has registered yet connects on request only.
  var isRegistered: Bool
  let timings: SessionTimings

  var state = State.idle(notBefore: .zero)
  var problem: BluetoothProblem?
  /// Rises with every connection attempt and when the stack goes: replies to an older one are to be dropped.
  var generation: UInt32 = 0
  /// Connections that came about, since the start.
  var connections: UInt64 = 0

  /// What BlueZ says now, whatever the session is doing.
  var facts = SessionFacts()
  var isStackReady = true
  var lastHeard: MonotonicInstant?
  /// As `lastHeard`, and kept when bluetoothd forgets the device.
  var lastAdvertised: MonotonicInstant?
  var request: Request?
  /// Everything up to here is in a committed transaction.
  var durable: UInt64 = 0

  // What is remembered from one connection to the next.
  var setbacks = Setbacks()
  /// When the session last became idle, and until when it would rest if its link's end had been signalled by then.
  var rested = (at: MonotonicInstant.zero, until: MonotonicInstant.zero)
  /// Completed sessions in a row that brought no new frame.
  var barren = 0
  /// When a bond was last given up in order to get a new one.
  var lastRenewal: MonotonicInstant?

  /// The time of the latest event.
  private(set) var now = MonotonicInstant.zero

  init(plan: BluetoothSessionPlan, isRegistered: Bool, timings: SessionTimings = SessionTimings()) {
    self.plan = plan
    self.isRegistered = isRegistered
    self.timings = timings
  }

  // Each event may come in any state. Its method takes the time, and its answer is to be carried out before the next event.

  /// Time does not go back, whatever an event says.
  mutating func advance(to instant: MonotonicInstant) { now = max(now, instant) }

  /// Nil when it is the problem already.
  mutating func setProblem(_ new: BluetoothProblem?) -> ProblemChange? {
    guard problem != new else { return nil }
    problem = new
    return ProblemChange(problem: new)
  }

  // MARK: Events that mean something else in each state

  /// BlueZ says something of the device.
  mutating func factsChanged(to new: SessionFacts, at instant: MonotonicInstant) -> FactsAction {
    advance(to: instant)
    let old = facts
    facts = new
    switch state {
    case .idle(let notBefore, let rehearBy):
      return .onward(OnwardAction(idleFactsChanged(from: old, notBefore: notBefore, rehearBy: rehearBy)))
    case .connecting(let attempt): return attemptFactsChanged(attempt)
    case .linked(let link, let phase): return linkFactsChanged(link, phase, from: old)
    case .disconnecting(let leaving):
      guard !new.isConnected, old.isConnected || leaving.isReplied else { return .nothing }
      return .ended(linkClosed(leaving.link, leaving.departure))
    case .backingOff(_, awaitsLinkDown: true):
      if !new.isUp { state = .backingOff(until: now.adding(backOffNow), awaitsLinkDown: false) }
      return .nothing
    case .needsOperator:
      guard new.isPaired, !old.isPaired else { return .nothing }
      state = .idle(notBefore: now)
      return .onward(OnwardAction(problem: setProblem(nil)))
    case .ended(owesRemoval: true):
      return isStackReady && new.exists ? .onward(remove(.ended)) : .nothing
    case .waitingForSlot, .removing, .backingOff, .coolingDown, .ended: return .nothing
    }
  }

  /// A call was replied to. The failure is nil when it succeeded.
  mutating func replied(_ operation: SessionOperation, _ failure: BluezFailure?, at instant: MonotonicInstant) -> RepliedAction {
    advance(to: instant)
    switch operation {
    case .disconnect: return disconnectReplied()
    case .cancelPairing: return .nothing
    case .connect, .pair, .trust, .remove, .read, .write, .subscribe, .setClock: break
    }
    if failure == nil, link?.answeredRead == operation {
      forgetAnsweredRead()
      return .nothing
    }
    guard awaited == operation else { return .nothing }
    if failure == .stackGone { return .stackLost(stackLost()) }
    switch state {
    case .connecting(let attempt): return .connect(connectReplied(attempt, failure))
    case .linked(let link, .pairing(_, let isLinkLost)): return .pair(pairReplied(link, failure, isLinkLost: isLinkLost))
    case .linked(let link, .trusting(_, let isLinkLost)): return .trust(trustReplied(link, failure, isLinkLost: isLinkLost))
    case .linked(let link, .running(let step, let activity)):
      return .step(stepReplied(link, step, activity, operation, failure))
    case .disconnecting(var leaving):
      leaving.awaited = nil
      state = .disconnecting(leaving)
      return .nothing
    case .removing(let next, _): return .removed(removed(next))
    case .idle, .waitingForSlot, .linked(_, .resolving), .linked(_, .quiet), .backingOff, .coolingDown, .needsOperator, .ended:
      return .nothing
    }
  }

  /// `deadline` has come.
  mutating func deadlineCame(at instant: MonotonicInstant) -> DeadlineAction {
    advance(to: instant)
    guard now >= deadline else { return .nothing }
    switch state {
    case .waitingForSlot, .needsOperator, .ended: return .nothing
    case .idle(let notBefore, let rehearBy):
      guard now >= rehearBy else { return .onward(OnwardAction(start())) }
      state = .idle(notBefore: notBefore)
      return isStackReady ? .onward(enter(.needsOperator(.notPaired))) : .nothing
    case .connecting(let attempt): return attemptDeadlineCame(attempt)
    case .linked(let link, let phase): return linkDeadlineCame(link, phase)
    case .disconnecting(let leaving): return .ended(linkClosed(leaving.link, leaving.departure))
    case .removing(let next, _): return .onward(removed(next))
    case .backingOff, .coolingDown:
      state = .idle(notBefore: now)
      guard wasHeardLately || facts.isUp, isRegistered || hasRequest else { return .nothing }
      return .onward(OnwardAction(start()))
    }
  }
}

extension SessionFacts {
  /// BlueZ 5.66 sometimes never signals Connected=true; services that are resolved say the same.
  var isUp: Bool { isConnected || servicesResolved }
}
