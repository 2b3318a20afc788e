// The states of a session. Each case holds what exists in that state only: the link in the states that have one, the
// operation under way in the phase that made it, the place in the queue by the state itself. A combination that makes no
// sense has no case.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  enum State: Sendable, Hashable {
    /// Waits to be heard. Before `notBefore` hearing it starts nothing. `rehearBy`: until when a device that was removed in
    /// order to be paired anew is waited for; `.never`: none is.
    case idle(notBefore: MonotonicInstant, rehearBy: MonotonicInstant)
    /// In the queue for a connection.
    case waitingForSlot
    case connecting(Attempt)
    case linked(Link, Phase)
    case disconnecting(Disconnecting)
    case removing(Next, until: MonotonicInstant)
    /// `awaitsLinkDown`: bluetoothd still calls the device connected; trying before that is futile.
    case backingOff(until: MonotonicInstant, awaitsLinkDown: Bool)
    case coolingDown(until: MonotonicInstant)
    /// `retryAt`: from when on being heard starts one more attempt; `.never` for none.
    case needsOperator(BluetoothProblem, retryAt: MonotonicInstant)
    /// Forgotten or stopped. `owesRemoval`: bluetoothd was away when it should have forgotten the device.
    case ended(owesRemoval: Bool)

    static func idle(notBefore: MonotonicInstant) -> Self { .idle(notBefore: notBefore, rehearBy: .never) }
  }

  /// One attempt to connect.
  struct Attempt: Sendable, Hashable {
    enum Awaits: Sendable, Hashable {
      /// The reply to Connect.
      case reply
      /// The same, while the link is up: BlueZ answers after it has read the services.
      case services
      /// The end of an attempt that bluetoothd makes for somebody else; it shows in the facts only.
      case elsewhere
    }

    var until: MonotonicInstant
    var awaits = Awaits.reply
    /// The link came up, whatever Connect answers.
    var sawConnected = false
  }

  /// One connection, from Connect's success to its end.
  struct Link: Sendable, Hashable {
    enum Progress: Int, Sendable, Hashable, Comparable {
      case untried
      /// A GATT operation succeeded: the bond, if there is one, fits.
      case worked
      /// All steps are done.
      case completed

      static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    /// The steps as they were at the beginning: a profile that changes meanwhile counts from the next session on.
    let steps: [BluetoothSessionStep]
    /// BlueZ 5.66 sometimes never signals Connected=true; false means something only after true.
    var sawConnected: Bool
    var sawResolved: Bool
    var subscribed: Set<BluetoothUUID> = []
    /// A read that `value` has answered: its `replied` adds nothing.
    var answeredRead: SessionOperation?
    var progress = Progress.untried
    /// Something that came was recorded.
    var hasBrought = false
    var pairedAt: MonotonicInstant?
    var lastNotification: MonotonicInstant
    /// What went wrong without ending the session; kept as the problem when it completes.
    var warning: BluetoothProblem?
    /// The slot is wanted by another: what may still be finished ends here.
    var leaveBy = MonotonicInstant.never

    mutating func reached(_ new: Progress) { progress = max(progress, new) }
  }

  /// What is done on a link now.
  enum Phase: Sendable, Hashable {
    /// `isLinkLost`: the link went away meanwhile; the reply says whether the bond is there.
    case pairing(until: MonotonicInstant, isLinkLost: Bool)
    case trusting(until: MonotonicInstant, isLinkLost: Bool)
    /// `isWaitingForObjects`: services are resolved, characteristics are not all exported.
    case resolving(until: MonotonicInstant, isWaitingForObjects: Bool)
    /// The step with this index.
    case running(step: Int, Activity)
    /// All steps are done. `.never` for a held connection.
    case quiet(until: MonotonicInstant)
  }

  /// What a step waits for.
  enum Activity: Sendable, Hashable {
    case operation(SessionOperation, until: MonotonicInstant)
    /// Silence since `since` or since the last notification, for `quietSeconds`; at most until `limit`.
    case silence(since: MonotonicInstant, quietSeconds: UInt32, limit: MonotonicInstant)
    case records(RecordAccess)
  }

  /// Disconnect was asked for: of a link, or of an attempt, which BlueZ gives up then.
  struct Disconnecting: Sendable, Hashable {
    /// Nil when an attempt is called off.
    var link: Link?
    var departure: Departure
    /// The operation that was under way.
    var awaited: SessionOperation?
    /// Disconnect was answered; the signal of the link's end follows.
    var isReplied = false
    var until: MonotonicInstant
  }

  /// How a link or an attempt ends.
  struct Departure: Sendable, Hashable {
    var next: Next
    /// bluetoothd is to forget the device in between.
    var removes = false
  }

  /// A departure, and what is to be told before it.
  struct Parting: Sendable, Hashable {
    var departure: Departure
    var problem: ProblemChange?

    init(next: Next, removes: Bool = false, problem: ProblemChange? = nil) {
      departure = Departure(next: next, removes: removes)
      self.problem = problem
    }
  }

  /// What comes when the link is down.
  enum Next: Sendable, Hashable {
    /// The session was a good one: idle, not connected again at once. `hasBrought`: something that came was recorded.
    case rest(hasBrought: Bool)
    /// Idle, and connected again as soon as it is heard.
    case eligible
    /// A failed attempt, with the problem that is known already.
    case failed(BluetoothProblem?)
    case coolDown
    case needsOperator(BluetoothProblem)
    /// Never again.
    case ended
  }

  /// Where the session stands in the queue for a connection.
  enum Slot: Sendable, Hashable { case none, requested, granted }
}

