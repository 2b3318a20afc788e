// The adapter as a value: whether bluetoothd and its adapter are there, powered and scanning, and what is tried when they
// are not or when a scan hears nothing. The transitions stand in `AdapterSession+stateMachine.swift` and `+scan.swift`.
//
//   absent ─▶ loading ─▶ noAdapter ─▶ poweringOn ─▶ on (scanning as needed) ─▶ powerCycling ─▶ poweringOn
//
// One call at a time: BlueZ answers a second StartDiscovery with InProgress, and a stuck one must be noticed.

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
  /// bluetoothd lets its own discovery rest for 5 s between two runs and says Discovering=false meanwhile. Longer than
  /// that: it has ended.
  static let discoveringGrace = Duration.seconds(8)
  /// The reply to Powered=true and the signal of it may be this far apart.
  static let powerGrace = Duration.seconds(5)
  /// Restarts of a silent scan until only a slow watch goes on.
  static let stallsMax = 4

  /// The radio while it is powered.
  struct Radio: Sendable, Hashable {
    var since: MonotonicInstant
    /// Powered=true was seen: false means something from then on.
    var sawPowered: Bool
    /// Attempts to power on that came to nothing before this one, of which nothing is known yet either.
    var powerFailures = 0
    /// bluetoothd has accepted StartDiscovery and not been told to stop.
    var isScanning = false
    /// The filter in force; nil: none was set since power-on.
    var filter: [String]?
    /// Since when the scan runs, for the watchdog.
    var scanningSince = MonotonicInstant.zero
    /// When the cycle turns: from scanning to resting or back.
    var turnsAt = MonotonicInstant.never
    var isResting = false
    /// The scan must be stopped and started anew.
    var mustRestart = false
    /// Discovering=true was seen since the start.
    var sawDiscovering = false
    /// Since when bluetoothd says that it does not scan, though it should; `.never`: it does.
    var deafSince = MonotonicInstant.never
    /// Refusals in a row, and until when to wait.
    var refusals = 0
    var notBefore = MonotonicInstant.zero
  }

  enum Loading: Sendable, Hashable { case objects, agent }

  enum State: Sendable, Hashable {
    /// bluetoothd is not there.
    case absent
    /// `until`: nil while the call is under way, else when it is tried again.
    case loading(Loading, failures: Int, until: MonotonicInstant?)
    /// bluetoothd has no adapter of ours.
    case noAdapter
    case poweringOn(failures: Int, until: MonotonicInstant?)
    case on(Radio)
    /// Off and on again. `until`: nil while switching off, else when to switch on.
    case powerCycling(until: MonotonicInstant?)
    /// The hub is ending. `isDone`: nothing is under way any more.
    case stopped(isDone: Bool)
  }

  let timings: AdapterTimings
  var state = State.absent
  var problem: AdapterProblem?
  var scanRestarts: UInt64 = 0
  var powerCycles: UInt64 = 0
  /// False while an alarm device is connected: the watchdog then does not switch the adapter off. Set by the loop.
  var mayPowerCycle = true
  /// A device is connected: the controller lives, whatever the scan hears. Set by the loop.
  var hasLinks = false

  var facts: AdapterFacts?
  var need = DiscoveryNeed.none
  var uuids: [String] = []
  var isConnecting = false
  var pending: AdapterOperation?
  var pendingUntil = MonotonicInstant.never
  /// Something was heard since the start: this is no empty house.
  var hasHeard = false
  /// Scanning time since anything was heard, without the scan that runs now.
  var silence = Duration.zero
  /// Remedies tried since anything was heard.
  var stalls = 0
  /// The power cycle was one of them.
  var hasCycledForStall = false
  var lastReset: MonotonicInstant?
  /// A session asked for a power cycle that was not possible yet.
  var owesReset = false
  var now = MonotonicInstant.zero
  var actions: [AdapterAction] = []

  init(timings: AdapterTimings = AdapterTimings()) { self.timings = timings }

  /// Sessions may connect.
  var isReady: Bool { if case .on = state { true } else { false } }

  /// A scan runs, as far as bluetoothd has accepted it.
  var isScanning: Bool { if case .on(let radio) = state { radio.isScanning } else { false } }

  /// When `deadline` is to be given; `.never` when nothing but an input can change anything.
  var deadline: MonotonicInstant {
    let own: MonotonicInstant =
      switch state {
      case .absent, .noAdapter, .stopped: .never
      case .loading(_, _, let until), .poweringOn(_, let until), .powerCycling(let until): until ?? .never
      case .on(let radio): deadline(of: radio)
      }
    return min(own, pending == nil ? .never : pendingUntil)
  }

  private func deadline(of radio: Radio) -> MonotonicInstant {
    var next = MonotonicInstant.never
    if !radio.sawPowered { next = min(next, radio.since.later(by: Self.powerGrace)) }
    if pending == nil, radio.notBefore > now { next = min(next, radio.notBefore) }
    if radio.turnsAt > now { next = min(next, radio.turnsAt) }
    if radio.isScanning {
      // A restart that is due already waits for its call, not for the clock.
      if !radio.mustRestart { next = min(next, watchdogBites(radio)) }
      if radio.deafSince != .never { next = min(next, radio.deafSince.later(by: Self.discoveringGrace)) }
    }
    if owesReset, mayPowerCycle { next = min(next, resetAllowedAt) }
    return max(next, now)
  }

  var resetAllowedAt: MonotonicInstant { lastReset?.later(by: timings.resetDistance) ?? .zero }

  func watchdogBites(_ radio: Radio) -> MonotonicInstant {
    let limit = stalls <= Self.stallsMax ? timings.watchdog : timings.watchdogSlow
    return radio.scanningSince.later(by: limit - silence)
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
    case .stopped: "stopped"
    }
  }
}
