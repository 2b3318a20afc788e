// The adapter as a value: whether bluetoothd and its adapter are there, powered and scanning, and what is tried when they
// are not or when a scan hears nothing. The transitions stand in `AdapterSession+stateMachine.swift` and `+scan.swift`; each event
// has a method there, which answers with a type of its own (`AdapterActions.swift`).
//
//   absent ─▶ loading ─▶ noAdapter ─▶ poweringOn ─▶ on (scanning as needed) ─▶ powerCycling ─▶ poweringOn
//
// One call at a time: BlueZ answers a second StartDiscovery with InProgress, and a stuck one must be noticed.

import BlueZ
import DeviceProfile
import VitalSigns

/// The waits of the adapter. Tests and the configuration may change them.
struct AdapterTimings: Sendable, Hashable {
  /// A cycle that hears most advertisers (interval ≤ 2 s) several times, and leaves the radio to connections in between.
  var scanOn = Duration.seconds(10)
  var scanOff = Duration.seconds(5)
  /// Scanning time without any advertisement after which the scan is taken for stalled.
  var watchdog = Duration.seconds(90)
  /// The same after all attempts.
  var watchdogSlow = Duration.seconds(600)
  /// Between two power cycles on behalf of a session.
  var resetDistance = Duration.seconds(600)
}

struct AdapterSession: Sendable {
  /// Waits between refused discoveries; after them `scanRetry`. 14 s in all: a new bluetoothd refuses for up to 10 s, while the
  /// kernel runs a killed one's discovery.
  static let scanBackOff: [Duration] = [
    .milliseconds(100), .milliseconds(400), .milliseconds(1600), .seconds(4), .seconds(4), .seconds(4),
  ]
  static let scanRetry = Duration.seconds(60)
  /// Waits between refused attempts to load or to power on: doubled from 1 s up to this.
  static let powerBackOffMax = Duration.seconds(60)
  static let powerFailuresUntilProblem = 3
  /// Another program switched the adapter off: it may be about to do something with it.
  static let powerReturn = Duration.seconds(2)
  /// Controllers need a moment between off and on.
  static let cyclePause = Duration.seconds(1)
  /// Every call is answered by then, or bluetoothd is stuck.
  static let operationTimeout = Duration.seconds(30)
  /// bluetoothd lets its own discovery rest for 5 s between two runs and says Discovering=false meanwhile. A discovery that
  /// rests for longer than this has ended.
  static let discoveringGrace = Duration.seconds(8)
  /// The reply to Powered=true and the signal of it may be this far apart.
  static let powerGrace = Duration.seconds(5)
  /// Restarts of a silent scan until only a slow watch goes on.
  static let stallsMax = 4

  /// Whose connections would end if the adapter were switched off.
  enum Links: Sendable, Hashable {
    case none
    /// The controller lives, whatever the scan hears.
    case some
    /// An alarm device is connected: the adapter is not switched off.
    case alarm
  }

  /// A call of the scan whose reply is awaited.
  struct Call: Sendable, Hashable {
    var operation: AdapterOperation
    var until: MonotonicInstant
  }

  /// A call that is made again after a failure.
  enum Attempt: Sendable, Hashable {
    /// The reply is awaited.
    case calling(until: MonotonicInstant)
    /// It is made, or made again, then.
    case pausing(until: MonotonicInstant)

    var until: MonotonicInstant {
      switch self {
      case .calling(let until), .pausing(let until): until
      }
    }
  }

  /// What is known of the power after it was switched on.
  enum Power: Sendable, Hashable {
    /// Powered=true was not seen yet. `failures`: attempts to power on that came to nothing before this one.
    case awaited(since: MonotonicInstant, failures: Int)
    /// Powered=true was seen: false means something from then on.
    case seen
  }

  /// A scan that bluetoothd has accepted and was not told to stop.
  struct Scan: Sendable, Hashable {
    enum Discovering: Sendable, Hashable {
      /// Discovering=true was not seen since the start.
      case unseen
      case seen
      /// bluetoothd says since then that it does not scan, though it should.
      case deaf(since: MonotonicInstant)
    }

    /// Since when it runs, or since when nothing was heard, for the watchdog.
    var since: MonotonicInstant
    var discovering: Discovering
    /// It must be stopped and started anew.
    var mustRestart = false
  }

  /// The part of the duty cycle, and when it ends; `.never` while nothing says so.
  enum Cycle: Sendable, Hashable {
    case scanning(until: MonotonicInstant)
    case resting(until: MonotonicInstant)

    var isResting: Bool { if case .resting = self { true } else { false } }

    var turnsAt: MonotonicInstant {
      switch self {
      case .scanning(let until), .resting(let until): until
      }
    }

    func lasting(until: MonotonicInstant) -> Self { isResting ? .resting(until: until) : .scanning(until: until) }

    /// The other part, which begins without an end.
    var turned: Self { isResting ? .scanning(until: .never) : .resting(until: .never) }
  }

