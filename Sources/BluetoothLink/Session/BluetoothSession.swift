// One device's Bluetooth session as a value: what it is doing, until when, and what it remembers from one connection to
// the next. The transitions stand beside it in `BluetoothSession+stateMachine.swift`, `+link.swift` and `+steps.swift`.
//
//   idle ─heard─▶ waitingForSlot ─▶ connecting ─▶ pairing ─▶ trusting ─▶ resolving ─▶ running ⇄ settling ─▶ quiet
//    ▲                                  │ failure                                                            │
//    └── backingOff, coolingDown ◀──────┴─────────────── removing ◀── disconnecting ◀────────────────────────┘
//
// It holds no descriptor and no clock, and it decides nothing about what a frame means.

import DeviceProfile
import VitalSigns

/// The waits of a session. The defaults are for real devices; tests and the configuration may shorten them.
struct SessionTimings: Sendable, Hashable {
  /// BlueZ 5.66 gives an absent device 40 s; after half of that the others have waited long enough.
  var connect = Duration.seconds(20)
  /// After a failure that no retry mends. Alarm devices have `coolDownAlarm`.
  var coolDown = Duration.seconds(60)
  var coolDownAlarm = Duration.seconds(10)
  /// Devices go on advertising for a while after a session; connecting again would only drain their battery. Doubled after
  /// each session that brought nothing new, up to `holdOffMax`, for devices that advertise all day.
  var holdOff = Duration.seconds(10)
  var holdOffMax = Duration.seconds(300)
}

struct BluetoothSession: Sendable {
  /// Waits after the first, second, third and fourth failure in a row. The fifth cools down.
  static let backOff: [Duration] = [.milliseconds(100), .milliseconds(400), .milliseconds(1600), .seconds(4)]
  /// A retry without a sign of life in this time would block the others' turn for nothing.
  static let heardWindow = Duration.seconds(30)
  /// BlueZ reads all services of a slow device in some 10 s; after 30 s ATT itself has given up.
  static let resolveTimeout = Duration.seconds(30)
  /// BlueZ may say ServicesResolved before it has exported the objects.
  static let objectsGrace = Duration.seconds(5)
  /// An installer reads six digits from one display and types them on another.
  static let pairTimeout = Duration.seconds(60)
  /// Half of ATT's own 30 s.
  static let stepTimeout = Duration.seconds(15)
  /// BlueZ answers Disconnect within 2 s, and RemoveDevice after that; longer means that the answer is lost.
  static let leaveTimeout = Duration.seconds(10)
  /// The reply and the signal of one change may come in either order, at most this far apart.
  static let signalGrace = Duration.seconds(2)
  /// How long pairing and settling may go on when the slot is wanted by another.
  static let withdrawGrace = Duration.seconds(10)
  /// A device that `leavesAfterBonding` does so within this time.
  static let bondingLeave = Duration.seconds(10)
  /// A guess that the bond is lost may be wrong: tried again this seldom.
  static let bondLostRetry = Duration.seconds(600)
  /// Whoever forges lost bonds gets at most one new pairing in this time.
  static let renewalDistance = Duration.seconds(60)
  /// A device that was silent for so long has slept: whatever it says now is news.
  static let asleep = Duration.seconds(60)
  /// A device whose old bond was given up for a new one is heard again by then. Otherwise its addresses are private, and it is a
  /// stranger that the installer must choose.
  static let rehearing = Duration.seconds(30)
  /// How long `connectNow` is remembered when the device is not there at once.
  static let requestLifetime = Duration.seconds(120)
  /// As many links in a row that end before anything worked look like a lost bond.
  static let earlyDropsMax = 3

  /// What comes when the link is down.
  enum Next: Sendable, Hashable {
    /// The session was a good one: idle, not connected again at once.
    case rest
    /// Idle, and connected again as soon as it is heard.
    case eligible
    /// A failed attempt, with the problem that is known already.
    case failed(BluetoothProblem?)
    case coolDown
    case needsOperator(BluetoothProblem)
    /// Never again.
    case ended
  }