// MARK: What follows from a state

extension BluetoothSession {
  /// When `deadline` is to be given to the session; `.never` when it waits for something else.
  var deadline: MonotonicInstant {
    switch state {
    // A link that is there all the same is taken over when the hold-off ends.
    case .idle(let notBefore, let rehearBy):
      facts.isUp && isStackReady && (isRegistered || hasRequest) ? min(notBefore, rehearBy) : rehearBy
    case .waitingForSlot, .needsOperator, .ended: .never
    case .connecting(let attempt): attempt.until
    case .linked(let link, let phase): min(phase.deadline(on: link), link.leaveBy)
    case .disconnecting(let leaving): leaving.until
    case .removing(_, let until), .backingOff(let until, _), .coolingDown(let until): until
    }
  }

  var slot: Slot {
    switch state {
    case .idle, .removing, .backingOff, .coolingDown, .needsOperator, .ended: .none
    case .waitingForSlot: .requested
    case .connecting, .linked, .disconnecting: .granted
    }
  }

  /// What is given back when the state is left.
  var holding: Holding {
    switch state {
    case .idle, .removing, .backingOff, .coolingDown, .needsOperator, .ended: .nothing
    case .waitingForSlot, .connecting: .slot
    case .linked: .link
    case .disconnecting(let leaving): leaving.link == nil ? .slot : .link
    }
  }

  /// The connection that there is, as far as the session knows.
  var link: Link? {
    switch state {
    case .linked(let link, _): link
    case .disconnecting(let leaving): leaving.link
    case .idle, .waitingForSlot, .connecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: nil
    }
  }

  var isConnected: Bool { link != nil }

  /// The operation whose reply is awaited. Disconnect and CancelPairing are not counted: they may overtake it.
  var awaited: SessionOperation? {
    switch state {
    case .connecting(let attempt): attempt.awaited
    case .linked(_, let phase): phase.awaited
    case .disconnecting(let leaving): leaving.awaited
    case .removing: .remove
    case .idle, .waitingForSlot, .backingOff, .coolingDown, .needsOperator, .ended: nil
    }
  }

  /// Forgotten or stopped. `isAtRest` says whether the value may be dropped.
  var isEnded: Bool { if case .ended = state { true } else { false } }
}

extension BluetoothSession.Attempt {
  var awaited: SessionOperation? {
    switch awaits {
    case .reply, .services: .connect
    case .elsewhere: nil
    }
  }
}

extension BluetoothSession.Phase {
  var awaited: SessionOperation? {
    switch self {
    case .pairing: .pair
    case .trusting: .trust
    case .running(_, .operation(let operation, _)): operation
    case .running(_, .records(let access)): access.awaited
    case .running(_, .silence), .resolving, .quiet: nil
    }
  }

  func deadline(on link: BluetoothSession.Link) -> MonotonicInstant {
    switch self {
    case .pairing(let until, _), .trusting(let until, _), .resolving(let until, _), .quiet(let until): until
    case .running(_, .operation(_, let until)): until
    case .running(_, .silence(let since, let quietSeconds, let limit)):
      min(limit, max(since, link.lastNotification).adding(seconds: quietSeconds))
    case .running(_, .records(let access)): access.deadline
    }
  }
}

extension BluetoothSession.State {
  /// For status and the log. Stable.
  var name: String {
    switch self {
    case .idle: "idle"
    case .waitingForSlot: "waitingForSlot"
    case .connecting: "connecting"
    case .linked(_, .pairing): "pairing"
    case .linked(_, .trusting): "trusting"
    case .linked(_, .resolving): "resolving"
    case .linked(_, .running(_, .records(let access))): access.isSettling ? "settling" : "running"
    case .linked(_, .running): "running"
    case .linked(_, .quiet): "quiet"
    case .disconnecting: "disconnecting"
    case .removing: "removing"
    case .backingOff: "backingOff"
    case .coolingDown: "coolingDown"
    case .needsOperator: "needsOperator"
    case .ended: "ended"
    }
  }
}
