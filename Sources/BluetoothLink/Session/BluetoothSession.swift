// One device's Bluetooth session as a value: what it is doing, until when, and what it remembers from one connection to
// the next. The states stand in `+state.swift`, their waits in `+waits.swift`, the transitions in `+connecting.swift`,
// `+bond.swift`, `+link.swift`, `+steps.swift` and `+between.swift`.
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

  var now = MonotonicInstant.zero
  var actions: [SessionAction] = []

  init(plan: BluetoothSessionPlan, isRegistered: Bool, timings: SessionTimings = SessionTimings()) {
    self.plan = plan
    self.isRegistered = isRegistered
    self.timings = timings
  }

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

  mutating func perform(_ operation: SessionOperation) { actions.append(.perform(operation)) }

  mutating func setProblem(_ new: BluetoothProblem?) {
    guard problem != new else { return }
    problem = new
    actions.append(.report(.problem(new)))
  }

  // MARK: Dispatch by state

  private mutating func factsChanged(to new: SessionFacts) {
    let old = facts
    facts = new
    switch state {
    case .idle(let notBefore, let rehearBy): idleFactsChanged(from: old, notBefore: notBefore, rehearBy: rehearBy)
    case .connecting(let attempt): attemptFactsChanged(attempt)
    case .linked(let link, let phase): linkFactsChanged(link, phase, from: old)
    case .disconnecting(let leaving):
      if !new.isConnected, old.isConnected || leaving.isReplied { linkClosed(leaving.link, leaving.departure) }
    case .backingOff(_, awaitsLinkDown: true):
      if !new.isUp { state = .backingOff(until: now.adding(backOffNow), awaitsLinkDown: false) }
    case .needsOperator:
      if new.isPaired, !old.isPaired {
        setProblem(nil)
        state = .idle(notBefore: now)
      }
    case .ended(owesRemoval: true):
      if isStackReady, new.exists { remove(.ended) }
    case .waitingForSlot, .removing, .backingOff, .coolingDown, .ended: break
    }
  }

  private mutating func replied(_ operation: SessionOperation, _ failure: BluezFailure?) {
    switch operation {
    case .disconnect: return disconnectReplied()
    case .cancelPairing: return
    case .connect, .pair, .trust, .remove, .read, .write, .subscribe, .setClock: break
    }
    if failure == nil, link?.answeredRead == operation { return forgetAnsweredRead() }
    guard awaited == operation else { return }
    if failure == .stackGone { return stackLost() }
    switch state {
    case .connecting(let attempt): connectReplied(attempt, failure)
    case .linked(let link, .pairing(_, let isLinkLost)): pairReplied(link, failure, isLinkLost: isLinkLost)
    case .linked(let link, .trusting(_, let isLinkLost)): trustReplied(link, failure, isLinkLost: isLinkLost)
    case .linked(let link, .running(let step, let activity)): stepReplied(link, step, activity, operation, failure)
    case .disconnecting(var leaving):
      leaving.awaited = nil
      state = .disconnecting(leaving)
    case .removing(let next, _): removed(next)
    case .idle, .waitingForSlot, .linked(_, .resolving), .linked(_, .quiet), .backingOff, .coolingDown, .needsOperator, .ended: break
    }
  }

  private mutating func deadlineCame() {
    guard now >= deadline else { return }
    switch state {
    case .waitingForSlot, .needsOperator, .ended: break
    case .idle(let notBefore, let rehearBy):
      guard now >= rehearBy else { return start() }
      state = .idle(notBefore: notBefore)
      if isStackReady { enter(.needsOperator(.notPaired)) }
    case .connecting(let attempt): attemptDeadlineCame(attempt)
    case .linked(let link, let phase): linkDeadlineCame(link, phase)
    case .disconnecting(let leaving): linkClosed(leaving.link, leaving.departure)
    case .removing(let next, _): removed(next)
    case .backingOff, .coolingDown:
      state = .idle(notBefore: now)
      if wasHeardLately || facts.isUp, isRegistered || hasRequest { start() }
    }
  }
}

extension SessionFacts {
  /// BlueZ 5.66 sometimes never signals Connected=true; services that are resolved say the same.
  var isUp: Bool { isConnected || servicesResolved }
}