  /// What a step waits for.
  enum Activity: Sendable, Hashable {
    /// The reply of the pending operation.
    case operation(until: MonotonicInstant)
    /// Silence since `since` or since the last notification, for `quietSeconds`; at most until `limit`.
    case silence(since: MonotonicInstant, quietSeconds: UInt32, limit: MonotonicInstant)
    case records(RecordAccess)
  }

  enum State: Sendable, Hashable {
    /// Waits to be heard. Before `notBefore` hearing it starts nothing.
    case idle(notBefore: MonotonicInstant)
    case waitingForSlot
    /// `isElsewhere`: bluetoothd says that somebody's connecting is under way; its end shows in the facts only.
    case connecting(until: MonotonicInstant, isElsewhere: Bool)
    /// `isLinkLost`: the link went away meanwhile; the reply says whether the bond is there.
    case pairing(until: MonotonicInstant, isLinkLost: Bool)
    case trusting(until: MonotonicInstant, isLinkLost: Bool)
    /// `isWaitingForObjects`: services are resolved, characteristics are not all exported.
    case resolving(until: MonotonicInstant, isWaitingForObjects: Bool)
    case running(step: Int, Activity)
    /// Stored records wait for the disk, or are being deleted.
    case settling(step: Int, RecordAccess)
    /// All steps are done. `.never` for a held connection.
    case quiet(until: MonotonicInstant)
    case disconnecting(Next, removes: Bool, isReplied: Bool, until: MonotonicInstant)
    case removing(Next, until: MonotonicInstant)
    /// `awaitsLinkDown`: bluetoothd still calls the device connected; trying before that is futile.
    case backingOff(until: MonotonicInstant, awaitsLinkDown: Bool)
    case coolingDown(until: MonotonicInstant)
    /// `retryAt`: from when on being heard starts one more attempt; `.never` for none.
    case needsOperator(BluetoothProblem, retryAt: MonotonicInstant)
    /// Forgotten or stopped. `owesRemoval`: bluetoothd was away when it should have forgotten the device.
    case ended(owesRemoval: Bool)
  }

  /// Where the session stands in the queue for a connection.
  enum Slot: Sendable, Hashable { case none, requested, granted }

  /// One connection, from Connect's success to its end.
  struct Link: Sendable, Hashable {
    /// The steps as they were at the beginning: a profile that changes meanwhile counts from the next session on.
    var steps: [BluetoothSessionStep]
    /// BlueZ 5.66 sometimes never signals Connected=true; false means something only after true.
    var sawConnected: Bool
    var sawResolved: Bool
    var subscribed: Set<BluetoothUUID> = []
    /// A GATT operation succeeded: the bond, if there is one, fits.
    var hasWorked = false
    var isCompleted = false
    var pairedAt: MonotonicInstant?
    var lastNotification: MonotonicInstant
    /// What went wrong without ending the session; kept as the problem when it completes.
    var warning: BluetoothProblem?
    /// The slot is wanted by another: what may still be finished ends here.
    var leaveBy = MonotonicInstant.never
  }

  /// Somebody asked for a connection.
  struct Request: Sendable, Hashable {
    var mayPair: Bool
    var since: MonotonicInstant
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

  var facts = SessionFacts()
  var slot = Slot.none
  var link: Link?
  /// The operation whose reply is awaited. Disconnect and CancelPairing are not counted: they may overtake it.
  var pending: SessionOperation?
  /// A read that `value` has answered: its `replied` adds nothing.
  var answeredRead: SessionOperation?
  var isStackReady = true
  var lastHeard: MonotonicInstant?
  /// As `lastHeard`, and kept when bluetoothd forgets the device.
  var lastAdvertised: MonotonicInstant?
  /// When the session last became idle, and until when it would rest if its link's end had been signalled by then.
  var rested = (at: MonotonicInstant.zero, until: MonotonicInstant.zero)
  var request: Request?
  /// Until when a device that was removed in order to be paired anew is waited for; `.never`: none is.
  var rehearBy = MonotonicInstant.never
  /// Everything up to here is in a committed transaction.
  var durable: UInt64 = 0