  /// The radio while it is powered.
  struct Radio: Sendable, Hashable {
    var power: Power
    var call: Call?
    /// The filter in force; nil: none was set since power-on.
    var filter: [String]?
    /// Nil: nothing is scanned.
    var scan: Scan?
    var cycle = Cycle.scanning(until: .never)
    /// Refusals in a row, and until when to wait.
    var refusals = 0
    var notBefore = MonotonicInstant.zero
  }

  enum Loading: Sendable, Hashable {
    case objects, agent

    var operation: AdapterOperation {
      switch self {
      case .objects: .loadObjects
      case .agent: .registerAgent
      }
    }
  }

  enum State: Sendable, Hashable {
    /// bluetoothd is not there.
    case absent
    case loading(Loading, failures: Int, Attempt)
    /// bluetoothd has no adapter of ours.
    case noAdapter
    case poweringOn(failures: Int, Attempt)
    case on(Radio)
    /// Off and on again: the call switches it off, after the pause it is switched on.
    case powerCycling(Attempt)
    /// The hub is ending: the scan is told to stop.
    case stopping(until: MonotonicInstant)
    case stopped
  }

  /// What a scan that hears nothing has led to. Hearing anybody begins it anew.
  struct Stall: Sendable, Hashable {
    /// Scanning time since anything was heard, without the scan that runs now.
    var silence = Duration.zero
    /// Remedies tried.
    var remedies = 0
    /// A power cycle was one of them.
    var hasCycled = false
  }

  let timings: AdapterTimings
  var state = State.absent
  var problem: AdapterProblem?
  var scanRestarts: UInt64 = 0
  var powerCycles: UInt64 = 0
  /// Set by the loop.
  var links = Links.none

  var facts: AdapterFacts?
  // What the loop wants.
  var need = DiscoveryNeed.none
  var uuids: [String] = []
  var isConnecting = false

  /// Something was heard since the start: this is no empty house.
  var hasHeard = false
  var stall = Stall()
  var lastReset: MonotonicInstant?
  /// A session asked for a power cycle that was not possible yet.
  var owesReset = false
  /// The time of the latest event.
  var now = MonotonicInstant.zero

  init(timings: AdapterTimings = AdapterTimings()) { self.timings = timings }

  /// Sessions may connect.
  var isReady: Bool { if case .on = state { true } else { false } }

  /// A scan runs, as far as bluetoothd has accepted it.
  var isScanning: Bool { if case .on(let radio) = state { radio.scan != nil } else { false } }

  /// The call whose reply is awaited.
  var pending: Call? {
    switch state {
    case .loading(let step, _, .calling(let until)): Call(operation: step.operation, until: until)
    case .poweringOn(_, .calling(let until)): Call(operation: .setPowered(true), until: until)
    case .powerCycling(.calling(let until)): Call(operation: .setPowered(false), until: until)
    case .on(let radio): radio.call
    case .stopping(let until): Call(operation: .stopDiscovery, until: until)
    case .absent, .loading, .noAdapter, .poweringOn, .powerCycling, .stopped: nil
    }
  }

  /// When `deadline` is to be given; `.never` when nothing but an input can change anything.
  var deadline: MonotonicInstant {
    switch state {
    case .absent, .noAdapter, .stopped: .never
    case .loading(_, _, let attempt), .poweringOn(_, let attempt), .powerCycling(let attempt): attempt.until
    case .stopping(let until): until
    case .on(let radio): min(deadline(of: radio), radio.call?.until ?? .never)
    }
  }

  private func deadline(of radio: Radio) -> MonotonicInstant {
    var next = MonotonicInstant.never
    if case .awaited(let since, _) = radio.power { next = min(next, since.adding(Self.powerGrace)) }
    if radio.call == nil, radio.notBefore > now { next = min(next, radio.notBefore) }
    if radio.cycle.turnsAt > now { next = min(next, radio.cycle.turnsAt) }
    if let scan = radio.scan {
      // A restart that is due already waits for its call, not for the clock.
      if !scan.mustRestart { next = min(next, stalledAt(scan)) }
      if case .deaf(let since) = scan.discovering { next = min(next, since.adding(Self.discoveringGrace)) }
    }
    if owesReset, links != .alarm { next = min(next, resetAllowedAt) }
    return max(next, now)
  }

  var resetAllowedAt: MonotonicInstant { lastReset?.adding(timings.resetDistance) ?? .zero }

  /// When a scan that goes on hearing nothing is taken for stalled.
  func stalledAt(_ scan: Scan) -> MonotonicInstant {
    let limit = stall.remedies <= Self.stallsMax ? timings.watchdog : timings.watchdogSlow
    return scan.since.adding(limit - stall.silence)
  }
}

extension AdapterSession.State {
  /// For status and the log. Stable.
  var name: String {
    switch self {
    case .absent: "absent"
    case .loading: "loading"
    case .noAdapter: "noAdapter"
    case .poweringOn: "poweringOn"
    case .on: "on"
    case .powerCycling: "powerCycling"
    case .stopping, .stopped: "stopped"
    }
  }
}
