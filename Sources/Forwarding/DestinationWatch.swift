// Is a destination there? Whether it takes what it is owed and, while nothing is owed, whether it can be reached: a response
// centre that is gone must be known before the alarm that needs it.
//
//   well ──failure──▶ failing ──`silentMax` later──▶ down ──success, then `calm` without a failure──▶ well
//
// A success is an answer of the destination about content; while nothing waits, a probe that got through counts too. A
// destination that comes and goes stays down until it has been well for a while: one alert, not one for each turn. No clock
// in here; the runner tells what happened and looks each second, or every three while all is well.

public import VitalSigns

/// The state of one destination. A value; one owner.
public struct DestinationWatch: Sendable {
  public struct Bounds: Sendable, Hashable {
    /// A destination that fails for longer than this is down.
    public var silentMax: Duration
    /// How long a destination that was down must be without a failure before it counts as well.
    public var calm: Duration
    /// While nothing else was tried for this long, the destination is probed.
    public var probeEvery: Duration

    public init(silentMax: Duration, calm: Duration, probeEvery: Duration) {
      self.silentMax = silentMax
      self.calm = calm
      self.probeEvery = probeEvery
    }

    /// Receivers of alarms at level 0, the first who are told. A probe every 10 s and 60 s of failing: gone is told within
    /// 80 s. Shorter would tell of every restart of a receiver.
    public static let alarms = Bounds(silentMax: .seconds(60), calm: .seconds(30), probeEvery: .seconds(10))
    /// Record systems and receivers of later levels: ten minutes are a restart or a night's maintenance; longer wants a person.
    public static let records = Bounds(silentMax: .seconds(600), calm: .seconds(60), probeEvery: .seconds(60))
  }

  public enum State: Sendable, Hashable {
    /// Nothing has been tried since the start.
    case unknown
    case well
    case failing(since: MonotonicInstant, RetryReason)
    /// `good`: since when nothing has failed any more.
    case down(since: MonotonicInstant, RetryReason, good: MonotonicInstant?)
  }

  /// What is to be told to the core.
  public enum Change: Sendable, Hashable {
    case down(RetryReason)
    case up
  }

  public let bounds: Bounds
  public private(set) var state: State = .unknown
  /// When the destination last answered about content, or was reached by a probe; nil before that.
  public private(set) var lastSuccess: MonotonicInstant?
  private var lastTried: MonotonicInstant?

  public init(_ bounds: Bounds) { self.bounds = bounds }

  /// An attempt ended: the destination answered about content, or it failed.
  public mutating func attempted(failure: RetryReason?, at now: MonotonicInstant) {
    if let failure { failed(failure, at: now) } else { succeeded(at: now) }
  }

  /// A probe ended. While something waits, only its delivery shows that the destination is well.
  public mutating func probed(failure: RetryReason?, somethingWaits: Bool, at now: MonotonicInstant) {
    if let failure {
      failed(failure, at: now)
    } else if !somethingWaits {
      succeeded(at: now)
    } else {
      lastTried = now
    }
  }

  private mutating func failed(_ reason: RetryReason, at now: MonotonicInstant) {
    lastTried = now
    switch state {
    case .unknown, .well: state = .failing(since: now, reason)
    case .failing(let since, _): state = .failing(since: since, reason)
    case .down(let since, _, _): state = .down(since: since, reason, good: nil)
    }
  }

  private mutating func succeeded(at now: MonotonicInstant) {
    lastTried = now
    lastSuccess = now
    switch state {
    case .unknown, .well, .failing: state = .well
    case .down(let since, let reason, let good): state = .down(since: since, reason, good: good ?? now)
    }
  }

  /// A look at the time. `stuckSince`: since when an item waits that was tried in vain, although others got through.
  public mutating func look(stuckSince: MonotonicInstant? = nil, at now: MonotonicInstant) -> Change? {
    let isStuck = stuckSince.map { $0.adding(bounds.silentMax) <= now } ?? false
    switch state {
    case .failing(let since, let reason) where since.adding(bounds.silentMax) <= now:
      state = .down(since: since, reason, good: nil)
      return .down(reason)
    case .unknown, .well, .failing:
      guard isStuck, let stuckSince else { return nil }
      state = .down(since: stuckSince, .conflictAtDestination, good: nil)
      return .down(.conflictAtDestination)
    case .down(_, _, let good?) where !isStuck && good.adding(bounds.calm) <= now:
      state = .well
      return .up
    case .down: return nil
    }
  }

  /// Whether nothing has been tried for so long that a look is due.
  public func wantsProbe(at now: MonotonicInstant) -> Bool {
    guard let lastTried else { return true }
    return lastTried.adding(bounds.probeEvery) <= now
  }
}

extension RetryReason {
  /// What is wrong and what to do next, for people who look after the hub. No data of anybody.
  public var advice: String {
    switch self {
    case .unreachable: "it cannot be reached: check the network, its name and port, and whether it runs"
    case .tlsFailed: "the TLS handshake fails: check its certificate and the file under `ca`"
    case .timedOut: "it does not answer in time: ask those who run it"
    case .connectionLost: "it breaks the connection: ask those who run it"
    case .unauthorised(let status):
      status == 0
        ? "our credential cannot be read: check the file of its token or secret" : "it refuses our credential (HTTP \(status)): renew it"
    case .wrongAddress(let status): "its address is not the service (HTTP \(status)): check `url`"
    case .busy(let status): "it is busy (HTTP \(status)) and asks to come again"
    case .serverError(let status): "it fails inside (HTTP \(status)): ask those who run it"
    case .malformedAnswer: "its answer confirms nothing: is something else at this address?"
    case .conflictAtDestination: "a record cannot be placed there: its data about a person or device must be mended"
    }
  }
}
