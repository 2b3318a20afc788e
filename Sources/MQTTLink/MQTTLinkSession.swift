// The vocabulary of a session: where it is, what can happen to it, and what the shell must do. Values only; the transitions are in
// MQTTLinkSession+stateMachine.swift, the pauses between two attempts in ReconnectPause.swift.

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
  var backOff: ReconnectPause
  let connectTimeout: Duration

  init(connectTimeout: Duration, randomSeed: UInt64) {
    self.connectTimeout = connectTimeout
    self.backOff = ReconnectPause(randomSeed: randomSeed)
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
