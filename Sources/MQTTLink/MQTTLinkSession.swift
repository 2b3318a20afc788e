// The vocabulary of a session: where it is, what can happen to it, what the shell must do, and how long to wait before
// trying again. Values only; the transitions are in MQTTLinkSession+stateMachine.swift.

import VitalSigns

/// Where the link is, for people and the gateway.
public enum MQTTLinkState: String, Sendable, Hashable, CaseIterable {
  /// Never started, or at its end.
  case stopped
  case connecting
  /// The broker accepted us; it has not confirmed all subscriptions yet. Frames may already come (persistent session).
  case subscribing
  case live
  /// Between two attempts.
  case backingOff
  /// `stop` was called: the link reads nothing more, waits until what it read is durable, acknowledges it and disconnects.
  case draining
}

/// One session with one broker over any number of connections. Sans-I/O: no clock, no socket, no log.
struct MQTTLinkSession: Sendable {
  enum State: Sendable, Hashable {
    case idle
    case connecting(attempt: UInt32, deadline: MonotonicInstant)
    case subscribing(attempt: UInt32, since: MonotonicInstant)
    case live(attempt: UInt32, since: MonotonicInstant)
    /// `attempt` failed; the next one starts at `until`.
    case backingOff(attempt: UInt32, until: MonotonicInstant)
    case draining(deadline: MonotonicInstant)
    /// Acknowledgements and DISCONNECT are on their way out.
    case disconnecting(deadline: MonotonicInstant)
    case stopped
  }

  enum Event: Sendable, Hashable {
    case start
    /// CONNACK with success.
    case accepted
    /// Every SUBSCRIBE of this connection is answered.
    case subscribed
    /// The connection could not be made, was refused, or ended. `needsAPerson`: another attempt fails until somebody mends something.
    case lost(needsAPerson: Bool)
    /// Everything handed over is durable and its acknowledgement is written to the socket.
    case acknowledged
    case stop(deadline: MonotonicInstant)
    case tick
  }

  enum Action: Sendable, Hashable {
    case none
    /// Open a new connection.
    case connect
    /// Ask for every wanted subscription.
    case subscribe
    /// Publish the retained "online".
    case announceOnline
    /// Drop the connection without writing anything. The broker sends again what was not acknowledged.
    case abandon
    /// Read nothing more. Hand over the frames that were read, wait for the watermark, and write their acknowledgements.
    case stopReading
    /// Publish the retained "offline", write DISCONNECT, then report `lost`.
    case disconnect
    /// Drop what is left of the connection and return from `run()`.
    case finish
  }

  var state: State = .idle
  var backOff: BackOff
  let connectTimeout: Duration

  init(connectTimeout: Duration, randomSeed: UInt64) {
    self.connectTimeout = connectTimeout
    self.backOff = BackOff(randomSeed: randomSeed)
  }

  var publicState: MQTTLinkState {
    switch state {
    case .idle, .stopped: .stopped
    case .connecting: .connecting
    case .subscribing: .subscribing
    case .live: .live
    case .backingOff: .backingOff
    case .draining, .disconnecting: .draining
    }
  }

  /// When the next `tick` matters.
  var deadline: MonotonicInstant {
    switch state {
    case .idle, .subscribing, .live, .stopped: .never
    case .connecting(_, let deadline), .draining(let deadline), .disconnecting(let deadline): deadline
    case .backingOff(_, let until): until
    }
  }
}

/// The pause after the n-th failure in a row: 0.1 s, doubling up to 10 s. Half of each pause is random, so that a thousand hubs do not
/// connect in the same second when their broker is back. The longest pause is short because a press waits in the broker for as long.
struct BackOff: Sendable {
  static let firstMilliseconds: Int64 = 100
  static let longestMilliseconds: Int64 = 10_000
  /// A wrong password or certificate is not mended within 0.1 s, and some brokers block a client that reconnects too fast.
  static let shortestForAPersonMilliseconds: Int64 = 4_000
  static let longestForAPersonMilliseconds: Int64 = 60_000
  /// After a connection that lasted this long the count of failures starts again at 1.
  static let stableMilliseconds: Int64 = 10_000

  private var random: SplitMix64
  /// Another client uses our client id: pauses stay short, see `Contest`.
  var isContested = false
  /// Make the next pause as short as the first. Set when the broker's side closed a connection that it had accepted and no contest is
  /// known: a broker that has ended refuses the quick attempt, which shows that no other client took the connection. At most twice in
  /// `Contest.windowNanoseconds`.
  var knocksSoon = false

  init(randomSeed: UInt64) { random = SplitMix64(state: randomSeed) }

  /// Uniform between half of the step and the step. `attempt` counts from 1.
  mutating func delayMilliseconds(attempt: UInt32, needsAPerson: Bool) -> Int64 {
    let doublings = min(max(attempt, 1) - 1, 16)
    let longest = needsAPerson ? Self.longestForAPersonMilliseconds : Self.longestMilliseconds
    var step = min(Self.firstMilliseconds << Int64(doublings), longest)
    if isContested { step = min(step, Contest.pauseMillisecondsMax) }
    if needsAPerson { step = max(step, Self.shortestForAPersonMilliseconds) }
    return step / 2 + Int64(random.next(upperBound: UInt64(step - step / 2 + 1)))
  }
}

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). Small, seedable, good enough for jitter.
struct SplitMix64: RandomNumberGenerator, Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