  // What is remembered from one connection to the next. All of it is cleared by a session that completes.
  /// Failures in a row.
  var failures = 0
  /// Links of a bonded device in a row that ended before anything worked.
  var earlyDrops = 0
  /// This attempt's link came up, whatever Connect answers.
  var sawConnectedWhileConnecting = false
  /// Sessions in a row that missed a characteristic.
  var missingInARow = 0
  /// Times in a row that bluetoothd held an operation of somebody else; the remedy comes at the second.
  var inProgressInARow = 0
  var pairingFailures = 0
  /// Optional steps that ended a session by a time-out: left out until one completes.
  var avoidedSteps: Set<Int> = []
  /// Completed sessions in a row that brought no new frame.
  var barren = 0
  /// The connection that is, or that was last, brought something that was recorded.
  var hasBrought = false
  /// When a bond was last given up in order to get a new one.
  var lastRenewal: MonotonicInstant?

  var now = MonotonicInstant.zero
  var actions: [SessionAction] = []

  init(plan: BluetoothSessionPlan, isRegistered: Bool, timings: SessionTimings = SessionTimings()) {
    self.plan = plan
    self.isRegistered = isRegistered
    self.timings = timings
  }

  /// When `deadline` is to be given to the session; `.never` when it waits for something else.
  var deadline: MonotonicInstant {
    let own: MonotonicInstant =
      switch state {
      // A link that is there all the same is taken over when the hold-off ends.
      case .idle(let notBefore): facts.isUp && isStackReady && (isRegistered || hasRequest) ? min(notBefore, rehearBy) : rehearBy
      case .waitingForSlot, .needsOperator, .ended: .never
      case .connecting(let until, _), .pairing(let until, _), .trusting(let until, _), .resolving(let until, _): until
      case .running(_, .operation(let until)): until
      case .running(_, .silence(let since, let quietSeconds, let limit)):
        min(limit, max(since, link?.lastNotification ?? since).adding(seconds: quietSeconds))
      case .running(_, .records(let access)), .settling(_, let access): access.deadline
      case .quiet(let until): until
      case .disconnecting(_, _, _, let until), .removing(_, let until): until
      case .backingOff(let until, _), .coolingDown(let until): until
      }
    return min(own, link?.leaveBy ?? .never)
  }

  /// Forgotten or stopped, with nothing under way: the value may be dropped.
  var isEnded: Bool { if case .ended = state { true } else { false } }

  /// There is a link, as far as the session knows.
  var isConnected: Bool { link != nil }
}

extension BluetoothSession.State {
  /// For status and the log. Stable.
  var name: String {
    switch self {
    case .idle: "idle"
    case .waitingForSlot: "waitingForSlot"
    case .connecting: "connecting"
    case .pairing: "pairing"
    case .trusting: "trusting"
    case .resolving: "resolving"
    case .running: "running"
    case .settling: "settling"
    case .quiet: "quiet"
    case .disconnecting: "disconnecting"
    case .removing: "removing"
    case .backingOff: "backingOff"
    case .coolingDown: "coolingDown"
    case .needsOperator: "needsOperator"
    case .ended: "ended"
    }
  }
}

extension SessionFacts {
  /// BlueZ 5.66 sometimes never signals Connected=true; services that are resolved say the same.
  var isUp: Bool { isConnected || servicesResolved }
}

extension MonotonicInstant {
  /// This instant plus a duration: `adding(_:)`, as the sessions read it.
  func later(by duration: Duration) -> Self { adding(duration) }
}
